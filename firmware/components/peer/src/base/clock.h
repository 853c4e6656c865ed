/* Time is a monotonic uint64_t of microseconds that the caller hands in; nothing here reads a clock. */
#ifndef PEER_CLOCK_H
#define PEER_CLOCK_H

#include <stdint.h>

#define CLOCK_MS(n) ((uint64_t)(n)*1000u)
#define CLOCK_S(n) ((uint64_t)(n)*1000000u)
#define CLOCK_NEVER UINT64_MAX

static inline uint64_t clock_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
