/* The loop of the net task: link, session, and what each state does on entry. */
#include "device/device.h"

#include <stdio.h>
#include <string.h>

#define STEP_US 100000u /* how often the link, the button and the light are looked at */

static struct device device;

struct device *device_get(void)
{
    return &device;
}

static void log_state(const struct voice_event *event)
{
    if (event->type == VOICE_STATE)
        port_log(PORT_INFO, "session", "%s%s%s", event->text, event->reason != NULL ? ": " : "",
                 event->reason != NULL ? event->reason : "");
}

static void print_event(const struct voice_event *event)
{
    static const char *const types[] = {
        [VOICE_STATE] = "state",           [VOICE_BOT_READY] = "bot_ready", [VOICE_SPEAKING] = "speaking",
        [VOICE_TRANSCRIPT] = "transcript", [VOICE_BOT_ERROR] = "bot_error", [VOICE_COMMAND] = "command",
        [VOICE_UPDATE] = "update"};
    static const char *const people[] = {
        [VOICE_DEVICE] = "device", [VOICE_USER] = "user", [VOICE_BOT] = "bot"};
    struct console_reply reply;
    console_begin(&reply, "@evt ");
    json_add_text(&reply.json, "event", types[event->type]);
    if (event->type == VOICE_SPEAKING || event->type == VOICE_TRANSCRIPT) {
        json_add_text(&reply.json, "who", people[event->who]);
        json_add_bool(&reply.json, event->type == VOICE_SPEAKING ? "on" : "final", event->on);
    }
    bool is_state = event->type == VOICE_STATE || event->type == VOICE_UPDATE;
    if (event->text != NULL)
        json_add_text(&reply.json, is_state ? "state" : "text", event->text);
    if (event->type == VOICE_UPDATE)
        json_add_integer(&reply.json, "percent", event->percent);
    if (event->reason != NULL)
        json_add_text(&reply.json, "reason", event->reason);
    console_send(&reply);
}

void device_tell(const struct voice_event *event)
{
    log_state(event);
    print_event(event);
    screen_show_event(event);
    if (device.listener != NULL)
        device.listener(event);
}

static const char *const resets[] = {
    [PORT_RESET_POWER_ON] = "power_on", [PORT_RESET_BUTTON] = "button",
    [PORT_RESET_SOFTWARE] = "software", [PORT_RESET_PANIC] = "panic",
    [PORT_RESET_WATCHDOG] = "watchdog", [PORT_RESET_BROWNOUT] = "brownout",
    [PORT_RESET_DEEP_SLEEP] = "sleep",  [PORT_RESET_UNKNOWN] = "unknown",
};

const char *device_reset_text(void)
{
    return resets[port_facts()->reset];
}

bool device_is_configured(const struct device *d)
{
    return !port_link_needs_ssid() || d->settings.ssid[0] != '\0';
}

const char *device_name(const struct device *d)
{
    return d->settings.name[0] != '\0' ? d->settings.name : port_facts()->id;
}

static void announce(const struct device *d)
{
    const struct port_facts *facts = port_facts();
    discovery_announce(device_name(d), facts->id, facts->board, facts->version,
                       session_state_text(d->session.state), reason_text(d->session.last_failure));
}

static void enter(struct device *d, uint64_t now)
{
    if (d->session.state == SESSION_NETWORK)
        (void)port_link_join(d->settings.ssid, d->settings.password);
    if (d->session.state == SESSION_DISCOVERY && d->settings.gateway[0] == '\0')
        discovery_start(&d->discovery, now, d->settings.gateway_id);
    if (d->session.state == SESSION_SIGNALLING)
        device_call_begin(d, now);
}

static void leave(struct device *d, uint64_t now, enum session_state before)
{
    enum session_state after = d->session.state;
    if (after == SESSION_LIVE || after == SESSION_PROVISIONING)
        discovery_stop(); /* until then, a gateway that comes back is welcome */
    if (before == SESSION_SIGNALLING)
        signaling_stop(&d->signaling);
    if (after != SESSION_CONNECTING && after != SESSION_LIVE)
        device_call_end(d, now);
}

static void store_failure(enum reason reason)
{
    const char *text = reason_text(reason);
    char stored[32];
    size_t len = 0;
    bool same = port_kv_get("last_failure", (uint8_t *)stored, sizeof stored, &len) == PORT_OK &&
                len == strlen(text) && memcmp(stored, text, len) == 0;
    if (!same) /* flash wears out */
        (void)port_kv_set("last_failure", (const uint8_t *)text, strlen(text));
}

static void after_change(struct device *d, uint64_t now, enum session_state before, bool failed)
{
    enum reason reason = d->session.last_failure;
    leave(d, now, before);
    if (failed)
        store_failure(reason);
    device_tell(&(struct voice_event){.type = VOICE_STATE,
                                      .text = session_state_text(d->session.state),
                                      .reason = failed ? reason_text(reason) : NULL});
    screen_show_state(d);
    announce(d);
    enter(d, now);
}

void device_handle(struct device *d, uint64_t now, enum session_event event, enum reason reason,
                   uint32_t retry_after_s)
{
    enum session_state before = d->session.state;
    if (session_handle(&d->session, now, event, reason, retry_after_s))
        after_change(d, now, before, event == SESSION_FAILED || event == SESSION_LINK_DOWN);
}

static void handle_timeout(struct device *d, uint64_t now)
{
    enum session_state before = d->session.state;
    if (session_handle_timeout(&d->session, now))
        after_change(d, now, before, before != SESSION_BACKOFF);
}

static void watch_link(struct device *d, uint64_t now)
{
    static const enum reason reasons[] = {
        [PORT_LINK_NO_NETWORK] = REASON_NO_WIFI,
        [PORT_LINK_REFUSED] = REASON_WIFI_REFUSED,
        [PORT_LINK_NO_ADDRESS] = REASON_NO_ADDRESS,
    };
    enum port_link link = port_link_state();
    if (link == PORT_LINK_UP)
        device_handle(d, now, SESSION_LINK_UP, REASON_NONE, 0);
    else if (d->session.state != SESSION_NETWORK)
        device_handle(d, now, SESSION_LINK_DOWN, REASON_LINK_LOST, 0);
    else if (link >= PORT_LINK_NO_NETWORK)
        device_handle(d, now, SESSION_FAILED, reasons[link], 0);
}

static void watch_settings(struct device *d, uint64_t now)
{
    if (d->session.state == SESSION_PROVISIONING && device_is_configured(d))
        device_handle(d, now, SESSION_CONFIGURED, REASON_NONE, 0);
    else if (d->session.state != SESSION_PROVISIONING && !device_is_configured(d))
        device_handle(d, now, SESSION_UNCONFIGURED, REASON_NONE, 0);
}

static void use_fixed_url(struct device *d, uint64_t now)
{
    d->gateway_id[0] = '\0';
    bool parsed = http_parse_url(&d->url, d->settings.gateway);
    device_handle(d, now, parsed ? SESSION_FOUND : SESSION_FAILED, parsed ? REASON_NONE : REASON_BAD_URL, 0);
}

static void step_discovery(struct device *d, uint64_t now)
{
    if (d->settings.gateway[0] != '\0') {
        use_fixed_url(d, now);
        return;
    }
    const struct discovery_gateway *gateway = discovery_step(&d->discovery, now);
    if (gateway == NULL || !discovery_url(gateway, &d->url))
        return;
    memcpy(d->gateway_id, gateway->id, sizeof d->gateway_id);
    device_handle(d, now, SESSION_FOUND, REASON_NONE, 0);
}

/* A gateway that announces itself while we back off has just come back. */
static void step_backoff(struct device *d, uint64_t now)
{
    struct port_service service;
    struct discovery_gateway gateway;
    bool wanted = d->settings.gateway[0] == '\0' && reason_pace(d->session.last_failure) == REASON_SOON;
    while (wanted && port_mdns_found(&service) == PORT_OK)
        if (discovery_read(&gateway, &service))
            device_handle(d, now, SESSION_RETRY, REASON_NONE, 0);
}

static void step_state(struct device *d, uint64_t now)
{
    if (d->session.state == SESSION_DISCOVERY)
        step_discovery(d, now);
    else if (d->session.state == SESSION_BACKOFF)
        step_backoff(d, now);
    device_call_step(d, now); /* in every state: the audio task is always owed a block */
}

static void step_console(struct device *d, uint64_t now)
{
    struct console_words words;
    enum console_input input;
    while ((input = console_next(&d->console, &words)) != CONSOLE_NOTHING) {
        if (input == CONSOLE_LINE)
            console_run(d, now, &words);
        else
            device_improv_take(d, now, d->console.line, d->console.len);
    }
    device_improv_step(d, now);
}

static void step_board(struct device *d, uint64_t now)
{
    bool pressed = port_button_pressed();
    if (pressed != d->button_down)
        device_audio_press(d, pressed);
    d->button_down = pressed;
    light_show(d, now);
    if (d->reboot_at != 0 && now >= d->reboot_at)
        port_reboot();
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t voice_net_step(void)
{
    struct device *d = &device;
    uint64_t now = port_clock();
    port_watchdog_feed(PORT_TASK_NET);
    step_console(d, now);
    watch_settings(d, now);
    watch_link(d, now);
    handle_timeout(d, now);
    step_state(d, port_clock()); /* a command or a timeout may have waited for the flash */
    step_board(d, now);
    uint64_t next = earliest(now + STEP_US, d->session.deadline);
    if (d->session.state == SESSION_DISCOVERY && d->settings.gateway[0] == '\0')
        next = earliest(next, discovery_deadline(&d->discovery));
    return earliest(next, device_call_deadline(d));
}

static void load_identity(struct device *d)
{
    struct peer_random random = call_random();
    size_t len = 0;
    enum port_error error = port_kv_get("identity", (uint8_t *)&d->identity, sizeof d->identity, &len);
    bool whole = error == PORT_OK && len == sizeof d->identity &&
                 d->identity.key_len <= sizeof d->identity.key &&
                 d->identity.cert_len <= sizeof d->identity.cert;
    if (whole)
        return;
    if (peer_identity_make(&d->identity, &random) == PEER_OK)
        (void)port_kv_set("identity", (const uint8_t *)&d->identity, sizeof d->identity);
}

static enum reason load_failure(void)
{
    char text[32] = "";
    size_t len = 0;
    if (port_kv_get("last_failure", (uint8_t *)text, sizeof text - 1, &len) != PORT_OK)
        return REASON_NONE;
    text[len] = '\0';
    return reason_parse(text);
}

static void log_banner(void)
{
    const struct port_facts *facts = port_facts();
    port_log(PORT_INFO, "device", "voicegw %s on %s%s%s, after %s", facts->version, facts->board,
             facts->slot[0] != '\0' ? ", slot " : "", facts->slot, device_reset_text());
}

void voice_start(voice_listener *listener)
{
    struct device *d = &device;
    uint32_t seed;
    memset(d, 0, sizeof *d);
    d->listener = listener;
    log_banner();
    port_random((uint8_t *)&seed, sizeof seed);
    session_init(&d->session, port_clock(), seed);
    d->session.last_failure = load_failure();
    settings_load(&d->settings);
    load_identity(d);
    device_audio_start(d);
    device_update_start(d, port_clock());
    announce(d);
}

void voice_stop(void)
{
    uint64_t now = port_clock();
    update_stop(&device.update, "update_interrupted");
    signaling_stop(&device.signaling);
    device_call_end(&device, now);
    (void)port_mdns_announce("_voicedev._tcp", NULL, 0, NULL, 0);
    port_audio_stop();
}
