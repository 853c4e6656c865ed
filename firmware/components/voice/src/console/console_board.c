/* The console's commands about the board: its log, its last crash, its display. */
#include <string.h>

#include "console/console_commands.h"
#include "port.h"

void console_log(const struct console_words *words)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    for (int i = 0; i < 4; i++)
        if (strcmp(console_word(words, 1), levels[i]) == 0) {
            port_log_level((enum port_level)i);
            console_done();
            return;
        }
    console_refuse("usage", "log error|warning|info|debug");
}

void console_crash(const char *reset, const struct console_words *words)
{
    static char text[900];
    struct console_reply reply;
    if (strcmp(console_word(words, 1), "erase") == 0) {
        port_crash_erase();
        console_done();
        return;
    }
    size_t len = port_crash_report(text, sizeof text);
    console_begin(&reply, "@ok ");
    json_add_text(&reply.json, "reset", reset);
    json_add_text(&reply.json, "report", len > 0 ? text : "");
    console_send(&reply);
}

void console_display(void)
{
    struct console_reply reply;
    struct port_shown shown;
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
