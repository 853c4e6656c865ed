#include "peer/test_jitter.h"

#include <string.h>

static void silence_before_anything_came(void **state)
{
    (void)state;
    struct rig r = rig();
    for (int i = 0; i < 100; i++)
        assert_int_equal(pop(&r), JITTER_WAIT);
    assert_null(r.out.payload);
}

static void a_clean_stream_plays_at_once_and_across_the_wrap(void **state)
{
    (void)state;
    struct rig r = rig();
    play_clean(&r, 0, 100);
    assert_int_equal(r.j.stats.played, 100);
    assert_int_equal(r.j.stats.delay, 0);
    assert_int_equal(r.j.stats.concealed + r.j.stats.lost + r.j.stats.late, 0);
}

static void wraps_of_both_counters_in_a_long_stream(void **state)
{
    (void)state;
    struct rig r = rig();
    for (unsigned n = 0; n < 140000; n++) { /* the sequence number wraps twice */
        push(&r, n);
        assert_int_equal(pop(&r), JITTER_PACKET);
    }
    assert_int_equal(r.j.stats.restarts, 0);
}

static void a_lost_packet_is_given_by_the_next(void **state)
{
    (void)state;
    struct rig r = rig();
    push(&r, 0);
    push(&r, 2);
    expect_packet(&r, 0);
    assert_int_equal(pop(&r), JITTER_FEC);
    assert_int_equal(number(&r), 2);
    expect_packet(&r, 2);
    assert_int_equal(r.j.stats.lost, 1);
    assert_int_equal(r.j.stats.recovered, 1);
}

static void of_two_lost_the_first_is_concealed(void **state)
{
    (void)state;
    struct rig r = rig();
    push(&r, 0);
    push(&r, 3);
    expect_packet(&r, 0);
    assert_int_equal(pop(&r), JITTER_CONCEAL);
    assert_int_equal(pop(&r), JITTER_FEC);
    expect_packet(&r, 3);
    assert_int_equal(r.j.stats.lost, 2);
}

static void a_loss_without_reserve_adds_no_delay(void **state)
{
    (void)state;
    struct rig r = rig();
    play_clean(&r, 0, 10);
    assert_int_equal(pop(&r), JITTER_CONCEAL); /* 10 isn't there, and nothing after it yet */
    play_clean(&r, 11, 20);
    assert_int_equal(r.j.stats.lost, 1);
    assert_int_equal(r.j.stats.delay, 0);
}

static void only_what_was_held_is_paid_back(void **state)
{
    (void)state;
    struct rig r = rig();
    play_clean(&r, 0, 10);
    assert_int_equal(pop(&r), JITTER_CONCEAL); /* 10 */
    r.now += FRAME_US;
    push(&r, 12);
    assert_int_equal(pop(&r), JITTER_FEC); /* 11 */
    expect_packet(&r, 12);
    assert_int_equal(r.j.stats.lost, 2);
}

static void a_late_packet_is_played_and_the_delay_has_grown(void **state)
{
    (void)state;
    struct rig r = rig();
    play_clean(&r, 0, 10);
    assert_int_equal(pop(&r), JITTER_CONCEAL);
    push(&r, 10);
    push(&r, 11);
    for (unsigned n = 10; n < 20; n++) {
        expect_packet(&r, n);
        push(&r, n + 2);
    }
    assert_int_equal(r.j.stats.lost, 0);
    assert_int_equal(r.j.stats.delay, JITTER_FRAME);
}

static void copies_give_back_what_was_lost(void **state)
{
    (void)state;
    struct rig r = rig();
    push(&r, 0);
    push(&r, 4);
    assert_int_equal(push_copy(&r, 3), JITTER_STORED);
    assert_int_equal(push_copy(&r, 2), JITTER_STORED);
    expect_packet(&r, 0);
    assert_int_equal(pop(&r), JITTER_FEC); /* 1, by the FEC in 2 */
    assert_int_equal(number(&r), 2);
    for (unsigned n = 2; n < 5; n++)
        expect_packet(&r, n);
    assert_int_equal(r.j.stats.restored, 2);
    assert_int_equal(r.j.stats.received, 2);
}

static void copies_of_what_came_or_was_played_count_for_nothing(void **state)
{
    (void)state;
    struct rig r = rig(), plain = rig();
    for (unsigned n = 0; n < 100; n++) {
        push(&r, n);
        push(&plain, n);
        if (n >= 2) {
            assert_int_equal(push_copy(&r, n - 1), JITTER_DUPLICATE);
            assert_int_equal(push_copy(&r, n - 2), JITTER_DUPLICATE);
        }
        expect_packet(&r, n);
        expect_packet(&plain, n);
    }
    assert_memory_equal(&r.j.stats, &plain.j.stats, sizeof r.j.stats);
    assert_int_equal(pop(&r), JITTER_CONCEAL);
    push(&r, 101);
    expect_packet(&r, 101); /* in place of 100, which counts as lost */
    assert_int_equal(push_copy(&r, 100), JITTER_LATE);
    assert_int_equal(push(&r, 100), JITTER_DUPLICATE); /* it has come after all */
    assert_int_equal(r.j.stats.late, 0);
}

static void the_delay_grows_to_what_copies_can_bring_and_falls_again(void **state)
{
    (void)state;
    struct rig r = rig();
    play_clean(&r, 0, 50);
    assert_int_equal(r.j.stats.target, 0);
    for (unsigned n = 50; n < 53; n++)
        assert_int_equal(pop(&r), JITTER_CONCEAL); /* three in a row are lost */
    push(&r, 53);
    push_copy(&r, 52);
    push_copy(&r, 51);
    assert_true(r.j.stats.target >= 3 * JITTER_FRAME);
    assert_true(r.j.stats.target < 4 * JITTER_FRAME);
    for (unsigned n = 54; n < 2000; n++) {
        pop(&r);
        push(&r, n);
    }
    assert_int_equal(r.j.stats.target / JITTER_FRAME, 0);
    assert_true(r.j.stats.delay <= 2 * JITTER_FRAME);
}

static void reordered_packets_play_in_order(void **state)
{
    (void)state;
    struct rig r = rig();
    const unsigned order[] = {1, 0, 3, 2, 5, 4};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(push(&r, order[i]), JITTER_STORED);
    for (unsigned n = 0; n < 6; n++)
        expect_packet(&r, n);
}

static void duplicates_are_counted_and_ignored(void **state)
{
    (void)state;
    struct rig r = rig();
    push(&r, 0);
    assert_int_equal(push(&r, 0), JITTER_DUPLICATE);
    expect_packet(&r, 0);
    assert_int_equal(push(&r, 0), JITTER_DUPLICATE);
    assert_int_equal(r.j.stats.duplicates, 2);
    assert_int_equal(r.j.stats.received, 1);
}

static void what_comes_after_its_turn_is_late(void **state)
{
    (void)state;
    struct rig r = rig();
    push(&r, 0);
    push(&r, 2);
    expect_packet(&r, 0);
    assert_int_equal(pop(&r), JITTER_FEC);
    assert_int_equal(push(&r, 1), JITTER_LATE);
    expect_packet(&r, 2);
    assert_int_equal(r.j.stats.late, 1);
    play_clean(&r, 3, 80);
    assert_int_equal(push(&r, 3), JITTER_LATE); /* too old for the memory of duplicates */
}

static void payloads_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct rig r = rig();
    assert_int_equal(push_len(&r, 0, JITTER_PAYLOAD_MAX + 1), JITTER_TOO_BIG);
    assert_int_equal(push_len(&r, 0, 0), JITTER_TOO_BIG);
    assert_int_equal(push_len(&r, 0, JITTER_PAYLOAD_MAX), JITTER_STORED);
}

static void another_ssrc_starts_anew(void **state)
{
    (void)state;
    struct rig r = rig();
    play_clean(&r, 0, 50);
    struct jitter_packet p = {
        .ssrc = 8, .timestamp = 5, .sequence = 1, .payload = (const uint8_t *)"\1\2", .len = 2};
    assert_int_equal(jitter_push(&r.j, r.now, &p), JITTER_STORED);
    assert_int_equal(pop(&r), JITTER_PACKET);
    assert_int_equal(r.out.timestamp, 5);
    assert_int_equal(r.j.stats.restarts, 1);
}

static void numbers_from_nowhere_start_anew(void **state)
{
    (void)state;
    const struct {
        uint16_t sequence;
        uint32_t timestamp;
    } jumps[] = {{30000, 1u << 30}, {65530 + 50 - 200, 0}, {65530u + 51 - 65536, 1u << 31}};
    for (size_t i = 0; i < 3; i++) {
        struct rig r = rig();
        play_clean(&r, 0, 50);
        push(&r, 51); /* of the old stream, must not survive */
        r.now += FRAME_US;
        struct jitter_packet p = {.ssrc = 7, .payload = (const uint8_t *)"\1\2", .len = 2};
        p.sequence = (uint16_t)(jumps[i].sequence + 1);
        p.timestamp = jumps[i].timestamp;
        assert_int_equal(jitter_push(&r.j, r.now, &p), JITTER_STORED);
        assert_int_equal(pop(&r), JITTER_PACKET);
        assert_true(r.out.timestamp == jumps[i].timestamp);
        assert_int_equal(r.j.stats.restarts, 1);
    }
}

/* Sends frames a, b, ... of which those in between are never sent. */
static enum jitter_push push_dtx(struct rig *r, uint16_t sequence, uint32_t frame)
{
    struct jitter_packet p = {
        .ssrc = 7, .sequence = sequence, .payload = (const uint8_t *)"\1\2\3", .len = 3};
    p.timestamp = frame * JITTER_FRAME;
    return jitter_push(&r->j, r->now, &p);
}

static void a_pause_of_the_sender_adds_no_delay_and_no_loss(void **state)
{
    (void)state;
    struct rig r = rig();
    uint32_t frame = 0;
    for (uint16_t sequence = 0; sequence < 50; sequence++, frame += 20) { /* every 400 ms, as libopus does */
        push_dtx(&r, sequence, frame);
        assert_int_equal(pop(&r), JITTER_PACKET);
        for (int i = 1; i < 20; i++)
            assert_int_equal(pop(&r), JITTER_CONCEAL);
    }
    assert_int_equal(r.j.stats.lost, 0);
    assert_int_equal(r.j.stats.delay, 0);
    assert_int_equal(r.j.stats.dtx, 49 * 19);
    assert_int_equal(r.j.stats.concealed, 19);
}

static void a_pause_in_a_full_buffer_keeps_its_place(void **state)
{
    (void)state;
    struct rig r = rig();
    r.j.target256 = 3 * JITTER_FRAME * 256;
    push_dtx(&r, 0, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pop(&r), JITTER_WAIT); /* the target is honoured from the beginning */
    r.now = CLOCK_S(100) + 3 * FRAME_US;
    assert_int_equal(pop(&r), JITTER_PACKET);
    r.now = CLOCK_S(100) + 5 * FRAME_US;
    push_dtx(&r, 1, 5);
    unsigned quiet = 0;
    while (pop(&r) == JITTER_CONCEAL)
        quiet++;
    assert_int_equal(r.out.kind, JITTER_PACKET);
    assert_in_range(quiet, 2, 3);
    assert_int_equal(r.j.stats.dtx, quiet);
}

/* Who has nothing to say sends nothing (RFC 7587 section 3.1.3), overnight too: half of what 32 bits of ticks
 * count are 12 h, and two clocks part by 20 us a second. */
static void what_is_said_after_a_rest_is_heard_from_its_first_word(void **state)
{
    (void)state;
    static const uint32_t minutes[] = {1, 60, 10 * 60, 13 * 60, 20 * 60, 25 * 60, 40 * 60};
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
        struct rig r = rig();
        play_clean(&r, 0, 50);
        for (int n = 0; n < 100; n++)
            (void)pop(&r);
        uint64_t rest = CLOCK_S(60) * minutes[i];
        uint32_t missed = 100 + (uint32_t)(rest / FRAME_US);
        r.now += rest + rest / 50000;
        for (unsigned n = 50; n < 100; n++) {
            uint8_t payload[60] = {(uint8_t)n};
            struct jitter_packet p = {.ssrc = 7,
                                      .sequence = (uint16_t)(65530 + n),
                                      .timestamp = 0xfffff000u + (n + missed) * JITTER_FRAME,
                                      .payload = payload,
                                      .len = sizeof payload};
            assert_int_equal(jitter_push(&r.j, r.now, &p), JITTER_STORED);
            assert_int_equal(pop(&r), JITTER_PACKET);
            assert_int_equal(number(&r), n);
        }
    }
}

static void a_path_that_has_become_longer_costs_half_a_second(void **state)
{
    (void)state;
    struct rig r = rig();
    unsigned played = 0;
    play_clean(&r, 0, 50);
    r.now += 475000;
    for (unsigned n = 50; n < 100; n++) {
        push(&r, n);
        played += pop(&r) == JITTER_PACKET;
    }
    assert_in_range(played, 20, 50);
}

static void a_silent_sender_ends_in_silence(void **state)
{
    (void)state;
    struct rig r = rig();
    play_clean(&r, 0, 10);
    unsigned concealed = 0;
    while (pop(&r) == JITTER_CONCEAL)
        concealed++;
    assert_int_equal(concealed, 25);
    for (int i = 0; i < 100; i++)
        assert_int_equal(pop(&r), JITTER_WAIT);
    play_clean(&r, 136, 150);
}

static void an_outage_and_its_burst_leave_a_bounded_delay(void **state)
{
    (void)state;
    struct rig r = rig();
    play_clean(&r, 0, 50);
    for (int i = 0; i < 50; i++)
        pop(&r);
    for (unsigned n = 50; n < 100; n++)
        push(&r, n);
    for (unsigned n = 100; n < 600; n++) {
        push(&r, n);
        assert_int_not_equal(pop(&r), JITTER_WAIT);
        assert_in_range(r.j.stats.delay, 0, JITTER_DELAY_MAX + JITTER_FRAME);
    }
    for (unsigned n = 600; n < 3000; n++) {
        push(&r, n);
        pop(&r);
    }
    assert_in_range(r.j.stats.delay, 0, 2 * JITTER_FRAME);
}

static void frames_are_dropped_where_they_are_quiet(void **state)
{
    (void)state;
    struct rig r = rig();
    play_clean(&r, 0, 50);
    for (int i = 0; i < 6; i++)
        pop(&r); /* the next come 120 ms late, all at once */
    for (unsigned n = 50; n < 56; n++)
        push(&r, n);
    unsigned n = 56;
    for (; n < 250; n++) {
        push(&r, n);
        pop(&r);
    }
    uint32_t loud = r.j.stats.dropped;
    r.j.target256 = 0;
    for (; n < 260; n++) {
        push_len(&r, n, 10);
        pop(&r);
    }
    assert_true(r.j.stats.dropped > loud);
    assert_true(r.j.stats.delay <= r.j.stats.target + 2 * JITTER_FRAME);
}

/* Anything may be pushed; order and bounds hold. */
static void nonsense_is_survived(void **state)
{
    (void)state;
    uint64_t seed = 11;
    struct rig r = rig();
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t payload[JITTER_PAYLOAD_MAX] = {0};
        uint64_t dice = check_random(&seed);
        struct jitter_packet p = {
            .ssrc = dice % 1000 == 0, .payload = payload, .len = dice % (JITTER_PAYLOAD_MAX + 1)};
        p.sequence =
            (uint16_t)(i / 2 + (dice >> 8) % 40 - (dice >> 20) % 40 + (dice % 777 == 0 ? dice >> 30 : 0));
        p.timestamp = p.sequence * 960u + (uint32_t)(dice % 500 == 0 ? dice >> 16 : 0);
        r.now += (dice >> 40) % 20000;
        p.is_copy = dice % 5 == 0;
        (void)jitter_push(&r.j, r.now, &p);
        if (dice % 3 == 0) {
            jitter_pop(&r.j, r.now, &r.out);
            assert_true((r.out.payload != NULL) == (r.out.kind == JITTER_PACKET || r.out.kind == JITTER_FEC));
            assert_true(r.out.len <= JITTER_PAYLOAD_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_before_anything_came),
        cmocka_unit_test(a_clean_stream_plays_at_once_and_across_the_wrap),
        cmocka_unit_test(wraps_of_both_counters_in_a_long_stream),
        cmocka_unit_test(a_lost_packet_is_given_by_the_next),
        cmocka_unit_test(of_two_lost_the_first_is_concealed),
        cmocka_unit_test(a_loss_without_reserve_adds_no_delay),
        cmocka_unit_test(only_what_was_held_is_paid_back),
        cmocka_unit_test(a_late_packet_is_played_and_the_delay_has_grown),
        cmocka_unit_test(copies_give_back_what_was_lost),
        cmocka_unit_test(copies_of_what_came_or_was_played_count_for_nothing),
        cmocka_unit_test(the_delay_grows_to_what_copies_can_bring_and_falls_again),
        cmocka_unit_test(reordered_packets_play_in_order),
        cmocka_unit_test(duplicates_are_counted_and_ignored),
        cmocka_unit_test(what_comes_after_its_turn_is_late),
        cmocka_unit_test(payloads_that_do_not_fit_are_refused),
        cmocka_unit_test(another_ssrc_starts_anew),
        cmocka_unit_test(numbers_from_nowhere_start_anew),
        cmocka_unit_test(a_pause_of_the_sender_adds_no_delay_and_no_loss),
        cmocka_unit_test(a_pause_in_a_full_buffer_keeps_its_place),
        cmocka_unit_test(what_is_said_after_a_rest_is_heard_from_its_first_word),
        cmocka_unit_test(a_path_that_has_become_longer_costs_half_a_second),
        cmocka_unit_test(a_silent_sender_ends_in_silence),
        cmocka_unit_test(an_outage_and_its_burst_leave_a_bounded_delay),
        cmocka_unit_test(frames_are_dropped_where_they_are_quiet),
        cmocka_unit_test(nonsense_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
