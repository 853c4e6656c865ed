/* Two peers joined in memory, with a scripted clock and link. */
#ifndef TEST_PEER_H
#define TEST_PEER_H

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

static inline void side_init(struct side *s, uint64_t seed, const char *ip, struct peer_config config)
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

static inline struct pair *pair_of(struct peer_config a, struct peer_config b)
{
    struct pair *p = test_calloc(1, sizeof *p);
    p->link.seed = 99;
    p->link.delay = CLOCK_MS(1);
    p->now = CLOCK_S(7);
    side_init(&p->a, 1, "10.0.0.1", a);
    side_init(&p->b, 2, "10.0.0.2", b);
    return p;
}

static inline struct pair *pair_new(void)
{
    return pair_of((struct peer_config){.audio = true, .data = true, .fec = true},
                   (struct peer_config){.audio = true, .data = true});
}

static inline void pair_free(struct pair *p)
{
    peer_destroy(p->a.peer);
    peer_destroy(p->b.peer);
    test_free(p);
}

static inline void take_event(struct side *s, const struct peer_event *e)
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

static inline void drain(struct pair *p, struct side *s)
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

static inline struct side *owner(struct pair *p, const struct peer_address *address)
{
    if (ice_find_local(&p->a.peer->ice, address, address) >= 0)
        return &p->a;
    return ice_find_local(&p->b.peer->ice, address, address) >= 0 ? &p->b : NULL;
}

static inline void run(struct pair *p, uint64_t until)
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

static inline void run_ms(struct pair *p, unsigned ms)
{
    run(p, p->now + CLOCK_MS(ms));
}

static inline void signal_(struct pair *p, struct side *from, struct side *to)
{
    char sdp[4096];
    assert_int_equal(peer_offer(from->peer, sdp, sizeof sdp), PEER_OK);
    assert_int_equal(peer_set_offer(to->peer, p->now, sdp), PEER_OK);
    assert_int_equal(peer_answer(to->peer, sdp, sizeof sdp), PEER_OK);
    assert_int_equal(peer_set_answer(from->peer, p->now, sdp), PEER_OK);
}

static inline void connect(struct pair *p)
{
    signal_(p, &p->a, &p->b);
    run_ms(p, 400);
    assert_int_equal(p->a.events[PEER_EVENT_CONNECTED], 1);
    assert_int_equal(p->b.events[PEER_EVENT_CONNECTED], 1);
}

/* A packet of Opus that begins with a TOC of 20 ms and names itself. */
static inline enum peer_error speak(struct pair *p, struct side *s, uint8_t name)
{
    const uint8_t opus[] = {9 << 3, name, 1, 2, 3};
    enum peer_error error = peer_send_audio(s->peer, p->now, opus, sizeof opus);
    drain(p, s);
    return error;
}

#endif
