#include "base/crypto.h"

#include <mbedtls/platform_util.h>

#if MBEDTLS_VERSION_NUMBER < 0x04000000
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#endif
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && MBEDTLS_VERSION_NUMBER < 0x04000000 &&                           \
    defined(MBEDTLS_PSA_CRYPTO_C)
#include <psa/crypto.h>
#endif

#define SHA1_BLOCK 64

/* ---- hashes ---- */

#if MBEDTLS_VERSION_NUMBER >= 0x04000000

static void sha1_parts(uint8_t hash[20], const struct crypto_span *parts, size_t count)
{
    psa_hash_operation_t op = PSA_HASH_OPERATION_INIT;
    size_t len;
    bool ok = psa_hash_setup(&op, PSA_ALG_SHA_1) == PSA_SUCCESS;
    for (size_t i = 0; ok && i < count; i++)
        ok = psa_hash_update(&op, parts[i].data, parts[i].len) == PSA_SUCCESS;
    if (!ok || psa_hash_finish(&op, hash, 20, &len) != PSA_SUCCESS) {
        psa_hash_abort(&op);
        memset(hash, 0, 20);
    }
}

bool crypto_sha256(uint8_t hash[32], const uint8_t *data, size_t len)
{
    size_t hash_len;
    return psa_hash_compute(PSA_ALG_SHA_256, data, len, hash, 32, &hash_len) == PSA_SUCCESS;
}

#else

#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define mbedtls_sha1_starts mbedtls_sha1_starts_ret
#define mbedtls_sha1_update mbedtls_sha1_update_ret
#define mbedtls_sha1_finish mbedtls_sha1_finish_ret
#define mbedtls_sha256 mbedtls_sha256_ret
#endif

static void sha1_parts(uint8_t hash[20], const struct crypto_span *parts, size_t count)
{
    mbedtls_sha1_context sha;
    mbedtls_sha1_init(&sha);
    bool ok = mbedtls_sha1_starts(&sha) == 0;
    for (size_t i = 0; ok && i < count; i++)
        ok = mbedtls_sha1_update(&sha, parts[i].data, parts[i].len) == 0;
    if (!ok || mbedtls_sha1_finish(&sha, hash) != 0)
        memset(hash, 0, 20);
    mbedtls_sha1_free(&sha);
}

bool crypto_sha256(uint8_t hash[32], const uint8_t *data, size_t len)
{
    return mbedtls_sha256(data, len, hash, 0) == 0;
}

#endif

/* RFC 2104 over the bare hash: mbedtls_md_hmac() would allocate for each STUN message. */
void crypto_hmac_sha1(uint8_t mac[20], const uint8_t *key, size_t key_len, const struct crypto_span *parts,
                      size_t count)
{
    uint8_t pad[SHA1_BLOCK] = {0}, inner[20];
    struct crypto_span list[4] = {{pad, sizeof pad}};
    if (count > 3) {
        memset(mac, 0, 20);
        return;
    }
    if (key_len > sizeof pad) {
        struct crypto_span whole = {key, key_len};
        sha1_parts(pad, &whole, 1);
    } else if (key_len > 0) {
        memcpy(pad, key, key_len);
    }
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36;
    memcpy(list + 1, parts, count * sizeof *parts);
    sha1_parts(inner, list, 1 + count);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    list[1] = (struct crypto_span){inner, sizeof inner};
    sha1_parts(mac, list, 2);
    crypto_wipe(pad, sizeof pad);
}

bool crypto_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < len; i++)
        difference = (uint8_t)(difference | (a[i] ^ b[i]));
    return difference == 0;
}

void crypto_wipe(void *data, size_t len)
{
    mbedtls_platform_zeroize(data, len);
}

bool crypto_start(void)
{
#if MBEDTLS_VERSION_NUMBER >= 0x04000000 ||                                                                  \
    (MBEDTLS_VERSION_NUMBER >= 0x03000000 && defined(MBEDTLS_PSA_CRYPTO_C))
    return psa_crypto_init() == PSA_SUCCESS;
#else
    return true;
#endif
}

/* ---- keys ---- */

#if MBEDTLS_VERSION_NUMBER >= 0x04000000

/* PSA has a random generator of its own; ours only makes the ICE secrets there. */
bool crypto_key_make(mbedtls_pk_context *key, const struct rng *rng)
{
    psa_key_attributes_t a = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id = PSA_KEY_ID_NULL;
    (void)rng;
    psa_set_key_type(&a, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&a, 256);
    psa_set_key_usage_flags(&a, PSA_KEY_USAGE_SIGN_HASH | PSA_KEY_USAGE_EXPORT | PSA_KEY_USAGE_COPY);
    psa_set_key_algorithm(&a, PSA_ALG_ECDSA(PSA_ALG_ANY_HASH));
    if (psa_generate_key(&a, &id) != PSA_SUCCESS)
        return false;
    bool ok = mbedtls_pk_copy_from_psa(id, key) == 0;
    psa_destroy_key(id);
    return ok;
}

bool crypto_key_parse(mbedtls_pk_context *key, const uint8_t *der, size_t len, const struct rng *rng)
{
    (void)rng;
    return mbedtls_pk_parse_key(key, der, len, NULL, 0) == 0;
}

bool crypto_sign(mbedtls_pk_context *key, const uint8_t hash[32], uint8_t sig[CRYPTO_SIGNATURE_MAX],
                 size_t *len, const struct rng *rng)
{
    (void)rng;
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, sig, CRYPTO_SIGNATURE_MAX, len) == 0;
}

#else

static int fill(void *user, unsigned char *out, size_t len)
{
    rng_fill(user, out, len);
    return 0;
}

bool crypto_key_make(mbedtls_pk_context *key, const struct rng *rng)
{
    struct rng source = *rng;
    return mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0 &&
           mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), fill, &source) == 0;
}

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

bool crypto_key_parse(mbedtls_pk_context *key, const uint8_t *der, size_t len, const struct rng *rng)
{
    struct rng source = *rng;
    return mbedtls_pk_parse_key(key, der, len, NULL, 0, fill, &source) == 0;
}

bool crypto_sign(mbedtls_pk_context *key, const uint8_t hash[32], uint8_t sig[CRYPTO_SIGNATURE_MAX],
                 size_t *len, const struct rng *rng)
{
    struct rng source = *rng;
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, sig, CRYPTO_SIGNATURE_MAX, len, fill, &source) ==
           0;
}

#else

bool crypto_key_parse(mbedtls_pk_context *key, const uint8_t *der, size_t len, const struct rng *rng)
{
    (void)rng;
    return mbedtls_pk_parse_key(key, der, len, NULL, 0) == 0;
}

bool crypto_sign(mbedtls_pk_context *key, const uint8_t hash[32], uint8_t sig[CRYPTO_SIGNATURE_MAX],
                 size_t *len, const struct rng *rng)
{
    struct rng source = *rng;
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, sig, len, fill, &source) == 0;
}

#endif
#endif

/* ---- TLS ---- */

/* RFC 8827 section 6.5 requires the first; the RSA one is for servers with an RSA certificate. */
static const int suites[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
#ifdef MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
#endif
    0,
};

bool crypto_ssl_config(mbedtls_ssl_config *conf, int endpoint, const struct rng *rng)
{
    if (mbedtls_ssl_config_defaults(conf, endpoint, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return false;
    mbedtls_ssl_conf_ciphersuites(conf, suites);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0};
    mbedtls_ssl_conf_groups(conf, groups);
    mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};
    mbedtls_ssl_conf_curves(conf, groups);
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
#if MBEDTLS_VERSION_NUMBER < 0x04000000
    mbedtls_ssl_conf_rng(conf, fill, (void *)(uintptr_t)rng);
#else
    (void)rng;
#endif
    return true;
}

bool crypto_conf_srtp(mbedtls_ssl_config *conf)
{
    static const mbedtls_ssl_srtp_profile profiles[] = {
#ifdef MBEDTLS_TLS_SRTP_AEAD_AES_128_GCM
        MBEDTLS_TLS_SRTP_AEAD_AES_128_GCM,
#endif
        MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80,
        MBEDTLS_TLS_SRTP_UNSET,
    };
    return mbedtls_ssl_conf_dtls_srtp_protection_profiles(conf, profiles) == 0;
}

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define CHOSEN_PROFILE MBEDTLS_PRIVATE(chosen_dtls_srtp_profile)
#else
#define CHOSEN_PROFILE chosen_dtls_srtp_profile
#endif

uint16_t crypto_srtp_profile(const mbedtls_ssl_context *ssl)
{
    mbedtls_dtls_srtp_info info;
    mbedtls_ssl_get_dtls_srtp_negotiation_result(ssl, &info);
    return info.CHOSEN_PROFILE;
}

#define EXPORTER_LABEL "EXTRACTOR-dtls_srtp" /* RFC 5764 section 4.2 */

#if MBEDTLS_VERSION_NUMBER >= 0x04000000

/* mbedtls_ssl_export_keying_material() would do, but up to 4.1 it reads a NULL when, in DTLS, the last
 * flight was ours. The PRF of TLS 1.2 is PSA's instead. */
static bool prf_input(psa_key_derivation_operation_t *op, psa_key_derivation_step_t step, const uint8_t *data,
                      size_t len)
{
    return psa_key_derivation_input_bytes(op, step, data, len) == PSA_SUCCESS;
}

static bool tls_prf(mbedtls_tls_prf_types type, const uint8_t *master, const uint8_t seed[64], uint8_t *out,
                    size_t len)
{
    psa_key_derivation_operation_t op = PSA_KEY_DERIVATION_OPERATION_INIT;
    psa_algorithm_t alg = type == MBEDTLS_SSL_TLS_PRF_SHA384 ? PSA_ALG_TLS12_PRF(PSA_ALG_SHA_384)
                                                             : PSA_ALG_TLS12_PRF(PSA_ALG_SHA_256);
    bool ok = psa_key_derivation_setup(&op, alg) == PSA_SUCCESS &&
              prf_input(&op, PSA_KEY_DERIVATION_INPUT_SEED, seed, 64) &&
              prf_input(&op, PSA_KEY_DERIVATION_INPUT_SECRET, master, 48) &&
              prf_input(&op, PSA_KEY_DERIVATION_INPUT_LABEL, (const uint8_t *)EXPORTER_LABEL,
                        sizeof EXPORTER_LABEL - 1) &&
              psa_key_derivation_output_bytes(&op, out, len) == PSA_SUCCESS;
    psa_key_derivation_abort(&op);
    return ok;
}

#else

static bool tls_prf(mbedtls_tls_prf_types type, const uint8_t *master, const uint8_t seed[64], uint8_t *out,
                    size_t len)
{
    return mbedtls_ssl_tls_prf(type, master, 48, EXPORTER_LABEL, seed, 64, out, len) == 0;
}

#endif

static void derive(struct crypto_exporter *e, mbedtls_tls_prf_types type, const uint8_t *master,
                   const uint8_t client_random[32], const uint8_t server_random[32])
{
    uint8_t seed[64]; /* RFC 5705 section 4: client random, then server random */
    memcpy(seed, client_random, 32);
    memcpy(seed + 32, server_random, 32);
    e->ready = tls_prf(type, master, seed, e->material, sizeof e->material);
}

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

static void on_keys(void *user, mbedtls_ssl_key_export_type type, const unsigned char *secret, size_t len,
                    const unsigned char client_random[32], const unsigned char server_random[32],
                    mbedtls_tls_prf_types prf)
{
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET && len == 48)
        derive(user, prf, secret, client_random, server_random);
}

void crypto_exporter_arm(struct crypto_exporter *e, mbedtls_ssl_context *ssl, mbedtls_ssl_config *conf)
{
    (void)conf;
    e->ready = false;
    mbedtls_ssl_set_export_keys_cb(ssl, on_keys, e);
}

#else

static int on_keys(void *user, const unsigned char *master, const unsigned char *block, size_t mac_len,
                   size_t key_len, size_t iv_len, const unsigned char client_random[32],
                   const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    (void)block;
    (void)mac_len;
    (void)key_len;
    (void)iv_len;
    derive(user, prf, master, client_random, server_random);
    return 0;
}

void crypto_exporter_arm(struct crypto_exporter *e, mbedtls_ssl_context *ssl, mbedtls_ssl_config *conf)
{
    (void)ssl;
    e->ready = false;
    mbedtls_ssl_conf_export_keys_ext_cb(conf, on_keys, e);
}

#endif
