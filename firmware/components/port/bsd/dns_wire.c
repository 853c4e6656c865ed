#include "dns_wire.h"

#include <string.h>

#include "bsd.h"

#define HEADER 12u
#define TRUNCATED 2 /* of the third byte: TC (RFC 1035 section 4.1.1) */
#define RCODE 0x0F  /* of the fourth */
#define NO_ERROR 0
#define NAME_ERROR 3
#define TYPE_A 1
#define CLASS_IN 1
#define CLASS_MASK 0x7FFF /* RFC 6762 section 10.2: above it, mDNS's cache-flush bit */
#define LABEL_MAX 63u
#define RECORDS_MAX 32 /* that are looked at: a chain of CNAMEs, and addresses */

static void put_u16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static uint16_t u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* "a.b" or "a.b." as labels; 0 if it is none. */
static size_t put_name(uint8_t *out, const char *name)
{
    size_t at = 0;
    if (name[0] == '\0' || strlen(name) >= PORT_HOST_MAX)
        return 0;
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        if (len == 0 || len > LABEL_MAX)
            return 0;
        out[at++] = (uint8_t)len;
        memcpy(out + at, name, len);
        at += len;
        name += len + (name[len] == '.');
    }
    out[at++] = 0;
    return at;
}

size_t dns_write_query(uint8_t out[DNS_QUERY_MAX], uint16_t id, const char *name)
{
    memset(out, 0, HEADER);
    put_u16(out, id);
    out[2] = 1; /* recursion desired */
    put_u16(out + 4, 1);
    size_t len = put_name(out + HEADER, name);
    if (len == 0)
        return 0;
    put_u16(out + HEADER + len, TYPE_A);
    put_u16(out + HEADER + len + 2, CLASS_IN);
    return HEADER + len + 4;
}

struct cursor {
    const uint8_t *message;
    size_t len, at;
};

static bool has(const struct cursor *c, size_t bytes)
{
    return bytes <= c->len - c->at;
}

/* Whose it is does not matter: a server that answers our question gives the addresses at the end of its
 * chain. */
static bool skip_name(struct cursor *c)
{
    while (has(c, 1)) {
        uint8_t label = c->message[c->at];
        bool is_pointer = label >= 0xC0;
        size_t bytes = is_pointer ? 2 : 1u + label;
        if (!has(c, bytes) || (label > LABEL_MAX && !is_pointer))
            return false;
        c->at += bytes;
        if (is_pointer || label == 0)
            return true;
    }
    return false;
}

static bool take_record(struct cursor *c, struct port_addresses *found)
{
    struct port_address address = {.family = 4};
    if (!skip_name(c) || !has(c, 10))
        return false;
    const uint8_t *head = c->message + c->at;
    size_t len = u16(head + 8);
    c->at += 10;
    if (!has(c, len))
        return false;
    if (u16(head) == TYPE_A && (u16(head + 2) & CLASS_MASK) == CLASS_IN && len == 4) {
        memcpy(address.ip, c->message + c->at, 4);
        addresses_add(found, &address);
    }
    c->at += len;
    return true;
}

enum port_error dns_read_answer(const uint8_t *message, size_t len, uint16_t id, struct port_addresses *found)
{
    struct cursor c = {message, len, HEADER};
    found->count = 0;
    if (len < HEADER || u16(message) != id || (message[2] & 0xF8) != 0x80) /* a response, to a query */
        return PORT_AGAIN;
    uint8_t rcode = message[3] & RCODE;
    if (rcode != NO_ERROR && rcode != NAME_ERROR)
        return PORT_ERR_UNREACHABLE;
    for (int i = 0; i < u16(message + 4); i++) {
        if (!skip_name(&c) || !has(&c, 4))
            return PORT_ERR_RESOLVE;
        c.at += 4;
    }
    for (int i = 0; i < u16(message + 6) && i < RECORDS_MAX && take_record(&c, found); i++)
        continue;
    if (found->count > 0)
        return PORT_OK;
    return (message[2] & TRUNCATED) != 0 ? PORT_ERR_UNREACHABLE : PORT_ERR_RESOLVE;
}
