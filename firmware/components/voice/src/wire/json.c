#include "wire/json.h"

#include <string.h>

#include "wire/json_utf8.h"

struct cursor {
    const char *at;
    const char *end;
};

static char peek(const struct cursor *c)
{
    return c->at < c->end ? *c->at : '\0';
}

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

static bool take(struct cursor *c, char wanted)
{
    if (peek(c) != wanted || c->at == c->end)
        return false;
    c->at++;
    return true;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
        return false;
    c->at += len;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* After "\u". -1 unless there are four digits. */
static int32_t take_unit(struct cursor *c)
{
    int32_t unit = 0;
    if (c->end - c->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*c->at++);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* After "\u": a character, its second half too where it takes a pair. -1: not one. */
static int32_t take_escaped_character(struct cursor *c)
{
    int32_t first = take_unit(c);
    if (first < 0xd800 || first > 0xdfff)
        return first;
    if (first > 0xdbff || !take_word(c, "\\u"))
        return -1;
    int32_t second = take_unit(c);
    if (second < 0xdc00 || second > 0xdfff)
        return -1;
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

/* The next character of a string, as UTF-8 in out. 0 at its end; negative where it is malformed. */
static int take_character(struct cursor *c, char out[4])
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (c->at >= c->end || (uint8_t)*c->at < 0x20)
        return -1;
    if (take(c, '"'))
        return 0;
    if (!take(c, '\\')) {
        size_t len = json_utf8_length((const uint8_t *)c->at, (size_t)(c->end - c->at));
        if (len == 0)
            return -1;
        memcpy(out, c->at, len);
        c->at += len;
        return (int)len;
    }
    if (take(c, 'u')) {
        int32_t character = take_escaped_character(c);
        return character < 0 ? -1 : (int)json_utf8_put((uint32_t)character, out);
    }
    const char *found = c->at < c->end ? memchr(from, *c->at, sizeof from - 1) : NULL;
    if (found == NULL)
        return -1;
    c->at++;
    out[0] = to[found - from];
    return 1;
}

static bool skip_string(struct cursor *c)
{
    char character[4];
    int len;
    if (!take(c, '"'))
        return false;
    while ((len = take_character(c, character)) > 0)
        ;
    return len == 0;
}

static bool skip_digits(struct cursor *c)
{
    const char *from = c->at;
    while (peek(c) >= '0' && peek(c) <= '9')
        c->at++;
    return c->at > from;
}

static bool skip_number(struct cursor *c)
{
    (void)take(c, '-');
    if (!take(c, '0') && !skip_digits(c))
        return false;
    if (take(c, '.') && !skip_digits(c))
        return false;
    if (take(c, 'e') || take(c, 'E')) {
        if (!take(c, '+'))
            (void)take(c, '-');
        return skip_digits(c);
    }
    return true;
}

static bool skip_scalar(struct cursor *c)
{
    if (peek(c) == '"')
        return skip_string(c);
    return take_word(c, "true") || take_word(c, "false") || take_word(c, "null") || skip_number(c);
}

static bool skip_key(struct cursor *c)
{
    skip_space(c);
    if (!skip_string(c))
        return false;
    skip_space(c);
    return take(c, ':');
}

/* After a value inside `depth` open brackets: closes what closes here, and steps over a comma. False where
 * neither fits. */
static bool after_value(struct cursor *c, const char *open, int *depth)
{
    for (;;) {
        if (*depth == 0)
            return true;
        skip_space(c);
        if (take(c, ','))
            return open[*depth - 1] == '[' || skip_key(c);
        if (!take(c, open[*depth - 1] == '{' ? '}' : ']'))
            return false;
        (*depth)--;
    }
}

static bool skip_value(struct cursor *c)
{
    char open[JSON_DEPTH];
    int depth = 0;
    do {
        skip_space(c);
        char bracket = peek(c);
        if (bracket != '{' && bracket != '[') {
            if (!skip_scalar(c) || !after_value(c, open, &depth))
                return false;
            continue;
        }
        if (depth == JSON_DEPTH)
            return false;
        open[depth++] = bracket;
        c->at++;
        skip_space(c);
        if (peek(c) == (bracket == '{' ? '}' : ']') ? !after_value(c, open, &depth)
                                                    : bracket == '{' && !skip_key(c))
            return false;
    } while (depth > 0);
    return true;
}

bool json_parse(struct json *value, const char *text, size_t len)
{
    struct cursor c = {text, text + len};
    skip_space(&c);
    value->at = c.at;
    value->len = 0;
    if (!skip_value(&c))
        return false;
    size_t used = (size_t)(c.at - value->at);
    skip_space(&c);
    if (c.at != c.end)
        return false;
    value->len = used;
    return true;
}

struct json json_member(struct json object, const char *name)
{
    struct json absent = {NULL, 0};
    if (!json_is_object(object)) /* or absent: no arithmetic with NULL */
        return absent;
    struct cursor c = {object.at + 1, object.at + object.len};
    for (;;) {
        skip_space(&c);
        struct json key = {c.at, 0};
        if (!skip_string(&c))
            return absent;
        key.len = (size_t)(c.at - key.at);
        skip_space(&c);
        (void)take(&c, ':');
        skip_space(&c);
        struct json value = {c.at, 0};
        (void)skip_value(&c);
        value.len = (size_t)(c.at - value.at);
        if (json_is(key, name))
            return value;
        skip_space(&c);
        if (!take(&c, ','))
            return absent;
    }
}

bool json_is_absent(struct json value)
{
    return value.len == 0;
}

bool json_is_object(struct json value)
{
    return value.len > 0 && value.at[0] == '{';
}

bool json_is(struct json value, const char *text)
{
    size_t len = strlen(text);
    return value.len == len + 2 && value.at[0] == '"' && memcmp(value.at + 1, text, len) == 0;
}

/* Whether all of it went in. */
static bool copy_text(struct json value, char *out, size_t cap)
{
    char character[4];
    size_t used = 0;
    int len;
    bool is_string = value.len > 0 && value.at[0] == '"';
    struct cursor c = {is_string ? value.at + 1 : NULL, is_string ? value.at + value.len : NULL};
    while (is_string && (len = take_character(&c, character)) > 0) {
        if (used + (size_t)len >= cap || character[0] == '\0') {
            is_string = false;
            break;
        }
        memcpy(out + used, character, (size_t)len);
        used += (size_t)len;
    }
    out[used] = '\0';
    return is_string;
}

bool json_text(struct json value, char *out, size_t cap)
{
    return copy_text(value, out, cap);
}

void json_text_cut(struct json value, char *out, size_t cap)
{
    (void)copy_text(value, out, cap);
}

bool json_integer(struct json value, int64_t min, int64_t max, int64_t *out)
{
    bool negative = value.len > 0 && value.at[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t n = 0;
    if (i == value.len || value.len - i > 18)
        return false;
    for (; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
        n = n * 10 + (value.at[i] - '0');
    }
    *out = negative ? -n : n;
    return *out >= min && *out <= max;
}

bool json_bool(struct json value, bool *out)
{
    *out = value.len == 4;
    return (value.len == 4 && memcmp(value.at, "true", 4) == 0) ||
           (value.len == 5 && memcmp(value.at, "false", 5) == 0);
}
