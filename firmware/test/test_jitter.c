#include "check.h"

#include "clock.h"
#include "jitter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_US 20000u

struct rig {
    struct jitter j;
    uint64_t now;
    struct jitter_out out;
};

static struct rig rig(void)
{
    struct rig r = {.now = CLOCK_S(100)};
    jitter_init(&r.j);
    return r;
}

/* The packet of frame n: sequence and timestamp start just before they wrap. */
static enum jitter_push push_len(struct rig *r, uint32_t n, size_t len)
{
    uint8_t payload[JITTER_PAYLOAD_MAX + 1] = {(uint8_t)n, (uint8_t)(n >> 8)};
    struct jitter_packet p = {.ssrc = 7, .sequence = (uint16_t)(65530 + n), .payload = payload, .len = len};
    p.timestamp = 0xfffff000u + n * JITTER_FRAME;
    return jitter_push(&r->j, r->now, &p);
}

static enum jitter_push push(struct rig *r, uint32_t n)
{
    return push_len(r, n, 60);
}

static enum jitter_kind pop(struct rig *r)
{
    jitter_pop(&r->j, r->now, &r->out);
    r->now += FRAME_US;
    return r->out.kind;
}

static unsigned number(const struct rig *r)
{
    assert_non_null(r->out.payload);
    return r->out.payload[0] | (unsigned)r->out.payload[1] << 8;
}

static void expect_packet(struct rig *r, unsigned n)
{
    assert_int_equal(pop(r), JITTER_PACKET);
    assert_int_equal(number(r), n);
    assert_true(r->out.timestamp == 0xfffff000u + n * JITTER_FRAME);
}

static void play_clean(struct rig *r, unsigned from, unsigned to)
{
    for (unsigned n = from; n < to; n++) {
        assert_int_equal(push(r, n), JITTER_STORED);
        expect_packet(r, n);
    }
}

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

struct run {
    unsigned frames;
    unsigned loss_permille;
    uint64_t jitter; /* microseconds, uniform */
    double sender;   /* its clock against ours */
};

struct sent {
    uint64_t at;
    unsigned n;
};

static int by_time(const void *a, const void *b)
{
    const struct sent *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Sends over a link, pops each 20 ms, and checks what must hold of any link. */
static struct jitter_stats simulate(struct run run, uint64_t seed)
{
    struct rig r = rig();
    struct sent *sent = calloc(run.frames, sizeof *sent);
    size_t count = 0, next = 0;
    uint64_t begin = r.now;
    for (unsigned n = 0; n < run.frames; n++) {
        uint64_t at = begin + (uint64_t)(n * 20000.0 * run.sender) + check_random(&seed) % (run.jitter + 1);
        if (check_random(&seed) % 1000 >= run.loss_permille)
            sent[count++] = (struct sent){at, n};
    }
    qsort(sent, count, sizeof *sent, by_time);
    long last = -1;
    uint64_t end = begin + (uint64_t)(run.frames * 20000.0 * run.sender);
    uint64_t tick = begin + check_random(&seed) % FRAME_US;
    for (; tick < end; tick += FRAME_US) {
        for (; next < count && sent[next].at <= tick; next++) {
            r.now = sent[next].at;
            push(&r, sent[next].n);
        }
        r.now = tick;
        if (pop(&r) == JITTER_PACKET) {
            long n = (long)((r.out.timestamp - 0xfffff000u) / JITTER_FRAME);
            assert_true(n > last); /* once, and in order */
            assert_int_equal(number(&r), (unsigned)n & 0xffff);
            last = n;
        } else if (r.out.kind == JITTER_FEC) {
            assert_int_equal(number(&r),
                             (unsigned)((r.out.timestamp - 0xfffff000u) / JITTER_FRAME + 1) & 0xffff);
        }
    }
    free(sent);
    assert_int_equal(r.j.stats.restarts, 0);
    struct jitter_stats s = r.j.stats;
    assert_true(s.received >= s.played + s.late);
    return s;
}

static void report(const char *what, const struct jitter_stats *s)
{
    printf(
        "%-24s delay %3u ms, target %3u, jitter %2u; played %u, lost %u (%u by FEC), concealed %u, late %u, "
        "dropped %u\n",
        what, s->delay / 48, s->target / 48, s->jitter / 48, s->played, s->lost, s->recovered, s->concealed,
        s->late, s->dropped);
}

static void a_quiet_network_needs_no_reserve(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct jitter_stats s = simulate((struct run){3000, 0, 2000, 1.0}, seed);
        assert_true(s.delay < 48 * 24);
        assert_true(s.concealed <= 2);
        assert_true(s.played + 4 >= 3000);
    }
}

static void the_delay_covers_the_jitter_and_little_more(void **state)
{
    (void)state;
    const uint64_t jitters[] = {10000, 40000, 80000};
    for (size_t i = 0; i < 3; i++)
        for (uint64_t seed = 1; seed < 10; seed++) {
            struct jitter_stats s = simulate((struct run){3000, 0, jitters[i], 1.0}, seed);
            if (seed == 1)
                report("jitter", &s);
            assert_true(s.delay <= 48 * (jitters[i] / 1000 + 45));
            assert_true(s.concealed + s.late + s.lost < 90); /* 3 % */
        }
}

static void losses_are_counted_and_partly_recovered(void **state)
{
    (void)state;
    struct jitter_stats s = simulate((struct run){6000, 50, 30000, 1.0}, 9);
    report("5 % loss", &s);
    assert_in_range(s.lost, 200, 420);
    assert_true(s.recovered * 10 > s.lost * 3);
    assert_true(s.delay < 48 * 80);
}

static void a_drifting_clock_is_followed(void **state)
{
    (void)state;
    const double clocks[] = {1.0002, 0.9998, 1.001, 0.999};
    for (size_t i = 0; i < 4; i++) {
        struct jitter_stats s = simulate((struct run){60000, 0, 5000, clocks[i]}, 5); /* 20 minutes */
        report("drift", &s);
        double off = 60000 * (clocks[i] > 1 ? clocks[i] - 1 : 1 - clocks[i]);
        assert_true(s.delay < 48 * 70);
        assert_true(s.late < 10);
        assert_true(clocks[i] > 1 ? s.concealed <= off + 10 : s.dropped <= off + 10);
    }
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

static void the_jitter_is_that_of_rfc_3550(void **state)
{
    (void)state;
    struct rig r = rig();
    double expected = 0, transit = 0;
    uint64_t seed = 3;
    for (unsigned n = 0; n < 500; n++) {
        r.now = CLOCK_S(100) + n * FRAME_US + check_random(&seed) % 30000;
        push(&r, n);
        double now = (double)(r.now - n * FRAME_US) * 0.048;
        if (n > 0)
            expected += ((now > transit ? now - transit : transit - now) - expected) / 16;
        transit = now;
    }
    assert_true(r.j.stats.jitter > expected - 3 && r.j.stats.jitter < expected + 3);
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
        cmocka_unit_test(reordered_packets_play_in_order),
        cmocka_unit_test(duplicates_are_counted_and_ignored),
        cmocka_unit_test(what_comes_after_its_turn_is_late),
        cmocka_unit_test(payloads_that_do_not_fit_are_refused),
        cmocka_unit_test(another_ssrc_starts_anew),
        cmocka_unit_test(numbers_from_nowhere_start_anew),
        cmocka_unit_test(a_pause_of_the_sender_adds_no_delay_and_no_loss),
        cmocka_unit_test(a_pause_in_a_full_buffer_keeps_its_place),
        cmocka_unit_test(a_path_that_has_become_longer_costs_half_a_second),
        cmocka_unit_test(a_silent_sender_ends_in_silence),
        cmocka_unit_test(an_outage_and_its_burst_leave_a_bounded_delay),
        cmocka_unit_test(a_quiet_network_needs_no_reserve),
        cmocka_unit_test(the_delay_covers_the_jitter_and_little_more),
        cmocka_unit_test(losses_are_counted_and_partly_recovered),
        cmocka_unit_test(a_drifting_clock_is_followed),
        cmocka_unit_test(frames_are_dropped_where_they_are_quiet),
        cmocka_unit_test(the_jitter_is_that_of_rfc_3550),
        cmocka_unit_test(nonsense_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
