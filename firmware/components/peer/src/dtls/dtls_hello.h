/* A ClientHello in fragments, RFC 6347 section 4.2.3. mbedTLS before 4.0 takes only a whole one, while
 * browsers with post-quantum key shares send 1.4 KB. It is put together into one record for mbedTLS. */
#ifndef PEER_DTLS_HELLO_H
#define PEER_DTLS_HELLO_H

#include "base/buf.h"

#define DTLS_RECORD_HEADER 13
#define DTLS_MESSAGE_HEADER 12
#define DTLS_HELLO_MAX 2048 /* of its body */

enum dtls_hello_result { DTLS_HELLO_OTHER, DTLS_HELLO_PENDING, DTLS_HELLO_COMPLETE };

struct dtls_hello {
    uint16_t message_seq, total;
    uint16_t have;                     /* bytes from the start */
    uint16_t island_start, island_end; /* and one stretch that came early */
    bool active;
    uint8_t record[DTLS_RECORD_HEADER + DTLS_MESSAGE_HEADER + DTLS_HELLO_MAX];
};

/* OTHER: the datagram is something else, for mbedTLS to read as it is. */
enum dtls_hello_result dtls_hello_add(struct dtls_hello *h, const uint8_t *data, size_t len);
size_t dtls_hello_record_len(const struct dtls_hello *h);

#endif
