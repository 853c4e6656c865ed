/* A network with a scripted clock: loss, delay, reordering and duplication, from a fixed seed. */
#ifndef TEST_LINK_H
#define TEST_LINK_H

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "peer.h"

#define LINK_PACKETS 512
#define LINK_MTU 2048

struct link_packet {
    uint64_t due;
    struct peer_address from, to;
    size_t len;
    bool used;
    uint8_t data[LINK_MTU];
};

struct link {
    uint64_t seed;
    unsigned loss, duplicates; /* percent */
    uint64_t delay, spread;    /* microseconds; spread makes reordering */
    uint64_t sent, lost;
    bool cut;
    uint8_t block_from, block_to; /* first bytes that never arrive, RFC 7983 */
    struct link_packet packets[LINK_PACKETS];
};

static inline void link_put(struct link *l, uint64_t now, const struct peer_address *from,
                            const struct peer_address *to, const uint8_t *data, size_t len)
{
    assert(len <= LINK_MTU);
    for (size_t i = 0; i < LINK_PACKETS; i++) {
        struct link_packet *p = &l->packets[i];
        if (p->used)
            continue;
        *p = (struct link_packet){.from = *from, .to = *to, .len = len, .used = true};
        p->due = now + l->delay + (l->spread > 0 ? check_random(&l->seed) % l->spread : 0);
        memcpy(p->data, data, len);
        return;
    }
    assert(!"the link is full");
}

static inline void link_send(struct link *l, uint64_t now, const struct peer_address *from,
                             const struct peer_address *to, const uint8_t *data, size_t len)
{
    l->sent++;
    bool blocked = l->block_to > 0 && data[0] >= l->block_from && data[0] <= l->block_to;
    if (l->cut || blocked || check_random(&l->seed) % 100 < l->loss) {
        l->lost++;
        return;
    }
    link_put(l, now, from, to, data, len);
    if (check_random(&l->seed) % 100 < l->duplicates)
        link_put(l, now, from, to, data, len);
}

static inline uint64_t link_next(const struct link *l)
{
    uint64_t next = CLOCK_NEVER;
    for (size_t i = 0; i < LINK_PACKETS; i++) {
        if (l->packets[i].used && l->packets[i].due < next)
            next = l->packets[i].due;
    }
    return next;
}

/* The packet that is due first, if it is due by now; it is copied out, so the place is free again. */
static inline bool link_take(struct link *l, uint64_t now, struct link_packet *out)
{
    struct link_packet *first = NULL;
    for (size_t i = 0; i < LINK_PACKETS; i++) {
        struct link_packet *p = &l->packets[i];
        if (p->used && p->due <= now && (first == NULL || p->due < first->due))
            first = p;
    }
    if (first == NULL)
        return false;
    *out = *first;
    first->used = false;
    return true;
}

/* Randomness for peers under test: deterministic, but each call goes on. */
static inline void link_random(void *user, uint8_t *out, size_t len)
{
    uint64_t *seed = user;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(check_random(seed) >> 32);
}

#endif
