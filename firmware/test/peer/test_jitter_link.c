/* The jitter buffer behind simulated networks: jitter, loss, a clock that differs. */
#include "peer/test_jitter.h"

#include <stdio.h>
#include <stdlib.h>

struct run {
    unsigned frames;
    unsigned loss_permille;
    uint64_t jitter; /* microseconds, uniform */
    double sender;   /* its clock against ours */
    unsigned burst;  /* packets lost in a row on the mean (Gilbert), 0 for each by itself */
    unsigned older;  /* frames that come with each packet */
};

static bool is_lost(const struct run *run, uint64_t *seed, bool *bad)
{
    if (run->burst == 0)
        return check_random(seed) % 1000 < run->loss_permille;
    uint64_t scale = 1000 * run->burst;
    uint64_t enter = run->loss_permille * 1000 / (1000 - run->loss_permille);
    *bad = check_random(seed) % scale < (*bad ? scale - 1000 : enter);
    return *bad;
}

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
    bool bad = false;
    for (unsigned n = 0; n < run.frames; n++) {
        uint64_t at = begin + (uint64_t)(n * 20000.0 * run.sender) + check_random(&seed) % (run.jitter + 1);
        if (!is_lost(&run, &seed, &bad))
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
            for (unsigned back = 1; back <= run.older && back <= sent[next].n; back++)
                push_copy(&r, sent[next].n - back);
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
    assert_true(s.received + s.restored >= s.played + s.late);
    return s;
}

static void report(const char *what, const struct jitter_stats *s)
{
    printf("%-24s delay %3u ms, target %3u; played %u, lost %u (%u by FEC), concealed %u, late %u, "
           "dropped %u, restored %u\n",
           what, s->delay / 48, s->target / 48, s->played, s->lost, s->recovered, s->concealed, s->late,
           s->dropped, s->restored);
}

static void a_quiet_network_needs_no_reserve(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct jitter_stats s = simulate((struct run){3000, 0, 2000, 1.0, 0, 0}, seed);
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
            struct jitter_stats s = simulate((struct run){3000, 0, jitters[i], 1.0, 0, 0}, seed);
            if (seed == 1)
                report("jitter", &s);
            assert_true(s.delay <= 48 * (jitters[i] / 1000 + 45));
            assert_true(s.concealed + s.late + s.lost < 90); /* 3 % */
        }
}

static void losses_are_counted_and_partly_recovered(void **state)
{
    (void)state;
    struct jitter_stats s = simulate((struct run){6000, 50, 30000, 1.0, 0, 0}, 9);
    report("5 % loss", &s);
    assert_in_range(s.lost, 200, 420);
    assert_true(s.recovered * 10 > s.lost * 3);
    assert_true(s.delay < 48 * 80);
}

static void in_bursts_redundancy_brings_back_most(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 10; seed++) {
        struct jitter_stats without = simulate((struct run){3000, 200, 5000, 1.0, 3, 0}, seed);
        struct jitter_stats with = simulate((struct run){3000, 200, 5000, 1.0, 3, 2}, seed);
        if (seed == 1) {
            report("bursts, 20 %", &without);
            report("the same with RED", &with);
        }
        assert_true(without.concealed > 480); /* of 3000 */
        assert_true(with.concealed * 2 < without.concealed);
        assert_true(with.recovered > 60); /* the third, by FEC */
        assert_true(with.delay <= 48 * 90);
    }
}

static void a_drifting_clock_is_followed(void **state)
{
    (void)state;
    const double clocks[] = {1.0002, 0.9998, 1.001, 0.999};
    for (size_t i = 0; i < 4; i++) {
        struct jitter_stats s = simulate((struct run){60000, 0, 5000, clocks[i], 0, 0}, 5); /* 20 minutes */
        report("drift", &s);
        double off = 60000 * (clocks[i] > 1 ? clocks[i] - 1 : 1 - clocks[i]);
        assert_true(s.delay < 48 * 70);
        assert_true(s.late < 10);
        assert_true(clocks[i] > 1 ? s.concealed <= off + 10 : s.dropped <= off + 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_network_needs_no_reserve),
        cmocka_unit_test(the_delay_covers_the_jitter_and_little_more),
        cmocka_unit_test(losses_are_counted_and_partly_recovered),
        cmocka_unit_test(in_bursts_redundancy_brings_back_most),
        cmocka_unit_test(a_drifting_clock_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
