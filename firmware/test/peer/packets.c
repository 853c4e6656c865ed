/* What a packet takes, for callgrind to count (`make instructions`): two peers in memory, sound both ways. */
#include "peer/test_peer.h"

#include <valgrind/callgrind.h>

enum { WARM = 50, PACKETS = 100 };

static void pass(struct pair *p, unsigned packets)
{
    for (unsigned i = 0; i < packets; i++) {
        struct peer_audio audio;
        assert_int_equal(speak(p, &p->a, (uint8_t)i), PEER_OK);
        assert_int_equal(speak(p, &p->b, (uint8_t)i), PEER_OK);
        run_ms(p, 20);
        assert_int_equal(peer_next_audio(p->a.peer, p->now, &audio), PEER_OK);
        assert_int_equal(peer_next_audio(p->b.peer, p->now, &audio), PEER_OK);
    }
}

static void counted(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    connect(p);
    pass(p, WARM);
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    pass(p, PACKETS);
    CALLGRIND_DUMP_STATS_AT("peer");
    CALLGRIND_STOP_INSTRUMENTATION;
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
