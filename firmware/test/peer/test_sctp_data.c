/* DATA both ways: SACKs, windows, losses and their timers: RFC 9260 6, 7; RFC 3758 3.6. */
#include "peer/test_sctp_solo.h"

static const uint8_t bytes[4096];

static void two_channels(struct solo *x)
{
    solo_up(x);
    solo_open(x);
}

/* What a SACK says. */
struct sack {
    uint32_t cumulative, rwnd;
    uint16_t gaps, duplicates;
    uint16_t gap[8];
    uint32_t duplicate[8];
};

static struct sack read_sack(struct buf_reader r)
{
    struct sack s = {.cumulative = buf_u32(&r), .rwnd = buf_u32(&r)};
    s.gaps = buf_u16(&r);
    s.duplicates = buf_u16(&r);
    assert_true(s.gaps <= 4 && s.duplicates <= 8);
    for (size_t i = 0; i < 2u * s.gaps; i++)
        s.gap[i] = buf_u16(&r);
    for (size_t i = 0; i < s.duplicates; i++)
        s.duplicate[i] = buf_u32(&r);
    assert_false(r.failed);
    assert_int_equal(r.left, 0);
    return s;
}

static struct sack expect_sack(struct solo *x)
{
    struct solo_packet p;
    return read_sack(solo_expect(x, &p, CHUNK_SACK));
}

static void expect_text(struct solo *x, const char *text)
{
    struct sctp_event e;
    solo_event(x, &e, SCTP_EVENT_MESSAGE);
    assert_int_equal(e.len, strlen(text));
    assert_memory_equal(e.data, text, e.len);
}

static void a_sack_waits_200_ms_for_a_second_packet(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    solo_say(&x, PPID_STRING, "one");
    solo_quiet(&x);
    solo_wait(&x, CLOCK_MS(200));
    struct sack s = expect_sack(&x);
    assert_true(s.cumulative == x.tsn - 1);
    assert_int_equal(s.gaps, 0);
    solo_say(&x, PPID_STRING, "two");
    solo_quiet(&x);
    solo_say(&x, PPID_STRING, "three");
    assert_true(expect_sack(&x).cumulative == x.tsn - 1);
    assert_true(sctp_next_timeout(&x.s) == CLOCK_NEVER);
}

static void the_immediate_bit_asks_for_a_sack_at_once(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    solo_put_data(&x, (struct solo_data){x.tsn, PPID_STRING, 1, x.ssn, DATA_BEGIN | DATA_END | DATA_IMMEDIATE,
                                         bytes, 1});
    assert_true(expect_sack(&x).cumulative == x.tsn);
}

static void a_sack_rides_along_with_data(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    two_channels(&x);
    solo_say(&x, PPID_STRING, "one");
    sctp_send(&x.s, 1, false, bytes, 100);
    assert_true(solo_out(&x, &p));
    assert_int_equal(p.count, 2);
    assert_int_equal(p.chunk[0].type, CHUNK_SACK);
    assert_int_equal(p.chunk[1].type, CHUNK_DATA);
}

static void put_fragment(struct solo *x, uint32_t at, uint8_t flags, size_t len)
{
    solo_put_data(x, (struct solo_data){x->tsn + at, PPID_BINARY, 1, x->ssn, flags, bytes, len});
}

static void gaps_and_duplicates_are_told_at_once(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    put_fragment(&x, 2, 0, 10);
    struct sack s = expect_sack(&x);
    assert_true(s.cumulative == x.tsn - 1);
    assert_int_equal(s.gaps, 1);
    assert_int_equal(s.gap[0], 3);
    assert_int_equal(s.gap[1], 3);
    assert_int_equal(s.rwnd, SCTP_RX_BYTES - 10);
    put_fragment(&x, 3, 0, 10);
    put_fragment(&x, 5, DATA_END, 10);
    put_fragment(&x, 5, DATA_END, 10);
    s = expect_sack(&x);
    assert_int_equal(s.gaps, 2);
    assert_int_equal(s.gap[0], 3);
    assert_int_equal(s.gap[1], 4);
    assert_int_equal(s.gap[2], 6);
    assert_int_equal(s.gap[3], 6);
    assert_int_equal(s.duplicates, 1);
    assert_true(s.duplicate[0] == x.tsn + 5);
    solo_no_event(&x);
    put_fragment(&x, 1, 0, 10);
    put_fragment(&x, 4, 0, 10);
    put_fragment(&x, 0, DATA_BEGIN, 10);
    s = expect_sack(&x);
    assert_true(s.cumulative == x.tsn + 5);
    assert_int_equal(s.gaps + s.duplicates, 0);
    struct sctp_event e;
    solo_event(&x, &e, SCTP_EVENT_MESSAGE);
    assert_int_equal(e.len, 60);
    assert_false(e.is_text);
    solo_no_event(&x);
    assert_int_equal(x.s.rx.used, 0);
}

/* Fragments in each order give the same message. */
static void every_order_of_fragments(void **state)
{
    (void)state;
    enum { N = 5 };
    struct solo base;
    two_channels(&base);
    unsigned orders = 0;
    for (unsigned code = 0; code < N * N * N * N * N; code++) {
        unsigned order[N], seen = 0;
        for (unsigned i = 0, c = code; i < N; i++, c /= N)
            seen |= 1u << (order[i] = c % N);
        if (seen != (1u << N) - 1)
            continue;
        struct solo x = base;
        x.s.config.rng.user = &x.seed;
        for (unsigned i = 0; i < N; i++) {
            uint8_t text = (uint8_t)('a' + order[i]);
            uint8_t flags = (uint8_t)((order[i] == 0 ? DATA_BEGIN : 0) | (order[i] == N - 1 ? DATA_END : 0));
            solo_put_data(&x, (struct solo_data){x.tsn + order[i], PPID_STRING, 1, x.ssn, flags, &text, 1});
        }
        expect_text(&x, "abcde");
        orders++;
    }
    assert_int_equal(orders, 120);
}

static void a_message_ahead_waits_for_the_one_before(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    const uint8_t *two = (const uint8_t *)"two";
    solo_put_data(&x,
                  (struct solo_data){x.tsn + 1, PPID_STRING, 1, x.ssn + 1, DATA_BEGIN | DATA_END, two, 3});
    solo_no_event(&x);
    solo_say(&x, PPID_STRING, "one");
    expect_text(&x, "one");
    expect_text(&x, "two");
}

static void unordered_messages_and_other_channels_do_not_wait(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    uint16_t id;
    assert_int_equal(sctp_open_channel(&x.s, "b", &id), SCTP_OK);
    const uint8_t *text = (const uint8_t *)"now";
    uint8_t flags = DATA_BEGIN | DATA_END;
    solo_put_data(&x, (struct solo_data){x.tsn + 1, PPID_STRING, 1, 77, flags | DATA_UNORDERED, text, 3});
    expect_text(&x, "now");
    solo_put_data(&x, (struct solo_data){x.tsn + 2, PPID_STRING, id, 0, flags, text, 3});
    struct sctp_event e;
    solo_event(&x, &e, SCTP_EVENT_CHANNEL_OPEN); /* who uses it, has it */
    expect_text(&x, "now");
    solo_say(&x, PPID_STRING, "one");
    expect_text(&x, "one");
    solo_no_event(&x);
}

static void a_lent_message_stays_until_the_next_call(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    uint8_t buf[SCTP_PACKET_MAX];
    two_channels(&x);
    solo_say(&x, PPID_STRING, "one");
    solo_say(&x, PPID_STRING, "two");
    solo_event(&x, &e, SCTP_EVENT_MESSAGE);
    (void)sctp_poll_transmit(&x.s, x.now, buf, sizeof buf);
    assert_memory_equal(e.data, "one", 3);
    expect_text(&x, "two");
    solo_no_event(&x);
    assert_int_equal(x.s.rx.used, 0);
}

static void an_empty_chunk_is_a_protocol_violation(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    two_channels(&x);
    solo_in(&x, CHUNK_DATA, 3, bytes, 11); /* shorter than its header: not even that */
    assert_int_equal(x.s.state, SCTP_ESTABLISHED);
    put_fragment(&x, 0, DATA_BEGIN, 0);
    struct buf_reader cause = solo_expect(&x, &p, CHUNK_ABORT);
    assert_int_equal(buf_u16(&cause), CAUSE_NO_USER_DATA);
}

static void a_message_of_the_longest_length_arrives_and_one_more_byte_ends_it(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct solo x;
        struct sctp_event e;
        two_channels(&x);
        uint32_t n = 0;
        size_t left = SCTP_MESSAGE_MAX + extra;
        for (; left > 0 && x.s.state == SCTP_ESTABLISHED; n++) {
            size_t len = left < 1160 ? left : 1160;
            left -= len;
            put_fragment(&x, n, (uint8_t)((n == 0 ? DATA_BEGIN : 0) | (left == 0 ? DATA_END : 0)), len);
        }
        assert_true(sctp_poll_event(&x.s, &e));
        assert_int_equal(e.type, extra == 0 ? SCTP_EVENT_MESSAGE : SCTP_EVENT_CLOSED);
        if (extra == 0)
            assert_int_equal(e.len, SCTP_MESSAGE_MAX);
        else
            assert_int_equal(e.reason, SCTP_REASON_TOO_BIG);
    }
}

static void a_chunk_that_can_never_fit_ends_it(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    two_channels(&x);
    for (uint32_t n = 0; n < 2 && x.s.state == SCTP_ESTABLISHED; n++)
        put_fragment(&x, n, n == 0 ? DATA_BEGIN : 0, 2900);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_TOO_BIG);
}

static void what_the_application_leaves_closes_the_window(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    two_channels(&x);
    unsigned taken = 0;
    struct sack s;
    for (;;) {
        uint32_t before = x.s.rx.cumulative;
        put_fragment(&x, 0, DATA_BEGIN | DATA_END | DATA_IMMEDIATE, 1000);
        s = expect_sack(&x);
        if (s.cumulative == before)
            break;
        x.tsn++;
        x.ssn++;
        taken++;
    }
    assert_int_equal(taken, SCTP_RX_BYTES / 1000);
    assert_int_equal(s.rwnd, SCTP_RX_BYTES - taken * 1000);
    solo_event(&x, &e, SCTP_EVENT_MESSAGE);
    solo_quiet(&x);
    solo_event(&x, &e, SCTP_EVENT_MESSAGE); /* the first is given back by now */
    s = expect_sack(&x);
    assert_int_equal(s.rwnd, SCTP_RX_BYTES - (taken - 1) * 1000);
    put_fragment(&x, 0, DATA_BEGIN | DATA_END | DATA_IMMEDIATE, 1000);
    assert_true(expect_sack(&x).cumulative == x.tsn);
}

static void far_ahead_is_not_taken(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    put_fragment(&x, SCTP_RX_WINDOW, DATA_BEGIN | DATA_END, 1);
    struct sack s = expect_sack(&x);
    assert_int_equal(s.gaps, 0);
    put_fragment(&x, 0x7ffffffe, DATA_BEGIN | DATA_END, 1);
    put_fragment(&x, 0x80000001, DATA_BEGIN | DATA_END, 1); /* half a circle away: before */
    s = expect_sack(&x);
    assert_int_equal(s.gaps, 0);
    assert_int_equal(s.duplicates, 1);
}

/* What was reported is kept: out of order, only what leaves room for the missing is taken. */
static void room_is_kept_for_what_is_missing(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    two_channels(&x);
    for (uint32_t n = 1; n < 6; n++)
        put_fragment(&x, n, DATA_BEGIN | DATA_END, 1100);
    struct sack s = expect_sack(&x);
    assert_int_equal(s.gaps, 1);
    assert_int_equal(s.gap[1] - s.gap[0] + 1, (SCTP_RX_BYTES - 1200) / 1100);
    put_fragment(&x, 0, DATA_BEGIN | DATA_END, 1200);
    for (int i = 0; i < 4; i++)
        solo_event(&x, &e, SCTP_EVENT_MESSAGE);
    assert_true(expect_sack(&x).cumulative == x.tsn + 3);
}

static void the_missing_one_pushes_out_the_last_if_it_must(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    for (uint32_t n = 1; n <= 20; n++)
        put_fragment(&x, n, DATA_BEGIN | DATA_END, 250);
    expect_sack(&x);
    assert_int_equal(x.s.rx.count, 16);
    put_fragment(&x, 0, DATA_BEGIN | DATA_END, 1400); /* longer than anybody's */
    struct sack s = expect_sack(&x);
    assert_true(s.cumulative == x.tsn + 15);
    assert_int_equal(s.gaps, 0);
}

static void many_small_chunks_never_exceed_the_table(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    two_channels(&x);
    for (uint32_t n = 1; n < 120; n++)
        put_fragment(&x, n, DATA_BEGIN | DATA_END, 1);
    assert_true(x.s.rx.count < SCTP_RX_CHUNKS);
    put_fragment(&x, 0, DATA_BEGIN | DATA_END, 1);
    unsigned got = 0;
    while (sctp_poll_event(&x.s, &e))
        got++;
    assert_int_equal(got, SCTP_RX_CHUNKS);
}

static void forward(struct solo *x, uint32_t tsn)
{
    uint8_t body[8] = {
        (uint8_t)(tsn >> 24), (uint8_t)(tsn >> 16), (uint8_t)(tsn >> 8), (uint8_t)tsn, 0, 1, 0, 0};
    solo_in(x, CHUNK_FORWARD_TSN, 0, body, sizeof body);
}

static void forward_tsn_skips_what_was_abandoned(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    put_fragment(&x, 0, DATA_BEGIN, 10); /* its end never comes */
    solo_put_data(&x, (struct solo_data){x.tsn + 3, PPID_STRING, 1, x.ssn + 2, DATA_BEGIN | DATA_END,
                                         (const uint8_t *)"on", 2});
    solo_flush(&x);
    forward(&x, x.tsn + 2);
    assert_true(expect_sack(&x).cumulative == x.tsn + 3);
    expect_text(&x, "on");
    solo_no_event(&x);
    assert_int_equal(x.s.rx.count, 0);
    forward(&x, x.tsn); /* an old one */
    assert_true(expect_sack(&x).cumulative == x.tsn + 3);
    forward(&x, x.tsn + 100000);
    assert_true(expect_sack(&x).cumulative == x.tsn + 100000);
    solo_in(&x, CHUNK_FORWARD_TSN, 0, bytes, 3);
    solo_quiet(&x);
    x.tsn += 100001;
    x.ssn = 500; /* many of them were abandoned, too */
    solo_say(&x, PPID_STRING, "still here");
    expect_text(&x, "still here");
    solo_say(&x, PPID_STRING, "in order");
    expect_text(&x, "in order");
}

static void a_message_being_received_survives_forward_tsn(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    two_channels(&x);
    put_fragment(&x, 1, DATA_BEGIN, 10);
    forward(&x, x.tsn);
    put_fragment(&x, 2, DATA_END, 10);
    solo_event(&x, &e, SCTP_EVENT_MESSAGE);
    assert_int_equal(e.len, 20);
}

static void a_beginning_without_an_end_is_dropped(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    put_fragment(&x, 0, DATA_BEGIN, 10);
    put_fragment(&x, 1, 0, 10);
    x.tsn += 2;
    solo_say(&x, PPID_STRING, "fine");
    expect_text(&x, "fine");
    put_fragment(&x, 0, DATA_END, 10); /* an end without a beginning */
    x.tsn++;
    solo_say(&x, PPID_STRING, "too");
    expect_text(&x, "too");
    solo_no_event(&x);
    assert_int_equal(x.s.rx.count, 0);
}

/* --- sending --- */

static size_t send_packets(struct solo *x)
{
    struct solo_packet p;
    size_t n = 0;
    while (solo_out(x, &p))
        n++;
    return n;
}

static uint32_t first_tsn(const struct solo *x)
{
    return x->s.tx.first_tsn;
}

static void a_long_message_goes_in_fragments(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    two_channels(&x);
    uint32_t tsn = first_tsn(&x);
    assert_int_equal(sctp_send(&x.s, 1, false, bytes, 2 * SCTP_FRAGMENT + 1), SCTP_OK);
    for (unsigned i = 0; i < 3; i++) {
        struct buf_reader r = solo_expect(&x, &p, CHUNK_DATA);
        assert_int_equal(p.chunk[0].flags, i == 0 ? DATA_BEGIN : i == 2 ? DATA_END : 0);
        assert_true(buf_u32(&r) == tsn + i);
        assert_int_equal(buf_u16(&r), 1);
        assert_int_equal(buf_u16(&r), 1); /* the ACK of DCEP had 0 */
        assert_int_equal(buf_u32(&r), PPID_BINARY);
        assert_int_equal(r.left, i == 2 ? 1 : SCTP_FRAGMENT);
    }
}

static void small_messages_share_a_packet(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    two_channels(&x);
    for (int i = 0; i < 10; i++)
        sctp_send(&x.s, 1, false, bytes, 20);
    assert_true(solo_out(&x, &p));
    assert_int_equal(p.count, 10);
    solo_quiet(&x);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    assert_int_equal(sctp_send(&x.s, 1, false, bytes, SCTP_TX_BYTES + 1), SCTP_ERR_TOO_BIG);
    assert_int_equal(sctp_send(&x.s, 1, false, bytes, SCTP_TX_BYTES), SCTP_OK);
    assert_int_equal(sctp_send(&x.s, 1, false, bytes, 1), SCTP_ERR_WOULD_BLOCK);
    send_packets(&x);
    solo_sack_all(&x);
    send_packets(&x);
    solo_sack_all(&x);
    for (int i = 0; i < SCTP_TX_CHUNKS; i++)
        assert_int_equal(sctp_send(&x.s, 1, false, bytes, 1), SCTP_OK);
    assert_int_equal(sctp_send(&x.s, 1, false, bytes, 1), SCTP_ERR_WOULD_BLOCK);
    x.s.config.peer_message_max = 100;
    assert_int_equal(sctp_send(&x.s, 1, false, bytes, 101), SCTP_ERR_TOO_BIG);
}

static void the_peers_window_is_honoured(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    uint32_t tsn = first_tsn(&x);
    solo_sack(&x, tsn - 1, 2500, 0, NULL);
    sctp_send(&x.s, 1, false, bytes, 4000);
    assert_int_equal(send_packets(&x), 2); /* 2 * 1104 fit */
    solo_sack(&x, tsn, 1500, 0, NULL);
    assert_int_equal(send_packets(&x), 0); /* 1104 in flight, 1104 more don't */
    solo_sack(&x, tsn + 1, 1200, 0, NULL);
    assert_int_equal(send_packets(&x), 1);
}

static void a_closed_window_is_probed_for_ever(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    uint32_t tsn = first_tsn(&x);
    solo_sack(&x, tsn - 1, 0, 0, NULL);
    sctp_send(&x.s, 1, false, bytes, 3000);
    uint64_t rto = CLOCK_S(1);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(send_packets(&x), 1);
        solo_sack(&x, tsn - 1, 0, 0, NULL); /* alive, and full */
        assert_int_equal(send_packets(&x), 0);
        solo_wait(&x, rto);
        rto = rto * 2 > CLOCK_S(60) ? CLOCK_S(60) : rto * 2;
    }
    assert_int_equal(send_packets(&x), 1);
    solo_sack(&x, tsn, 10000, 0, NULL);
    assert_int_equal(send_packets(&x), 2);
}

static void t3_doubles_and_gives_up_after_ten(void **state)
{
    (void)state;
    const unsigned seconds[] = {1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60};
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    two_channels(&x);
    sctp_send(&x.s, 1, false, bytes, 50);
    for (size_t i = 0; i < 11; i++) {
        solo_expect(&x, &p, CHUNK_DATA);
        solo_quiet(&x);
        solo_wait(&x, CLOCK_S(seconds[i]));
    }
    solo_expect(&x, &p, CHUNK_ABORT);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_TIMEOUT);
    assert_int_equal(x.s.tx.retransmissions, 10);
}

static void t3_restarts_with_each_advance_and_stops_at_the_end(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    uint32_t tsn = first_tsn(&x);
    sctp_send(&x.s, 1, false, bytes, 2000);
    send_packets(&x);
    x.now += CLOCK_MS(600);
    solo_sack(&x, tsn - 1, 10000, 0, NULL);
    assert_int_equal(sctp_next_timeout(&x.s) - x.now, CLOCK_MS(400));
    solo_sack(&x, tsn, 10000, 0, NULL);
    assert_int_equal(sctp_next_timeout(&x.s) - x.now, x.s.rto);
    solo_sack(&x, tsn + 1, 10000, 0, NULL);
    assert_true(sctp_next_timeout(&x.s) == CLOCK_NEVER);
}

static void after_a_timeout_cwnd_is_one_packet(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    uint32_t tsn = first_tsn(&x);
    sctp_send(&x.s, 1, false, bytes, 4000);
    assert_int_equal(send_packets(&x), 4);
    solo_wait(&x, CLOCK_S(1));
    assert_int_equal(x.s.tx.cwnd, SCTP_FRAGMENT);
    assert_int_equal(send_packets(&x), 1); /* the first again */
    solo_sack(&x, tsn, 10000, 0, NULL);    /* slow start: two now */
    assert_int_equal(send_packets(&x), 2);
    solo_sack(&x, tsn + 3, 10000, 0, NULL);
    assert_int_equal(x.s.tx.count, 0);
}

/* Channel 1 has sent five chunks; the second is lost. */
static uint32_t lose_second(struct solo *x)
{
    two_channels(x);
    uint32_t tsn = first_tsn(x);
    for (int i = 0; i < 5; i++)
        sctp_send(&x->s, 1, false, bytes, 700);
    assert_int_equal(send_packets(x), MAX_BURST);
    solo_sack(x, tsn, 10000, 0, NULL);
    assert_int_equal(send_packets(x), 1);
    return tsn;
}

static void three_reports_bring_a_fast_retransmission(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    uint32_t tsn = lose_second(&x);
    for (uint16_t end = 2; end <= 4; end++) {
        solo_quiet(&x);
        solo_sack(&x, tsn, 10000, 1, (const uint16_t[]){2, end});
    }
    struct buf_reader r = solo_expect(&x, &p, CHUNK_DATA);
    assert_true(buf_u32(&r) == tsn + 1);
    assert_true(x.s.tx.in_recovery);
    assert_int_equal(x.s.tx.cwnd, 4 * SCTP_FRAGMENT);
    assert_int_equal(x.s.tx.ssthresh, 4 * SCTP_FRAGMENT);
    assert_int_equal(x.s.errors, 0);
    for (int i = 0; i < 5; i++) /* the same report again strikes nothing, and it has had its turn */
        solo_sack(&x, tsn, 10000, 1, (const uint16_t[]){2, 4});
    solo_quiet(&x);
    solo_sack(&x, tsn + 4, 10000, 0, NULL);
    assert_false(x.s.tx.in_recovery);
    assert_true(sctp_next_timeout(&x.s) == CLOCK_NEVER);
}

static void a_repeated_report_is_no_strike(void **state)
{
    (void)state;
    struct solo x;
    uint32_t tsn = lose_second(&x);
    for (int i = 0; i < 5; i++)
        solo_sack(&x, tsn, 10000, 1, (const uint16_t[]){2, 4});
    solo_quiet(&x);
    assert_int_equal(x.s.tx.queue[0].misses, 1);
}

static void what_is_taken_back_is_sent_again(void **state)
{
    (void)state;
    struct solo x;
    uint32_t tsn = lose_second(&x);
    solo_sack(&x, tsn, 10000, 1, (const uint16_t[]){2, 4});
    assert_int_equal(tx_flight(&x.s.tx), 700);
    solo_sack(&x, tsn, 10000, 0, NULL);
    assert_int_equal(tx_flight(&x.s.tx), 2800);
    x.now = sctp_next_timeout(&x.s);
    sctp_handle_timeout(&x.s, x.now);
    assert_int_equal(send_packets(&x), 1);
    assert_int_equal(tx_flight(&x.s.tx), 700);
}

static void sacks_of_nonsense(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    uint32_t tsn = lose_second(&x);
    solo_sack(&x, tsn - 2, 0, 0, NULL);                             /* old */
    solo_sack(&x, tsn, 10000, 2, (const uint16_t[]){0, 0, 9, 3});   /* empty and backwards */
    solo_sack(&x, tsn, 10000, 1, (const uint16_t[]){60000, 65535}); /* beyond */
    solo_in(&x, CHUNK_SACK, 0, bytes, 11);
    uint8_t lie[12] = {0};
    lie[9] = 1; /* a gap block that isn't there */
    solo_in(&x, CHUNK_SACK, 0, lie, 12);
    assert_int_equal(x.s.tx.count, 4);
    assert_int_equal(tx_flight(&x.s.tx), 2800);
    solo_sack(&x, tsn + 5, 10000, 0, NULL); /* never sent */
    struct buf_reader cause = solo_expect(&x, &p, CHUNK_ABORT);
    assert_int_equal(buf_u16(&cause), CAUSE_PROTOCOL);
}

static void cwnd_grows_only_if_it_is_used(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    uint32_t before = x.s.tx.cwnd;
    sctp_send(&x.s, 1, false, bytes, 500);
    send_packets(&x);
    solo_sack_all(&x);
    assert_int_equal(x.s.tx.cwnd, before);
    sctp_send(&x.s, 1, false, bytes, 4000);
    send_packets(&x);
    solo_sack_all(&x);
    assert_int_equal(x.s.tx.cwnd, before + SCTP_FRAGMENT); /* slow start */
    x.s.tx.ssthresh = x.s.tx.cwnd = 3000;
    x.s.tx.cwnd++;
    uint32_t tsn = first_tsn(&x); /* congestion avoidance: one packet for each window */
    sctp_send(&x.s, 1, false, bytes, 4000);
    send_packets(&x);
    solo_sack(&x, tsn + 1, 100000, 0, NULL);
    assert_int_equal(x.s.tx.cwnd, 3001);
    sctp_send(&x.s, 1, false, bytes, 2000);
    send_packets(&x);
    solo_sack(&x, tsn + 3, 100000, 0, NULL);
    assert_int_equal(x.s.tx.cwnd, 3001 + SCTP_FRAGMENT);
}

static void an_idle_path_is_met_with_care(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    x.s.tx.cwnd = 20000;
    x.now += CLOCK_S(5);
    sctp_send(&x.s, 1, false, bytes, 10);
    send_packets(&x);
    assert_int_equal(x.s.tx.cwnd, 10000);
}

static void only_what_was_sent_once_is_measured(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    x.s.srtt = 0;
    sctp_send(&x.s, 1, false, bytes, 10);
    send_packets(&x);
    solo_wait(&x, x.s.rto);
    send_packets(&x);
    solo_sack_all(&x);
    assert_int_equal(x.s.srtt, 0);
    sctp_send(&x.s, 1, false, bytes, 10);
    send_packets(&x);
    x.now += CLOCK_MS(50);
    solo_sack_all(&x);
    assert_int_equal(x.s.srtt, CLOCK_MS(50));
}

static void a_fast_retransmission_is_not_measured(void **state)
{
    (void)state;
    struct solo x;
    two_channels(&x);
    uint32_t tsn = first_tsn(&x), srtt = x.s.srtt;
    for (int i = 0; i < 4; i++)
        sctp_send(&x.s, 1, false, bytes, 700);
    assert_int_equal(send_packets(&x), 4);
    for (uint16_t end = 2; end <= 4; end++)
        solo_sack(&x, tsn - 1, 10000, 1, (const uint16_t[]){2, end});
    assert_int_equal(send_packets(&x), 1);
    x.now += CLOCK_MS(300);
    solo_sack(&x, tsn + 3, 10000, 0, NULL);
    assert_int_equal(x.s.srtt, srtt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sack_waits_200_ms_for_a_second_packet),
        cmocka_unit_test(the_immediate_bit_asks_for_a_sack_at_once),
        cmocka_unit_test(a_sack_rides_along_with_data),
        cmocka_unit_test(gaps_and_duplicates_are_told_at_once),
        cmocka_unit_test(every_order_of_fragments),
        cmocka_unit_test(a_message_ahead_waits_for_the_one_before),
        cmocka_unit_test(unordered_messages_and_other_channels_do_not_wait),
        cmocka_unit_test(a_lent_message_stays_until_the_next_call),
        cmocka_unit_test(an_empty_chunk_is_a_protocol_violation),
        cmocka_unit_test(a_message_of_the_longest_length_arrives_and_one_more_byte_ends_it),
        cmocka_unit_test(a_chunk_that_can_never_fit_ends_it),
        cmocka_unit_test(what_the_application_leaves_closes_the_window),
        cmocka_unit_test(far_ahead_is_not_taken),
        cmocka_unit_test(room_is_kept_for_what_is_missing),
        cmocka_unit_test(the_missing_one_pushes_out_the_last_if_it_must),
        cmocka_unit_test(many_small_chunks_never_exceed_the_table),
        cmocka_unit_test(forward_tsn_skips_what_was_abandoned),
        cmocka_unit_test(a_message_being_received_survives_forward_tsn),
        cmocka_unit_test(a_beginning_without_an_end_is_dropped),
        cmocka_unit_test(a_long_message_goes_in_fragments),
        cmocka_unit_test(small_messages_share_a_packet),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(the_peers_window_is_honoured),
        cmocka_unit_test(a_closed_window_is_probed_for_ever),
        cmocka_unit_test(t3_doubles_and_gives_up_after_ten),
        cmocka_unit_test(t3_restarts_with_each_advance_and_stops_at_the_end),
        cmocka_unit_test(after_a_timeout_cwnd_is_one_packet),
        cmocka_unit_test(three_reports_bring_a_fast_retransmission),
        cmocka_unit_test(a_repeated_report_is_no_strike),
        cmocka_unit_test(what_is_taken_back_is_sent_again),
        cmocka_unit_test(sacks_of_nonsense),
        cmocka_unit_test(cwnd_grows_only_if_it_is_used),
        cmocka_unit_test(an_idle_path_is_met_with_care),
        cmocka_unit_test(only_what_was_sent_once_is_measured),
        cmocka_unit_test(a_fast_retransmission_is_not_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
