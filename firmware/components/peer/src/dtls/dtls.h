/* DTLS 1.2 with use_srtp over mbedTLS (RFC 6347, 5764). mbedTLS allocates at dtls_start() and during the
 * handshake; everything else here is of fixed size. */
#ifndef PEER_DTLS_H
#define PEER_DTLS_H

#include <mbedtls/x509_crt.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "dtls/dtls_hello.h"
#include "peer.h"

#define DTLS_RTO_MIN_MS 1000 /* RFC 6347 section 4.2.4.1: one second, doubled at each retransmission ... */
#define DTLS_RTO_MAX_MS                                                                                      \
    60000 /* ... up to here; after that the handshake fails, 123 s after its last progress */
#define DTLS_COOKIE_LEN 16
#define DTLS_MAX_PLAINTEXT                                                                                   \
    (PEER_MTU - 13 - 16 - 16 - 20) /* the worst suite: CBC with SHA-1, RFC 5246 6.2.3.2 */

enum dtls_state { DTLS_IDLE, DTLS_HANDSHAKE, DTLS_CONNECTED, DTLS_CLOSED, DTLS_FAILED };

enum dtls_profile { DTLS_SRTP_NONE = 0, DTLS_SRTP_AES128_CM_SHA1_80 = 1, DTLS_SRTP_AEAD_AES_128_GCM = 7 };

/* Where the one datagram that may be on its way out lies. `open`: there is a route to send it on. */
struct outbox {
    uint8_t data[PEER_MTU];
    size_t len;
    bool open;
};

struct dtls_timer {
    uint64_t intermediate, final; /* final CLOCK_NEVER: not running */
};

struct dtls {
    struct rng rng;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    struct crypto_exporter exporter;
    struct dtls_timer timer;
    struct outbox *outbox;
    struct dtls_hello *hello; /* ours only during the handshake */
    const uint8_t *in;
    size_t in_len;
    uint64_t now;
    enum dtls_state state;
    enum dtls_profile profile;
    bool is_server;
    bool saw_certificate, verified;
    uint8_t fingerprint[32];
    uint8_t cookie[DTLS_COOKIE_LEN];
};

bool dtls_init(struct dtls *d, const struct rng *rng, const struct peer_identity *identity,
               struct outbox *outbox, struct dtls_hello *hello);
void dtls_free(struct dtls *d);

/* As server it waits for a ClientHello. `fingerprint` is the one signalled, of the remote's certificate. */
bool dtls_start(struct dtls *d, uint64_t now, bool is_server, const uint8_t fingerprint[32]);

bool dtls_is_first_byte(uint8_t first); /* RFC 7983 section 7 */
/* A datagram; then dtls_read() until it gives 0. */
void dtls_handle_datagram(struct dtls *d, uint64_t now, const uint8_t *data, size_t len);
size_t dtls_read(struct dtls *d, uint8_t *out, size_t cap);
void dtls_handle_timeout(struct dtls *d, uint64_t now);
uint64_t dtls_next_timeout(const struct dtls *d);
/* Lets a flight go on that found the outbox full or shut. */
void dtls_flush(struct dtls *d, uint64_t now);
/* Needs an open and empty outbox. */
bool dtls_write(struct dtls *d, const uint8_t *data, size_t len);
void dtls_close(struct dtls *d);

#endif
