/* Playout buffer for Opus over RTP in packets of 20 ms: RTP packets in as they come, one decision for the
 * decoder out every 20 ms. Packets of another duration don't belong here; the SDP asks for ptime 20.
 *
 * How it works. A packet's transit is its arrival less its timestamp (RFC 3550 A.8), and its lateness is
 * how much that exceeds the least transit of the last 4 to 8 s; a window, so that a drifting clock moves
 * the least along. `target` follows an expectile of the lateness (Newey and Powell, Econometrica 55, 1987):
 * it takes 1/4 of what a packet comes later and gives back 1/256 of what it comes sooner, so that about one
 * packet in a hundred is later than that. Lateness above the longest delay is an outage, and teaches nothing.
 * The delay of a frame is its playout less timestamp and least transit:
 *
 * - it starts with the target, at first nothing: the first packet plays at the next pop;
 * - it grows when nothing is there to be played: a frame is concealed and the position stays. If the missing
 *   packet then turns out to be lost, the position makes up for it, so a loss doesn't add delay
 *   (and redundancy in the next packet helps if that is there in time; it isn't waited for);
 * - it shrinks by dropping a frame if it exceeds the target by more than a frame and a half and the frame is
 *   quiet (Opus spends less than half of the usual bytes on it), or after 2 s of waiting for such a one;
 * - what only redundancy in a later packet brings (RED) came as late as that packet: the target grows to
 *   what it can bring, the frame before in its FEC included, and falls again without;
 * - a gap in timestamps without one in sequence numbers is DTX: there the delay becomes the target for free.
 */
#ifndef PEER_JITTER_H
#define PEER_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef JITTER_SLOTS
#define JITTER_SLOTS 16
#endif
#ifndef JITTER_PAYLOAD_MAX
#define JITTER_PAYLOAD_MAX 400 /* a stock aiortc server sends up to 350 bytes of Opus a packet */
#endif

#define JITTER_FRAME 960 /* ticks in 20 ms: the RTP clock of Opus is 48 kHz (RFC 7587 4.1) */
#define JITTER_DELAY_MAX ((JITTER_SLOTS - 4) * JITTER_FRAME)

enum jitter_push {
    JITTER_STORED,
    JITTER_LATE, /* its frame has been played or concealed */
    JITTER_DUPLICATE,
    JITTER_TOO_BIG,
};

enum jitter_kind {
    JITTER_WAIT,    /* silence: nothing has come yet, or nothing for half a second */
    JITTER_PACKET,  /* decode the payload */
    JITTER_FEC,     /* lost, but the payload is the next packet's: decode the redundancy in it */
    JITTER_CONCEAL, /* let the decoder invent 20 ms; in DTX, that is its comfort noise */
};

struct jitter_packet {
    uint32_t ssrc;
    uint32_t timestamp;
    uint16_t sequence;
    bool is_copy; /* came with the packet pushed last, which is one of the next (RED) */
    const uint8_t *payload;
    size_t len;
};

struct jitter_out {
    enum jitter_kind kind;
    uint32_t timestamp;     /* of the frame, unless JITTER_WAIT */
    const uint8_t *payload; /* valid until the next push or pop; NULL but for PACKET and FEC */
    size_t len;
};

struct jitter_stats {
    uint32_t received, played;
    uint32_t lost, recovered;  /* frames that never came in time; those of them that FEC gave back */
    uint32_t late, duplicates; /* packets that came and were of no use */
    uint32_t restored;         /* of those that did not come, by redundancy in later ones */
    uint32_t concealed;        /* pops of JITTER_CONCEAL, without those in DTX */
    uint32_t dtx;              /* pops in DTX */
    uint32_t dropped;          /* frames dropped to shrink the delay, or for want of slots */
    uint32_t restarts;
    uint32_t delay, target; /* ticks; the delay is that of the last frame played */
};

struct jitter_slot {
    uint32_t timestamp;
    uint16_t sequence;
    uint16_t len;
    bool used;
    uint8_t payload[JITTER_PAYLOAD_MAX];
};

/* Private, but for `stats`. */
struct jitter {
    struct jitter_stats stats;
    bool synced;     /* ssrc, highest, base are of a stream */
    bool started;    /* frames are being played */
    bool positioned; /* `next` and `expected` mean something */
    uint32_t ssrc;
    uint16_t highest;   /* sequence number */
    uint16_t expected;  /* sequence number after the one played last */
    uint64_t received;  /* bit i: highest - i has come */
    uint32_t next;      /* timestamp to be played */
    uint32_t least[2];  /* transit: in this bucket, in the one before */
    uint32_t bucket_at; /* arrival when this bucket began, ticks */
    uint32_t transit;   /* of the packet before */
    uint32_t target256; /* the same for the target */
    uint32_t usual16;   /* bytes of a packet */
    uint16_t held;      /* frames concealed in place of none, and not yet paid back */
    uint16_t starved;   /* pops in a row without anything to play */
    uint16_t patience;
    int8_t lent; /* slot of the payload that the caller holds, or -1 */
    struct jitter_slot slots[JITTER_SLOTS];
};

void jitter_init(struct jitter *j);
enum jitter_push jitter_push(struct jitter *j, uint64_t now, const struct jitter_packet *packet);
void jitter_pop(struct jitter *j, uint64_t now, struct jitter_out *out);

#endif
