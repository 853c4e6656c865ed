/* The console's commands. docs/protocol.md, console */
#include "device/device_console.h"

#include <string.h>

#include "device/command.h"
#include "device/device_audio.h"
#include "device/device_call.h"
#include "device/device_update.h"
#include "tools.h"

static unsigned show_state(struct device *d, uint64_t now, const struct console_words *words)
{
    struct console_reply reply;
    (void)words;
    console_begin(&reply, "@ok ");
    json_add_text(&reply.json, "state", session_state_text(d->session.state));
    json_add_integer(&reply.json, "for_ms", (int64_t)((now - d->session.since) / 1000));
    json_add_text(&reply.json, "last_failure", reason_text(d->session.last_failure));
    if (device_fault_text(d)[0] != '\0')
        json_add_text(&reply.json, "fault", device_fault_text(d));
    json_add_integer(&reply.json, "attempts", d->session.attempts);
    if (d->session.state == SESSION_BACKOFF && d->session.deadline > now)
        json_add_integer(&reply.json, "retry_ms", (int64_t)((d->session.deadline - now) / 1000));
    json_add_text(&reply.json, "gateway", d->url.host);
    json_add_integer(&reply.json, "port", d->url.port);
    json_add_bool(&reply.json, "bot_ready", d->bot_ready);
    json_add_text(&reply.json, "id", port_facts()->id);
    json_add_text(&reply.json, "board", port_facts()->board);
    json_add_text(&reply.json, "fw", port_facts()->version);
    json_add_text(&reply.json, "reset", device_reset_text());
    json_add_integer(&reply.json, "uptime_ms", (int64_t)(now / 1000));
    console_send(&reply);
    return CONSOLE_WANTS_NOTHING;
}

static unsigned show_figures(struct device *d, uint64_t now, const struct console_words *words)
{
    struct console_reply reply;
    struct rtvi_figures f;
    struct port_figures board;
    (void)now;
    (void)words;
    device_get_rtvi_figures(d, &f);
    port_get_figures(&board);
    console_begin(&reply, "@ok ");
    json_add_integer(&reply.json, "heap_free", f.heap_free);
    json_add_integer(&reply.json, "heap_least", f.heap_least);
    json_add_integer(&reply.json, "stack_least", board.stack_least);
    json_add_integer(&reply.json, "rssi", f.rssi);
    json_add_integer(&reply.json, "jitter_us", f.jitter_us);
    json_add_integer(&reply.json, "rtt_us", f.rtt_us);
    json_add_integer(&reply.json, "playout_us", f.playout_us);
    json_add_integer(&reply.json, "lost", f.lost);
    json_add_integer(&reply.json, "received", f.received);
    json_add_integer(&reply.json, "concealed", f.concealed);
    json_add_integer(&reply.json, "fec", f.fec);
    json_add_integer(&reply.json, "underruns", f.underruns);
    json_add_bool(&reply.json, "clock_known", d->talk.clock_known);
    json_add_integer(&reply.json, "clock_offset_us", d->talk.clock_offset_us);
    console_send(&reply);
    return CONSOLE_WANTS_NOTHING;
}

static unsigned run_reboot(struct device *d, uint64_t now, const struct console_words *words)
{
    struct json none = {NULL, 0};
    (void)words;
    char result[1];
    (void)command_run(d, now, "reboot", none, result, sizeof result);
    console_done();
    return CONSOLE_WANTS_NOTHING;
}

static unsigned reconnect(struct device *d, uint64_t now, const struct console_words *words)
{
    (void)d;
    (void)now;
    (void)words;
    console_done();
    return CONSOLE_WANTS_CALL;
}

static unsigned press(struct device *d, uint64_t now, const struct console_words *words)
{
    bool down = strcmp(console_word(words, 1), "down") == 0;
    (void)now;
    if (!down && strcmp(console_word(words, 1), "up") != 0) {
        console_refuse("usage", "button down|up");
        return CONSOLE_WANTS_NOTHING;
    }
    if (!down || !command_heed(d))
        device_audio_press(d, down);
    console_done();
    return CONSOLE_WANTS_NOTHING;
}

/* The bot's commands, from here: do volume 50 */
static unsigned run_command(struct device *d, uint64_t now, const struct console_words *words)
{
    struct json value = {NULL, 0};
    if (words->count == CONSOLE_WORDS) /* as it was typed: JSON may have spaces */
        words->at[2][strlen(words->at[2])] = ' ';
    const char *text = console_word(words, 2);
    if (text[0] != '\0' && !json_parse(&value, text, strlen(text))) {
        console_refuse("not_json", "do NAME JSON");
        return CONSOLE_WANTS_NOTHING;
    }
    char result[VOICE_TOOL_RESULT_MAX];
    const char *why = command_run(d, now, console_word(words, 1), value, result, sizeof result);
    if (why == NULL)
        console_done();
    else
        console_refuse(
            why, "do volume|mute|led|reboot|identify|tone|update|alert|show VALUE, or a tool of the board");
    return CONSOLE_WANTS_NOTHING;
}

/* ---- what the console does by itself, with the parts it takes ---- */

static unsigned settings(struct device *d, uint64_t now, const struct console_words *words)
{
    (void)now;
    return console_settings(&d->settings, words);
}

static unsigned inject(struct device *d, uint64_t now, const struct console_words *words)
{
    (void)now;
    console_inject(d->audio, words);
    return CONSOLE_WANTS_NOTHING;
}

static unsigned capture(struct device *d, uint64_t now, const struct console_words *words)
{
    (void)now;
    console_capture(d->audio, words);
    return CONSOLE_WANTS_NOTHING;
}

static unsigned set_log(struct device *d, uint64_t now, const struct console_words *words)
{
    (void)d;
    (void)now;
    console_log(words);
    return CONSOLE_WANTS_NOTHING;
}

static unsigned crash(struct device *d, uint64_t now, const struct console_words *words)
{
    (void)d;
    (void)now;
    console_crash(device_reset_text(), words);
    return CONSOLE_WANTS_NOTHING;
}

static unsigned show_display(struct device *d, uint64_t now, const struct console_words *words)
{
    (void)d;
    (void)now;
    (void)words;
    console_display();
    return CONSOLE_WANTS_NOTHING;
}

static unsigned update(struct device *d, uint64_t now, const struct console_words *words)
{
    struct update_request request;
    if (words->count == 1)
        console_show_update(&d->update);
    else if (console_read_update(words, &request))
        console_answer_update(device_update_ask(d, now, &request));
    return CONSOLE_WANTS_NOTHING;
}

unsigned device_console_run(struct device *d, uint64_t now, const struct console_words *words)
{
    static const struct console_command commands[] = {
        {"state", show_state},     {"figures", show_figures},
        {"settings", settings},    {"inject", inject},
        {"capture", capture},      {"log", set_log},
        {"reboot", run_reboot},    {"crash", crash},
        {"reconnect", reconnect},  {"button", press},
        {"display", show_display}, {"do", run_command},
        {"update", update},        {NULL, NULL},
    };
    return console_run(commands, d, now, words);
}
