#include "base/addr.h"

size_t addr_ip_len(const struct peer_address *a)
{
    return a->family == 6 ? 16 : 4;
}

bool addr_equal(const struct peer_address *a, const struct peer_address *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, addr_ip_len(a)) == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_v4(uint8_t ip[4], const char *text, size_t len)
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        unsigned value = 0, digits = 0;
        for (; at < len && text[at] >= '0' && text[at] <= '9' && digits < 4; at++, digits++)
            value = value * 10 + (unsigned)(text[at] - '0');
        if (digits == 0 || value > 255)
            return false;
        ip[part] = (uint8_t)value;
        if (part < 3 && (at >= len || text[at++] != '.'))
            return false;
    }
    return at == len;
}

struct v6_parse {
    uint8_t ip[16];
    size_t used; /* bytes of ip */
    int gap;     /* where :: stands, or -1 */
};

/* One group of hex digits, or the dotted quad that may end an address. Bytes of text used, 0 if wrong. */
static size_t parse_v6_group(struct v6_parse *v, const char *text, size_t len)
{
    unsigned value = 0;
    size_t n = 0;
    for (; n < len && hex_digit(text[n]) >= 0; n++)
        value = value << 4 | (unsigned)hex_digit(text[n]);
    if (n < len && text[n] == '.') {
        if (v->used > 12 || !parse_v4(v->ip + v->used, text, len))
            return 0;
        v->used += 4;
        return len;
    }
    if (n == 0 || n > 4 || v->used > 14)
        return 0;
    v->ip[v->used++] = (uint8_t)(value >> 8);
    v->ip[v->used++] = (uint8_t)value;
    return n;
}

static bool parse_v6(uint8_t ip[16], const char *text, size_t len)
{
    struct v6_parse v = {.gap = -1};
    size_t at = 0;
    if (len >= 1 && text[0] == ':' && (len < 2 || text[1] != ':'))
        return false;
    while (at < len) {
        if (len - at >= 2 && text[at] == ':' && text[at + 1] == ':') {
            if (v.gap >= 0)
                return false;
            v.gap = (int)v.used;
            at += 2;
        } else if (at > 0 && text[at] == ':') {
            at++;
        }
        if (at == len)
            break;
        size_t used = parse_v6_group(&v, text + at, len - at);
        if (used == 0 || (at + used < len && text[at + used] != ':'))
            return false;
        at += used;
    }
    if (v.gap < 0 ? v.used != 16 : v.used > 14)
        return false;
    if (len > 0 && text[len - 1] == ':' && (len < 2 || text[len - 2] != ':'))
        return false;
    size_t head = v.gap < 0 ? 16 : (size_t)v.gap;
    memset(ip, 0, 16);
    memcpy(ip, v.ip, head);
    memcpy(ip + 16 - (v.used - head), v.ip + head, v.used - head);
    return true;
}

bool addr_parse_ip(struct peer_address *a, const char *text, size_t len)
{
    struct peer_address parsed = {0};
    if (len >= ADDR_TEXT_MAX)
        return false;
    if (memchr(text, ':', len) != NULL) {
        parsed.family = 6;
        if (!parse_v6(parsed.ip, text, len))
            return false;
    } else {
        parsed.family = 4;
        if (!parse_v4(parsed.ip, text, len))
            return false;
    }
    parsed.port = a->port;
    *a = parsed;
    return true;
}

bool peer_address_parse(struct peer_address *address, const char *ip, uint16_t port)
{
    size_t len = 0;
    while (len < ADDR_TEXT_MAX && ip[len] != '\0')
        len++;
    if (!addr_parse_ip(address, ip, len))
        return false;
    address->port = port;
    return true;
}

static char *put_uint(char *to, unsigned value, unsigned base)
{
    char digits[5];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0 && n < 5);
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

/* The longest run of two or more zero groups, which RFC 5952 section 4.2 writes as "::". */
static int longest_gap(const uint8_t ip[16], int *len)
{
    int best = -1;
    *len = 1;
    for (int i = 0; i < 8; i++) {
        int run = 0;
        while (i + run < 8 && ip[2 * (i + run)] == 0 && ip[2 * (i + run) + 1] == 0)
            run++;
        if (run > *len) {
            best = i;
            *len = run;
        }
        i += run;
    }
    return best;
}

static char *format_v6(const uint8_t ip[16], char *to)
{
    int gap_len, gap = longest_gap(ip, &gap_len);
    for (int i = 0; i < 8; i++) {
        if (i == gap) {
            *to++ = ':';
            if (i + gap_len == 8)
                *to++ = ':';
            i += gap_len - 1;
            continue;
        }
        if (i > 0)
            *to++ = ':';
        to = put_uint(to, (unsigned)ip[2 * i] << 8 | ip[2 * i + 1], 16);
    }
    return to;
}

void addr_format_ip(const struct peer_address *a, char text[ADDR_TEXT_MAX])
{
    char *to = text;
    if (a->family == 6) {
        to = format_v6(a->ip, to);
    } else {
        for (int i = 0; i < 4; i++) {
            if (i > 0)
                *to++ = '.';
            to = put_uint(to, a->ip[i], 10);
        }
    }
    *to = '\0';
}
