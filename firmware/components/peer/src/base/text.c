#include "base/text.h"

bool text_is(struct text t, const char *word)
{
    size_t len = strlen(word);
    return t.len == len && memcmp(t.at, word, len) == 0;
}

char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_is_word(struct text t, const char *word)
{
    size_t i = 0;
    for (; i < t.len && word[i] != '\0' && text_lower(t.at[i]) == word[i]; i++)
        ;
    return i == t.len && word[i] == '\0';
}

bool text_skip(struct text *t, const char *prefix)
{
    size_t len = strlen(prefix);
    if (t->len < len || memcmp(t->at, prefix, len) != 0)
        return false;
    t->at += len;
    t->len -= len;
    return true;
}

struct text text_split(struct text *t, char separator)
{
    struct text head = {t->at, 0};
    while (head.len < t->len && t->at[head.len] != separator)
        head.len++;
    size_t used = head.len < t->len ? head.len + 1 : head.len;
    t->at += used;
    t->len -= used;
    return head;
}

struct text text_word(struct text *t)
{
    while (t->len > 0 && t->at[0] == ' ') {
        t->at++;
        t->len--;
    }
    return text_split(t, ' ');
}

bool text_number(struct text t, uint32_t max, uint32_t *value)
{
    uint64_t n = 0;
    if (t.len == 0 || t.len > 10)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(t.at[i] - '0');
    }
    *value = (uint32_t)n;
    return n <= max;
}

bool text_copy(struct text t, char *out, size_t cap)
{
    if (t.len >= cap)
        return false;
    memcpy(out, t.at, t.len);
    out[t.len] = '\0';
    return true;
}

void text_put(struct buf_writer *w, const char *s)
{
    buf_put(w, (const uint8_t *)s, strlen(s));
}

void text_put_number(struct buf_writer *w, uint32_t value)
{
    char digits[11];
    size_t n = sizeof digits - 1;
    digits[n] = '\0';
    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    text_put(w, digits + n);
}
