/* Channels: opening (RFC 8832), messages (RFC 8831 6.6), closing (RFC 8831 6.7, RFC 6525). */
#include "peer/test_sctp.h"
#include "peer/test_sctp_solo.h"

static void numbers_follow_the_dtls_role(void **state)
{
    (void)state;
    for (unsigned client = 0; client < 2; client++) {
        struct solo x;
        uint16_t id;
        solo_new(&x, (struct sctp_config){.dtls_client = client});
        for (unsigned i = 0; i < SCTP_CHANNELS; i++) {
            assert_int_equal(sctp_open_channel(&x.s, "x", &id), SCTP_OK);
            assert_int_equal(id, 2 * i + !client);
        }
        assert_int_equal(sctp_open_channel(&x.s, "x", &id), SCTP_ERR_WOULD_BLOCK);
    }
}

static void labels_have_a_bound(void **state)
{
    (void)state;
    struct solo x;
    uint16_t id;
    solo_new(&x, (struct sctp_config){0});
    assert_int_equal(sctp_open_channel(&x.s, "123456789012345678901234567890123", &id), SCTP_ERR_TOO_BIG);
    assert_int_equal(sctp_open_channel(&x.s, "12345678901234567890123456789012", &id), SCTP_OK);
}

static void a_full_queue_opens_no_channel(void **state)
{
    (void)state;
    static const uint8_t bytes[SCTP_TX_BYTES];
    struct solo x;
    uint16_t id;
    solo_up(&x);
    solo_open(&x);
    assert_int_equal(sctp_send(&x.s, 1, true, bytes, sizeof bytes), SCTP_OK);
    assert_int_equal(sctp_open_channel(&x.s, "x", &id), SCTP_ERR_WOULD_BLOCK);
    solo_flush(&x);
    solo_sack_all(&x);
    assert_int_equal(sctp_open_channel(&x.s, "x", &id), SCTP_OK);
}

static void every_kind_of_message_goes_both_ways(void **state)
{
    (void)state;
    struct link *l = link_up(1);
    const struct {
        const char *text;
        size_t len;
        bool is_text;
    } cases[] = {{"hello", 5, true}, {"\0\1\2", 3, false}, {"", 0, true}, {"", 0, false}};
    for (int from = 0; from < 2; from++)
        for (size_t i = 0; i < 4; i++) {
            struct side *to = &l->side[!from];
            unsigned before = to->messages;
            const uint8_t *data = (const uint8_t *)cases[i].text;
            assert_int_equal(sctp_send(&l->side[from].s, 0, cases[i].is_text, data, cases[i].len), SCTP_OK);
            link_run(l, CLOCK_MS(100));
            assert_int_equal(to->messages, before + 1);
            assert_int_equal(to->is_text, cases[i].is_text);
            assert_int_equal(to->len, cases[i].len);
            assert_memory_equal(to->last, data, cases[i].len);
        }
    assert_string_equal(l->side[1].label, "rtvi-ai");
    free(l);
}

static void one_side_may_wait_for_the_other(void **state)
{
    (void)state;
    for (int active = 0; active < 2; active++) {
        struct link *l = link_new(3);
        uint16_t id;
        sctp_open_channel(&l->side[0].s, "early", &id); /* before there is an association */
        assert_int_equal(sctp_send(&l->side[0].s, id, true, (const uint8_t *)"hi", 2), SCTP_OK);
        sctp_connect(&l->side[active].s, l->now);
        link_run(l, CLOCK_S(1));
        assert_int_equal(l->side[1].messages, 1);
        assert_int_equal(l->side[0].opened, 1);
        free(l);
    }
}

static void a_message_for_no_channel_is_dropped(void **state)
{
    (void)state;
    struct solo x;
    solo_up(&x);
    solo_say(&x, PPID_STRING, "who?");
    solo_say(&x, 52, "deprecated");
    solo_say(&x, PPID_DCEP, "\2");
    solo_say(&x, PPID_DCEP, "\7");
    solo_no_event(&x);
    assert_int_equal(x.s.rx.count, 0);
    assert_int_equal(sctp_send(&x.s, 9, true, NULL, 0), SCTP_ERR_STATE);
    assert_int_equal(sctp_close_channel(&x.s, 9), SCTP_ERR_STATE);
}

static void opening_what_is_open_changes_nothing(void **state)
{
    (void)state;
    static const char open[] = {3, 1, 1, 1, 1, 1, 1, 1, 0}; /* too short, too */
    struct solo x;
    solo_up(&x);
    solo_open(&x);
    solo_say(&x, PPID_DCEP, open);
    const uint8_t again[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    solo_put_data(&x, (struct solo_data){x.tsn++, PPID_DCEP, 1, x.ssn++, 3, again, sizeof again});
    solo_no_event(&x);
    assert_int_equal(x.s.channels[0].state, CHANNEL_OPEN);
}

static void open_as_peer(struct solo *x, uint16_t id, uint8_t type)
{
    uint8_t open[12 + 40] = {3, type, 0, 0, 0, 0, 0, 0, 0, 40};
    memset(open + 12, 'L', 40);
    solo_put_data(x,
                  (struct solo_data){x->tsn++, PPID_DCEP, id, 0, DATA_BEGIN | DATA_END, open, sizeof open});
}

static void a_long_label_is_cut(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    solo_up(&x);
    open_as_peer(&x, 3, 0);
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_OPEN);
    assert_int_equal(e.len, SCTP_LABEL_MAX);
}

static void an_unordered_channel_is_answered_unordered(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_up(&x);
    open_as_peer(&x, 3, 0x82);
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_OPEN);
    assert_int_equal(sctp_send(&x.s, 3, true, (const uint8_t *)"x", 1), SCTP_OK);
    assert_true(solo_out(&x, &p));
    assert_int_equal(p.count, 3);
    assert_int_equal(p.chunk[1].flags, DATA_BEGIN | DATA_END); /* the ACK, in order */
    assert_int_equal(p.chunk[2].flags, DATA_BEGIN | DATA_END | DATA_UNORDERED);
}

static void an_ack_waits_for_room(void **state)
{
    (void)state;
    static const uint8_t bytes[SCTP_TX_BYTES];
    struct solo x;
    struct sctp_event e;
    solo_up(&x);
    solo_open(&x);
    assert_int_equal(sctp_send(&x.s, 1, true, bytes, sizeof bytes), SCTP_OK);
    open_as_peer(&x, 3, 0);
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_OPEN);
    assert_int_equal(sctp_send(&x.s, 3, true, bytes, 1), SCTP_ERR_WOULD_BLOCK);
    solo_flush(&x);
    assert_false(tx_holds(&x.s.tx, 3));
    solo_sack_all(&x);
    solo_flush(&x);
    assert_true(tx_holds(&x.s.tx, 3));
}

/* A RE-CONFIG with one parameter: RFC 6525 4. */
static void reconfig(struct solo *x, uint16_t type, const uint32_t *words, size_t count, int id)
{
    uint8_t body[40];
    struct buf_writer w = buf_writer(body, sizeof body);
    buf_put_u16(&w, type);
    buf_put_u16(&w, (uint16_t)(4 + 4 * count + (id >= 0 ? 2 : 0)));
    for (size_t i = 0; i < count; i++)
        buf_put_u32(&w, words[i]);
    if (id >= 0)
        buf_put_u16(&w, (uint16_t)id);
    solo_in(x, CHUNK_RECONFIG, 0, body, w.len);
}

static void reset_as_peer(struct solo *x, uint32_t seq, uint32_t last_tsn, int id)
{
    reconfig(x, PARAM_RESET_OUT, (const uint32_t[]){seq, 0, last_tsn}, 3, id);
}

static void respond(struct solo *x, uint32_t seq, uint32_t result)
{
    reconfig(x, PARAM_RESET_RESPONSE, (const uint32_t[]){seq, result}, 2, -1);
}

static uint32_t result_of(const struct solo_chunk *c, uint32_t seq)
{
    struct buf_reader r = c->body;
    assert_int_equal(c->type, CHUNK_RECONFIG);
    assert_int_equal(buf_u16(&r), PARAM_RESET_RESPONSE);
    assert_int_equal(buf_u16(&r), 12);
    assert_true(buf_u32(&r) == seq);
    return buf_u32(&r);
}

/* The answer to a request, alone in its packet. */
static uint32_t expect_result(struct solo *x, uint32_t seq)
{
    struct solo_packet p;
    solo_expect(x, &p, CHUNK_RECONFIG);
    return result_of(&p.chunk[0], seq);
}

static uint32_t expect_request(const struct solo *x, struct buf_reader r, unsigned count, unsigned id)
{
    assert_int_equal(buf_u16(&r), PARAM_RESET_OUT);
    assert_int_equal(buf_u16(&r), 16 + 2 * count);
    uint32_t seq = buf_u32(&r);
    buf_skip(&r, 4);
    assert_true(buf_u32(&r) == x->s.tx.first_tsn + x->s.tx.count - 1);
    assert_int_equal(buf_u16(&r), id);
    return seq;
}

static void the_peer_closes(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_up(&x);
    solo_open(&x);
    reset_as_peer(&x, PEER_TSN, x.tsn - 1, 1);
    assert_true(solo_out(&x, &p)); /* the answer, and our own request */
    assert_int_equal(p.count, 2);
    assert_int_equal(result_of(&p.chunk[0], PEER_TSN), 1);
    uint32_t seq = expect_request(&x, p.chunk[1].body, 1, 1);
    assert_true(seq == x.s.initial_tsn);
    assert_int_equal(sctp_send(&x.s, 1, true, (const uint8_t *)"x", 1), SCTP_ERR_STATE);
    assert_int_equal(sctp_close_channel(&x.s, 1), SCTP_ERR_STATE);
    solo_no_event(&x);
    respond(&x, seq, 1);
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_CLOSED);
    assert_int_equal(e.channel, 1);
    assert_true(sctp_next_timeout(&x.s) == CLOCK_NEVER);
    x.ssn = 0;
    solo_open(&x); /* the number may be used again */
}

static void we_close_after_all_is_delivered(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_up(&x);
    solo_open(&x);
    sctp_send(&x.s, 1, true, (const uint8_t *)"bye", 3);
    assert_int_equal(sctp_close_channel(&x.s, 1), SCTP_OK);
    assert_int_equal(sctp_close_channel(&x.s, 1), SCTP_ERR_STATE);
    solo_expect(&x, &p, CHUNK_DATA);
    solo_quiet(&x);
    solo_say(&x, PPID_STRING, "unheard");
    solo_no_event(&x);
    solo_sack_all(&x);
    assert_true(solo_out(&x, &p));
    uint32_t seq = expect_request(&x, p.chunk[0].body, 1, 1);
    respond(&x, seq + 1, 1); /* of another request */
    respond(&x, seq, 1);
    solo_no_event(&x); /* not before the peer has closed as well */
    reset_as_peer(&x, PEER_TSN, x.tsn - 1, 1);
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_CLOSED);
    assert_int_equal(expect_result(&x, PEER_TSN), 1);
}

static void a_request_is_repeated_with_back_off_and_then_it_is_over(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_up(&x);
    solo_open(&x);
    sctp_close_channel(&x.s, 1);
    uint64_t rto = CLOCK_S(1);
    uint32_t seq = x.s.initial_tsn;
    for (int i = 0; i < 11; i++) {
        assert_true(expect_request(&x, solo_expect(&x, &p, CHUNK_RECONFIG), 1, 1) == seq);
        solo_wait(&x, rto);
        rto = rto * 2 > CLOCK_S(60) ? CLOCK_S(60) : rto * 2;
    }
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_TIMEOUT);
}

static void in_progress_is_asked_again_with_a_new_number(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    solo_up(&x);
    solo_open(&x);
    sctp_close_channel(&x.s, 1);
    uint32_t seq = expect_request(&x, solo_expect(&x, &p, CHUNK_RECONFIG), 1, 1);
    for (int i = 0; i < 20; i++) {
        respond(&x, seq, 6);
        solo_wait(&x, CLOCK_S(1)); /* no failure, so no back-off */
        assert_true(expect_request(&x, solo_expect(&x, &p, CHUNK_RECONFIG), 1, 1) == ++seq);
    }
    assert_int_equal(x.s.errors, 0);
}

static void a_refusal_closes_here_at_least(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_up(&x);
    solo_open(&x);
    sctp_close_channel(&x.s, 1);
    respond(&x, expect_request(&x, solo_expect(&x, &p, CHUNK_RECONFIG), 1, 1), 2);
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_CLOSED);
}

static void without_reconfig_closing_is_local(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    solo_up(&x);
    solo_open(&x);
    x.s.peer.can_reconfig = false;
    sctp_close_channel(&x.s, 1);
    solo_quiet(&x);
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_CLOSED);
}

static void a_reset_waits_for_the_data_before_it(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    solo_up(&x);
    solo_open(&x);
    reset_as_peer(&x, PEER_TSN, x.tsn, 1); /* one more message is under way */
    assert_int_equal(expect_result(&x, PEER_TSN), 6);
    solo_say(&x, PPID_STRING, "last");
    reset_as_peer(&x, PEER_TSN, x.tsn - 1, 1); /* and it isn't taken yet */
    assert_int_equal(expect_result(&x, PEER_TSN), 6);
    solo_event(&x, &e, SCTP_EVENT_MESSAGE);
    reset_as_peer(&x, PEER_TSN + 1, x.tsn - 1, 1); /* libwebrtc counts on */
    struct solo_packet p;
    solo_out(&x, &p);
    assert_int_equal(result_of(&p.chunk[0], PEER_TSN + 1), 1);
    reset_as_peer(&x, PEER_TSN + 1, x.tsn - 1, 1); /* the answer was lost */
    assert_int_equal(expect_result(&x, PEER_TSN + 1), 1);
    reset_as_peer(&x, PEER_TSN + 9, x.tsn - 1, 1);
    assert_int_equal(expect_result(&x, PEER_TSN + 9), 5);
}

static void a_reset_of_all_streams_closes_all(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    uint16_t id;
    solo_up(&x);
    solo_open(&x);
    sctp_open_channel(&x.s, "ours", &id);
    solo_flush(&x);
    solo_sack_all(&x);
    reset_as_peer(&x, PEER_TSN, x.tsn - 1, -1);
    assert_true(solo_out(&x, &p));
    assert_int_equal(p.count, 2);
    respond(&x, expect_request(&x, p.chunk[1].body, 2, 1), 0);
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_CLOSED);
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_CLOSED);
    solo_no_event(&x);
}

static void other_requests_get_an_answer(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    solo_up(&x);
    uint32_t seq = PEER_TSN;
    reconfig(&x, PARAM_ADD_OUT, (const uint32_t[]){seq, 0x00100000}, 2, -1);
    assert_int_equal(expect_result(&x, seq++), 1);
    const uint16_t denied[] = {PARAM_RESET_IN, PARAM_RESET_ALL, PARAM_ADD_IN};
    for (size_t i = 0; i < 3; i++) {
        reconfig(&x, denied[i], (const uint32_t[]){seq, 0}, 2, -1);
        assert_int_equal(expect_result(&x, seq++), 2);
    }
    reconfig(&x, PARAM_RESET_OUT, (const uint32_t[]){seq, 0}, 2, -1); /* cut short */
    assert_int_equal(expect_result(&x, seq), 2);
    reconfig(&x, PARAM_RESET_OUT, NULL, 0, 7);
    respond(&x, 0, 1); /* to nothing */
    reconfig(&x, PARAM_RESET_RESPONSE, NULL, 0, 7);
    reconfig(&x, 99, NULL, 0, 7);
    solo_quiet(&x);
    assert_false(sctp_poll_event(&x.s, &e));
}

static void too_many_channels_are_refused_by_closing(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_up(&x);
    for (uint16_t i = 0; i < SCTP_CHANNELS; i++) {
        open_as_peer(&x, (uint16_t)(2 * i + 1), 0);
        solo_event(&x, &e, SCTP_EVENT_CHANNEL_OPEN);
    }
    open_as_peer(&x, 101, 0);
    open_as_peer(&x, 103, 0); /* not even that any more */
    solo_no_event(&x);
    assert_true(solo_out(&x, &p));
    assert_int_equal(p.chunk[0].type, CHUNK_RECONFIG);
    respond(&x, expect_request(&x, p.chunk[0].body, 1, 101), 1);
    solo_flush(&x);
    reset_as_peer(&x, PEER_TSN, x.tsn - 1, 101);
    solo_no_event(&x);
    assert_null(channel_find(&x.s, 101));
}

static void closing_ends_the_association_events_in_order(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    solo_up(&x);
    solo_open(&x);
    solo_say(&x, PPID_STRING, "last");
    solo_in(&x, CHUNK_ABORT, 0, NULL, 0);
    solo_event(&x, &e, SCTP_EVENT_MESSAGE);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    solo_no_event(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_follow_the_dtls_role),
        cmocka_unit_test(labels_have_a_bound),
        cmocka_unit_test(a_full_queue_opens_no_channel),
        cmocka_unit_test(every_kind_of_message_goes_both_ways),
        cmocka_unit_test(one_side_may_wait_for_the_other),
        cmocka_unit_test(a_message_for_no_channel_is_dropped),
        cmocka_unit_test(opening_what_is_open_changes_nothing),
        cmocka_unit_test(a_long_label_is_cut),
        cmocka_unit_test(an_unordered_channel_is_answered_unordered),
        cmocka_unit_test(an_ack_waits_for_room),
        cmocka_unit_test(the_peer_closes),
        cmocka_unit_test(we_close_after_all_is_delivered),
        cmocka_unit_test(a_request_is_repeated_with_back_off_and_then_it_is_over),
        cmocka_unit_test(in_progress_is_asked_again_with_a_new_number),
        cmocka_unit_test(a_refusal_closes_here_at_least),
        cmocka_unit_test(without_reconfig_closing_is_local),
        cmocka_unit_test(a_reset_waits_for_the_data_before_it),
        cmocka_unit_test(a_reset_of_all_streams_closes_all),
        cmocka_unit_test(other_requests_get_an_answer),
        cmocka_unit_test(too_many_channels_are_refused_by_closing),
        cmocka_unit_test(closing_ends_the_association_events_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
