#include "check.h"

#include <string.h>

#include "media/rtp.h"

static void reads_any_header_the_rfc_allows(void **state)
{
    (void)state;
    const uint8_t data[] = {0xb2, 0xef, 0x12, 0x34, 0, 0, 0, 5, 0xca, 0xfe, 0xba, 0xbe, /* X, P, 2 CSRC */
                            1,    1,    1,    1,    2, 2, 2, 2,                         /* CSRC */
                            0xbe, 0xde, 0,    1,    9, 9, 9, 9,                         /* extension */
                            7,    8,    9,    0,    0, 3};                              /* payload, padding */
    struct rtp_packet p;
    assert_true(rtp_parse(&p, data, sizeof data));
    assert_true(p.marker);
    assert_int_equal(p.type, 111);
    assert_int_equal(p.seq, 0x1234);
    assert_int_equal(p.timestamp, 5);
    assert_int_equal(p.ssrc, 0xcafebabe);
    assert_int_equal(p.len, 3);
    assert_int_equal(p.payload[0], 7);
    for (size_t len = 0; len < 28; len++) /* until the end of the extension, no prefix is a packet */
        assert_false(rtp_parse(&p, data, len));
}

static void refuses_wrong_headers(void **state)
{
    (void)state;
    uint8_t data[16] = {0x40};
    struct rtp_packet p;
    assert_false(rtp_parse(&p, data, 16)); /* version 1 */
    data[0] = 0xa0;
    assert_false(rtp_parse(&p, data, 16)); /* padding of 0 */
    data[15] = 5;
    assert_false(rtp_parse(&p, data, 16)); /* longer than the payload */
    assert_false(rtp_parse(&p, data, 12));
    data[15] = 4;
    assert_true(rtp_parse(&p, data, 16));
    assert_int_equal(p.len, 0);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    uint8_t data[12];
    struct buf_writer w = buf_writer(data, sizeof data);
    struct rtp_packet in = {.ssrc = 1, .timestamp = 2, .seq = 3, .type = 111, .marker = true}, out;
    rtp_put_header(&w, &in);
    assert_true(rtp_parse(&out, data, w.len));
    assert_true(out.ssrc == 1 && out.timestamp == 2 && out.seq == 3 && out.type == 111 && out.marker);
    assert_true(rtp_is_first_byte(data[0]));
    assert_false(rtp_is_first_byte(0x7f));
    assert_false(rtp_is_rtcp(data, w.len));
    data[1] = 200;
    assert_true(rtp_is_rtcp(data, w.len));
    assert_false(rtp_is_rtcp(data, 1));
}

static void tells_what_was_played_in_an_extension(void **state)
{
    (void)state;
    uint8_t data[12 + RTP_PLAYED_LEN];
    struct buf_writer w = buf_writer(data, sizeof data);
    struct rtp_packet in = {.seq = 3, .type = 111, .tells_played = true, .played = 0x01020304}, out;
    rtp_put_header(&w, &in);
    assert_false(w.failed);
    assert_memory_equal(data + 12, ((uint8_t[]){0x56, 0x47, 0, 1, 1, 2, 3, 4}), RTP_PLAYED_LEN);
    assert_true(rtp_parse(&out, data, w.len));
    assert_int_equal(out.len, 0);
}

/* RFC 6716 section 3.1 */
static void knows_the_duration_of_opus(void **state)
{
    (void)state;
    const uint8_t silk_60[] = {3 << 3}, hybrid_20[] = {15 << 3}, celt_2_5[] = {16 << 3}, two[] = {1 << 3 | 1};
    const uint8_t many[] = {1 << 3 | 3, 6}, too_many[] = {1 << 3 | 3, 7}, none[] = {1 << 3 | 3, 0};
    assert_int_equal(rtp_opus_duration(silk_60, 1), 2880);
    assert_int_equal(rtp_opus_duration(hybrid_20, 1), 960);
    assert_int_equal(rtp_opus_duration(celt_2_5, 1), 120);
    assert_int_equal(rtp_opus_duration(two, 1), 1920);
    assert_int_equal(rtp_opus_duration(many, 2), 5760);
    assert_int_equal(rtp_opus_duration(many, 1), 0);
    assert_int_equal(rtp_opus_duration(too_many, 2), 0);
    assert_int_equal(rtp_opus_duration(none, 2), 0);
    assert_int_equal(rtp_opus_duration(none, 0), 0);
}

static bool receive(struct rtp_receiver *r, uint16_t seq, uint64_t now, bool *restarted)
{
    struct rtp_packet p = {.seq = seq, .timestamp = seq * 960u, .len = 10};
    return rtp_receiver_update(r, now, &p, restarted);
}

static void counts_over_the_wrap(void **state)
{
    (void)state;
    struct rtp_receiver r;
    bool restarted;
    rtp_receiver_start(&r, 1, 65530);
    for (uint16_t i = 0; i < 20; i++)
        assert_true(receive(&r, (uint16_t)(65530 + i), i * CLOCK_MS(20), &restarted));
    assert_int_equal(rtp_receiver_extended_max(&r), 65549);
    assert_int_equal(rtp_receiver_lost(&r), 0);
    assert_int_equal(rtp_receiver_fraction_lost(&r), 0);
    assert_int_equal(r.bytes, 200);
}

static void counts_loss_and_duplicates(void **state)
{
    (void)state;
    struct rtp_receiver r;
    bool restarted;
    rtp_receiver_start(&r, 1, 0);
    for (uint16_t i = 0; i < 100; i++) {
        if (i % 4 != 3)
            assert_true(receive(&r, i, i * CLOCK_MS(20), &restarted));
    }
    receive(&r, 100, 0, &restarted);
    assert_int_equal(rtp_receiver_lost(&r), 25);
    assert_in_range(rtp_receiver_fraction_lost(&r), 62, 64);
    for (int i = 0; i < 30; i++)
        receive(&r, 100, 0, &restarted);
    assert_int_equal(rtp_receiver_lost(&r), -5);
    assert_int_equal(rtp_receiver_fraction_lost(&r), 0);
}

/* RFC 3550 appendix A.1 */
static void resynchronises_after_a_jump(void **state)
{
    (void)state;
    struct rtp_receiver r;
    bool restarted;
    rtp_receiver_start(&r, 1, 10);
    assert_true(receive(&r, 10, 0, &restarted));
    assert_false(receive(&r, 30000, 0, &restarted)); /* stray? */
    assert_true(receive(&r, 11, 0, &restarted));
    assert_false(receive(&r, 40000, 0, &restarted));
    assert_true(receive(&r, 40001, 0, &restarted)); /* no: the sender has begun anew */
    assert_true(restarted);
    assert_int_equal(rtp_receiver_lost(&r), 0);
    assert_true(receive(&r, 39990, 0, &restarted)); /* reordered */
    assert_int_equal(r.max_seq, 40001);
}

/* RFC 3550 appendix A.8: alternating lateness of 0 and 10 ms converges towards 10 ms. */
static void measures_jitter(void **state)
{
    (void)state;
    struct rtp_receiver r;
    bool restarted;
    rtp_receiver_start(&r, 1, 0);
    for (uint16_t i = 0; i < 500; i++)
        receive(&r, i, CLOCK_S(5) + i * CLOCK_MS(20) + (i % 2) * CLOCK_MS(10), &restarted);
    assert_in_range(rtp_units_to_us(r.jitter >> 4), 9500, 10500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_any_header_the_rfc_allows),
        cmocka_unit_test(refuses_wrong_headers),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(tells_what_was_played_in_an_extension),
        cmocka_unit_test(knows_the_duration_of_opus),
        cmocka_unit_test(counts_over_the_wrap),
        cmocka_unit_test(counts_loss_and_duplicates),
        cmocka_unit_test(resynchronises_after_a_jump),
        cmocka_unit_test(measures_jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
