/* Everything that differs between mbedTLS 2.28, 3.6 and 4.x, and the few primitives the rest needs. */
#ifndef PEER_CRYPTO_H
#define PEER_CRYPTO_H

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#include "base/buf.h"
#include "base/rng.h"

#if MBEDTLS_VERSION_NUMBER >= 0x04000000
#include <psa/crypto.h>
#endif

#if !defined(MBEDTLS_SSL_PROTO_DTLS) || !defined(MBEDTLS_SSL_DTLS_SRTP)
#error "mbedTLS without DTLS-SRTP: set CONFIG_MBEDTLS_SSL_PROTO_DTLS and CONFIG_MBEDTLS_SSL_DTLS_SRTP"
#endif

#define CRYPTO_SPKI_LEN 91        /* P-256 SubjectPublicKeyInfo, RFC 5480 */
#define CRYPTO_SIGNATURE_MAX 72   /* Ecdsa-Sig-Value of P-256, RFC 3279 section 2.2.3 */
#define CRYPTO_KEYING_MATERIAL 60 /* RFC 5764 section 4.2: 2 * (16 + 14), the most we need */

struct crypto_span {
    const uint8_t *data;
    size_t len;
};

void crypto_hmac_sha1(uint8_t mac[20], const uint8_t *key, size_t key_len, const struct crypto_span *parts,
                      size_t count);
bool crypto_sha256(uint8_t hash[32], const uint8_t *data, size_t len);
/* In constant time. */
bool crypto_equal(const uint8_t *a, const uint8_t *b, size_t len);
void crypto_wipe(void *data, size_t len);

/* Once before anything of mbedTLS; cheap to repeat. */
bool crypto_start(void);

bool crypto_key_make(mbedtls_pk_context *key, const struct rng *rng);
bool crypto_key_parse(mbedtls_pk_context *key, const uint8_t *der, size_t len, const struct rng *rng);
bool crypto_sign(mbedtls_pk_context *key, const uint8_t hash[32], uint8_t sig[CRYPTO_SIGNATURE_MAX],
                 size_t *len, const struct rng *rng);

/* DTLS 1.2 only, ECDHE over P-256, our randomness. */
bool crypto_ssl_config(mbedtls_ssl_config *conf, int endpoint, const struct rng *rng);

/* Offer the SRTP protection profiles that mbedTLS can name, and the one that was agreed, 0 for none. No
 * mbedTLS up to 4.1 knows the number of AEAD_AES_128_GCM (RFC 7714 section 14.2). */
bool crypto_conf_srtp(mbedtls_ssl_config *conf);
uint16_t crypto_srtp_profile(const mbedtls_ssl_context *ssl);

/* The exporter of RFC 5764. mbedTLS hands the secrets over while the handshake still runs: arm it before, and
 * believe `ready` only when the handshake has finished and the peer is known. */
struct crypto_exporter {
    uint8_t material[CRYPTO_KEYING_MATERIAL];
    bool ready;
};

void crypto_exporter_arm(struct crypto_exporter *e, mbedtls_ssl_context *ssl, mbedtls_ssl_config *conf);

#endif
