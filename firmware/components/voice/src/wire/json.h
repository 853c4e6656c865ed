/* JSON inside the caller's buffers: a checked span to read from, and a writer whose failure sticks. Nothing
 * is allocated and nothing recurses. RFC 8259. */
#ifndef VOICE_JSON_H
#define VOICE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH 16

/* The text of one value, which json_parse() has found well-formed. An absent one has len 0. */
struct json {
    const char *at;
    size_t len;
};

/* False unless `text` is exactly one value, with UTF-8 in its strings and at most JSON_DEPTH levels. */
bool json_parse(struct json *value, const char *text, size_t len);

/* The member of that name (plain ASCII), or an absent value; of two alike, the first. */
struct json json_member(struct json object, const char *name);

bool json_is_absent(struct json value);
bool json_is_object(struct json value);
/* Is it this text? Compares without unescaping: for names and codes. */
bool json_is(struct json value, const char *text);
/* Unescaped and NUL-terminated. False if it is no string, holds U+0000 or does not fit. `out` may be where
 * the value itself lies. */
bool json_text(struct json value, char *out, size_t cap);
/* The same, but cut at a character's end where it does not fit. Empty if it is no string. */
void json_text_cut(struct json value, char *out, size_t cap);
/* A number without fraction or exponent, within the bounds. */
bool json_integer(struct json value, int64_t min, int64_t max, int64_t *out);
bool json_bool(struct json value, bool *out);

struct json_writer {
    char *text; /* NUL-terminated while not failed */
    size_t len;
    size_t cap;
    bool failed;
};

struct json_writer json_writer(char *text, size_t cap);
void json_open(struct json_writer *w, char bracket); /* '{' or '[' */
void json_close(struct json_writer *w, char bracket);
void json_key(struct json_writer *w, const char *name);
/* Escapes; what is not UTF-8 becomes U+FFFD. */
void json_put_text(struct json_writer *w, const char *text);
void json_put_integer(struct json_writer *w, int64_t value);
void json_put_bool(struct json_writer *w, bool value);
void json_put_raw(struct json_writer *w, const char *json); /* a value that is JSON already */

/* key and value at once */
void json_add_text(struct json_writer *w, const char *name, const char *text);
void json_add_integer(struct json_writer *w, const char *name, int64_t value);
void json_add_bool(struct json_writer *w, const char *name, bool value);

#endif
