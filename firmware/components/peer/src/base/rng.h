/* Randomness is handed in too. `fill` must fill: a source that can fail has to block or to stop. */
#ifndef PEER_RNG_H
#define PEER_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    void (*fill)(void *user, uint8_t *out, size_t len);
    void *user;
};

static inline void rng_fill(const struct rng *r, uint8_t *out, size_t len)
{
    r->fill(r->user, out, len);
}

static inline uint32_t rng_u32(const struct rng *r)
{
    uint8_t b[4];
    rng_fill(r, b, sizeof b);
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

#endif
