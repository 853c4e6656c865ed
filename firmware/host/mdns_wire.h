/* DNS messages as mDNS uses them (RFC 1035, 6762): read with every length checked, written in place. Pure. */
#ifndef HOST_MDNS_WIRE_H
#define HOST_MDNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MDNS_MESSAGE_MAX 1472 /* RFC 6762 section 17: what one Ethernet frame carries */
#define MDNS_RECORDS_MAX 64   /* of a message that we look at */

enum mdns_type { MDNS_A = 1, MDNS_PTR = 12, MDNS_TXT = 16, MDNS_SRV = 33, MDNS_ANY = 255 };

/* Uncompressed and in wire form: length, label, …, 0. Instance names may hold dots and spaces. */
struct mdns_name {
    uint8_t len; /* with the final 0; 0: none */
    uint8_t wire[255];
};

/* "_voicegw._tcp.local", with the instance's label, if any, in front of it. */
bool mdns_name_make(struct mdns_name *name, const char *label, const char *rest);
bool mdns_name_equal(const struct mdns_name *a, const struct mdns_name *b); /* ASCII case aside */
/* The first label, NUL-terminated. */
void mdns_name_label(const struct mdns_name *name, char *out, size_t cap);

struct mdns_record {
    struct mdns_name name;
    uint16_t type;
    uint32_t ttl;
    bool is_question;
    struct mdns_name target; /* PTR, SRV */
    uint16_t port;           /* SRV */
    uint8_t ip[4];           /* A */
    const uint8_t *txt;      /* TXT, as on the wire */
    size_t txt_len;
};

struct mdns_reader {
    const uint8_t *message;
    size_t len, at;
    uint16_t questions, records;
    bool is_response;
};

bool mdns_read(struct mdns_reader *r, const uint8_t *message, size_t len);
/* The next question or record; those of other types too, with their name and type alone. False: no more, or
 * malformed from here on. */
bool mdns_next(struct mdns_reader *r, struct mdns_record *record);
/* The i-th string of a TXT record, NUL-terminated and cut to fit. */
bool mdns_txt(const struct mdns_record *record, size_t i, char *out, size_t cap);

struct mdns_writer {
    uint8_t message[MDNS_MESSAGE_MAX];
    size_t len;
    bool failed;
};

void mdns_begin(struct mdns_writer *w, bool is_response);
void mdns_ask(struct mdns_writer *w, const struct mdns_name *name, enum mdns_type type);
/* Answers. `ttl` 0 is a goodbye. */
void mdns_put_ptr(struct mdns_writer *w, const struct mdns_name *name, const struct mdns_name *target,
                  uint32_t ttl);
void mdns_put_srv(struct mdns_writer *w, const struct mdns_name *name, const struct mdns_name *host,
                  uint16_t port, uint32_t ttl);
void mdns_put_txt(struct mdns_writer *w, const struct mdns_name *name, const char *const text[], size_t count,
                  uint32_t ttl);
void mdns_put_a(struct mdns_writer *w, const struct mdns_name *name, const uint8_t ip[4], uint32_t ttl);

#endif
