/* The console's commands. docs/protocol.md, console */
#include <stdlib.h>
#include <string.h>

#include "console/console_commands.h"

static const char *word(const struct console_words *words, int i)
{
    return i < words->count ? words->at[i] : "";
}

void console_done(void)
{
    struct console_reply reply;
    console_begin(&reply, "@ok ");
    console_send(&reply);
}

static void show_state(struct device *d, uint64_t now, const struct console_words *words)
{
    struct console_reply reply;
    (void)words;
    console_begin(&reply, "@ok ");
    json_add_text(&reply.json, "state", session_state_text(d->session.state));
    json_add_integer(&reply.json, "for_ms", (int64_t)((now - d->session.since) / 1000));
    json_add_text(&reply.json, "last_failure", reason_text(d->session.last_failure));
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
}

static void show_figures(struct device *d, uint64_t now, const struct console_words *words)
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
}

static void set_log(struct device *d, uint64_t now, const struct console_words *words)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    (void)d;
    (void)now;
    for (int i = 0; i < 4; i++)
        if (strcmp(word(words, 1), levels[i]) == 0) {
            port_log_level((enum port_level)i);
            console_done();
            return;
        }
    console_refuse("usage", "log error|warning|info|debug");
}

static void run_reboot(struct device *d, uint64_t now, const struct console_words *words)
{
    struct json none = {NULL, 0};
    (void)words;
    (void)command_run(d, now, "reboot", none);
    console_done();
}

static void run_crash(struct device *d, uint64_t now, const struct console_words *words)
{
    static char text[900];
    struct console_reply reply;
    (void)d;
    (void)now;
    if (strcmp(word(words, 1), "erase") == 0) {
        port_crash_erase();
        console_done();
        return;
    }
    size_t len = port_crash_report(text, sizeof text);
    console_begin(&reply, "@ok ");
    json_add_text(&reply.json, "reset", device_reset_text());
    json_add_text(&reply.json, "report", len > 0 ? text : "");
    console_send(&reply);
}

static void reconnect(struct device *d, uint64_t now, const struct console_words *words)
{
    (void)words;
    console_done();
    device_handle(d, now, SESSION_RESTART, REASON_RECONNECT, 0);
}

static void press(struct device *d, uint64_t now, const struct console_words *words)
{
    bool down = strcmp(word(words, 1), "down") == 0;
    (void)now;
    if (!down && strcmp(word(words, 1), "up") != 0) {
        console_refuse("usage", "button down|up");
        return;
    }
    device_audio_press(d, down);
    console_done();
}

static void show_display(struct device *d, uint64_t now, const struct console_words *words)
{
    struct console_reply reply;
    struct port_shown shown;
    (void)d;
    (void)now;
    (void)words;
    if (!port_display_read(&shown)) {
        console_refuse("no_display", "");
        return;
    }
    console_begin(&reply, "@ok ");
    json_add_text(&reply.json, "state", shown.state);
    json_add_text(&reply.json, "detail", shown.detail);
    json_add_text(&reply.json, "user", shown.text[PORT_SPEAKER_USER]);
    json_add_text(&reply.json, "bot", shown.text[PORT_SPEAKER_BOT]);
    console_send(&reply);
}

/* The bot's commands, from here: do volume 50 */
static void run_command(struct device *d, uint64_t now, const struct console_words *words)
{
    struct json value = {NULL, 0};
    char text[128] = "";
    for (int i = 2; i < words->count && strlen(text) + strlen(words->at[i]) + 2 < sizeof text; i++) {
        strcat(text, i > 2 ? " " : "");
        strcat(text, words->at[i]);
    }
    if (text[0] != '\0' && !json_parse(&value, text, strlen(text))) {
        console_refuse("not_json", "do NAME JSON");
        return;
    }
    const char *why = command_run(d, now, word(words, 1), value);
    if (why == NULL)
        console_done();
    else
        console_refuse(why, "do volume|mute|led|reboot|identify|tone|update VALUE");
}

static void help(struct device *d, uint64_t now, const struct console_words *words);

static const struct {
    const char *name;
    console_handler *run;
} commands[] = {
    {"help", help},
    {"state", show_state},
    {"figures", show_figures},
    {"settings", console_settings},
    {"inject", console_inject},
    {"capture", console_capture},
    {"log", set_log},
    {"reboot", run_reboot},
    {"crash", run_crash},
    {"reconnect", reconnect},
    {"button", press},
    {"display", show_display},
    {"do", run_command},
    {"update", console_update},
};

static void help(struct device *d, uint64_t now, const struct console_words *words)
{
    struct console_reply reply;
    (void)d;
    (void)now;
    (void)words;
    console_begin(&reply, "@ok ");
    json_key(&reply.json, "commands");
    json_open(&reply.json, '[');
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        json_put_text(&reply.json, commands[i].name);
    json_close(&reply.json, ']');
    console_send(&reply);
}

void console_run(struct device *d, uint64_t now, const struct console_words *words)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, word(words, 0)) == 0) {
            commands[i].run(d, now, words);
            return;
        }
    console_refuse("unknown_command", "help");
}
