#include "call/session.h"
#include "check.h"

#define S(n) ((uint64_t)(n)*1000000u)

static struct session s;

/* Written down again, so that a slip in the table shows. '-': refused. */
static const char *const expected[SESSION_STATE_COUNT] = {
    /* events:  CUuDFACXERS  configured, unconfigured, link up, link down, found, answered, connected, failed,
       refused, retry, restart */
    [SESSION_PROVISIONING] = "N----------", [SESSION_NETWORK] = "-PD----B--N",
    [SESSION_DISCOVERY] = "-P-NS--B--N",    [SESSION_SIGNALLING] = "-P-N-C-BD-N",
    [SESSION_CONNECTING] = "-P-N--LBD-N",   [SESSION_LIVE] = "-P-N---B--N",
    [SESSION_BACKOFF] = "-P-------NN",
};
static const char letters[] = "PNDSCLB";

static void in_state(enum session_state state)
{
    session_init(&s, S(1), 42);
    s.state = state;
}

static void each_event_does_what_the_table_says(void **state)
{
    (void)state;
    for (int from = 0; from < SESSION_STATE_COUNT; from++)
        for (int event = 0; event < SESSION_EVENT_COUNT; event++) {
            in_state((enum session_state)from);
            bool taken = session_handle(&s, S(2), (enum session_event)event, REASON_UNREACHABLE, 0);
            char wanted = expected[from][event];
            assert_int_equal(taken, wanted != '-');
            if (taken)
                assert_int_equal(letters[s.state], wanted);
        }
}

static void an_event_without_a_transition_changes_nothing(void **state)
{
    (void)state;
    for (int from = 0; from < SESSION_STATE_COUNT; from++)
        for (int event = 0; event < SESSION_EVENT_COUNT; event++) {
            in_state((enum session_state)from);
            struct session before = s;
            if (!session_handle(&s, S(2), (enum session_event)event, REASON_UNREACHABLE, 5))
                assert_memory_equal(&s, &before, sizeof s);
        }
}

static bool time_out(uint64_t now)
{
    enum session_event event;
    enum reason reason;
    return session_timeout(&s, now, &event, &reason) && session_handle(&s, now, event, reason, 0);
}

static void each_state_but_the_resting_ones_has_an_end(void **state)
{
    (void)state;
    in_state(SESSION_PROVISIONING);
    assert_true(session_handle(&s, S(1), SESSION_CONFIGURED, REASON_NONE, 0));
    assert_false(time_out(s.deadline - 1));
    assert_true(time_out(s.deadline));
    assert_int_equal(s.state, SESSION_BACKOFF);
    assert_int_equal(s.last_failure, REASON_NETWORK_TIMEOUT);
    assert_true(time_out(s.deadline));
    assert_int_equal(s.state, SESSION_NETWORK);
}

static void live_has_no_deadline(void **state)
{
    (void)state;
    in_state(SESSION_CONNECTING);
    assert_true(session_handle(&s, S(1), SESSION_CONNECTED, REASON_NONE, 0));
    assert_false(time_out(S(1000000)));
}

/* The n-th failure in a row. */
static uint64_t wait_after(enum reason reason, int failures, uint32_t retry_after_s)
{
    uint64_t now = S(1);
    for (int i = 0; i < failures; i++) {
        s.state = SESSION_SIGNALLING;
        assert_true(session_handle(&s, now, SESSION_FAILED, reason, retry_after_s));
    }
    return s.deadline - now;
}

static void the_wait_doubles_up_to_a_ceiling_and_jitters_below_it(void **state)
{
    static const struct {
        enum reason reason;
        uint64_t first, ceiling;
    } paces[] = {{REASON_UNREACHABLE, 250000, S(2)},
                 {REASON_GATEWAY_ERROR, S(1), S(30)},
                 {REASON_KEY_REJECTED, S(5), S(60)}};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (uint32_t seed = 1; seed < 200; seed++) {
            session_init(&s, S(1), seed * 7919);
            uint64_t first = wait_after(paces[i].reason, 1, 0);
            assert_in_range(first, paces[i].first / 2, paces[i].first);
            uint64_t late = wait_after(paces[i].reason, 20, 0);
            assert_in_range(late, paces[i].ceiling / 2, paces[i].ceiling);
        }
}

static void two_devices_do_not_come_back_in_step(void **state)
{
    (void)state;
    session_init(&s, S(1), 1);
    uint64_t one = wait_after(REASON_UNREACHABLE, 6, 0);
    session_init(&s, S(1), 98765);
    assert_true(wait_after(REASON_UNREACHABLE, 6, 0) != one);
}

static void retry_after_is_kept_within_reason(void **state)
{
    (void)state;
    session_init(&s, S(1), 1);
    assert_in_range(wait_after(REASON_GATEWAY_BUSY, 1, 10), S(10), S(11));
    session_init(&s, S(1), 1);
    assert_in_range(wait_after(REASON_GATEWAY_BUSY, 1, 86400), S(120), S(121));
}

static void a_good_call_forgives_what_was_before(void **state)
{
    (void)state;
    in_state(SESSION_LIVE);
    s.attempts = 9;
    assert_true(session_handle(&s, S(20), SESSION_FAILED, REASON_GATEWAY_LEFT, 0));
    assert_int_equal(s.attempts, 1);
    in_state(SESSION_LIVE);
    s.attempts = 9;
    s.since = S(19);
    assert_true(session_handle(&s, S(20), SESSION_FAILED, REASON_GATEWAY_LEFT, 0));
    assert_int_equal(s.attempts, 10);
}

static void each_reason_has_a_code_that_reads_back_and_fits_the_wire(void **state)
{
    (void)state;
    for (int i = 0; i < REASON_COUNT; i++) {
        assert_int_equal(reason_parse(reason_text((enum reason)i)), i);
        assert_true(strlen(reason_text((enum reason)i)) < 32);
    }
    assert_int_equal(reason_parse("no such reason"), REASON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_does_what_the_table_says),
        cmocka_unit_test(an_event_without_a_transition_changes_nothing),
        cmocka_unit_test(each_state_but_the_resting_ones_has_an_end),
        cmocka_unit_test(live_has_no_deadline),
        cmocka_unit_test(the_wait_doubles_up_to_a_ceiling_and_jitters_below_it),
        cmocka_unit_test(two_devices_do_not_come_back_in_step),
        cmocka_unit_test(retry_after_is_kept_within_reason),
        cmocka_unit_test(a_good_call_forgives_what_was_before),
        cmocka_unit_test(each_reason_has_a_code_that_reads_back_and_fits_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
