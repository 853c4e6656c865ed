#include "check.h"

#include "base/crypto.h"
#include "ice/stun.h"

/* RFC 5769 sections 2.1 to 2.3; the password is that of section 2. */
#define PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"

static const uint8_t rfc5769_request[] = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
};

static const uint8_t rfc5769_ipv4[] = {
    0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
    0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
    0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9,
    0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96,
};

static const uint8_t rfc5769_ipv6[] = {
    0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
    0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
    0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9, 0x00, 0x08, 0x00, 0x14,
    0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1, 0x17, 0x84, 0xc9, 0x7c, 0x82, 0x92, 0xc2, 0x75,
    0xbf, 0xe3, 0xed, 0x41, 0x80, 0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c,
};

static void reads_the_request_of_rfc5769(void **state)
{
    (void)state;
    struct stun_message m;
    assert_true(stun_parse(&m, rfc5769_request, sizeof rfc5769_request));
    assert_int_equal(m.class_, STUN_REQUEST);
    assert_int_equal(m.method, STUN_BINDING);
    assert_int_equal(m.username_len, 9);
    assert_memory_equal(m.username, "evtj:h6vY", 9);
    assert_int_equal(m.priority, 0x6e0001ff);
    assert_true(m.controlled);
    assert_true(m.tie_breaker == 0x932ff9b151263b36u);
    assert_true(m.has_fingerprint);
    assert_true(stun_integrity_ok(&m, PASSWORD));
    assert_false(stun_integrity_ok(&m, "VOkJxbRl1RmTxUk/WvJxBT"));
}

static void reads_the_responses_of_rfc5769(void **state)
{
    (void)state;
    struct stun_message m;
    struct peer_address want;
    assert_true(stun_parse(&m, rfc5769_ipv4, sizeof rfc5769_ipv4));
    assert_int_equal(m.class_, STUN_SUCCESS);
    assert_true(stun_integrity_ok(&m, PASSWORD));
    assert_true(peer_address_parse(&want, "192.0.2.1", 32853));
    assert_true(addr_equal(&m.mapped, &want));
    assert_true(stun_parse(&m, rfc5769_ipv6, sizeof rfc5769_ipv6));
    assert_true(stun_integrity_ok(&m, PASSWORD));
    assert_true(peer_address_parse(&want, "2001:db8:1234:5678:11:2233:4455:6677", 32853));
    assert_true(addr_equal(&m.mapped, &want));
}

static void no_bit_of_a_request_can_change(void **state)
{
    (void)state;
    uint8_t copy[sizeof rfc5769_request];
    for (size_t bit = 0; bit < 8 * sizeof copy; bit++) {
        struct stun_message m;
        memcpy(copy, rfc5769_request, sizeof copy);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(stun_parse(&m, copy, sizeof copy) && m.has_fingerprint &&
                     stun_integrity_ok(&m, PASSWORD));
    }
}

static void no_prefix_of_a_request_is_a_message(void **state)
{
    (void)state;
    struct stun_message m;
    for (size_t len = 0; len < sizeof rfc5769_request; len++)
        assert_false(stun_parse(&m, rfc5769_request, len));
}

static const uint8_t tid[STUN_TID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void writes_what_it_reads(void **state)
{
    (void)state;
    uint8_t data[256];
    struct stun_message m;
    struct peer_address address;
    peer_address_parse(&address, "fe80::1:2", 4242);
    struct buf_writer w = buf_writer(data, sizeof data);
    stun_begin(&w, STUN_REQUEST, tid);
    stun_put_username(&w, "abcd", "xyz");
    stun_put_priority(&w, 77);
    stun_put_role(&w, true, 0x1122334455667788u);
    stun_put_use_candidate(&w);
    stun_put_mapped(&w, &address);
    assert_true(stun_finish(&w, PASSWORD));
    assert_true(stun_parse(&m, data, w.len));
    assert_memory_equal(m.tid, tid, sizeof tid);
    assert_memory_equal(m.username, "abcd:xyz", 8);
    assert_int_equal(m.priority, 77);
    assert_true(m.controlling && !m.controlled && m.use_candidate);
    assert_true(m.tie_breaker == 0x1122334455667788u);
    assert_true(addr_equal(&m.mapped, &address));
    assert_true(m.has_fingerprint && stun_integrity_ok(&m, PASSWORD));
}

static void writes_errors_and_lists_the_unknown(void **state)
{
    (void)state;
    uint8_t data[128];
    struct stun_message m;
    const uint16_t types[] = {0x7777, 0x0031, 0x0032};
    struct buf_writer w = buf_writer(data, sizeof data);
    stun_begin(&w, STUN_ERROR, tid);
    stun_put_error(&w, STUN_UNKNOWN_ATTRIBUTE);
    stun_put_unknown(&w, types, 3);
    assert_true(stun_finish(&w, NULL));
    assert_true(stun_parse(&m, data, w.len));
    assert_int_equal(m.class_, STUN_ERROR);
    assert_int_equal(m.error_code, 420);
    assert_null(m.integrity);
    assert_false(stun_integrity_ok(&m, PASSWORD));
}

static void notes_attributes_it_must_understand(void **state)
{
    (void)state;
    uint8_t data[128];
    struct stun_message m;
    struct buf_writer w = buf_writer(data, sizeof data);
    stun_begin(&w, STUN_REQUEST, tid);
    for (int i = 0; i < 6; i++)
        buf_put_u32(&w, 0x7f000000);
    buf_put_u32(&w, 0xff000000);
    assert_true(stun_finish(&w, PASSWORD));
    assert_true(stun_parse(&m, data, w.len));
    assert_int_equal(m.unknown_count, STUN_MAX_UNKNOWN);
    assert_int_equal(m.unknown[0], 0x7f00);
}

static void ignores_what_follows_the_integrity(void **state)
{
    (void)state;
    uint8_t data[128], mac[20] = {0};
    struct stun_message m;
    struct buf_writer w = buf_writer(data, sizeof data);
    stun_begin(&w, STUN_REQUEST, tid);
    buf_put_u32(&w, 0x00080014);
    buf_put(&w, mac, sizeof mac);
    stun_put_use_candidate(&w);
    assert_true(stun_finish(&w, NULL));
    assert_true(stun_parse(&m, data, w.len));
    assert_false(m.use_candidate);
}

static void refuses_wrong_lengths_of_attributes(void **state)
{
    (void)state;
    static const uint16_t types[] = {0x0008, 0x0009, 0x0024, 0x8029, 0x8028};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        uint8_t data[64];
        struct stun_message m;
        struct buf_writer w = buf_writer(data, sizeof data);
        stun_begin(&w, STUN_REQUEST, tid);
        buf_put_u16(&w, types[i]);
        buf_put_u16(&w, 3);
        buf_put_u32(&w, 0);
        buf_patch_u16(&w, 2, 8);
        assert_false(stun_parse(&m, data, w.len));
    }
}

static void a_full_buffer_fails_the_message(void **state)
{
    (void)state;
    uint8_t data[100];
    for (size_t cap = 0; cap < 80; cap++) {
        struct buf_writer w = buf_writer(data, cap);
        struct peer_address address = {.family = 4};
        stun_begin(&w, STUN_SUCCESS, tid);
        stun_put_mapped(&w, &address);
        assert_int_equal(stun_finish(&w, PASSWORD), cap >= 20 + 12 + 24 + 8);
    }
}

/* RFC 2202 section 3, cases 1, 2 and 6 (a key longer than the block). */
static void hmac_sha1_of_rfc2202(void **state)
{
    (void)state;
    static const uint8_t want1[20] = {0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
                                      0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00};
    static const uint8_t want6[20] = {0xaa, 0x4a, 0xe5, 0xe1, 0x52, 0x72, 0xd0, 0x0e, 0x95, 0x70,
                                      0x56, 0x37, 0xce, 0x8a, 0x3b, 0x55, 0xed, 0x40, 0x21, 0x12};
    uint8_t key[80], mac[20];
    struct crypto_span there = {(const uint8_t *)"Hi There", 8};
    memset(key, 0x0b, 20);
    crypto_hmac_sha1(mac, key, 20, &there, 1);
    assert_memory_equal(mac, want1, 20);
    memset(key, 0xaa, 80);
    struct crypto_span parts[2] = {{(const uint8_t *)"Test Using Larger Than Block-Size Key", 37},
                                   {(const uint8_t *)" - Hash Key First", 17}};
    crypto_hmac_sha1(mac, key, 80, parts, 2);
    assert_memory_equal(mac, want6, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_request_of_rfc5769),
        cmocka_unit_test(reads_the_responses_of_rfc5769),
        cmocka_unit_test(no_bit_of_a_request_can_change),
        cmocka_unit_test(no_prefix_of_a_request_is_a_message),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(writes_errors_and_lists_the_unknown),
        cmocka_unit_test(notes_attributes_it_must_understand),
        cmocka_unit_test(ignores_what_follows_the_integrity),
        cmocka_unit_test(refuses_wrong_lengths_of_attributes),
        cmocka_unit_test(a_full_buffer_fails_the_message),
        cmocka_unit_test(hmac_sha1_of_rfc2202),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
