#include "peer/link.h"

#include "media/rtcp.h"

static const struct rtcp_sender_info info = {.ntp = 0x1122334455667788, .rtp = 9, .packets = 10, .bytes = 11};
static const struct rtcp_block block = {.ssrc = 42,
                                        .fraction_lost = 128,
                                        .lost = -3,
                                        .extended_max = 70000,
                                        .jitter = 5,
                                        .last_sr = 6,
                                        .delay_since_sr = 7};

static void writes_what_it_reads(void **state)
{
    (void)state;
    uint8_t data[256];
    struct rtcp_report r;
    for (unsigned i = 0; i < 8; i++) {
        struct buf_writer w = buf_writer(data, sizeof data);
        assert_true(rtcp_write(&w, 7, "abc", i & 1 ? &info : NULL, i & 2 ? &block : NULL, i & 4));
        assert_int_equal(w.len % 4, 0);
        assert_true(rtcp_parse(&r, 42, data, w.len));
        assert_int_equal(r.sender, 7);
        assert_int_equal(r.has_sender_info, i & 1);
        assert_int_equal(r.has_block, (i & 2) / 2);
        assert_int_equal(r.bye, (i & 4) / 4);
        if (r.has_sender_info)
            assert_true(r.info.ntp == info.ntp && r.info.rtp == 9 && r.info.packets == 10 &&
                        r.info.bytes == 11);
        if (r.has_block)
            assert_true(r.block.ssrc == 42 && r.block.fraction_lost == 128 && r.block.lost == -3 &&
                        r.block.extended_max == 70000 && r.block.jitter == 5 && r.block.last_sr == 6 &&
                        r.block.delay_since_sr == 7);
        for (size_t len = 0; len < w.len; len++) /* a prefix may end between two packets only */
            assert_true(!rtcp_parse(&r, 42, data, len) || len % 4 == 0);
    }
}

static void pads_a_cname_of_any_length(void **state)
{
    (void)state;
    uint8_t data[128];
    struct rtcp_report r;
    static const char *const names[] = {"", "a", "ab", "abc", "abcd", "abcde"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf_writer w = buf_writer(data, sizeof data);
        assert_true(rtcp_write(&w, 7, names[i], NULL, NULL, true));
        assert_true(rtcp_parse(&r, 0, data, w.len) && r.bye);
        assert_int_equal(data[w.len - 8 - 1], 0); /* RFC 3550 section 6.5: ended by a zero */
    }
}

static void takes_only_the_block_about_us(void **state)
{
    (void)state;
    uint8_t data[128];
    struct rtcp_report r;
    struct buf_writer w = buf_writer(data, sizeof data);
    assert_true(rtcp_write(&w, 7, "abc", NULL, &block, false));
    assert_true(rtcp_parse(&r, 43, data, w.len));
    assert_false(r.has_block);
}

static void refuses_malformed_packets(void **state)
{
    (void)state;
    const uint8_t version[] = {0x40, 201, 0, 1, 0, 0, 0, 1}, too_long[] = {0x80, 201, 0, 2, 0, 0, 0, 1};
    const uint8_t no_block[] = {0x81, 201, 0, 1, 0, 0, 0, 1},
                  padded[] = {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4};
    uint8_t wrong[12];
    struct rtcp_report r;
    assert_false(rtcp_parse(&r, 0, version, 8));
    assert_false(rtcp_parse(&r, 0, too_long, 8));
    assert_false(rtcp_parse(&r, 0, no_block, 8));
    assert_false(rtcp_parse(&r, 0, version, 0));
    assert_true(rtcp_parse(&r, 0, padded, 12));
    memcpy(wrong, padded, 12);
    wrong[11] = 3;
    assert_false(rtcp_parse(&r, 0, wrong, 12));
    wrong[11] = 12;
    assert_false(rtcp_parse(&r, 0, wrong, 12));
}

/* RFC 3550 section 6.3.1: 5 s times 0.5 to 1.5, over 1.21828; half of it at first. */
static void waits_as_section_6_3_1_says(void **state)
{
    (void)state;
    uint64_t seed = 3, least = CLOCK_NEVER, most = 0;
    struct rng rng = {link_random, &seed};
    for (int i = 0; i < 1000; i++) {
        uint64_t t = rtcp_next_interval(&rng, false);
        least = t < least ? t : least;
        most = t > most ? t : most;
        assert_in_range(rtcp_next_interval(&rng, true), CLOCK_MS(1026), CLOCK_MS(3079));
    }
    assert_in_range(least, CLOCK_MS(2052), CLOCK_MS(2200));
    assert_in_range(most, CLOCK_MS(6000), CLOCK_MS(6157));
}

/* The example of RFC 3550 section 6.4.1, figure 2, on our clock: 6.125 s. */
static void measures_the_round_trip(void **state)
{
    (void)state;
    struct rtcp_block b = {.last_sr = 0xb7052000, .delay_since_sr = 0x00054000};
    uint64_t ntp = (uint64_t)0xb710 << 32 | 0x80000000u;
    assert_int_equal(rtcp_ntp_middle(ntp), 0xb7108000);
    uint64_t now = CLOCK_S(0xb710) + CLOCK_MS(500);
    assert_int_equal(rtcp_ntp_middle(rtcp_ntp(now)), 0xb7108000);
    assert_in_range(rtcp_round_trip(now, &b), 6124900, 6125100);
    b.delay_since_sr = 0x00ffffff;
    assert_int_equal(rtcp_round_trip(now, &b), 0);
    b.last_sr = 0;
    assert_int_equal(rtcp_round_trip(now, &b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_it_reads),          cmocka_unit_test(pads_a_cname_of_any_length),
        cmocka_unit_test(takes_only_the_block_about_us), cmocka_unit_test(refuses_malformed_packets),
        cmocka_unit_test(waits_as_section_6_3_1_says),   cmocka_unit_test(measures_the_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
