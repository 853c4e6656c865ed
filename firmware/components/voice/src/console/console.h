/* Lines in, and lines out that a program can read: "@ok {…}", "@err {…}", "@evt {…}". */
#ifndef VOICE_CONSOLE_H
#define VOICE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/json.h"

#define CONSOLE_LINE_MAX 2100 /* a CA certificate on one line fits a setting */
#define CONSOLE_WORDS 4       /* the last one takes the rest of the line */
#define CONSOLE_OUT_MAX 1400

struct console {
    size_t len;
    bool overlong;
    bool in_frame, frame_taken; /* of Improv, which shares the line */
    uint64_t frame_since;
    char line[CONSOLE_LINE_MAX];
};

struct console_words {
    int count;
    char *at[CONSOLE_WORDS];
};

/* The i-th word, "" beyond the last. */
const char *console_word(const struct console_words *words, int i);

enum console_input { CONSOLE_NOTHING, CONSOLE_LINE, CONSOLE_FRAME };

/* The next whole line typed, split at spaces, or an Improv frame: c->len bytes of c->line, until the next
 * call. Too long a line is answered and skipped; so is a frame that does not come to its end within a second.
 */
enum console_input console_next(struct console *c, struct console_words *words);

/* A reply under construction. */
struct console_reply {
    struct json_writer json; /* an object is open */
    char text[CONSOLE_OUT_MAX];
};

void console_begin(struct console_reply *reply, const char *mark); /* "@ok ", "@evt " */
void console_send(struct console_reply *reply);
void console_done(void);                                    /* "@ok {}" */
void console_refuse(const char *error, const char *remedy); /* "@err" */

#endif
