/* Randomness that is none, so that a crash can be run again. */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stddef.h>
#include <stdint.h>

static inline void fuzz_random(void *user, uint8_t *out, size_t len)
{
    uint64_t *seed = user;
    for (size_t i = 0; i < len; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(*seed >> 56);
    }
}

#endif
