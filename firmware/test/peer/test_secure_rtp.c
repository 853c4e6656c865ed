#include "check.h"

#include "media/secure_rtp.h"

/* Master key and salt of RFC 3711 appendix B.3, as the exporter would give them to the client. */
static const uint8_t material[CRYPTO_KEYING_MATERIAL] = {
    0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0, 0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE, 0x41, 0x39,
    1,    1,    1,    1,    1,    1,    1,    1,    1,    1,    1,    1,    1,    1,    1,    1,
    0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6,
};

static const uint8_t plain[28] = {0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe,
                                  0xba, 0xbe, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
                                  0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab};

/* Computed apart from libsrtp, by sections 4.1.1, 4.2.1 and 4.3.1 of RFC 3711, with the session keys that
 * appendix B.3 lists. */
static const uint8_t aes_cm[38] = {0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe,
                                   0xba, 0xbe, 0x4e, 0x55, 0xdc, 0x4c, 0xe7, 0x99, 0x78, 0xd8,
                                   0x8c, 0xa4, 0xd2, 0x15, 0x94, 0x9d, 0x24, 0x02, 0xb7, 0x8d,
                                   0x6a, 0xcc, 0x99, 0xea, 0x17, 0x9b, 0x8d, 0xbb};

/* Likewise by sections 8.1 and 11 of RFC 7714, with the first twelve bytes of the salt. */
static const uint8_t aes_gcm[44] = {0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe, 0xba,
                                    0xbe, 0x0e, 0xca, 0x0c, 0xf9, 0x5e, 0xe9, 0x55, 0xb2, 0x6c, 0xd3,
                                    0xd2, 0x88, 0xb4, 0x9f, 0x6c, 0xa9, 0x59, 0x17, 0x14, 0x50, 0x97,
                                    0x5f, 0x41, 0x44, 0xda, 0x9c, 0xdd, 0x7a, 0xe9, 0x89, 0xa2, 0x77};

static void material_for(enum dtls_profile profile, uint8_t out[CRYPTO_KEYING_MATERIAL])
{
    memcpy(out, material, CRYPTO_KEYING_MATERIAL);
    if (profile == DTLS_SRTP_AEAD_AES_128_GCM)
        memset(out + 32 + 12, 2, 12);
}

static void encrypts_as(enum dtls_profile profile, const uint8_t *want, size_t len)
{
    struct secure_rtp client, server;
    uint8_t data[64], keys[CRYPTO_KEYING_MATERIAL];
    material_for(profile, keys);
    assert_true(secure_rtp_init(&client, profile, keys, true));
    assert_true(secure_rtp_init(&server, profile, keys, false));
    memcpy(data, plain, sizeof plain);
    assert_int_equal(secure_rtp_protect(&client, data, sizeof plain), len);
    assert_memory_equal(data, want, len);
    assert_int_equal(secure_rtp_unprotect(&server, data, len), sizeof plain);
    assert_memory_equal(data, plain, sizeof plain);
    memcpy(data, want, len);
    assert_int_equal(secure_rtp_unprotect(&server, data, len), 0); /* replayed */
    secure_rtp_free(&client);
    secure_rtp_free(&server);
}

static void encrypts_by_rfc3711(void **state)
{
    (void)state;
    encrypts_as(DTLS_SRTP_AES128_CM_SHA1_80, aes_cm, sizeof aes_cm);
}

static void encrypts_by_rfc7714(void **state)
{
    (void)state;
    encrypts_as(DTLS_SRTP_AEAD_AES_128_GCM, aes_gcm, sizeof aes_gcm);
}

static void no_bit_can_change(void **state)
{
    (void)state;
    struct secure_rtp server;
    assert_true(secure_rtp_init(&server, DTLS_SRTP_AES128_CM_SHA1_80, material, false));
    for (size_t bit = 0; bit < 8 * sizeof aes_cm; bit++) {
        uint8_t data[sizeof aes_cm];
        memcpy(data, aes_cm, sizeof data);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(secure_rtp_unprotect(&server, data, sizeof data), 0);
    }
    assert_int_equal(server.source_count, 0);
    for (size_t len = 0; len < sizeof aes_cm; len++) {
        uint8_t data[sizeof aes_cm];
        memcpy(data, aes_cm, sizeof data);
        assert_int_equal(secure_rtp_unprotect(&server, data, len), 0);
    }
    secure_rtp_free(&server);
}

static void protects_rtcp(void **state)
{
    (void)state;
    struct secure_rtp client, server;
    uint8_t data[64] = {0x80, 201, 0, 1, 0, 0, 0, 9};
    assert_true(secure_rtp_init(&client, DTLS_SRTP_AES128_CM_SHA1_80, material, true));
    assert_true(secure_rtp_init(&server, DTLS_SRTP_AES128_CM_SHA1_80, material, false));
    assert_int_equal(secure_rtp_protect_rtcp(&client, data, 8), 8 + 4 + 10);
    assert_int_equal(secure_rtp_unprotect_rtcp(&server, data, 7), 0);
    assert_int_equal(secure_rtp_unprotect_rtcp(&server, data, 22), 8);
    assert_int_equal(data[7], 9);
    secure_rtp_free(&client);
    secure_rtp_free(&server);
    assert_int_equal(secure_rtp_protect(&client, data, 12), 0); /* freed */
}

/* A remote that takes a new SSRC for each packet. */
static void keeps_few_sources(void **state)
{
    (void)state;
    struct secure_rtp client, server;
    assert_true(secure_rtp_init(&client, DTLS_SRTP_AES128_CM_SHA1_80, material, true));
    assert_true(secure_rtp_init(&server, DTLS_SRTP_AES128_CM_SHA1_80, material, false));
    for (uint8_t i = 0; i < 50; i++) {
        uint8_t data[64];
        memcpy(data, plain, sizeof plain);
        data[11] = i;
        assert_int_equal(secure_rtp_protect(&client, data, sizeof plain), sizeof aes_cm);
        assert_int_equal(secure_rtp_unprotect(&server, data, sizeof aes_cm), sizeof plain);
    }
    assert_int_equal(server.source_count, SECURE_RTP_SOURCES);
    secure_rtp_free(&client);
    secure_rtp_free(&server);
}

static void refuses_other_profiles(void **state)
{
    (void)state;
    struct secure_rtp s;
    assert_false(secure_rtp_init(&s, DTLS_SRTP_NONE, material, true));
    assert_false(secure_rtp_init(&s, (enum dtls_profile)2, material, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encrypts_by_rfc3711), cmocka_unit_test(encrypts_by_rfc7714),
        cmocka_unit_test(no_bit_can_change),   cmocka_unit_test(protects_rtcp),
        cmocka_unit_test(keeps_few_sources),   cmocka_unit_test(refuses_other_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
