/* Two peers: descriptions, candidates and restarts. */
#include "peer/test_peer.h"

static void restarts_ice_and_keeps_the_rest(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    uint16_t channel;
    connect(p);
    assert_int_equal(peer_open_channel(p->a.peer, "x", &channel), PEER_OK);
    run_ms(p, 100);
    for (int i = 0; i < 2; i++) { /* by either side */
        struct side *from = i ? &p->b : &p->a, *to = i ? &p->a : &p->b;
        assert_int_equal(peer_restart_ice(from->peer), PEER_OK);
        signal_(p, from, to);
        run_ms(p, 500);
        assert_int_equal(p->a.events[PEER_EVENT_ICE_CONNECTED], 2 + i);
        assert_int_equal(p->b.events[PEER_EVENT_ICE_CONNECTED], 2 + i);
        assert_int_equal(peer_send_message(p->a.peer, channel, true, (const uint8_t *)"still", 5), PEER_OK);
        run_ms(p, 100);
        assert_int_equal(p->b.events[PEER_EVENT_MESSAGE], 1 + i);
        assert_int_equal(speak(p, &p->a, 7), PEER_OK);
    }
    assert_int_equal(p->a.events[PEER_EVENT_CONNECTED], 1);
    pair_free(p);
}

static void trickles_candidates(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    struct peer_address extra;
    char offer[4096], answer[4096];
    assert_int_equal(peer_add_remote_candidate(p->a.peer, "x"), PEER_ERR_STATE);
    assert_int_equal(peer_offer(p->a.peer, offer, sizeof offer), PEER_OK);
    assert_int_equal(peer_set_offer(p->b.peer, p->now, offer), PEER_OK);
    assert_int_equal(peer_answer(p->b.peer, answer, sizeof answer), PEER_OK);
    for (char *at; (at = strstr(answer, "a=candidate")) != NULL;)
        at[2] = 'X';
    assert_int_equal(peer_set_answer(p->a.peer, p->now, answer), PEER_OK);
    p->b.peer->ice.remote_known = false; /* b keeps still, so a has to be told */
    run_ms(p, 1000);
    assert_int_equal(p->a.sent, 0);
    assert_int_equal(peer_add_remote_candidate(p->a.peer, "candidate:1 1 udp 5 b.local 5000 typ host"),
                     PEER_ERR_CANDIDATE);
    assert_int_equal(peer_add_remote_candidate(p->a.peer, "candidate:1 1 udp 5 10.0.0.2 5000 typ host\r\n"),
                     PEER_OK);
    assert_int_equal(peer_add_remote_candidate(p->a.peer, ""), PEER_OK);
    p->b.peer->ice.remote_known = true;
    run_ms(p, 500);
    assert_int_equal(p->a.events[PEER_EVENT_CONNECTED], 1);
    extra = (struct peer_address){.family = 5, .port = 1};
    assert_int_equal(peer_add_local_address(p->a.peer, &extra), PEER_ERR_ARGUMENT);
    for (uint16_t i = 0; i < PEER_MAX_LOCAL_ADDRESSES; i++) {
        extra = (struct peer_address){.family = 4, .port = (uint16_t)(1 + i)};
        assert_int_equal(peer_add_local_address(p->a.peer, &extra),
                         i + 1 < PEER_MAX_LOCAL_ADDRESSES ? PEER_OK : PEER_ERR_SPACE);
    }
    pair_free(p);
}

static void tells_its_reflexive_candidate(void **state)
{
    (void)state;
    struct peer_config config = {.audio = true};
    assert_true(peer_address_parse(&config.stun_server, "10.0.0.53", 3478));
    struct pair *p = pair_of(config, (struct peer_config){.audio = true});
    struct peer_out out;
    struct stun_message m;
    uint8_t reply[128];
    struct peer_address seen;
    peer_poll(p->a.peer, p->now, &out);
    assert_int_equal(out.type, PEER_OUT_TRANSMIT);
    assert_true(stun_parse(&m, out.data, out.len));
    assert_true(peer_address_parse(&seen, "198.51.100.1", 9));
    struct buf_writer w = buf_writer(reply, sizeof reply);
    stun_begin(&w, STUN_SUCCESS, m.tid);
    stun_put_mapped(&w, &seen);
    assert_true(stun_finish(&w, NULL));
    peer_handle_datagram(p->a.peer, p->now, NULL, &config.stun_server, reply, w.len);
    drain(p, &p->a);
    assert_int_equal(p->a.events[PEER_EVENT_LOCAL_CANDIDATE], 1);
    assert_string_equal(p->a.text,
                        "candidate:11 1 udp 1694498815 198.51.100.1 9 typ srflx raddr 10.0.0.1 rport 5000");
    pair_free(p);
}

static void works_with_data_or_audio_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct peer_config some = {.audio = i == 0, .data = i != 0}, all = {.audio = true, .data = true};
        struct pair *p = pair_of(i < 2 ? some : all, i < 2 ? all : some);
        uint16_t channel;
        connect(p);
        assert_int_equal(speak(p, &p->a, 1), i == 0 ? PEER_OK : PEER_ERR_STATE);
        assert_int_equal(peer_open_channel(p->a.peer, "x", &channel), i == 0 ? PEER_ERR_STATE : PEER_OK);
        run_ms(p, 100);
        assert_int_equal(p->b.events[PEER_EVENT_CHANNEL_OPEN], i != 0);
        pair_free(p);
    }
}

static void refuses_descriptions_and_calls_out_of_turn(void **state)
{
    (void)state;
    struct pair *p = pair_of((struct peer_config){.audio = true}, (struct peer_config){.data = true});
    char sdp[4096], small[100];
    uint16_t channel;
    struct peer_audio audio;
    assert_int_equal(peer_set_answer(p->a.peer, p->now, "v=0\n"), PEER_ERR_STATE);
    assert_int_equal(peer_answer(p->a.peer, sdp, sizeof sdp), PEER_ERR_STATE);
    assert_int_equal(peer_restart_ice(p->a.peer), PEER_ERR_STATE);
    assert_int_equal(peer_open_channel(p->a.peer, "x", &channel), PEER_ERR_STATE);
    assert_int_equal(peer_close_channel(p->a.peer, 0), PEER_ERR_STATE);
    assert_int_equal(peer_send_message(p->a.peer, 0, true, NULL, 0), PEER_ERR_STATE);
    assert_int_equal(peer_next_audio(p->a.peer, p->now, &audio), PEER_ERR_STATE);
    assert_int_equal(audio.kind, PEER_AUDIO_WAIT);
    assert_int_equal(peer_offer(p->a.peer, small, sizeof small), PEER_ERR_SPACE);
    assert_int_equal(peer_offer(p->a.peer, sdp, sizeof sdp), PEER_OK);
    assert_int_equal(peer_set_offer(p->a.peer, p->now, sdp), PEER_ERR_STATE);
    assert_int_equal(peer_set_offer(p->b.peer, p->now, sdp), PEER_ERR_SDP_REJECTED); /* audio for data */
    assert_int_equal(peer_set_offer(p->b.peer, p->now, "junk"), PEER_ERR_SDP_SYNTAX);
    assert_int_equal(peer_set_answer(p->a.peer, p->now, "junk"), PEER_ERR_SDP_SYNTAX);
    struct peer_config none = {.audio = true};
    assert_null(peer_create(&p->a.storage, &none));
    for (int e = PEER_OK; e <= PEER_ERR_CANDIDATE; e++)
        assert_true(strlen(peer_error_text((enum peer_error)e)) > 1);
    assert_string_equal(peer_error_text((enum peer_error)99), "unknown error");
    pair_free(p);
}

static void refuses_a_new_certificate_on_restart(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    char sdp[4096];
    connect(p);
    assert_int_equal(peer_restart_ice(p->a.peer), PEER_OK);
    p->a.identity.fingerprint[5] ^= 1;
    assert_int_equal(peer_offer(p->a.peer, sdp, sizeof sdp), PEER_OK);
    assert_int_equal(peer_set_offer(p->b.peer, p->now, sdp), PEER_ERR_SDP_FINGERPRINT);
    pair_free(p);
}

static void works_over_ipv6_and_passive(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    struct peer_address a, b;
    assert_true(peer_address_parse(&a, "fd00::1", 6));
    assert_true(peer_address_parse(&b, "fd00::2", 6));
    assert_int_equal(peer_add_local_address(p->a.peer, &a), PEER_OK);
    assert_int_equal(peer_add_local_address(p->b.peer, &b), PEER_OK);
    char offer[4096], answer[4096];
    assert_int_equal(peer_offer(p->a.peer, offer, sizeof offer), PEER_OK);
    for (char *at; (at = strstr(offer, "10.0.0.1 5000 typ")) != NULL;)
        memcpy(at, "10.0.0.1 50-0 tip", 17);
    for (char *at; (at = strstr(offer, "setup:actpass\r\n")) != NULL;)
        memcpy(at, "setup:active\r\n\n", 15);
    assert_int_equal(peer_set_offer(p->b.peer, p->now, offer), PEER_OK);
    assert_int_equal(peer_answer(p->b.peer, answer, sizeof answer), PEER_OK);
    assert_non_null(strstr(answer, "a=setup:passive"));
    for (char *at; (at = strstr(answer, "10.0.0.2 5000 typ")) != NULL;)
        memcpy(at, "10.0.0.2 50-0 tip", 17);
    assert_int_equal(peer_set_answer(p->a.peer, p->now, answer), PEER_OK);
    assert_false(p->a.peer->dtls.is_server);
    run_ms(p, 1500);
    assert_int_equal(p->a.events[PEER_EVENT_CONNECTED], 1);
    assert_int_equal(p->b.events[PEER_EVENT_CONNECTED], 1);
    assert_int_equal(p->a.peer->ice.route.remote.family, 6);
    pair_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts_ice_and_keeps_the_rest),
        cmocka_unit_test(trickles_candidates),
        cmocka_unit_test(tells_its_reflexive_candidate),
        cmocka_unit_test(works_with_data_or_audio_alone),
        cmocka_unit_test(refuses_descriptions_and_calls_out_of_turn),
        cmocka_unit_test(refuses_a_new_certificate_on_restart),
        cmocka_unit_test(works_over_ipv6_and_passive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
