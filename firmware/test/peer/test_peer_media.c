/* Two peers: sound, its redundancy and its reports. */
#include "peer/test_peer.h"

static void reports_by_rtcp(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    struct peer_stats stats;
    p->link.delay = CLOCK_MS(30);
    connect(p);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(speak(p, &p->a, 1), PEER_OK);
        if (i % 2)
            assert_int_equal(speak(p, &p->b, 1), PEER_OK);
        p->link.cut = i % 10 == 9;
        run_ms(p, 20);
    }
    p->link.cut = false;
    run_ms(p, 7000);
    peer_get_stats(p->a.peer, &stats);
    assert_int_equal(stats.sent_packets, 1000);
    assert_in_range(stats.rtt_us, CLOCK_MS(59), CLOCK_MS(62));
    assert_in_range(stats.remote_lost_packets, 90, 110);
    assert_in_range(stats.received_packets, 400, 500);
    peer_get_stats(p->b.peer, &stats);
    assert_in_range(stats.lost_packets, 90, 110);
    assert_true(stats.jitter_us < 1000);
    pair_free(p);
}

/* Voice, by the first bit behind the TOC: what isn't is not sent twice. */
#define VOICED 0x80

/* From a to b in bursts of three, b hearing all of it; how many frames b then had to conceal. */
static unsigned concealed_in_bursts(struct pair *p, unsigned seconds)
{
    unsigned concealed = 0;
    for (unsigned i = 0; i < 50 * seconds; i++) {
        struct peer_audio audio;
        p->link.block_from = i % 15 < 3 ? 128 : 0;
        p->link.block_to = i % 15 < 3 ? 191 : 0;
        assert_int_equal(speak(p, &p->a, (uint8_t)(VOICED | i % 64)), PEER_OK);
        p->link.block_to = 0;
        run_ms(p, 20);
        assert_int_equal(peer_next_audio(p->b.peer, p->now, &audio), PEER_OK);
        concealed += audio.kind == PEER_AUDIO_CONCEAL;
    }
    return concealed;
}

static void redundancy_fills_bursts_once_they_are_reported(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    struct peer_stats stats;
    connect(p);
    assert_true(p->a.peer->remote.red && p->b.peer->remote.red);
    unsigned rejected = p->b.peer->rejected;
    unsigned before = p->a.peer->sender.bytes;
    assert_true(concealed_in_bursts(p, 2) > 15); /* nobody has reported yet */
    assert_int_equal(p->a.peer->sender.bytes - before, 5 * 100);
    (void)concealed_in_bursts(p, 10);
    before = p->a.peer->sender.bytes;
    assert_true(concealed_in_bursts(p, 10) <= 2);
    assert_true(p->a.peer->sender.bytes - before == 24 * 500); /* two headers, three frames */
    assert_true(p->b.peer->jitter.stats.restored > 60);
    peer_get_stats(p->b.peer, &stats);
    assert_true(stats.lost_packets > 200); /* reported all the same */
    assert_int_equal(stats.rejected, rejected);
    for (unsigned i = 0; i < 50 * 25; i++) { /* and a network that is good again */
        assert_int_equal(speak(p, &p->a, VOICED), PEER_OK);
        run_ms(p, 20);
    }
    before = p->a.peer->sender.bytes;
    assert_int_equal(speak(p, &p->a, VOICED), PEER_OK);
    assert_int_equal(p->a.peer->sender.bytes - before, 5);
    pair_free(p);
}

static void redundancy_is_off_where_it_was_not_negotiated(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    connect(p);
    p->a.peer->remote.red = p->b.peer->remote.red = false;
    (void)concealed_in_bursts(p, 10);
    assert_int_equal(p->a.peer->sender.bytes, 5 * 500);
    pair_free(p);
}

static void keeps_the_rtp_clock_over_pauses(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    const uint8_t toc = 9 << 3;
    connect(p);
    assert_int_equal(peer_send_audio(p->a.peer, p->now, &toc, 0), PEER_ERR_ARGUMENT);
    static const uint8_t large[PEER_MAX_AUDIO + 1] = {9 << 3};
    assert_int_equal(peer_send_audio(p->a.peer, p->now, large, sizeof large), PEER_ERR_ARGUMENT);
    assert_int_equal(peer_send_audio(p->a.peer, p->now, large, PEER_MAX_AUDIO), PEER_OK);
    assert_int_equal(peer_send_audio(p->a.peer, p->now, &toc, 1), PEER_ERR_BUSY);
    drain(p, &p->a);
    uint32_t at = p->a.peer->sender.timestamp;
    p->now += CLOCK_MS(35); /* late, but no pause */
    assert_int_equal(speak(p, &p->a, 1), PEER_OK);
    assert_int_equal(p->a.peer->sender.timestamp, at + 960);
    p->now += CLOCK_MS(1000);
    assert_int_equal(speak(p, &p->a, 1), PEER_OK);
    assert_int_equal(p->a.peer->sender.timestamp, at + 960 + 48000);
    pair_free(p);
}

/* Straight from one's SRTP to the other's handler: a packet as the far end might send it. */
static void inject(struct pair *p, const uint8_t *data, size_t len, bool rtcp)
{
    uint8_t copy[256];
    memcpy(copy, data, len);
    size_t n = rtcp ? secure_rtp_protect_rtcp(&p->a.peer->srtp, copy, len)
                    : secure_rtp_protect(&p->a.peer->srtp, copy, len);
    assert_true(n > 0);
    peer_handle_datagram(p->b.peer, p->now, &p->b.address, &p->a.address, copy, n);
}

static void bears_odd_media(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    struct peer_stats stats;
    connect(p);
    peer_get_stats(p->b.peer, &stats);
    unsigned before = stats.rejected;
    uint8_t rtp[20] = {0x80, 13, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 1}; /* comfort noise */
    inject(p, rtp, sizeof rtp, false);
    peer_get_stats(p->b.peer, &stats);
    assert_true(stats.received_packets == 0 && stats.rejected == before);
    rtp[1] = 111;
    rtp[3] = 2;
    inject(p, rtp, sizeof rtp, false);
    rtp[3] = 3;
    rtp[11] = 8; /* the sender has begun anew, with another SSRC */
    inject(p, rtp, sizeof rtp, false);
    assert_int_equal(p->b.peer->receiver.rtp.ssrc, 0x09090908);
    rtp[1] = 63; /* redundancy that ends in its headers */
    memset(rtp + 12, 0xff, 8);
    rtp[3] = 4;
    inject(p, rtp, sizeof rtp, false);
    memset(rtp + 12, 0, 8);
    rtp[1] = 111;
    rtp[0] = 0xa0; /* padding, but of length 0 */
    rtp[3] = 5;
    inject(p, rtp, sizeof rtp, false);
    uint8_t rtcp[12] = {0x81, 201, 0, 2, 9, 9, 9, 9}; /* a block that isn't there */
    inject(p, rtcp, sizeof rtcp, true);
    peer_get_stats(p->b.peer, &stats);
    assert_int_equal(stats.received_packets, 1);
    assert_int_equal(stats.rejected, before + 3);
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_by_rtcp),
        cmocka_unit_test(redundancy_fills_bursts_once_they_are_reported),
        cmocka_unit_test(redundancy_is_off_where_it_was_not_negotiated),
        cmocka_unit_test(keeps_the_rtp_clock_over_pauses),
        cmocka_unit_test(bears_odd_media),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
