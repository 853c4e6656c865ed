/* SDP's text: spans inside the caller's string, never copied before their length is known. */
#ifndef PEER_TEXT_H
#define PEER_TEXT_H

#include "base/buf.h"

struct text {
    const char *at;
    size_t len;
};

bool text_is(struct text t, const char *word);
char text_lower(char c);

/* Does it equal `word`, which is in lower case, whatever its own case? */
bool text_is_word(struct text t, const char *word);

/* If it begins with `prefix`, drops that. */
bool text_skip(struct text *t, const char *prefix);

/* What stands before the next `separator`, or all; the rest stays in t. */
struct text text_split(struct text *t, char separator);

/* The next word after any spaces. */
struct text text_word(struct text *t);
bool text_number(struct text t, uint32_t max, uint32_t *value);

/* NUL-terminated, or false if it doesn't fit. */
bool text_copy(struct text t, char *out, size_t cap);
void text_put(struct buf_writer *w, const char *s);
void text_put_number(struct buf_writer *w, uint32_t value);

#endif
