/* Coming up and going down, what the wire must look like, and each timer: RFC 9260 5, 8, 9. */
#include "peer/test_sctp_solo.h"

static void the_checksum_is_crc32c(void **state)
{
    (void)state;
    assert_int_equal(sctp_crc32c((const uint8_t *)"12345678", 8), 0x6087809au);
    uint8_t zeros[32] = {0}; /* RFC 3720 B.4 */
    assert_int_equal(sctp_crc32c(zeros, sizeof zeros), 0x8a9136aau);
    zeros[9] = 1; /* the checksum's own place counts as zero */
    assert_int_equal(sctp_crc32c(zeros, sizeof zeros), 0x8a9136aau);
}

static void an_init_says_what_rfc_8831_wants(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct param param;
    solo_new(&x, (struct sctp_config){0});
    solo_quiet(&x);
    assert_int_equal(sctp_connect(&x.s, x.now), SCTP_OK);
    assert_int_equal(sctp_connect(&x.s, x.now), SCTP_ERR_STATE);
    struct buf_reader body = solo_expect(&x, &p, CHUNK_INIT);
    assert_int_equal(p.tag, 0);
    assert_int_equal(buf_u32(&body), x.s.local_tag);
    assert_int_equal(buf_u32(&body), SCTP_RX_BYTES);
    assert_int_equal(buf_u16(&body), 65535);
    assert_int_equal(buf_u16(&body), 65535);
    assert_int_equal(buf_u32(&body), x.s.initial_tsn);
    assert_true(param_next(&body, &param));
    assert_int_equal(param.type, PARAM_SUPPORTED_CHUNKS);
    assert_int_equal(param.value.left, 2);
    assert_true(param_next(&body, &param));
    assert_int_equal(param.type, PARAM_FORWARD_TSN);
    assert_false(param_next(&body, &param));
}

static void init_goes_out_eight_more_times_with_back_off(void **state)
{
    (void)state;
    const unsigned seconds[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_new(&x, (struct sctp_config){0});
    sctp_connect(&x.s, x.now);
    for (size_t i = 0; i < 9; i++) {
        solo_expect(&x, &p, CHUNK_INIT);
        solo_quiet(&x);
        solo_wait(&x, CLOCK_S(seconds[i]));
    }
    solo_quiet(&x);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_NO_ANSWER);
    assert_true(sctp_next_timeout(&x.s) == CLOCK_NEVER);
    solo_no_event(&x);
}

static size_t init_ack_body(uint8_t *out, size_t cap, size_t cookie_len)
{
    uint8_t param[1500] = {0, PARAM_STATE_COOKIE, (uint8_t)((cookie_len + 4) >> 8),
                           (uint8_t)(cookie_len + 4)};
    memset(param + 4, 0xc0, cookie_len);
    return solo_init_body(out, cap, PEER_TAG, 100, param, cookie_len + 4);
}

static void to_cookie_echoed(struct solo *x)
{
    uint8_t body[1600];
    struct solo_packet p;
    solo_new(x, (struct sctp_config){0});
    sctp_connect(&x->s, x->now);
    solo_expect(x, &p, CHUNK_INIT);
    solo_in(x, CHUNK_INIT_ACK, 0, body, init_ack_body(body, sizeof body, 33));
}

static void a_cookie_is_echoed_until_acknowledged(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    to_cookie_echoed(&x);
    for (unsigned i = 0; i < 3; i++) {
        struct buf_reader body = solo_expect(&x, &p, CHUNK_COOKIE_ECHO);
        assert_int_equal(p.tag, PEER_TAG);
        assert_int_equal(body.left, 33);
        assert_int_equal(body.at[0], 0xc0);
        solo_wait(&x, CLOCK_S(1u << i));
    }
    solo_in(&x, CHUNK_COOKIE_ACK, 0, NULL, 0);
    solo_event(&x, &e, SCTP_EVENT_CONNECTED);
    solo_quiet(&x);
    assert_true(sctp_next_timeout(&x.s) == CLOCK_NEVER);
    solo_in(&x, CHUNK_COOKIE_ACK, 0, NULL, 0);
    solo_no_event(&x);
}

static void a_cookie_of_any_size_that_fits_is_echoed(void **state)
{
    (void)state;
    const size_t most = SCTP_PACKET_MAX - SCTP_HEADER - SCTP_CHUNK_HEADER;
    uint8_t body[1600];
    for (size_t len = most - 1; len <= most + 1; len++) {
        struct solo x;
        struct solo_packet p;
        solo_new(&x, (struct sctp_config){0});
        sctp_connect(&x.s, x.now);
        solo_expect(&x, &p, CHUNK_INIT);
        solo_in(&x, CHUNK_INIT_ACK, 0, body, init_ack_body(body, sizeof body, len));
        if (len > most) {
            solo_expect(&x, &p, CHUNK_ABORT);
        } else {
            assert_int_equal(solo_expect(&x, &p, CHUNK_COOKIE_ECHO).left, len);
        }
    }
}

static void a_stale_cookie_begins_again(void **state)
{
    (void)state;
    const uint8_t stale[] = {0, CAUSE_STALE_COOKIE, 0, 8, 0, 0, 0, 1},
                  other[] = {0, CAUSE_UNKNOWN_CHUNK, 0, 4};
    struct solo x;
    struct solo_packet p;
    to_cookie_echoed(&x);
    solo_expect(&x, &p, CHUNK_COOKIE_ECHO);
    solo_in(&x, CHUNK_ERROR, 0, other, sizeof other);
    solo_quiet(&x);
    solo_in(&x, CHUNK_ERROR, 0, stale, sizeof stale);
    solo_expect(&x, &p, CHUNK_INIT);
}

static void our_own_cookie_grows_stale(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    solo_new(&x, (struct sctp_config){0});
    solo_send_init(&x);
    struct buf_reader cookie = solo_cookie(&x, &p);
    uint8_t copy[64];
    memcpy(copy, cookie.at, cookie.left);
    x.now += CLOCK_S(60) + 1;
    solo_in(&x, CHUNK_COOKIE_ECHO, 0, copy, cookie.left);
    struct buf_reader error = solo_expect(&x, &p, CHUNK_ERROR);
    assert_int_equal(buf_u16(&error), CAUSE_STALE_COOKIE);
    solo_no_event(&x);
}

static void a_wrong_cookie_is_ignored(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    uint8_t bad[64] = {0};
    solo_new(&x, (struct sctp_config){0});
    solo_in(&x, CHUNK_COOKIE_ECHO, 0, bad, 20); /* before any INIT */
    solo_send_init(&x);
    struct buf_reader cookie = solo_cookie(&x, &p);
    for (size_t i = 0; i < cookie.left; i++) {
        memcpy(bad, cookie.at, cookie.left);
        bad[i] ^= 1;
        solo_in(&x, CHUNK_COOKIE_ECHO, 0, bad, cookie.left);
    }
    solo_in(&x, CHUNK_COOKIE_ECHO, 0, cookie.at, cookie.left - 1);
    solo_quiet(&x);
    solo_no_event(&x);
}

static void a_repeated_cookie_echo_is_answered_again(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    solo_up(&x);
    solo_send_init(&x); /* a stray one of before */
    struct buf_reader cookie = solo_cookie(&x, &p);
    solo_in(&x, CHUNK_COOKIE_ECHO, 0, cookie.at, cookie.left);
    solo_expect(&x, &p, CHUNK_COOKIE_ACK);
    solo_no_event(&x);
    assert_int_equal(x.s.state, SCTP_ESTABLISHED);
}

static void unknown_parameters_are_reported_or_skipped(void **state)
{
    (void)state;
    const uint8_t extra[] = {0xc0, 0x77, 0, 5, 1, 0, 0, 0, /* skip and report */
                             0x80, 0x01, 0, 4,             /* skip: libwebrtc's zero checksum */
                             0x40, 0x11, 0, 4,             /* stop and report */
                             0xc0, 0x78, 0, 4};            /* so not seen */
    struct solo x;
    struct solo_packet p;
    struct param param;
    uint8_t body[100];
    unsigned reports = 0;
    solo_new(&x, (struct sctp_config){0});
    size_t len = solo_init_body(body, sizeof body, PEER_TAG, 9, extra, sizeof extra);
    assert_int_equal(solo_tagged(&x, 0, CHUNK_INIT, 0, body, len), SCTP_OK);
    struct buf_reader r = solo_expect(&x, &p, CHUNK_INIT_ACK);
    buf_skip(&r, 16);
    while (param_next(&r, &param)) {
        if (param.type != PARAM_UNRECOGNIZED)
            continue;
        const uint8_t *expected = reports++ == 0 ? extra : extra + 12;
        assert_memory_equal(param.value.at, expected, param.value.left);
    }
    assert_int_equal(reports, 2);
}

static void inits_that_cannot_be_answered(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    uint8_t body[64];
    solo_new(&x, (struct sctp_config){0});
    size_t len = solo_init_body(body, sizeof body, 0, 9, NULL, 0);
    assert_int_equal(solo_tagged(&x, 0, CHUNK_INIT, 0, body, len), SCTP_OK);
    assert_int_equal(solo_tagged(&x, 5, CHUNK_INIT, 0, body, len), SCTP_ERR_PACKET);
    assert_int_equal(solo_tagged(&x, 0, CHUNK_INIT, 0, body, 15), SCTP_OK);
    solo_quiet(&x);
    len = solo_init_body(body, sizeof body, PEER_TAG, 0, NULL, 0); /* no streams */
    solo_tagged(&x, 0, CHUNK_INIT, 0, body, len);
    solo_expect(&x, &p, CHUNK_ABORT);
    assert_int_equal(p.tag, PEER_TAG);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_PROTOCOL);
}

static void init_acks_that_cannot_be_answered(void **state)
{
    (void)state;
    for (unsigned streams = 0; streams < 2; streams++) { /* without streams, or without a cookie */
        struct solo x;
        struct solo_packet p;
        uint8_t body[64];
        solo_new(&x, (struct sctp_config){0});
        sctp_connect(&x.s, x.now);
        solo_expect(&x, &p, CHUNK_INIT);
        solo_in(&x, CHUNK_INIT_ACK, 0, body,
                solo_init_body(body, sizeof body, PEER_TAG, (uint16_t)streams, NULL, 0));
        struct buf_reader cause = solo_expect(&x, &p, CHUNK_ABORT);
        assert_int_equal(buf_u16(&cause), streams == 0 ? CAUSE_INVALID_PARAM : CAUSE_MISSING_PARAM);
    }
}

static void a_peer_that_begins_anew_ends_it(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    uint8_t body[64];
    solo_up(&x);
    size_t len = solo_init_body(body, sizeof body, PEER_TAG + 1, 9, NULL, 0);
    solo_tagged(&x, 0, CHUNK_INIT, 0, body, len);
    solo_expect(&x, &p, CHUNK_ABORT);
    assert_int_equal(p.tag, PEER_TAG + 1);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_RESTARTED);
}

static void packets_of_others_change_nothing(void **state)
{
    (void)state;
    struct solo x;
    uint8_t packet[20] = {0x13, 0x88, 0x13, 0x88};
    solo_up(&x);
    assert_int_equal(solo_tagged(&x, x.s.local_tag + 1, CHUNK_ABORT, 0, NULL, 0), SCTP_ERR_PACKET);
    assert_int_equal(solo_tagged(&x, x.s.local_tag, CHUNK_ABORT, FLAG_TAG_REFLECTED, NULL, 0),
                     SCTP_ERR_PACKET);
    assert_int_equal(solo_tagged(&x, 0, CHUNK_SHUTDOWN, 0, NULL, 0), SCTP_ERR_PACKET);
    for (size_t len = 0; len < 16; len++) { /* too short for a chunk */
        if (len >= 12)
            solo_seal(packet, len);
        assert_int_equal(sctp_handle_packet(&x.s, x.now, packet, len), SCTP_ERR_PACKET);
    }
    buf_put_u32(&(struct buf_writer){.data = packet, .len = 4, .cap = 20}, x.s.local_tag);
    packet[12] = CHUNK_ABORT;
    packet[15] = 4;
    solo_seal(packet, 16);
    packet[8] ^= 1;
    assert_int_equal(sctp_handle_packet(&x.s, x.now, packet, 16), SCTP_ERR_PACKET);
    packet[1]++; /* another port */
    solo_seal(packet, 16);
    assert_int_equal(sctp_handle_packet(&x.s, x.now, packet, 16), SCTP_ERR_PACKET);
    solo_no_event(&x);
    packet[1]--;
    solo_seal(packet, 16);
    assert_int_equal(sctp_handle_packet(&x.s, x.now, packet, 16), SCTP_OK);
    assert_int_equal(x.s.state, SCTP_DONE);
}

static void an_abort_with_our_peers_tag_counts(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    solo_up(&x);
    assert_int_equal(solo_tagged(&x, PEER_TAG, CHUNK_ABORT, FLAG_TAG_REFLECTED, NULL, 0), SCTP_OK);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_PEER_ABORT);
    solo_quiet(&x);
}

static void chunks_that_lie_about_their_length(void **state)
{
    (void)state;
    const uint8_t chunks[][8] = {
        {CHUNK_HEARTBEAT, 0, 0, 3}, {CHUNK_HEARTBEAT, 0, 0, 9}, {CHUNK_HEARTBEAT, 0, 255, 255}};
    struct solo x;
    solo_up(&x);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(solo_raw(&x, x.s.local_tag, chunks[i], 8), SCTP_OK);
    solo_quiet(&x);
}

static void an_init_does_not_share_its_packet(void **state)
{
    (void)state;
    uint8_t chunks[64] = {CHUNK_INIT, 0, 0, 28};
    struct solo x;
    solo_new(&x, (struct sctp_config){0});
    solo_init_body(chunks + 4, sizeof chunks - 4, PEER_TAG, 9, NULL, 0);
    chunks[31] = 4;
    assert_int_equal(solo_raw(&x, 0, chunks, 36), SCTP_ERR_PACKET);
    chunks[3] = 3;
    assert_int_equal(solo_raw(&x, 0, chunks, 28), SCTP_ERR_PACKET);
    solo_quiet(&x);
}

static void unknown_chunks(void **state)
{
    (void)state;
    /* the upper bits of the type say: report? go on? A heartbeat behind it shows whether it went on. */
    const struct {
        uint8_t type;
        bool reported, skipped;
    } kinds[] = {{0x30, false, false}, {0x70, true, false}, {0xb0, false, true}, {0xf0, true, true}};
    for (size_t i = 0; i < 4; i++) {
        struct solo x;
        struct solo_packet p;
        uint8_t chunks[] = {kinds[i].type, 1, 0, 5, 9, 0, 0, 0, CHUNK_HEARTBEAT, 0, 0, 8, 0, 1, 0, 4};
        solo_up(&x);
        solo_raw(&x, x.s.local_tag, chunks, sizeof chunks);
        solo_out(&x, &p);
        assert_int_equal(p.count, kinds[i].reported + kinds[i].skipped);
        if (kinds[i].reported) {
            const uint8_t error[] = {0, CAUSE_UNKNOWN_CHUNK, 0, 9, kinds[i].type, 1, 0, 5, 9};
            assert_int_equal(p.chunk[0].type, CHUNK_ERROR);
            assert_int_equal(p.chunk[0].body.left, sizeof error);
            assert_memory_equal(p.chunk[0].body.at, error, sizeof error);
        }
        if (kinds[i].skipped)
            assert_int_equal(p.chunk[p.count - 1].type, CHUNK_HEARTBEAT_ACK);
    }
}

static void a_heartbeat_is_returned_as_it_came(void **state)
{
    (void)state;
    uint8_t info[303] = {0, 1, 0, 60};
    struct solo x;
    struct solo_packet p;
    solo_up(&x);
    solo_in(&x, CHUNK_HEARTBEAT, 0, info, 57);
    struct buf_reader body = solo_expect(&x, &p, CHUNK_HEARTBEAT_ACK);
    assert_int_equal(body.left, 57);
    assert_memory_equal(body.at, info, 57);
    solo_in(&x, CHUNK_HEARTBEAT, 0, info, sizeof info); /* more than we keep: as if it had been lost */
    solo_quiet(&x);
}

static struct buf_reader next_heartbeat(struct solo *x, struct solo_packet *p, uint64_t least, uint64_t most)
{
    uint64_t after = sctp_next_timeout(&x->s) - x->now;
    assert_in_range(after, least, most);
    solo_wait(x, after);
    return solo_expect(x, p, CHUNK_HEARTBEAT);
}

static void heartbeats_measure_the_round_trip(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    solo_up_with(&x, (struct sctp_config){.heartbeat = CLOCK_S(30)});
    struct buf_reader info =
        next_heartbeat(&x, &p, CLOCK_MS(30500), CLOCK_MS(31500)); /* RTO varied by half */
    x.now += CLOCK_MS(100);
    uint8_t forged[8] = {0, 1, 0, 8};
    solo_in(&x, CHUNK_HEARTBEAT_ACK, 0, forged, 8);
    solo_in(&x, CHUNK_HEARTBEAT_ACK, 0, forged, 3);
    assert_int_equal(x.s.srtt, 0);
    x.s.errors = 3;
    solo_in(&x, CHUNK_HEARTBEAT_ACK, 0, info.at, info.left);
    assert_int_equal(x.s.srtt, CLOCK_MS(100));
    assert_int_equal(x.s.errors, 0);
    assert_int_equal(x.s.rto, CLOCK_S(1)); /* 100 + 4 * 50 ms, and RTO.Min */
    solo_in(&x, CHUNK_HEARTBEAT_ACK, 0, info.at, info.left);
    next_heartbeat(&x, &p, CLOCK_MS(30400), CLOCK_MS(31400));
}

static void unanswered_heartbeats_end_it(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_up_with(&x, (struct sctp_config){.heartbeat = CLOCK_S(30)});
    for (unsigned i = 0; i < 11; i++)
        next_heartbeat(&x, &p, CLOCK_S(30), CLOCK_S(30 + 90));
    solo_wait(&x, sctp_next_timeout(&x.s) - x.now);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_TIMEOUT);
}

static void round_trips_make_the_rto(void **state)
{
    (void)state;
    struct solo x;
    solo_up(&x);
    assoc_measure(&x.s, CLOCK_S(2)); /* RFC 9260 6.3.1 C2 */
    assert_int_equal(x.s.rto, CLOCK_S(6));
    assoc_measure(&x.s, CLOCK_S(4)); /* C3: srtt 2.25, rttvar 0.75 + 0.5 */
    assert_int_equal(x.s.srtt, CLOCK_MS(2250));
    assert_int_equal(x.s.rttvar, CLOCK_MS(1250));
    assert_int_equal(x.s.rto, CLOCK_MS(7250));
    assoc_measure(&x.s, CLOCK_S(1000));
    assert_int_equal(x.s.rto, CLOCK_S(60));
    for (int i = 0; i < 100; i++)
        assoc_measure(&x.s, 0);
    assert_int_equal(x.s.rto, CLOCK_S(1));
}

static void we_shut_down(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_up(&x);
    solo_say(&x, PPID_STRING, "x"); /* for a cumulative TSN; there is no channel for it */
    sctp_shutdown(&x.s, x.now);
    assert_true(solo_out(&x, &p));
    assert_int_equal(p.chunk[0].type, CHUNK_SHUTDOWN);
    struct buf_reader cumulative = p.chunk[0].body;
    assert_int_equal(buf_u32(&cumulative), PEER_TSN);
    uint16_t id;
    assert_int_equal(sctp_open_channel(&x.s, "x", &id), SCTP_ERR_STATE);
    x.s.at[TIMER_SACK] = CLOCK_NEVER;
    for (unsigned i = 0; i < 3; i++) {
        solo_wait(&x, CLOCK_S(1u << i)); /* T2 */
        solo_expect(&x, &p, CHUNK_SHUTDOWN);
    }
    x.s.rx.unacked = 0;
    solo_say(&x, PPID_STRING, "y"); /* it goes on sending: SACK and SHUTDOWN at once */
    assert_true(solo_out(&x, &p));
    assert_int_equal(p.chunk[0].type, CHUNK_SHUTDOWN);
    assert_int_equal(p.chunk[1].type, CHUNK_SACK);
    solo_in(&x, CHUNK_SHUTDOWN_ACK, 0, NULL, 0);
    solo_expect(&x, &p, CHUNK_SHUTDOWN_COMPLETE);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_SHUTDOWN);
    solo_in(&x, CHUNK_SHUTDOWN_ACK, 0, NULL, 0); /* SHUTDOWN COMPLETE was lost */
    solo_expect(&x, &p, CHUNK_SHUTDOWN_COMPLETE);
    solo_in(&x, CHUNK_HEARTBEAT, 0, NULL, 0);
    solo_send_init(&x);
    solo_quiet(&x);
}

static void send_cumulative(struct solo *x, uint8_t type, uint32_t tsn)
{
    uint8_t body[4] = {(uint8_t)(tsn >> 24), (uint8_t)(tsn >> 16), (uint8_t)(tsn >> 8), (uint8_t)tsn};
    solo_in(x, type, 0, body, 4);
}

static void the_peer_shuts_down_and_what_was_queued_still_goes(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    struct sctp_event e;
    solo_up(&x);
    solo_open(&x);
    assert_int_equal(sctp_send(&x.s, 1, true, (const uint8_t *)"bye", 3), SCTP_OK);
    send_cumulative(&x, CHUNK_SHUTDOWN, x.s.tx.first_tsn + 77); /* of what was never sent: not ours */
    assert_int_equal(x.s.state, SCTP_ESTABLISHED);
    solo_in(&x, CHUNK_SHUTDOWN, 0, NULL, 0);
    assert_int_equal(x.s.state, SCTP_ESTABLISHED);
    send_cumulative(&x, CHUNK_SHUTDOWN, x.s.tx.first_tsn - 1);
    solo_expect(&x, &p, CHUNK_DATA);
    solo_quiet(&x);
    assert_int_equal(sctp_send(&x.s, 1, true, (const uint8_t *)"no", 2), SCTP_ERR_STATE);
    solo_say(&x, PPID_STRING, "too late");
    solo_no_event(&x);
    send_cumulative(&x, CHUNK_SHUTDOWN, x.s.tx.first_tsn); /* acknowledges it, too */
    solo_expect(&x, &p, CHUNK_SHUTDOWN_ACK);
    uint64_t rto = x.s.rto;
    solo_wait(&x, rto);
    solo_expect(&x, &p, CHUNK_SHUTDOWN_ACK);
    solo_in(&x, CHUNK_SHUTDOWN_COMPLETE, 0, NULL, 0);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_SHUTDOWN);
}

static void both_shut_down_at_once(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    solo_up(&x);
    solo_in(&x, CHUNK_SHUTDOWN_COMPLETE, 0, NULL, 0); /* nothing to complete */
    solo_in(&x, CHUNK_SHUTDOWN_ACK, 0, NULL, 0);
    assert_int_equal(x.s.state, SCTP_ESTABLISHED);
    sctp_shutdown(&x.s, x.now);
    solo_expect(&x, &p, CHUNK_SHUTDOWN);
    send_cumulative(&x, CHUNK_SHUTDOWN, x.s.initial_tsn - 1);
    solo_expect(&x, &p, CHUNK_SHUTDOWN_ACK);
    solo_in(&x, CHUNK_SHUTDOWN_ACK, 0, NULL, 0);
    solo_expect(&x, &p, CHUNK_SHUTDOWN_COMPLETE);
    assert_int_equal(x.s.reason, SCTP_REASON_SHUTDOWN);
}

static void a_shutdown_that_nobody_answers_ends(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    solo_up(&x);
    sctp_shutdown(&x.s, x.now);
    unsigned sent = 0;
    for (; x.s.state != SCTP_DONE; sent++) {
        solo_flush(&x);
        solo_wait(&x, sctp_next_timeout(&x.s) - x.now);
    }
    assert_int_equal(sent, 11);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_TIMEOUT);
}

static void ending_before_it_began(void **state)
{
    (void)state;
    struct solo x;
    struct sctp_event e;
    solo_new(&x, (struct sctp_config){0});
    sctp_connect(&x.s, x.now);
    sctp_shutdown(&x.s, x.now);
    solo_quiet(&x);
    solo_event(&x, &e, SCTP_EVENT_CLOSED);
    assert_int_equal(e.reason, SCTP_REASON_SHUTDOWN);
    sctp_abort(&x.s);
    sctp_shutdown(&x.s, x.now);
    solo_no_event(&x);
    assert_int_equal(sctp_connect(&x.s, x.now), SCTP_ERR_STATE);
}

static void we_abort(void **state)
{
    (void)state;
    struct solo x;
    struct solo_packet p;
    solo_up(&x);
    sctp_abort(&x.s);
    struct buf_reader cause = solo_expect(&x, &p, CHUNK_ABORT);
    assert_int_equal(p.tag, PEER_TAG);
    assert_int_equal(buf_u16(&cause), CAUSE_USER_ABORT);
    solo_quiet(&x);
    assert_true(sctp_next_timeout(&x.s) == CLOCK_NEVER);
}

static void a_buffer_too_small_for_a_packet_gets_none(void **state)
{
    (void)state;
    struct solo x;
    uint8_t buf[SCTP_PACKET_MAX];
    solo_new(&x, (struct sctp_config){0});
    sctp_connect(&x.s, x.now);
    assert_int_equal(sctp_poll_transmit(&x.s, x.now, buf, sizeof buf - 1), 0);
    assert_true(sctp_poll_transmit(&x.s, x.now, buf, sizeof buf) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_crc32c),
        cmocka_unit_test(an_init_says_what_rfc_8831_wants),
        cmocka_unit_test(init_goes_out_eight_more_times_with_back_off),
        cmocka_unit_test(a_cookie_is_echoed_until_acknowledged),
        cmocka_unit_test(a_cookie_of_any_size_that_fits_is_echoed),
        cmocka_unit_test(a_stale_cookie_begins_again),
        cmocka_unit_test(our_own_cookie_grows_stale),
        cmocka_unit_test(a_wrong_cookie_is_ignored),
        cmocka_unit_test(a_repeated_cookie_echo_is_answered_again),
        cmocka_unit_test(unknown_parameters_are_reported_or_skipped),
        cmocka_unit_test(inits_that_cannot_be_answered),
        cmocka_unit_test(init_acks_that_cannot_be_answered),
        cmocka_unit_test(a_peer_that_begins_anew_ends_it),
        cmocka_unit_test(packets_of_others_change_nothing),
        cmocka_unit_test(an_abort_with_our_peers_tag_counts),
        cmocka_unit_test(chunks_that_lie_about_their_length),
        cmocka_unit_test(an_init_does_not_share_its_packet),
        cmocka_unit_test(unknown_chunks),
        cmocka_unit_test(a_heartbeat_is_returned_as_it_came),
        cmocka_unit_test(heartbeats_measure_the_round_trip),
        cmocka_unit_test(unanswered_heartbeats_end_it),
        cmocka_unit_test(round_trips_make_the_rto),
        cmocka_unit_test(we_shut_down),
        cmocka_unit_test(the_peer_shuts_down_and_what_was_queued_still_goes),
        cmocka_unit_test(both_shut_down_at_once),
        cmocka_unit_test(a_shutdown_that_nobody_answers_ends),
        cmocka_unit_test(ending_before_it_began),
        cmocka_unit_test(we_abort),
        cmocka_unit_test(a_buffer_too_small_for_a_packet_gets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
