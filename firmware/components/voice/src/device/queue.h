/* A ring of Opus packets between two tasks: one pushes, one pops, neither waits. */
#ifndef VOICE_QUEUE_H
#define VOICE_QUEUE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_SLOTS 8u        /* a power of two: 160 ms */
#define QUEUE_PACKET_MAX 400u /* what a stock aiortc server sends, and more than we do */

struct packet {
    uint16_t len;
    uint8_t kind;       /* enum peer_audio_kind, downward; upward whether there is a timestamp */
    uint32_t timestamp; /* RTP's; upward: what the speaker was at */
    int32_t spare_us;   /* downward: see audio_playout_push() */
    uint8_t data[QUEUE_PACKET_MAX];
};

struct queue {
    _Atomic uint32_t pushed, popped;
    struct packet slots[QUEUE_SLOTS];
};

/* Where to write the next packet, NULL if the ring is full; queue_push() then hands it over. */
static inline struct packet *queue_room(struct queue *q)
{
    uint32_t pushed = atomic_load_explicit(&q->pushed, memory_order_relaxed);
    uint32_t popped = atomic_load_explicit(&q->popped, memory_order_acquire);
    return pushed - popped < QUEUE_SLOTS ? &q->slots[pushed % QUEUE_SLOTS] : NULL;
}

static inline void queue_push(struct queue *q)
{
    atomic_fetch_add_explicit(&q->pushed, 1, memory_order_release);
}

/* The oldest packet, NULL if there is none; queue_pop() then frees its slot. */
static inline struct packet *queue_front(struct queue *q)
{
    uint32_t popped = atomic_load_explicit(&q->popped, memory_order_relaxed);
    uint32_t pushed = atomic_load_explicit(&q->pushed, memory_order_acquire);
    return pushed != popped ? &q->slots[popped % QUEUE_SLOTS] : NULL;
}

static inline void queue_pop(struct queue *q)
{
    atomic_fetch_add_explicit(&q->popped, 1, memory_order_release);
}

#endif
