/* A call's turn: what it takes of that which has arrived, and when it wants the next one. */
#include "call/call.h"
#include "check.h"
#include "voice/fake.h"

static struct call call;
static struct peer_identity identity;

static int begin(void **state)
{
    char sdp[CALL_SDP_MAX];
    struct port_address toward = {.family = 4, .ip = {127, 0, 0, 1}, .port = 9};
    struct peer_random random = call_random();
    (void)state;
    fake_reset();
    return peer_identity_make(&identity, &random) != PEER_OK ||
           call_start(&call, fake.now, &identity, &toward, sdp, sizeof sdp) != REASON_NONE;
}

static int end(void **state)
{
    (void)state;
    call_end(&call, fake.now);
    return 0;
}

static void take_turn(void)
{
    struct call_event event;
    assert_false(call_next(&call, fake.now, &event));
}

static void all_that_has_arrived_is_taken_in_one_turn(void **state)
{
    (void)state;
    fake.udp_waiting = 20;
    take_turn();
    assert_int_equal(fake.udp_waiting, 0);
    assert_true(call_deadline(&call) > fake.now);
}

static void what_came_during_a_handshake_is_not_dated_by_its_beginning(void **state)
{
    (void)state;
    fake.udp_waiting = 3;
    fake.udp_takes = 475000;
    take_turn();
    assert_int_equal(fake.udp_waiting, 2);
    assert_true(call_deadline(&call) <= fake.now);
    fake.udp_takes = 0;
    take_turn();
    assert_int_equal(fake.udp_waiting, 0);
    assert_true(call_deadline(&call) > fake.now);
}

static void who_was_away_itself_asks_before_it_gives_up(void **state)
{
    struct call_event event;
    (void)state;
    call.connected = true;
    fake.now += 3000000; /* a handshake, or an image that is checked */
    for (unsigned i = 0; i < 4; i++, fake.now += 250000)
        take_turn();
    assert_true(call_next(&call, fake.now, &event));
    assert_int_equal(event.reason, REASON_GATEWAY_SILENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_that_has_arrived_is_taken_in_one_turn, begin, end),
        cmocka_unit_test_setup_teardown(what_came_during_a_handshake_is_not_dated_by_its_beginning, begin,
                                        end),
        cmocka_unit_test_setup_teardown(who_was_away_itself_asks_before_it_gives_up, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
