/* Two peers joined in memory, with a scripted clock and link. */
#include "peer/link.h"

#include <stdio.h>

#include "peer_state.h"

struct side {
    struct peer_storage storage;
    struct peer *peer;
    struct peer_identity identity;
    struct peer_address address;
    uint64_t seed;
    unsigned events[PEER_EVENT_CLOSED + 1];
    enum peer_close_reason reason;
    uint16_t channel;
    bool is_text;
    char text[8192];
    size_t text_len;
    char label[64];
    unsigned sent;
    uint64_t last_timeout;
};

struct pair {
    struct link link;
    struct side a, b;
    uint64_t now;
};

static void side_init(struct side *s, uint64_t seed, const char *ip, struct peer_config config)
{
    s->seed = seed;
    config.random = (struct peer_random){link_random, &s->seed};
    config.identity = &s->identity;
    assert_int_equal(peer_identity_make(&s->identity, &config.random), PEER_OK);
    assert_true(peer_address_parse(&s->address, ip, 5000));
    s->peer = peer_create(&s->storage, &config);
    assert_non_null(s->peer);
    assert_int_equal(peer_add_local_address(s->peer, &s->address), PEER_OK);
}

static struct pair *pair_of(struct peer_config a, struct peer_config b)
{
    struct pair *p = test_calloc(1, sizeof *p);
    p->link.seed = 99;
    p->link.delay = CLOCK_MS(1);
    p->now = CLOCK_S(7);
    side_init(&p->a, 1, "10.0.0.1", a);
    side_init(&p->b, 2, "10.0.0.2", b);
    return p;
}

static struct pair *pair_new(void)
{
    return pair_of((struct peer_config){.audio = true, .data = true, .fec = true},
                   (struct peer_config){.audio = true, .data = true});
}

static void pair_free(struct pair *p)
{
    peer_destroy(p->a.peer);
    peer_destroy(p->b.peer);
    test_free(p);
}

static void take_event(struct side *s, const struct peer_event *e)
{
    s->events[e->type]++;
    if (e->type == PEER_EVENT_MESSAGE) {
        assert_true(e->len < sizeof s->text);
        memcpy(s->text, e->data, e->len);
        s->text_len = e->len;
        s->is_text = e->is_text;
        s->channel = e->channel;
    } else if (e->type == PEER_EVENT_CHANNEL_OPEN) {
        snprintf(s->label, sizeof s->label, "%.*s", (int)e->len, (const char *)e->data);
        s->channel = e->channel;
    } else if (e->type == PEER_EVENT_LOCAL_CANDIDATE) {
        snprintf(s->text, sizeof s->text, "%.*s", (int)e->len, (const char *)e->data);
    } else if (e->type == PEER_EVENT_CLOSED) {
        s->reason = e->reason;
    }
}

static void drain(struct pair *p, struct side *s)
{
    struct peer_out out;
    for (unsigned turns = 0;; turns++) {
        assert_true(turns < 200); /* nothing goes on for ever */
        peer_poll(s->peer, p->now, &out);
        if (out.type == PEER_OUT_TIMEOUT)
            break;
        if (out.type == PEER_OUT_EVENT) {
            take_event(s, &out.event);
            continue;
        }
        assert_in_range(out.len, 1, PEER_MTU);
        s->sent++;
        link_send(&p->link, p->now, &out.local, &out.remote, out.data, out.len);
    }
    s->last_timeout = out.timeout;
}

static struct side *owner(struct pair *p, const struct peer_address *address)
{
    if (ice_find_local(&p->a.peer->ice, address, address) >= 0)
        return &p->a;
    return ice_find_local(&p->b.peer->ice, address, address) >= 0 ? &p->b : NULL;
}

static void run(struct pair *p, uint64_t until)
{
    struct link_packet packet;
    while (p->now < until) {
        drain(p, &p->a);
        drain(p, &p->b);
        uint64_t next = clock_min(clock_min(p->a.last_timeout, p->b.last_timeout), link_next(&p->link));
        p->now = next <= p->now ? p->now + 1 : clock_min(next, until);
        while (link_take(&p->link, p->now, &packet)) {
            struct side *s = owner(p, &packet.to);
            if (s != NULL)
                peer_handle_datagram(s->peer, p->now, &packet.to, &packet.from, packet.data, packet.len);
            drain(p, &p->a);
            drain(p, &p->b);
        }
        peer_handle_timeout(p->a.peer, p->now);
        peer_handle_timeout(p->b.peer, p->now);
    }
    drain(p, &p->a);
    drain(p, &p->b);
}

static void run_ms(struct pair *p, unsigned ms)
{
    run(p, p->now + CLOCK_MS(ms));
}

static void signal_(struct pair *p, struct side *from, struct side *to)
{
    char sdp[4096];
    assert_int_equal(peer_offer(from->peer, sdp, sizeof sdp), PEER_OK);
    assert_int_equal(peer_set_offer(to->peer, p->now, sdp), PEER_OK);
    assert_int_equal(peer_answer(to->peer, sdp, sizeof sdp), PEER_OK);
    assert_int_equal(peer_set_answer(from->peer, p->now, sdp), PEER_OK);
}

static void connect(struct pair *p)
{
    signal_(p, &p->a, &p->b);
    run_ms(p, 400);
    assert_int_equal(p->a.events[PEER_EVENT_CONNECTED], 1);
    assert_int_equal(p->b.events[PEER_EVENT_CONNECTED], 1);
}

/* A packet of Opus that begins with a TOC of 20 ms and names itself. */
static enum peer_error speak(struct pair *p, struct side *s, uint8_t name)
{
    const uint8_t opus[] = {9 << 3, name, 1, 2, 3};
    enum peer_error error = peer_send_audio(s->peer, p->now, opus, sizeof opus);
    drain(p, s);
    return error;
}

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
        cmocka_unit_test(connects_and_carries_everything),
        cmocka_unit_test(connects_over_a_bad_link),
        cmocka_unit_test(reports_by_rtcp),
        cmocka_unit_test(redundancy_fills_bursts_once_they_are_reported),
        cmocka_unit_test(redundancy_is_off_where_it_was_not_negotiated),
        cmocka_unit_test(ends_with_bye_and_close_notify),
        cmocka_unit_test(closes_before_it_ever_connected),
        cmocka_unit_test(restarts_ice_and_keeps_the_rest),
        cmocka_unit_test(asks_for_a_sign_of_life),
        cmocka_unit_test(survives_an_outage_by_restart),
        cmocka_unit_test(refuses_a_certificate_that_was_not_signalled),
        cmocka_unit_test(gives_up_when_nothing_answers),
        cmocka_unit_test(fails_when_dtls_never_comes),
        cmocka_unit_test(trickles_candidates),
        cmocka_unit_test(tells_its_reflexive_candidate),
        cmocka_unit_test(works_with_data_or_audio_alone),
        cmocka_unit_test(refuses_descriptions_and_calls_out_of_turn),
        cmocka_unit_test(refuses_a_new_certificate_on_restart),
        cmocka_unit_test(keeps_the_rtp_clock_over_pauses),
        cmocka_unit_test(bears_odd_media),
        cmocka_unit_test(drops_what_it_does_not_know),
        cmocka_unit_test(works_over_ipv6_and_passive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
