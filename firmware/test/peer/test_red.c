#include "check.h"

#include <string.h>

#include "media/red.h"

#define VOICE 0x80 /* the bit of voice activity, after a TOC of SILK, mono, 20 ms */

static void reads_the_blocks_as_the_rfc_lays_them_out(void **state)
{
    (void)state;
    /* RFC 2198 section 3: F, payload type, 14 bits of offset, 10 of length; the last header is one octet */
    const uint8_t data[] = {0xef, 0x1e, 0x00, 0x03, 0xef, 0x0f, 0x00, 0x02,
                            0x6f, 'a',  'b',  'c',  'd',  'e',  'f'};
    struct red red = {.at = data, .len = sizeof data};
    assert_true(red_parse(&red));
    assert_true(red.len == 1 && red.at[0] == 'f');
    assert_true(red_older(&red));
    assert_true(red.len == 2 && memcmp(red.at, "de", 2) == 0);
    assert_true(red_older(&red));
    assert_true(red.len == 3 && memcmp(red.at, "abc", 3) == 0);
    assert_false(red_older(&red));
    for (size_t len = 0; len < sizeof data; len++) { /* no beginning of it is one */
        red = (struct red){.at = data, .len = len};
        assert_false(red_parse(&red));
    }
}

static void a_primary_may_stand_alone(void **state)
{
    (void)state;
    const uint8_t data[] = {0x6f, 'x'};
    struct red red = {.at = data, .len = sizeof data};
    assert_true(red_parse(&red));
    assert_true(red.len == 1 && red.at == data + 1);
    assert_false(red_older(&red));
}

static void a_frame_of_which_the_number_is_not_known_ends_it(void **state)
{
    (void)state;
    uint8_t data[] = {0xef, 0x1e, 0x00, 0x01, 0xef, 0x0f, 0x00, 0x01, 0x6f, 'a', 'b', 'c'};
    struct red red = {.at = data, .len = sizeof data};
    data[1] = 0x2d; /* a frame too early: something is missing between */
    assert_true(red_parse(&red));
    assert_true(red_older(&red));
    assert_false(red_older(&red));
    data[4] = 0x80; /* PCMU */
    red = (struct red){.at = data, .len = sizeof data};
    assert_true(red_parse(&red));
    assert_false(red_older(&red));
    data[8] = 0; /* a primary likewise */
    red = (struct red){.at = data, .len = sizeof data};
    assert_false(red_parse(&red));
}

static void keep(struct red_sender *s, uint8_t name, size_t len)
{
    uint8_t opus[RED_FRAME_MAX + 1] = {9 << 3, VOICE, name};
    red_keep(s, opus, len, RED_FRAME);
}

/* What goes out with a packet of three bytes, read back: the names of the older ones, newest first. */
static size_t sent(const struct red_sender *s, uint64_t now, uint8_t names[RED_OLDER])
{
    uint8_t data[400];
    struct buf_writer w = buf_writer(data, sizeof data);
    size_t count = red_count(s, now, 3), n = 0;
    if (count == 0)
        return 0;
    red_put(&w, s, count);
    buf_put(&w, (const uint8_t *)"new", 3);
    assert_false(w.failed);
    struct red red = {.at = data, .len = w.len};
    assert_true(red_parse(&red));
    assert_true(red.len == 3 && memcmp(red.at, "new", 3) == 0);
    while (red_older(&red))
        names[n++] = red.at[2];
    assert_int_equal(n, count);
    return n;
}

static void sends_nothing_twice_unless_bursts_are_reported(void **state)
{
    (void)state;
    struct red_sender s = {0};
    uint8_t names[RED_OLDER];
    keep(&s, 1, 20);
    assert_int_equal(sent(&s, 0, names), 0);
    red_heed(&s, CLOCK_S(1), 25, 30); /* under a tenth */
    assert_int_equal(sent(&s, CLOCK_S(1), names), 0);
    red_heed(&s, CLOCK_S(2), 255, 32); /* two more */
    assert_int_equal(sent(&s, CLOCK_S(2), names), 0);
    red_heed(&s, CLOCK_S(3), 26, 35);
    assert_int_equal(sent(&s, CLOCK_S(3), names), 1);
    assert_int_equal(sent(&s, CLOCK_S(18) - 1, names), 1);
    assert_int_equal(sent(&s, CLOCK_S(18), names), 0); /* the network is good again */
}

static struct red_sender lossy(void)
{
    struct red_sender s = {0};
    red_heed(&s, 0, 255, 3);
    return s;
}

static void sends_the_last_two(void **state)
{
    (void)state;
    struct red_sender s = lossy();
    uint8_t names[RED_OLDER];
    for (uint8_t name = 0; name < 10; name++) {
        keep(&s, name, 3u + name * 10u);
        size_t n = sent(&s, 0, names);
        assert_int_equal(n, name == 0 ? 1 : 2);
        assert_int_equal(names[0], name);
        assert_true(n < 2 || names[1] == name - 1);
    }
}

static void what_is_too_long_is_left_out_with_all_before_it(void **state)
{
    (void)state;
    struct red_sender s = lossy();
    uint8_t names[RED_OLDER];
    keep(&s, 1, RED_FRAME_MAX);
    keep(&s, 2, RED_FRAME_MAX);
    assert_int_equal(sent(&s, 0, names), 2);
    keep(&s, 3, RED_FRAME_MAX + 1);
    assert_int_equal(sent(&s, 0, names), 0);
    keep(&s, 4, 3);
    assert_int_equal(sent(&s, 0, names), 1);
    assert_int_equal(red_count(&s, 0, RED_PRIMARY_MAX), 1);
    assert_int_equal(red_count(&s, 0, RED_PRIMARY_MAX + 1), 0);
}

static void neither_silence_nor_what_is_before_a_pause_is_sent_twice(void **state)
{
    (void)state;
    struct red_sender s = lossy();
    uint8_t names[RED_OLDER];
    const uint8_t silence[] = {9 << 3, 0, 1}, celt[] = {31 << 3, 0, 1}, nothing[] = {9 << 3};
    keep(&s, 1, 3);
    red_keep(&s, silence, sizeof silence, RED_FRAME);
    assert_int_equal(sent(&s, 0, names), 0);
    red_keep(&s, nothing, sizeof nothing, RED_FRAME);
    assert_int_equal(sent(&s, 0, names), 0);
    red_keep(&s, celt, sizeof celt, RED_FRAME); /* which doesn't tell */
    assert_int_equal(sent(&s, 0, names), 1);
    red_forget(&s);
    assert_int_equal(sent(&s, 0, names), 0);
    keep(&s, 1, 3);
    red_keep(&s, celt, sizeof celt, 2 * RED_FRAME);
    assert_int_equal(sent(&s, 0, names), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_blocks_as_the_rfc_lays_them_out),
        cmocka_unit_test(a_primary_may_stand_alone),
        cmocka_unit_test(a_frame_of_which_the_number_is_not_known_ends_it),
        cmocka_unit_test(sends_nothing_twice_unless_bursts_are_reported),
        cmocka_unit_test(sends_the_last_two),
        cmocka_unit_test(what_is_too_long_is_left_out_with_all_before_it),
        cmocka_unit_test(neither_silence_nor_what_is_before_a_pause_is_sent_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
