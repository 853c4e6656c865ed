/* Redundant audio of Opus, RFC 2198: each packet with the frames before it, against losses in a row that
 * Opus' FEC, which restores one, can't mend. docs/protocol.md, Redundancy */
#ifndef PEER_RED_H
#define PEER_RED_H

#include "base/buf.h"
#include "base/clock.h"

#define RED_OPUS 111u       /* the payload type of all blocks */
#define RED_FRAME 960u      /* ticks: all frames here last 20 ms */
#define RED_OLDER 2         /* the older one has the FEC of the one before it: three in a row are restored */
#define RED_FRAME_MAX 127   /* a longer one is not sent twice; at 24 kbit/s they have 60 bytes */
#define RED_PRIMARY_MAX 800 /* beyond that a packet has no room for older ones */

/* One block of a payload: the primary, and then one older after the other. */
struct red {
    const uint8_t *at;
    size_t len;
    const uint8_t *headers; /* of those that are older still */
    size_t count;
    uint32_t offset; /* ticks before the primary */
};

/* From a whole payload to its primary. False: malformed. */
bool red_parse(struct red *red);
/* On to the frame before: the nth is that of the nth packet before this one, since no sequence numbers come
 * with them and each is 20 ms long. False: there is none of which that is so. */
bool red_older(struct red *red);

struct red_sender {
    uint8_t lens[RED_OLDER];                 /* newest first; nothing counts behind a length of 0 */
    uint8_t data[RED_OLDER * RED_FRAME_MAX]; /* oldest first, as they go out */
    uint64_t until;                          /* losses in bursts were reported: redundancy until then */
    int32_t lost;                            /* by the last report, in all */
};

/* A report of the remote: the part lost since its last, of 256, and the packets lost in all. */
void red_heed(struct red_sender *s, uint64_t now, uint8_t fraction, int32_t lost);
/* How many older frames go out with a packet of `len` bytes. */
size_t red_count(const struct red_sender *s, uint64_t now, size_t len);
/* All of a payload that stands before the primary's bytes. */
void red_put(struct buf_writer *w, const struct red_sender *s, size_t count);
/* After it has gone out. What the encoder heard no voice in is not kept, nor anything before it; nor before
 * another duration. */
void red_keep(struct red_sender *s, const uint8_t *opus, size_t len, uint32_t duration);

static inline void red_forget(struct red_sender *s)
{
    s->lens[0] = s->lens[1] = 0;
}

#endif
