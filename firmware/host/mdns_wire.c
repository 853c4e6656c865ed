#include "mdns_wire.h"

#include <string.h>

#define HEADER 12
#define CLASS_IN 1
#define CLASS_MASK                                                                                           \
    0x7fff /* the top bit: cache flush, or "answer by unicast", RFC 6762 sections 10.2, 5.4                  \
            */
#define JUMPS_MAX 16

/* ---- names ---- */

static bool add_label(struct mdns_name *name, const char *label, size_t len)
{
    if (len == 0 || len > 63 || name->len + len + 2 > sizeof name->wire)
        return false;
    name->wire[name->len] = (uint8_t)len;
    memcpy(name->wire + name->len + 1, label, len);
    name->len = (uint8_t)(name->len + len + 1);
    return true;
}

bool mdns_name_make(struct mdns_name *name, const char *label, const char *rest)
{
    name->len = 0;
    if (label != NULL && !add_label(name, label, strlen(label)))
        return false;
    while (*rest != '\0') {
        size_t len = strcspn(rest, ".");
        if (!add_label(name, rest, len))
            return false;
        rest += rest[len] == '.' ? len + 1 : len;
    }
    name->wire[name->len++] = 0;
    return true;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool mdns_name_equal(const struct mdns_name *a, const struct mdns_name *b)
{
    if (a->len != b->len || a->len == 0)
        return false;
    for (size_t i = 0; i < a->len; i++) /* a length byte is below 64, so folding leaves it alone */
        if (lower(a->wire[i]) != lower(b->wire[i]))
            return false;
    return true;
}

void mdns_name_label(const struct mdns_name *name, char *out, size_t cap)
{
    size_t len = name->len > 0 ? name->wire[0] : 0;
    len = len < cap ? len : cap - 1;
    memcpy(out, name->wire + 1, len);
    out[len] = '\0';
}

/* ---- reading ---- */

static bool has(const struct mdns_reader *r, size_t at, size_t n)
{
    return at <= r->len && n <= r->len - at;
}

static uint16_t u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* Follows compression (RFC 1035 section 4.1.4), backwards only, so it ends. `at` moves past the name. */
static bool read_name(const struct mdns_reader *r, size_t *at, struct mdns_name *name)
{
    size_t from = *at, limit = *at;
    bool jumped = false;
    name->len = 0;
    for (int jumps = 0; jumps < JUMPS_MAX && has(r, from, 1);) {
        uint8_t len = r->message[from];
        if ((len & 0xc0) == 0xc0) {
            if (!has(r, from, 2))
                return false;
            size_t to = (size_t)(len & 0x3f) << 8 | r->message[from + 1];
            *at = jumped ? *at : from + 2;
            jumped = true;
            if (to >= limit)
                return false;
            from = limit = to;
            jumps++;
            continue;
        }
        if (len > 63 || !has(r, from, 1u + len) || name->len + len + 1u > sizeof name->wire)
            return false;
        memcpy(name->wire + name->len, r->message + from, 1u + len);
        name->len = (uint8_t)(name->len + len + 1);
        from += 1u + len;
        if (len == 0) {
            *at = jumped ? *at : from;
            return true;
        }
    }
    return false;
}

bool mdns_read(struct mdns_reader *r, const uint8_t *message, size_t len)
{
    *r = (struct mdns_reader){.message = message, .len = len, .at = HEADER};
    if (len < HEADER || len > 9000 || (message[2] & 0x78) != 0) /* only opcode 0, RFC 6762 section 18.3 */
        return false;
    r->is_response = (message[2] & 0x80) != 0;
    r->questions = u16(message + 4);
    uint32_t records = (uint32_t)u16(message + 6) + u16(message + 8) + u16(message + 10);
    r->records = (uint16_t)(records < MDNS_RECORDS_MAX ? records : MDNS_RECORDS_MAX);
    return r->questions <= MDNS_RECORDS_MAX;
}

static bool read_data(const struct mdns_reader *r, size_t at, size_t len, struct mdns_record *record)
{
    const uint8_t *p = r->message + at;
    if (record->type == MDNS_A && len == 4) {
        memcpy(record->ip, p, 4);
    } else if (record->type == MDNS_PTR) {
        return read_name(r, &at, &record->target);
    } else if (record->type == MDNS_SRV && len >= 7) {
        record->port = u16(p + 4);
        at += 6;
        return read_name(r, &at, &record->target);
    } else if (record->type == MDNS_TXT) {
        record->txt = p;
        record->txt_len = len;
    } else if (record->type == MDNS_A || record->type == MDNS_SRV) {
        return false;
    }
    return true;
}

static bool read_record(struct mdns_reader *r, struct mdns_record *record)
{
    if (!has(r, r->at, 6))
        return false;
    const uint8_t *p = r->message + r->at;
    size_t len = u16(p + 4);
    record->ttl = (uint32_t)u16(p) << 16 | u16(p + 2);
    r->at += 6;
    if (!has(r, r->at, len) || !read_data(r, r->at, len, record))
        return false;
    r->at += len;
    r->records--;
    return true;
}

bool mdns_next(struct mdns_reader *r, struct mdns_record *record)
{
    memset(record, 0, sizeof *record);
    record->is_question = r->questions > 0;
    if ((r->questions == 0 && r->records == 0) || !read_name(r, &r->at, &record->name) || !has(r, r->at, 4))
        return false;
    record->type = u16(r->message + r->at);
    bool is_internet = (u16(r->message + r->at + 2) & CLASS_MASK) == CLASS_IN;
    record->type = is_internet || record->is_question ? record->type : 0;
    r->at += 4;
    if (!record->is_question)
        return read_record(r, record);
    r->questions--;
    return true;
}

bool mdns_txt(const struct mdns_record *record, size_t i, char *out, size_t cap)
{
    size_t at = 0;
    for (; at < record->txt_len; at += 1u + record->txt[at]) {
        size_t len = record->txt[at];
        if (len > record->txt_len - at - 1)
            return false;
        if (i-- > 0)
            continue;
        len = len < cap ? len : cap - 1;
        memcpy(out, record->txt + at + 1, len);
        out[len] = '\0';
        return true;
    }
    return false;
}

/* ---- writing ---- */

static void put(struct mdns_writer *w, const uint8_t *data, size_t len)
{
    if (w->failed || len > sizeof w->message - w->len) {
        w->failed = true;
        return;
    }
    memcpy(w->message + w->len, data, len);
    w->len += len;
}

static void put_u16(struct mdns_writer *w, uint16_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    put(w, bytes, 2);
}

static void count_one(struct mdns_writer *w, size_t at)
{
    uint16_t count = (uint16_t)(u16(w->message + at) + 1);
    w->message[at] = (uint8_t)(count >> 8);
    w->message[at + 1] = (uint8_t)count;
}

void mdns_begin(struct mdns_writer *w, bool is_response)
{
    memset(w->message, 0, HEADER);
    w->message[2] = is_response ? 0x84 : 0; /* response, authoritative */
    w->len = HEADER;
    w->failed = false;
}

void mdns_ask(struct mdns_writer *w, const struct mdns_name *name, enum mdns_type type)
{
    put(w, name->wire, name->len);
    put_u16(w, (uint16_t)type);
    put_u16(w, CLASS_IN);
    count_one(w, 4);
}

static void put_head(struct mdns_writer *w, const struct mdns_name *name, enum mdns_type type, uint32_t ttl,
                     size_t len)
{
    put(w, name->wire, name->len);
    put_u16(w, (uint16_t)type);
    put_u16(w, type == MDNS_PTR ? CLASS_IN : 0x8000 | CLASS_IN); /* ours alone, but for the shared PTR */
    put_u16(w, (uint16_t)(ttl >> 16));
    put_u16(w, (uint16_t)ttl);
    put_u16(w, (uint16_t)len);
    count_one(w, 6);
}

void mdns_put_ptr(struct mdns_writer *w, const struct mdns_name *name, const struct mdns_name *target,
                  uint32_t ttl)
{
    put_head(w, name, MDNS_PTR, ttl, target->len);
    put(w, target->wire, target->len);
}

void mdns_put_srv(struct mdns_writer *w, const struct mdns_name *name, const struct mdns_name *host,
                  uint16_t port, uint32_t ttl)
{
    put_head(w, name, MDNS_SRV, ttl, 6u + host->len);
    put_u16(w, 0);
    put_u16(w, 0);
    put_u16(w, port);
    put(w, host->wire, host->len);
}

void mdns_put_txt(struct mdns_writer *w, const struct mdns_name *name, const char *const text[], size_t count,
                  uint32_t ttl)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += 1 + strlen(text[i]);
    put_head(w, name, MDNS_TXT, ttl, len);
    for (size_t i = 0; i < count; i++) {
        uint8_t one = (uint8_t)strlen(text[i]);
        put(w, &one, 1);
        put(w, (const uint8_t *)text[i], one);
    }
}

void mdns_put_a(struct mdns_writer *w, const struct mdns_name *name, const uint8_t ip[4], uint32_t ttl)
{
    put_head(w, name, MDNS_A, ttl, 4);
    put(w, ip, 4);
}
