/* Two peers: how a connection begins, bears its network and ends. */
#include "peer/test_peer.h"

static void connects_and_carries_everything(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    struct peer_audio audio;
    connect(p);
    assert_true(p->a.peer->dtls.is_server); /* the answerer prefers to be active */
    assert_true(p->a.peer->ice.controlling && !p->b.peer->ice.controlling);
    uint16_t channel;
    assert_int_equal(peer_open_channel(p->a.peer, "rtvi-ai", &channel), PEER_OK);
    run_ms(p, 100);
    assert_string_equal(p->b.label, "rtvi-ai");
    assert_int_equal(p->a.events[PEER_EVENT_CHANNEL_OPEN], 1);
    assert_int_equal(peer_send_message(p->a.peer, channel, true, (const uint8_t *)"hi", 2), PEER_OK);
    run_ms(p, 50);
    assert_int_equal(p->b.text_len, 2);
    assert_true(p->b.is_text);
    static uint8_t big[3500] = {1, 2, 3};
    assert_int_equal(peer_send_message(p->b.peer, p->b.channel, false, big, sizeof big), PEER_OK);
    run_ms(p, 100);
    assert_int_equal(p->a.text_len, sizeof big);
    assert_memory_equal(p->a.text, big, sizeof big);
    for (uint8_t i = 0; i < 50; i++) {
        assert_int_equal(speak(p, &p->a, i), PEER_OK);
        run_ms(p, 20);
        assert_int_equal(peer_next_audio(p->b.peer, p->now, &audio), PEER_OK);
        assert_int_equal(audio.kind, PEER_AUDIO_PACKET);
        assert_int_equal(audio.len, 5);
        assert_int_equal(audio.data[1], i);
    }
    assert_int_equal(peer_close_channel(p->a.peer, channel), PEER_OK);
    run_ms(p, 500);
    assert_int_equal(p->b.events[PEER_EVENT_CHANNEL_CLOSED], 1);
    pair_free(p);
}

static void connects_over_a_bad_link(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct pair *p = pair_new();
        uint16_t channel;
        p->link = (struct link){
            .seed = seed, .loss = 30, .delay = CLOCK_MS(200), .spread = CLOCK_MS(80), .duplicates = 5};
        signal_(p, &p->a, &p->b);
        assert_int_equal(peer_open_channel(p->a.peer, "x", &channel), PEER_OK);
        assert_int_equal(peer_send_message(p->a.peer, channel, true, (const uint8_t *)"through", 7), PEER_OK);
        uint64_t start = p->now;
        while (p->now < start + CLOCK_S(150) && p->b.events[PEER_EVENT_MESSAGE] == 0)
            run_ms(p, 50);
        assert_int_equal(p->b.events[PEER_EVENT_MESSAGE], 1);
        assert_memory_equal(p->b.text, "through", 7);
        pair_free(p);
    }
}

static void ends_with_bye_and_close_notify(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    uint16_t channel;
    connect(p);
    assert_int_equal(peer_open_channel(p->a.peer, "x", &channel), PEER_OK);
    run_ms(p, 100);
    peer_close(p->a.peer);
    peer_close(p->a.peer);
    run_ms(p, 100);
    assert_int_equal(p->a.events[PEER_EVENT_CLOSED], 1);
    assert_int_equal(p->a.reason, PEER_CLOSE_LOCAL);
    assert_int_equal(p->b.events[PEER_EVENT_REMOTE_BYE], 1);
    assert_int_equal(p->b.events[PEER_EVENT_DATA_CLOSED], 1);
    assert_int_equal(p->b.events[PEER_EVENT_CLOSED], 1);
    assert_int_equal(p->b.reason, PEER_CLOSE_REMOTE);
    assert_true(p->a.last_timeout == PEER_NEVER && p->b.last_timeout == PEER_NEVER);
    char sdp[100];
    assert_int_equal(peer_offer(p->a.peer, sdp, sizeof sdp), PEER_ERR_STATE);
    assert_int_equal(speak(p, &p->a, 1), PEER_ERR_STATE);
    pair_free(p);
}

static void closes_before_it_ever_connected(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    peer_close(p->a.peer);
    drain(p, &p->a);
    assert_int_equal(p->a.events[PEER_EVENT_CLOSED], 1);
    assert_int_equal(p->a.sent, 0);
    pair_free(p);
}

static void asks_for_a_sign_of_life(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    connect(p);
    uint64_t asked = p->now;
    assert_true(p->a.peer->ice.consent.heard_at < asked);
    peer_ask(p->a.peer, asked);
    run_ms(p, 5); /* there and back, long before consent is due */
    assert_true(p->a.peer->ice.consent.heard_at > asked);
    pair_free(p);
}

static void survives_an_outage_by_restart(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    connect(p);
    p->link.cut = true;
    run_ms(p, 36000);
    assert_int_equal(p->a.events[PEER_EVENT_CONSENT_LOST], 1);
    assert_int_equal(p->b.events[PEER_EVENT_CONSENT_LOST], 1);
    unsigned sent = p->a.sent;
    assert_int_equal(speak(p, &p->a, 1), PEER_ERR_STATE);
    run_ms(p, 60000);
    assert_int_equal(p->a.sent, sent); /* RFC 7675 section 5.1: nothing more goes out */
    p->link.cut = false;
    assert_int_equal(peer_restart_ice(p->a.peer), PEER_OK);
    signal_(p, &p->a, &p->b);
    run_ms(p, 1000);
    assert_int_equal(speak(p, &p->a, 1), PEER_OK);
    run_ms(p, 30);
    struct peer_audio audio;
    assert_int_equal(peer_next_audio(p->b.peer, p->now, &audio), PEER_OK);
    assert_int_equal(audio.kind, PEER_AUDIO_PACKET);
    pair_free(p);
}

static void refuses_a_certificate_that_was_not_signalled(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    p->b.identity.fingerprint[0] ^= 1; /* what b says in its SDP */
    signal_(p, &p->a, &p->b);
    run_ms(p, 3000);
    assert_int_equal(p->a.events[PEER_EVENT_CONNECTED], 0);
    assert_int_equal(p->a.events[PEER_EVENT_CLOSED], 1);
    assert_int_equal(p->a.reason, PEER_CLOSE_FINGERPRINT);
    assert_null(p->a.peer->srtp.in);
    assert_int_equal(p->b.events[PEER_EVENT_CLOSED], 1); /* by our alert */
    pair_free(p);
}

static void gives_up_when_nothing_answers(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    p->link.cut = true;
    signal_(p, &p->a, &p->b);
    run_ms(p, 39000);
    assert_int_equal(p->a.events[PEER_EVENT_CLOSED], 0);
    run_ms(p, 1000);
    assert_int_equal(p->a.events[PEER_EVENT_CLOSED], 1);
    assert_int_equal(p->a.reason, PEER_CLOSE_ICE);
    pair_free(p);
}

static void fails_when_dtls_never_comes(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    p->link.block_from = 20;
    p->link.block_to = 63;
    signal_(p, &p->a, &p->b);
    run_ms(p, 123000);
    assert_int_equal(p->b.events[PEER_EVENT_ICE_CONNECTED], 1);
    assert_int_equal(p->b.events[PEER_EVENT_CLOSED], 0);
    run_ms(p, 1000);
    assert_int_equal(p->b.events[PEER_EVENT_CLOSED], 1);
    assert_int_equal(p->b.reason, PEER_CLOSE_DTLS);
    pair_free(p);
}

static void drops_what_it_does_not_know(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    struct peer_address stranger, nowhere;
    struct peer_stats stats;
    uint8_t rtp[20] = {0x80, 111}, dtls[20] = {22}, stun[20] = {0}, other[2] = {100};
    assert_true(peer_address_parse(&stranger, "10.0.0.3", 1));
    assert_true(peer_address_parse(&nowhere, "::1", 1));
    peer_handle_datagram(p->a.peer, p->now, NULL, &stranger, rtp, sizeof rtp);
    connect(p);
    peer_get_stats(p->a.peer, &stats);
    unsigned before = stats.rejected;
    peer_handle_datagram(p->a.peer, p->now, NULL, &stranger, rtp, sizeof rtp);
    peer_handle_datagram(p->a.peer, p->now, NULL, &stranger, dtls, sizeof dtls);
    peer_handle_datagram(p->a.peer, p->now, NULL, &stranger, stun, sizeof stun);
    peer_handle_datagram(p->a.peer, p->now, NULL, &nowhere, stun, sizeof stun);
    peer_handle_datagram(p->a.peer, p->now, NULL, &p->b.address, other, sizeof other);
    peer_handle_datagram(p->a.peer, p->now, NULL, &p->b.address, other, 0);
    peer_handle_datagram(p->a.peer, p->now, NULL, &p->b.address, rtp, sizeof rtp);
    peer_handle_datagram(p->a.peer, p->now, NULL, &p->b.address, dtls, sizeof dtls);
    peer_get_stats(p->a.peer, &stats);
    assert_int_equal(stats.rejected, before + 7); /* mbedTLS drops the bad record without a word */
    run_ms(p, 100);
    assert_int_equal(speak(p, &p->a, 1), PEER_OK);
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects_and_carries_everything),
        cmocka_unit_test(connects_over_a_bad_link),
        cmocka_unit_test(ends_with_bye_and_close_notify),
        cmocka_unit_test(closes_before_it_ever_connected),
        cmocka_unit_test(asks_for_a_sign_of_life),
        cmocka_unit_test(survives_an_outage_by_restart),
        cmocka_unit_test(refuses_a_certificate_that_was_not_signalled),
        cmocka_unit_test(gives_up_when_nothing_answers),
        cmocka_unit_test(fails_when_dtls_never_comes),
        cmocka_unit_test(drops_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
