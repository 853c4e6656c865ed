#include "console.h"

#include <string.h>

#include "port.h"

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

bool console_read(struct console *c, struct console_words *words)
{
    char byte;
    while (port_console_read(&byte, 1) == 1) {
        if (byte == '\n' || byte == '\r') {
            if (end_line(c, words))
                return true;
        } else if (c->len < sizeof c->line - 1 && byte != '\0') {
            c->line[c->len++] = byte;
        } else {
            c->overlong = true;
        }
    }
    return false;
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
