#include "update/version.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NUMBERS 4u

enum phase { NONE, DEV, ALPHA, BETA, CANDIDATE, FINAL, POST };

/* 1.2.3rc1.dev4: the numbers of the release, then what it comes before or after. */
struct version {
    uint32_t numbers[NUMBERS];
    enum phase phase;
    uint32_t number;   /* of the phase */
    uint32_t snapshot; /* of .devN behind a phase; without one it is the last */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static uint32_t read_number(const char **at)
{
    uint64_t value = 0;
    for (; is_digit(**at); (*at)++)
        value = value < UINT32_MAX ? value * 10 + (uint64_t)(**at - '0') : value;
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static enum phase read_phase(const char **at)
{
    static const struct {
        const char *name;
        enum phase phase;
    } names[] = {{"dev", DEV}, {"alpha", ALPHA},  {"a", ALPHA},     {"beta", BETA},
                 {"b", BETA},  {"rc", CANDIDATE}, {"c", CANDIDATE}, {"post", POST}};
    *at += strspn(*at, ".-_");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(*at, names[i].name, strlen(names[i].name)) == 0) {
            *at += strlen(names[i].name);
            *at += strspn(*at, ".-_");
            return names[i].phase;
        }
    return FINAL;
}

static struct version parse(const char *text)
{
    struct version v = {.phase = NONE, .snapshot = UINT32_MAX};
    text += *text == 'v' ? 1 : 0;
    if (!is_digit(*text))
        return v;
    for (size_t i = 0; is_digit(*text); i++) {
        uint32_t number = read_number(&text);
        if (i < NUMBERS)
            v.numbers[i] = number;
        text += text[0] == '.' && is_digit(text[1]) ? 1 : 0;
    }
    v.phase = read_phase(&text);
    v.number = v.phase == FINAL ? 0 : read_number(&text);
    if (v.phase != FINAL && v.phase != DEV && read_phase(&text) == DEV)
        v.snapshot = read_number(&text);
    return v;
}

static int order(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

int version_compare(const char *a, const char *b)
{
    struct version x = parse(a), y = parse(b);
    int result = x.phase == NONE || y.phase == NONE ? order(x.phase != NONE, y.phase != NONE) : 0;
    for (size_t i = 0; i < NUMBERS && result == 0; i++)
        result = order(x.numbers[i], y.numbers[i]);
    if (result == 0)
        result = order(x.phase, y.phase);
    if (result == 0)
        result = order(x.number, y.number);
    return result != 0 ? result : order(x.snapshot, y.snapshot);
}
