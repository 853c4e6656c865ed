/* The self-signed certificate, written here byte by byte: mbedTLS before 3.5 puts a NULL into the
 * AlgorithmIdentifier of an ECDSA signature, which RFC 5758 section 3.2 forbids, and OpenSSL and
 * python's `cryptography` then refuse the certificate. */
#include "base/crypto.h"
#include "peer.h"

#define SERIAL_LEN 8

/* SEQUENCE { OID ecdsa-with-SHA256 }, RFC 5758 section 3.2: no parameters */
static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

/* CN=peer, as issuer and as subject */
static const uint8_t name[] = {0x30, 0x0f, 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55,
                               0x04, 0x03, 0x0c, 0x04, 'p',  'e',  'e',  'r'};

/* A device has no wall clock yet; only the fingerprint is trusted, so the dates span what UTCTime can. */
static const uint8_t validity[] = {0x30, 0x1e, 0x17, 0x0d, '2', '0', '0',  '1',  '0', '1', '0',
                                   '0',  '0',  '0',  '0',  '0', 'Z', 0x17, 0x0d, '4', '9', '1',
                                   '2',  '3',  '1',  '2',  '3', '5', '9',  '5',  '9', 'Z'};

static const uint8_t version3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};

/* RFC 5280 section 4.1 */
static bool write_tbs(struct buf_writer *w, const uint8_t serial[SERIAL_LEN],
                      const uint8_t spki[CRYPTO_SPKI_LEN])
{
    size_t len = sizeof version3 + 2 + SERIAL_LEN + sizeof algorithm + 2 * sizeof name + sizeof validity +
                 CRYPTO_SPKI_LEN;
    buf_put_u16(w, 0x3081); /* SEQUENCE, length in one byte: it is always between 128 and 255 */
    buf_put_u8(w, (uint8_t)len);
    buf_put(w, version3, sizeof version3);
    buf_put_u16(w, 0x0200 | SERIAL_LEN);
    buf_put(w, serial, SERIAL_LEN);
    buf_put(w, algorithm, sizeof algorithm);
    buf_put(w, name, sizeof name);
    buf_put(w, validity, sizeof validity);
    buf_put(w, name, sizeof name);
    buf_put(w, spki, CRYPTO_SPKI_LEN);
    return !w->failed && len > 127 && len < 256;
}

static bool write_cert(struct buf_writer *w, const struct buf_writer *tbs, const uint8_t *sig, size_t sig_len)
{
    size_t len = tbs->len + sizeof algorithm + 3 + sig_len;
    buf_put_u16(w, 0x3082);
    buf_put_u16(w, (uint16_t)len);
    buf_put(w, tbs->data, tbs->len);
    buf_put(w, algorithm, sizeof algorithm);
    buf_put_u8(w, 0x03); /* BIT STRING, no unused bits */
    buf_put_u8(w, (uint8_t)(sig_len + 1));
    buf_put_u8(w, 0);
    buf_put(w, sig, sig_len);
    return !w->failed && len > 255 && sig_len < 127;
}

static bool make_cert(struct peer_identity *id, mbedtls_pk_context *key, const struct rng *rng)
{
    uint8_t spki[CRYPTO_SPKI_LEN], serial[SERIAL_LEN], hash[32], sig[CRYPTO_SIGNATURE_MAX], data[256];
    struct buf_writer tbs = buf_writer(data, sizeof data), cert = buf_writer(id->cert, sizeof id->cert);
    size_t sig_len = 0;
    rng_fill(rng, serial, sizeof serial);
    serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and in its shortest form */
    if (mbedtls_pk_write_pubkey_der(key, spki, sizeof spki) != sizeof spki || !write_tbs(&tbs, serial, spki))
        return false;
    if (!crypto_sha256(hash, tbs.data, tbs.len) || !crypto_sign(key, hash, sig, &sig_len, rng))
        return false;
    if (!write_cert(&cert, &tbs, sig, sig_len))
        return false;
    id->cert_len = (uint16_t)cert.len;
    return crypto_sha256(id->fingerprint, id->cert, cert.len);
}

/* mbedTLS writes at the end of the buffer. */
static bool save_key(struct peer_identity *id, mbedtls_pk_context *key)
{
    int len = mbedtls_pk_write_key_der(key, id->key, sizeof id->key);
    if (len <= 0)
        return false;
    memmove(id->key, id->key + sizeof id->key - len, (size_t)len);
    id->key_len = (uint16_t)len;
    return true;
}

enum peer_error peer_identity_make(struct peer_identity *identity, const struct peer_random *random)
{
    struct rng rng = {random->fill, random->user};
    mbedtls_pk_context key;
    memset(identity, 0, sizeof *identity);
    mbedtls_pk_init(&key);
    bool ok = crypto_start() && crypto_key_make(&key, &rng) && save_key(identity, &key) &&
              make_cert(identity, &key, &rng);
    mbedtls_pk_free(&key);
    return ok ? PEER_OK : PEER_ERR_CRYPTO;
}
