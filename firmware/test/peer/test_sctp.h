/* Two SCTP endpoints joined in memory by a link that loses, repeats, reorders and delays by script. */
#ifndef TEST_SCTP_H
#define TEST_SCTP_H

#include "check.h"

#include "sctp/sctp.h"
#include "sctp/sctp_wire.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINK_PACKETS = 512 };

struct link_packet {
    bool used;
    int to;
    uint64_t at;
    size_t len;
    uint8_t data[SCTP_PACKET_MAX];
};

struct side {
    struct sctp s;
    unsigned connected, opened, closed_channels, closed, messages;
    enum sctp_reason reason;
    uint16_t channel;           /* of the last event of a channel */
    bool remote, is_text, hold; /* hold: the application doesn't take its messages */
    char label[SCTP_LABEL_MAX + 1];
    size_t len;
    uint8_t last[SCTP_RX_BYTES];
    uint32_t next_in[SCTP_CHANNELS * 4]; /* the number that the next message of a channel bears */
    uint32_t next_out[SCTP_CHANNELS * 4];
    bool numbered; /* messages are link_message()s */
};

struct link {
    uint64_t now, seed;
    unsigned loss_permille, dup_permille;
    uint64_t delay, spread;
    unsigned sent, lost;
    bool (*drop)(const uint8_t *packet, size_t len, int to); /* true: lose this one */
    struct side side[2];
    struct link_packet wire[LINK_PACKETS];
};

static inline void link_fill(void *user, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(check_random(user) >> 32);
}

static inline unsigned link_pick(struct link *l, unsigned n)
{
    return (unsigned)(check_random(&l->seed) >> 33) % n;
}

static inline struct link *link_new(uint64_t seed)
{
    struct link *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->seed = seed * 0x9E3779B97F4A7C15u + 1;
    l->now = CLOCK_S(1000);
    l->delay = CLOCK_MS(20);
    for (int i = 0; i < 2; i++) {
        struct sctp_config c = {.rng = {link_fill, &l->seed}, .dtls_client = i == 0};
        sctp_init(&l->side[i].s, &c);
    }
    return l;
}

/* A message that tells its number, and whose bytes follow from it. */
static inline void link_message(uint8_t *out, size_t len, uint32_t number)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(i < 4 ? number >> (8 * i) : number * 31 + i);
}

static inline void link_expect(struct side *side, const struct sctp_event *e)
{
    static uint8_t expected[65536];
    assert_true(e->len >= 4);
    link_message(expected, e->len, side->next_in[e->channel]++);
    assert_memory_equal(e->data, expected, e->len);
}

static inline void link_event(struct side *side, const struct sctp_event *e)
{
    assert_int_equal(side->closed, 0);
    side->channel = e->channel;
    switch (e->type) {
    case SCTP_EVENT_CONNECTED:
        side->connected++;
        break;
    case SCTP_EVENT_CHANNEL_OPEN:
        side->opened++;
        side->remote = e->remote;
        memcpy(side->label, e->data, e->len);
        side->label[e->len] = 0;
        break;
    case SCTP_EVENT_MESSAGE:
        assert_int_equal(side->connected, 1);
        side->messages++;
        side->is_text = e->is_text;
        side->len = e->len;
        memcpy(side->last, e->data, e->len);
        if (side->numbered)
            link_expect(side, e);
        break;
    case SCTP_EVENT_CHANNEL_CLOSED:
        side->closed_channels++;
        break;
    case SCTP_EVENT_CLOSED:
        side->closed++;
        side->reason = e->reason;
        break;
    }
}

static inline void link_put(struct link *l, int to, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < LINK_PACKETS; i++) {
        struct link_packet *p = &l->wire[i];
        if (p->used)
            continue;
        *p = (struct link_packet){.used = true, .to = to, .at = l->now + l->delay, .len = len};
        if (l->spread > 0)
            p->at += check_random(&l->seed) % l->spread;
        memcpy(p->data, data, len);
        return;
    }
    fail_msg("the link is full");
}

static inline void link_send(struct link *l, int to, const uint8_t *data, size_t len)
{
    l->sent++;
    if ((l->drop != NULL && l->drop(data, len, to)) || link_pick(l, 1000) < l->loss_permille) {
        l->lost++;
        return;
    }
    link_put(l, to, data, len);
    if (link_pick(l, 1000) < l->dup_permille)
        link_put(l, to, data, len);
}

static inline void link_drain_events(struct side *side)
{
    struct sctp_event e;
    while (!side->hold && sctp_poll_event(&side->s, &e))
        link_event(side, &e);
}

static inline void link_drain(struct link *l)
{
    uint8_t buf[SCTP_PACKET_MAX];
    for (int i = 0; i < 2; i++) {
        link_drain_events(&l->side[i]);
        unsigned n = 0;
        for (size_t len; (len = sctp_poll_transmit(&l->side[i].s, l->now, buf, sizeof buf)) > 0; n++) {
            assert_true(n < 100);
            link_send(l, !i, buf, len);
        }
    }
}

static inline uint64_t link_next(const struct link *l)
{
    uint64_t at = clock_min(sctp_next_timeout(&l->side[0].s), sctp_next_timeout(&l->side[1].s));
    for (size_t i = 0; i < LINK_PACKETS; i++)
        if (l->wire[i].used)
            at = clock_min(at, l->wire[i].at);
    return at;
}

static inline void link_deliver(struct link *l)
{
    for (;;) {
        struct link_packet *first = NULL;
        for (size_t i = 0; i < LINK_PACKETS; i++) {
            struct link_packet *p = &l->wire[i];
            if (p->used && p->at <= l->now && (first == NULL || p->at < first->at))
                first = p;
        }
        if (first == NULL)
            return;
        first->used = false;
        (void)sctp_handle_packet(&l->side[first->to].s, l->now, first->data, first->len);
        link_drain(l);
    }
}

/* One step of time; false if nothing will ever happen, or not before `until`. */
static inline bool link_step(struct link *l, uint64_t until)
{
    link_drain(l);
    uint64_t at = link_next(l);
    if (at == CLOCK_NEVER || at > until) {
        l->now = until;
        return false;
    }
    l->now = at > l->now ? at : l->now;
    link_deliver(l);
    for (int i = 0; i < 2; i++)
        sctp_handle_timeout(&l->side[i].s, l->now);
    link_drain(l);
    return true;
}

static inline void link_run(struct link *l, uint64_t time)
{
    uint64_t until = l->now + time;
    for (unsigned steps = 0; link_step(l, until); steps++)
        assert_true(steps < 1000000);
}

static inline void link_connect(struct link *l)
{
    assert_int_equal(sctp_connect(&l->side[0].s, l->now), SCTP_OK);
    assert_int_equal(sctp_connect(&l->side[1].s, l->now), SCTP_OK);
    link_run(l, CLOCK_MS(500));
    assert_int_equal(l->side[0].connected, 1);
    assert_int_equal(l->side[1].connected, 1);
}

/* Connected, and with a channel 0 opened by side 0. */
static inline struct link *link_up(uint64_t seed)
{
    struct link *l = link_new(seed);
    uint16_t channel;
    link_connect(l);
    assert_int_equal(sctp_open_channel(&l->side[0].s, "rtvi-ai", &channel), SCTP_OK);
    assert_int_equal(channel, 0);
    link_run(l, CLOCK_MS(500));
    assert_int_equal(l->side[0].opened, 1);
    assert_int_equal(l->side[1].opened, 1);
    return l;
}

#endif
