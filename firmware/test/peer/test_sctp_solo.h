/* One SCTP endpoint against a peer that is played by the test: chunk by chunk, second by second. */
#ifndef TEST_SCTP_SOLO_H
#define TEST_SCTP_SOLO_H

#include "check.h"

#include "sctp/sctp.h"
#include "sctp/sctp_wire.h"

#define PEER_TAG 0x50454552u
#define PEER_TSN 0xfffffff0u /* wraps soon */

struct solo {
    struct sctp s;
    uint64_t now, seed;
    uint32_t tsn; /* the peer's next */
    uint16_t ssn;
};

struct solo_chunk {
    uint8_t type, flags;
    struct buf_reader body;
};

struct solo_packet {
    uint8_t data[SCTP_PACKET_MAX];
    size_t len, count;
    uint32_t tag;
    struct solo_chunk chunk[16];
};

static inline void solo_random(void *user, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(check_random(user) >> 32);
}

static inline void solo_new(struct solo *x, struct sctp_config c)
{
    *x = (struct solo){.now = CLOCK_S(50), .seed = 7, .tsn = PEER_TSN};
    c.rng = (struct rng){solo_random, &x->seed};
    sctp_init(&x->s, &c);
}

static inline void solo_seal(uint8_t *packet, size_t len)
{
    uint32_t crc = sctp_crc32c(packet, len);
    for (size_t i = 0; i < 4; i++)
        packet[8 + i] = (uint8_t)(crc >> (8 * i));
}

static inline enum sctp_error solo_raw(struct solo *x, uint32_t tag, const uint8_t *chunks, size_t len)
{
    uint8_t packet[4096];
    struct buf_writer w = buf_writer(packet, sizeof packet);
    buf_put_u16(&w, 5000);
    buf_put_u16(&w, 5000);
    buf_put_u32(&w, tag);
    buf_put_u32(&w, 0);
    buf_put(&w, chunks, len);
    assert_false(w.failed);
    solo_seal(packet, w.len);
    return sctp_handle_packet(&x->s, x->now, packet, w.len);
}

static inline enum sctp_error solo_tagged(struct solo *x, uint32_t tag, uint8_t type, uint8_t flags,
                                          const uint8_t *body, size_t len)
{
    uint8_t chunk[4000];
    struct buf_writer w = buf_writer(chunk, sizeof chunk);
    size_t at = chunk_begin(&w, type, flags);
    buf_put(&w, body, len);
    chunk_end(&w, at);
    assert_false(w.failed);
    return solo_raw(x, tag, chunk, w.len);
}

static inline void solo_in(struct solo *x, uint8_t type, uint8_t flags, const uint8_t *body, size_t len)
{
    assert_int_equal(solo_tagged(x, x->s.local_tag, type, flags, body, len), SCTP_OK);
}

/* The next packet out, taken apart. False: there is none. */
static inline bool solo_out(struct solo *x, struct solo_packet *p)
{
    *p = (struct solo_packet){.len = 0};
    p->len = sctp_poll_transmit(&x->s, x->now, p->data, sizeof p->data);
    if (p->len == 0)
        return false;
    struct buf_reader r = buf_reader(p->data, p->len);
    assert_int_equal(buf_u16(&r), 5000);
    assert_int_equal(buf_u16(&r), 5000);
    p->tag = buf_u32(&r);
    buf_skip(&r, 4);
    assert_int_equal(p->len % 4, 0);
    while (r.left > 0) {
        struct solo_chunk *c = &p->chunk[p->count++];
        c->type = buf_u8(&r);
        c->flags = buf_u8(&r);
        size_t len = buf_u16(&r);
        c->body = buf_sub(&r, len - 4);
        buf_skip(&r, pad4(len));
        assert_false(r.failed);
    }
    return true;
}

static inline void solo_quiet(struct solo *x)
{
    struct solo_packet p;
    assert_false(solo_out(x, &p));
}

/* The one chunk that comes out now. */
static inline struct buf_reader solo_expect(struct solo *x, struct solo_packet *p, uint8_t type)
{
    assert_true(solo_out(x, p));
    assert_int_equal(p->count, 1);
    assert_int_equal(p->chunk[0].type, type);
    return p->chunk[0].body;
}

/* The body of an INIT; `extra` are parameters. */
static inline size_t solo_init_body(uint8_t *out, size_t cap, uint32_t tag, uint16_t streams,
                                    const uint8_t *extra, size_t extra_len)
{
    static const uint8_t extensions[] = {0x80, 0x08, 0, 6, CHUNK_RECONFIG, CHUNK_FORWARD_TSN, 0, 0};
    struct buf_writer w = buf_writer(out, cap);
    buf_put_u32(&w, tag);
    buf_put_u32(&w, 100000);
    buf_put_u16(&w, streams);
    buf_put_u16(&w, streams);
    buf_put_u32(&w, PEER_TSN);
    buf_put(&w, extensions, sizeof extensions);
    buf_put(&w, extra, extra_len);
    assert_false(w.failed);
    return w.len;
}

static inline void solo_send_init(struct solo *x)
{
    uint8_t body[64];
    size_t len = solo_init_body(body, sizeof body, PEER_TAG, 100, NULL, 0);
    assert_int_equal(solo_tagged(x, 0, CHUNK_INIT, 0, body, len), SCTP_OK);
}

/* The cookie in the INIT ACK that comes out now. */
static inline struct buf_reader solo_cookie(struct solo *x, struct solo_packet *p)
{
    struct buf_reader body = solo_expect(x, p, CHUNK_INIT_ACK);
    struct param param = {0};
    assert_int_equal(p->tag, PEER_TAG);
    buf_skip(&body, 16);
    while (param_next(&body, &param))
        if (param.type == PARAM_STATE_COOKIE)
            return param.value;
    fail_msg("no cookie");
    return param.value;
}

static inline void solo_event(struct solo *x, struct sctp_event *e, enum sctp_event_type type)
{
    assert_true(sctp_poll_event(&x->s, e));
    assert_int_equal(e->type, type);
}

static inline void solo_no_event(struct solo *x)
{
    struct sctp_event e;
    assert_false(sctp_poll_event(&x->s, &e));
}

static inline void solo_up_with(struct solo *x, struct sctp_config c)
{
    struct solo_packet p;
    struct sctp_event e;
    solo_new(x, c);
    solo_send_init(x);
    struct buf_reader cookie = solo_cookie(x, &p);
    solo_in(x, CHUNK_COOKIE_ECHO, 0, cookie.at, cookie.left);
    solo_expect(x, &p, CHUNK_COOKIE_ACK);
    assert_int_equal(p.tag, PEER_TAG);
    solo_event(x, &e, SCTP_EVENT_CONNECTED);
}

static inline void solo_up(struct solo *x)
{
    solo_up_with(x, (struct sctp_config){.dtls_client = true});
}

struct solo_data {
    uint32_t tsn, ppid;
    uint16_t id, ssn;
    uint8_t flags;
    const uint8_t *data;
    size_t len;
};

static inline void solo_put_data(struct solo *x, struct solo_data d)
{
    uint8_t body[3000];
    struct buf_writer w = buf_writer(body, sizeof body);
    buf_put_u32(&w, d.tsn);
    buf_put_u16(&w, d.id);
    buf_put_u16(&w, d.ssn);
    buf_put_u32(&w, d.ppid);
    buf_put(&w, d.data, d.len);
    solo_in(x, CHUNK_DATA, d.flags, body, w.len);
}

/* A whole message on channel 1 in order. */
static inline void solo_say(struct solo *x, uint32_t ppid, const char *text)
{
    solo_put_data(x, (struct solo_data){x->tsn++, ppid, 1, x->ssn++, DATA_BEGIN | DATA_END,
                                        (const uint8_t *)text, strlen(text)});
}

static inline void solo_sack(struct solo *x, uint32_t cumulative, uint32_t rwnd, size_t gaps,
                             const uint16_t *gap)
{
    uint8_t body[64];
    struct buf_writer w = buf_writer(body, sizeof body);
    buf_put_u32(&w, cumulative);
    buf_put_u32(&w, rwnd);
    buf_put_u16(&w, (uint16_t)gaps);
    buf_put_u16(&w, 0);
    for (size_t i = 0; i < 2 * gaps; i++)
        buf_put_u16(&w, gap[i]);
    solo_in(x, CHUNK_SACK, 0, body, w.len);
}

/* Acknowledges all that was sent. */
static inline void solo_sack_all(struct solo *x)
{
    solo_sack(x, x->s.tx.first_tsn + x->s.tx.sent - 1, 100000, 0, NULL);
}

static inline void solo_flush(struct solo *x)
{
    struct solo_packet p;
    while (solo_out(x, &p)) {
    }
}

/* Goes to the next deadline, which must be `after` from now. */
static inline void solo_wait(struct solo *x, uint64_t after)
{
    assert_int_equal(sctp_next_timeout(&x->s) - x->now, after);
    x->now += after;
    sctp_handle_timeout(&x->s, x->now);
}

/* The peer opens channel 1, and both have settled. */
static inline void solo_open(struct solo *x)
{
    static const uint8_t open[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 'h', 'i'};
    struct sctp_event e;
    solo_put_data(
        x, (struct solo_data){x->tsn++, PPID_DCEP, 1, x->ssn++, DATA_BEGIN | DATA_END, open, sizeof open});
    solo_event(x, &e, SCTP_EVENT_CHANNEL_OPEN);
    assert_int_equal(e.channel, 1);
    assert_true(e.remote);
    assert_memory_equal(e.data, "hi", 2);
    solo_flush(x);
    solo_sack_all(x);
    solo_flush(x);
    x->now += CLOCK_MS(300);
    sctp_handle_timeout(&x->s, x->now);
    solo_flush(x);
}

#endif
