#include <string.h>

#include "wire/json.h"
#include "wire/json_utf8.h"

struct json_writer json_writer(char *text, size_t cap)
{
    struct json_writer w = {.text = text, .len = 0, .cap = cap, .failed = cap == 0};
    if (cap > 0)
        text[0] = '\0';
    return w;
}

static void put(struct json_writer *w, const char *text, size_t len)
{
    if (w->failed || len >= w->cap - w->len) {
        w->failed = true;
        return;
    }
    memcpy(w->text + w->len, text, len);
    w->len += len;
    w->text[w->len] = '\0';
}

/* A comma, unless this is the first thing in its bracket or the value of a key. */
static void separate(struct json_writer *w)
{
    char last = w->len > 0 && !w->failed ? w->text[w->len - 1] : '{';
    if (last != '{' && last != '[' && last != ':')
        put(w, ",", 1);
}

void json_open(struct json_writer *w, char bracket)
{
    separate(w);
    put(w, &bracket, 1);
}

void json_close(struct json_writer *w, char bracket)
{
    put(w, &bracket, 1);
}

void json_key(struct json_writer *w, const char *name)
{
    separate(w);
    put(w, "\"", 1);
    put(w, name, strlen(name));
    put(w, "\":", 2);
}

static void put_escaped(struct json_writer *w, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
    const char *found = memchr(from, c, sizeof from - 1);
    if (found != NULL) {
        char pair[2] = {'\\', to[found - from]};
        put(w, pair, 2);
    } else {
        char unit[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        put(w, unit, 6);
    }
}

void json_put_text(struct json_writer *w, const char *text)
{
    size_t left = strlen(text);
    separate(w);
    put(w, "\"", 1);
    while (left > 0 && !w->failed) {
        size_t len = json_utf8_length((const uint8_t *)text, left);
        uint8_t first = (uint8_t)text[0];
        if (len == 0)
            put(w, "\xef\xbf\xbd", 3);
        else if (first < 0x20 || first == '"' || first == '\\')
            put_escaped(w, first);
        else
            put(w, text, len);
        size_t used = len > 0 ? len : 1;
        text += used;
        left -= used;
    }
    put(w, "\"", 1);
}

void json_put_integer(struct json_writer *w, int64_t value)
{
    char digits[21];
    size_t n = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--n] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--n] = '-';
    separate(w);
    put(w, digits + n, sizeof digits - n);
}

void json_put_bool(struct json_writer *w, bool value)
{
    json_put_raw(w, value ? "true" : "false");
}

void json_put_raw(struct json_writer *w, const char *json)
{
    separate(w);
    put(w, json, strlen(json));
}

void json_add_text(struct json_writer *w, const char *name, const char *text)
{
    json_key(w, name);
    json_put_text(w, text);
}

void json_add_integer(struct json_writer *w, const char *name, int64_t value)
{
    json_key(w, name);
    json_put_integer(w, value);
}

void json_add_bool(struct json_writer *w, const char *name, bool value)
{
    json_key(w, name);
    json_put_bool(w, value);
}
