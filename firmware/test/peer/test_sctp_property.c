/* Whatever the link does, each message arrives once, whole and in order; and nothing goes on for ever. */
#include "peer/test_sctp.h"

static void offer_messages(struct link *l, int i, unsigned *left)
{
    static uint8_t message[SCTP_TX_BYTES];
    struct side *side = &l->side[i];
    while (*left > 0) {
        uint16_t channel = (uint16_t)link_pick(l, 3);
        size_t len = link_pick(l, 4) == 0 ? 4 + link_pick(l, SCTP_MESSAGE_MAX - 4) : 4 + link_pick(l, 120);
        link_message(message, len, side->next_out[channel]);
        enum sctp_error e = sctp_send(&side->s, channel, link_pick(l, 2), message, len);
        if (e == SCTP_ERR_WOULD_BLOCK)
            return;
        assert_int_equal(e, SCTP_OK);
        side->next_out[channel]++;
        --*left;
    }
}

static bool is_idle(const struct link *l)
{
    for (size_t i = 0; i < LINK_PACKETS; i++)
        if (l->wire[i].used)
            return false;
    return l->side[0].s.tx.count == 0 && l->side[1].s.tx.count == 0;
}

static void check_arrived(const struct link *l, unsigned each)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(l->side[i].messages, each);
        assert_int_equal(l->side[i].s.rx.used, 0);
        assert_int_equal(l->side[i].closed, 0);
        for (int c = 0; c < 3; c++)
            assert_int_equal(l->side[i].next_in[c], l->side[!i].next_out[c]);
    }
}

static void run_once(uint64_t seed, unsigned loss, unsigned dup, uint64_t spread)
{
    enum { EACH = 60 };
    struct link *l = link_new(seed);
    unsigned left[2] = {EACH, EACH};
    uint16_t id;
    link_connect(l);
    l->side[0].numbered = l->side[1].numbered = true;
    assert_int_equal(sctp_open_channel(&l->side[0].s, "a", &id), SCTP_OK);
    assert_int_equal(sctp_open_channel(&l->side[1].s, "b", &id), SCTP_OK);
    assert_int_equal(sctp_open_channel(&l->side[0].s, "c", &id), SCTP_OK);
    link_run(l, CLOCK_S(1));
    l->loss_permille = loss;
    l->dup_permille = dup;
    l->spread = spread;
    uint64_t until = l->now + CLOCK_S(3600);
    do {
        offer_messages(l, 0, &left[0]);
        offer_messages(l, 1, &left[1]);
        link_drain(l);
    } while ((left[0] + left[1] > 0 || !is_idle(l)) && link_step(l, until));
    check_arrived(l, EACH);
    free(l);
}

static void a_clean_link(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++)
        run_once(seed, 0, 0, 0);
}

static void a_reordering_link(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++)
        run_once(seed, 0, 100, CLOCK_MS(80));
}

static void a_bad_link(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        run_once(seed, 100, 100, CLOCK_MS(100));
}

static void a_very_bad_link(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        run_once(seed, 300, 50, CLOCK_MS(200));
}

static void counters_wrap(void **state)
{
    (void)state;
    struct link *l = link_new(2);
    for (int i = 0; i < 2; i++) {
        l->side[i].s.initial_tsn = 0xfffffff0u;
        l->side[i].s.reset_seq = 0xffffffffu;
        tx_reset(&l->side[i].s);
        l->side[i].numbered = true;
    }
    link_connect(l);
    l->side[0].s.peer_reset_seq = l->side[1].s.peer_reset_seq = 0xfffffffeu;
    for (unsigned channels = 0; channels < 4; channels++) { /* the numbers of requests wrap as well */
        uint16_t id;
        sctp_open_channel(&l->side[0].s, "x", &id);
        link_run(l, CLOCK_S(1));
        channel_find(&l->side[0].s, id)->out_ssn = channel_find(&l->side[1].s, id)->in_ssn = 65500;
        for (unsigned n = 0; n < 100; n++) {
            uint8_t message[300];
            link_message(message, 4 + n, l->side[0].next_out[id]);
            if (sctp_send(&l->side[0].s, id, true, message, 4 + n) == SCTP_OK)
                l->side[0].next_out[id]++;
            link_step(l, l->now + CLOCK_S(1));
        }
        link_run(l, CLOCK_S(1));
        assert_int_equal(l->side[1].next_in[id], l->side[0].next_out[id]);
        assert_int_equal(sctp_close_channel(&l->side[1].s, id), SCTP_OK);
        link_run(l, CLOCK_S(1));
        assert_int_equal(l->side[0].closed_channels, channels + 1);
    }
    free(l);
}

static void connects_under_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct link *l = link_new(seed);
        l->loss_permille = 200;
        l->dup_permille = 100;
        l->spread = CLOCK_MS(300);
        uint16_t id;
        assert_int_equal(sctp_connect(&l->side[0].s, l->now), SCTP_OK);
        if (seed % 2 == 0)
            assert_int_equal(sctp_connect(&l->side[1].s, l->now), SCTP_OK);
        assert_int_equal(sctp_open_channel(&l->side[0].s, "x", &id), SCTP_OK);
        link_run(l, CLOCK_S(1800));
        assert_int_equal(l->side[0].connected, 1);
        assert_int_equal(l->side[1].connected, 1);
        assert_int_equal(l->side[0].opened, 1);
        assert_int_equal(l->side[1].opened, 1);
        assert_int_equal(sctp_close_channel(&l->side[seed % 3 == 0].s, id), SCTP_OK);
        link_run(l, CLOCK_S(1800));
        assert_int_equal(l->side[0].closed_channels, 1);
        assert_int_equal(l->side[1].closed_channels, 1);
        sctp_shutdown(&l->side[seed % 5 == 0].s, l->now);
        link_run(l, CLOCK_S(1800));
        assert_int_equal(l->side[0].reason, SCTP_REASON_SHUTDOWN);
        assert_int_equal(l->side[1].reason, SCTP_REASON_SHUTDOWN);
        free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_link),        cmocka_unit_test(a_reordering_link),
        cmocka_unit_test(a_bad_link),          cmocka_unit_test(a_very_bad_link),
        cmocka_unit_test(connects_under_loss), cmocka_unit_test(counters_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
