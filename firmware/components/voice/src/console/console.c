#include "console/console.h"

#include <string.h>

#include "port.h"
#include "setup/improv.h"

#define FRAME_US 1000000u

static void split(char *line, struct console_words *words)
{
    words->count = 0;
    for (char *c = line; *c != '\0';) {
        c += strspn(c, " \t");
        if (*c == '\0')
            return;
        words->at[words->count++] = c;
        if (words->count == CONSOLE_WORDS)
            return;
        c += strcspn(c, " \t");
        if (*c != '\0')
            *c++ = '\0';
    }
}

static bool end_line(struct console *c, struct console_words *words)
{
    bool overlong = c->overlong;
    c->line[c->len] = '\0';
    c->len = 0;
    c->overlong = false;
    if (overlong) {
        console_refuse("line_too_long", "");
        return false;
    }
    split(c->line, words);
    return words->count > 0;
}

static void begin_frame(struct console *c)
{
    memmove(c->line, c->line + c->len - IMPROV_START, IMPROV_START);
    c->len = IMPROV_START;
    c->overlong = false;
    c->in_frame = true;
    c->frame_since = port_clock();
}

static void forget_frame(struct console *c)
{
    c->in_frame = c->frame_taken = false;
    c->len = 0;
}

static void take_byte(struct console *c, char byte)
{
    if (c->len < sizeof c->line - 1 && (byte != '\0' || c->in_frame))
        c->line[c->len++] = byte;
    else
        c->overlong = true;
    if (!c->in_frame && improv_starts(c->line, c->len))
        begin_frame(c);
}

const char *console_word(const struct console_words *words, int i)
{
    return i < words->count ? words->at[i] : "";
}

enum console_input console_next(struct console *c, struct console_words *words)
{
    char byte;
    if (c->frame_taken || (c->in_frame && port_clock() - c->frame_since > FRAME_US))
        forget_frame(c);
    while (port_console_read(&byte, 1) == 1) {
        if (!c->in_frame && (byte == '\n' || byte == '\r')) {
            if (end_line(c, words))
                return CONSOLE_LINE;
            continue;
        }
        take_byte(c, byte);
        if (c->in_frame && c->len == improv_frame_size(c->line, c->len)) {
            c->frame_taken = true;
            return CONSOLE_FRAME;
        }
    }
    return CONSOLE_NOTHING;
}

void console_begin(struct console_reply *reply, const char *mark)
{
    size_t len = strlen(mark);
    memcpy(reply->text, mark, len);
    reply->json = json_writer(reply->text + len, sizeof reply->text - len - 1); /* a line end will follow */
    json_open(&reply->json, '{');
}

void console_send(struct console_reply *reply)
{
    json_close(&reply->json, '}');
    if (reply->json.failed) {
        console_refuse("reply_too_long", "");
        return;
    }
    reply->json.text[reply->json.len] = '\n';
    port_console_write(reply->text, (size_t)(reply->json.text - reply->text) + reply->json.len + 1);
}

void console_refuse(const char *error, const char *remedy)
{
    struct console_reply reply;
    console_begin(&reply, "@err ");
    json_add_text(&reply.json, "error", error);
    if (remedy[0] != '\0')
        json_add_text(&reply.json, "remedy", remedy);
    console_send(&reply);
}

void console_done(void)
{
    struct console_reply reply;
    console_begin(&reply, "@ok ");
    console_send(&reply);
}
