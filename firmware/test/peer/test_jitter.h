/* What the suites of the jitter buffer share: one buffer, its clock, and numbered packets. */
#ifndef TEST_JITTER_H
#define TEST_JITTER_H

#include "base/clock.h"
#include "check.h"
#include "media/jitter.h"

#define FRAME_US 20000u

struct rig {
    struct jitter j;
    uint64_t now;
    struct jitter_out out;
};

static inline struct rig rig(void)
{
    struct rig r = {.now = CLOCK_S(100)};
    jitter_init(&r.j);
    return r;
}

/* The packet of frame n, or a copy of it: sequence and timestamp start just before they wrap. */
static inline enum jitter_push push_as(struct rig *r, uint32_t n, size_t len, bool is_copy)
{
    uint8_t payload[JITTER_PAYLOAD_MAX + 1] = {(uint8_t)n, (uint8_t)(n >> 8)};
    struct jitter_packet p = {.ssrc = 7, .sequence = (uint16_t)(65530 + n), .payload = payload, .len = len};
    p.timestamp = 0xfffff000u + n * JITTER_FRAME;
    p.is_copy = is_copy;
    return jitter_push(&r->j, r->now, &p);
}

static inline enum jitter_push push_len(struct rig *r, uint32_t n, size_t len)
{
    return push_as(r, n, len, false);
}

static inline enum jitter_push push(struct rig *r, uint32_t n)
{
    return push_len(r, n, 60);
}

static inline enum jitter_push push_copy(struct rig *r, uint32_t n)
{
    return push_as(r, n, 60, true);
}

static inline enum jitter_kind pop(struct rig *r)
{
    jitter_pop(&r->j, r->now, &r->out);
    r->now += FRAME_US;
    return r->out.kind;
}

static inline unsigned number(const struct rig *r)
{
    assert_non_null(r->out.payload);
    return r->out.payload[0] | (unsigned)r->out.payload[1] << 8;
}

static inline void expect_packet(struct rig *r, unsigned n)
{
    assert_int_equal(pop(r), JITTER_PACKET);
    assert_int_equal(number(r), n);
    assert_true(r->out.timestamp == 0xfffff000u + n * JITTER_FRAME);
}

static inline void play_clean(struct rig *r, unsigned from, unsigned to)
{
    for (unsigned n = from; n < to; n++) {
        assert_int_equal(push(r, n), JITTER_STORED);
        expect_packet(r, n);
    }
}

#endif
