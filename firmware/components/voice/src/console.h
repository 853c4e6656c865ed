/* Lines in, and lines out that a program can read: "@ok {…}", "@err {…}", "@evt {…}". */
#ifndef VOICE_CONSOLE_H
#define VOICE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

#define CONSOLE_LINE_MAX 2100 /* a CA certificate on one line fits a setting */
#define CONSOLE_WORDS 4       /* the last one takes the rest of the line */
#define CONSOLE_OUT_MAX 1400

struct console {
    size_t len;
    bool overlong;
    char line[CONSOLE_LINE_MAX];
};

struct console_words {
    int count;
    char *at[CONSOLE_WORDS];
};

/* The next whole line typed, split at spaces, or false. Too long a one is answered and skipped. */
bool console_read(struct console *c, struct console_words *words);

/* A reply under construction. */
struct console_reply {
    struct json_writer json; /* an object is open */
    char text[CONSOLE_OUT_MAX];
};

void console_begin(struct console_reply *reply, const char *mark); /* "@ok ", "@evt " */
void console_send(struct console_reply *reply);
void console_refuse(const char *error, const char *remedy); /* "@err" */

#endif
