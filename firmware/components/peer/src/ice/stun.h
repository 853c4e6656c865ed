/* STUN messages, RFC 8489, as far as ICE uses them. Parsing points into the datagram. */
#ifndef PEER_STUN_H
#define PEER_STUN_H

#include "base/addr.h"
#include "base/buf.h"

#define STUN_TID_LEN 12
#define STUN_MAX_UNKNOWN 4 /* of unknown attributes, as many as a 420 answer lists */

enum stun_class { STUN_REQUEST = 0, STUN_INDICATION = 1, STUN_SUCCESS = 2, STUN_ERROR = 3 };

enum stun_code {
    STUN_BAD_REQUEST = 400,
    STUN_UNAUTHENTICATED = 401,
    STUN_UNKNOWN_ATTRIBUTE = 420,
    STUN_ROLE_CONFLICT = 487,
};

struct stun_message {
    enum stun_class class_;
    uint16_t method;
    const uint8_t *tid;
    const uint8_t *username; /* NULL if absent; so are the others */
    size_t username_len;
    uint32_t priority;
    bool has_priority;
    bool use_candidate;
    bool controlling; /* ICE-CONTROLLING is present, with tie_breaker */
    bool controlled;
    uint64_t tie_breaker;
    struct peer_address mapped; /* XOR-MAPPED-ADDRESS, else family 0 */
    uint16_t error_code;
    const uint8_t *integrity; /* the HMAC, NULL if absent */
    bool has_fingerprint;     /* and it was right */
    uint16_t unknown[STUN_MAX_UNKNOWN];
    size_t unknown_count;
    const uint8_t *start;
};

#define STUN_BINDING 0x001 /* RFC 8489 section 18.2 */

/* Does a datagram with this first byte belong to STUN? RFC 7983 section 7. */
bool stun_is_first_byte(uint8_t first);
bool stun_parse(struct stun_message *m, const uint8_t *data, size_t len);
bool stun_integrity_ok(const struct stun_message *m, const char *password);

/* Writing: begin, attributes, then finish, which adds MESSAGE-INTEGRITY (if there is a password) and
 * FINGERPRINT. */
void stun_begin(struct buf_writer *w, enum stun_class class_, const uint8_t tid[STUN_TID_LEN]);
void stun_put_username(struct buf_writer *w, const char *to, const char *from);
void stun_put_priority(struct buf_writer *w, uint32_t priority);
void stun_put_use_candidate(struct buf_writer *w);
void stun_put_role(struct buf_writer *w, bool controlling, uint64_t tie_breaker);
void stun_put_mapped(struct buf_writer *w, const struct peer_address *a);
void stun_put_error(struct buf_writer *w, uint16_t code);
void stun_put_unknown(struct buf_writer *w, const uint16_t *types, size_t count);
bool stun_finish(struct buf_writer *w, const char *password);

#endif
