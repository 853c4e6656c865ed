/* The loop of the net task: link, session, and what each state does on entry. */
#include <string.h>

#include "device/command.h"
#include "device/device_audio.h"
#include "device/device_call.h"
#include "device/device_console.h"
#include "device/device_improv.h"
#include "device/device_state.h"
#include "device/device_update.h"
#include "device/light.h"
#include "device/screen.h"
#include "device/tell.h"

#define STEP_US 100000u /* how often the link, the button and the light are looked at */

static void announce(const struct device *d)
{
    const struct port_facts *facts = port_facts();
    discovery_announce(&(struct discovery_self){.name = device_name(d),
                                                .id = facts->id,
                                                .board = facts->board,
                                                .version = facts->version,
                                                .state = session_state_text(d->session.state),
                                                .reason = reason_text(d->session.last_failure),
                                                .fault = device_fault_text(d)});
}

static void handle(struct device *d, uint64_t now, enum session_event event, enum reason reason,
                   uint32_t retry_after_s);

static bool is_refused(const struct device *d, const struct device_news *news)
{
    bool calling = d->session.state == SESSION_SIGNALLING || d->session.state == SESSION_CONNECTING;
    return news->event == SESSION_FAILED && calling &&
           (d->refusal.reason != REASON_NONE || reason_is_refusal(news->reason));
}

/* The first refusal is what we come back for, but not a stranger's where another is no worse; from then on
 * whatever goes wrong with another is no reason to stop. */
static void note_refusal(struct device *d, const struct device_news *news)
{
    enum reason first = d->refusal.reason;
    const char *who = d->where.count > 0 ? d->gateway_id : d->url.host;
    port_log(PORT_INFO, "session", "%s: %s", who, reason_text(news->reason));
    discovery_refuse(&d->discovery, d->gateway_id, &d->where.at[0]);
    if (first == REASON_NONE ||
        (reason_is_stranger(first) && reason_pace(news->reason) <= reason_pace(first))) {
        d->refusal.reason = news->reason;
        d->refusal.retry_after_s = news->retry_after_s;
    }
    /* A name may be of several fronts. What is announced is one, which says the same at each of its
     * addresses; but not all of those need be its own. */
    bool differs = d->where.count == 0 || reason_is_stranger(news->reason);
    d->refusal.onwards = differs && port_stream_has_more();
}

/* Where the way may be back in a moment nobody is waited for: who else is there is heard of all the same. */
static bool goes_on_elsewhere(const struct device *d)
{
    enum reason reason = d->refusal.reason;
    bool waits = reason_is_stranger(reason) || !reason_is_way(reason);
    return d->refusal.onwards || (d->where.count > 0 && (waits || discovery_has_other(&d->discovery)));
}

static void take_news(struct device *d, uint64_t now, const struct device_news *news)
{
    if (!is_refused(d, news)) {
        handle(d, now, news->event, news->reason, news->retry_after_s);
        return;
    }
    note_refusal(d, news);
    if (goes_on_elsewhere(d))
        handle(d, now, SESSION_REFUSED, REASON_NONE, 0);
    else
        handle(d, now, SESSION_FAILED, d->refusal.reason, d->refusal.retry_after_s);
}

static void begin_call(struct device *d, uint64_t now)
{
    struct device_news news;
    if (device_call_begin(d, &news))
        take_news(d, now, &news);
}

static bool can_join(const struct device *d)
{
    return !port_link_needs_ssid() || settings_can_join(&d->settings);
}

static void enter(struct device *d, uint64_t now)
{
    if (d->session.state == SESSION_NETWORK && can_join(d))
        (void)port_link_join(d->settings.ssid, d->settings.password);
    bool looks = d->session.state == SESSION_DISCOVERY && d->settings.gateway[0] == '\0';
    if (looks && d->refusal.reason == REASON_NONE)
        discovery_start(&d->discovery, now, d->settings.gateway_id);
    else if (looks && !d->refusal.onwards)
        discovery_go_on(&d->discovery, now);
    if (d->session.state == SESSION_SIGNALLING)
        begin_call(d, now);
    if (d->session.state == SESSION_BACKOFF && d->session.last_failure == REASON_GATEWAY_SILENT &&
        d->settings.gateway[0] == '\0')
        discovery_ask(); /* it is dead, or its network: who answers is there, and need not be waited for */
}

static void leave(struct device *d, uint64_t now, enum session_state before)
{
    enum session_state after = d->session.state;
    if (after != SESSION_DISCOVERY && after != SESSION_SIGNALLING && after != SESSION_CONNECTING)
        memset(&d->refusal, 0, sizeof d->refusal); /* from here on it begins with the one it knows */
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

/* What was told ended the call there as well. */
static bool may_go_on(const struct device *d, bool failed)
{
    if (d->told_reason != REASON_NONE)
        return false;
    return failed ? reason_is_way(d->session.last_failure) : d->session.state != SESSION_PROVISIONING;
}

static void after_change(struct device *d, uint64_t now, enum session_state before, bool failed)
{
    enum reason reason = d->session.last_failure;
    if (!may_go_on(d, failed))
        device_call_forget(d);
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

/* Gives it to the state table, and does what entering the new state takes. */
static void handle(struct device *d, uint64_t now, enum session_event event, enum reason reason,
                   uint32_t retry_after_s)
{
    enum session_state before = d->session.state;
    if (session_handle(&d->session, now, event, reason, retry_after_s))
        after_change(d, now, before, event == SESSION_FAILED || event == SESSION_LINK_DOWN);
}

static void handle_timeout(struct device *d, uint64_t now)
{
    struct device_news news = {0};
    if (session_timeout(&d->session, now, &news.event, &news.reason))
        take_news(d, now, &news);
}

static void watch_link(struct device *d, uint64_t now)
{
    static const enum reason reasons[] = {
        [PORT_LINK_NO_NETWORK] = REASON_NO_WIFI,
        [PORT_LINK_REFUSED] = REASON_WIFI_REFUSED,
        [PORT_LINK_NO_ADDRESS] = REASON_NO_ADDRESS,
    };
    enum port_link link = can_join(d) ? port_link_state() : PORT_LINK_REFUSED;
    if (link == PORT_LINK_UP)
        handle(d, now, SESSION_LINK_UP, REASON_NONE, 0);
    else if (d->session.state != SESSION_NETWORK)
        handle(d, now, SESSION_LINK_DOWN, REASON_LINK_LOST, 0);
    else if (link >= PORT_LINK_NO_NETWORK)
        handle(d, now, SESSION_FAILED, reasons[link], 0);
}

static void watch_settings(struct device *d, uint64_t now)
{
    if (d->session.state == SESSION_PROVISIONING && device_is_configured(d))
        handle(d, now, SESSION_CONFIGURED, REASON_NONE, 0);
    else if (d->session.state != SESSION_PROVISIONING && !device_is_configured(d))
        handle(d, now, SESSION_UNCONFIGURED, REASON_NONE, 0);
}

static void use_fixed_url(struct device *d, uint64_t now)
{
    d->gateway_id[0] = '\0';
    d->where.count = 0;
    bool parsed = http_parse_url(&d->url, d->settings.gateway);
    d->url.tls |= device_is_pinned(d);
    handle(d, now, parsed ? SESSION_FOUND : SESSION_FAILED, parsed ? REASON_NONE : REASON_BAD_URL, 0);
}

static void step_discovery(struct device *d, uint64_t now)
{
    if (d->refusal.onwards) {
        handle(d, now, SESSION_FOUND, REASON_NONE, 0);
        return;
    }
    if (d->settings.gateway[0] != '\0') {
        use_fixed_url(d, now);
        return;
    }
    const struct discovery_gateway *gateway = discovery_step(&d->discovery, now);
    if (gateway == NULL && d->refusal.reason != REASON_NONE && discovery_is_over(&d->discovery, now)) {
        handle(d, now, SESSION_FAILED, d->refusal.reason, d->refusal.retry_after_s);
        return;
    }
    if (gateway == NULL || !discovery_url(gateway, &d->url))
        return;
    d->url.tls |= device_is_pinned(d);
    memcpy(d->gateway_id, gateway->id, sizeof d->gateway_id);
    d->where = gateway->addresses;
    handle(d, now, SESSION_FOUND, REASON_NONE, 0);
}

/* A gateway that announces itself while we back off has just come back. */
static void step_backoff(struct device *d, uint64_t now)
{
    bool wanted = d->settings.gateway[0] == '\0' && reason_pace(d->session.last_failure) == REASON_SOON;
    if (discovery_listen(&d->discovery, now) && wanted)
        handle(d, now, SESSION_RETRY, REASON_NONE, 0);
}

static void drain_call(struct device *d, uint64_t now)
{
    struct device_news news;
    while (device_call_next(d, now, &news))
        take_news(d, now, &news);
}

/* In every state: the audio task is always owed a block. */
static void step_call(struct device *d, uint64_t now)
{
    struct device_news news;
    if (d->session.state == SESSION_SIGNALLING && device_call_signal(d, now, &news))
        take_news(d, now, &news);
    while (device_call_send(d, now))
        drain_call(d, now);
    drain_call(d, now);
    device_call_talk(d, now);
    drain_call(d, now);
    device_call_fetch(d, now);
    device_update_step(d, now);
}

static void step_state(struct device *d, uint64_t now)
{
    if (d->session.state == SESSION_DISCOVERY)
        step_discovery(d, now);
    else if (d->session.state == SESSION_BACKOFF)
        step_backoff(d, now);
    else
        (void)discovery_listen(&d->discovery, now);
    step_call(d, now);
}

static void grant(struct device *d, uint64_t now, unsigned wishes)
{
    if (wishes & CONSOLE_WANTS_CALL) {
        device_call_forget(d);
        handle(d, now, SESSION_RESTART, REASON_RECONNECT, 0);
    }
    if (wishes & CONSOLE_WANTS_AUDIO)
        device_audio_apply(d);
}

static void step_console(struct device *d, uint64_t now)
{
    struct console_words words;
    enum console_input input;
    while ((input = console_next(&d->console, &words)) != CONSOLE_NOTHING) {
        if (input == CONSOLE_LINE)
            grant(d, now, device_console_run(d, now, &words));
        else if (device_improv_take(d, now, d->console.line, d->console.len))
            grant(d, now, CONSOLE_WANTS_CALL);
    }
    device_improv_step(d, now);
}

static void step_board(struct device *d, uint64_t now)
{
    bool pressed = port_button_pressed();
    if (pressed != d->button_down && !(pressed && command_heed(d)))
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
    struct device *d = device_get();
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
    struct device *d = device_get();
    uint32_t seed;
    uint64_t *codec_memory = d->codec_memory;
    memset(d, 0, sizeof *d);
    d->codec_memory = codec_memory;
    d->listener = listener;
    log_banner();
    port_random((uint8_t *)&seed, sizeof seed);
    session_init(&d->session, port_clock(), seed);
    d->session.last_failure = load_failure();
    settings_load(&d->settings);
    device_call_identify(d);
    device_audio_start(d);
    device_update_start(d, port_clock());
    announce(d);
}

void voice_stop(void)
{
    struct device *d = device_get();
    uint64_t now = port_clock();
    update_stop(&d->update, "update_interrupted");
    signaling_stop(&d->signaling);
    device_call_forget(d);
    device_call_end(d, now);
    (void)port_mdns_announce("_voicedev._tcp", NULL, 0, NULL, 0);
    port_audio_stop();
}
