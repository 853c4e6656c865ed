/* RTP, RFC 3550: headers, and the receiver's bookkeeping of its appendix A. */
#ifndef PEER_RTP_H
#define PEER_RTP_H

#include "base/buf.h"
#include "base/clock.h"

#define RTP_HEADER_LEN 12
#define RTP_CLOCK 48000u /* RFC 7587 section 4.1: Opus, always */

struct rtp_packet {
    uint32_t ssrc, timestamp;
    uint16_t seq;
    uint8_t type;
    bool marker;
    bool tells_played; /* what comes next goes out with it; of what comes in it is not read */
    uint32_t played;
    const uint8_t *payload;
    size_t len;
};

/* RFC 3550 section 5.3.1: who does not know it ignores it. docs/protocol.md, media */
#define RTP_PLAYED_PROFILE 0x5647u
#define RTP_PLAYED_LEN 8u

/* Any header that section 5.1 allows: CSRC, extension, padding. */
bool rtp_parse(struct rtp_packet *packet, const uint8_t *data, size_t len);
void rtp_put_header(struct buf_writer *w, const struct rtp_packet *packet);
bool rtp_is_first_byte(uint8_t first);             /* RFC 7983 section 7; of RTCP too */
bool rtp_is_rtcp(const uint8_t *data, size_t len); /* RFC 5761 section 4 */

/* Duration of an Opus packet at 48 kHz by its TOC, RFC 6716 section 3.1; 0 if malformed. */
uint32_t rtp_opus_duration(const uint8_t *opus, size_t len);

struct rtp_receiver {
    uint32_t ssrc;
    bool active;
    bool has_transit;
    uint32_t cycles, bad_seq;
    uint16_t base_seq, max_seq;
    uint32_t received, bytes;
    uint32_t expected_prior, received_prior;
    uint32_t transit, jitter; /* appendix A.8, jitter times 16 */
};

void rtp_receiver_start(struct rtp_receiver *r, uint32_t ssrc, uint16_t seq);
/* False: a jump so wide that the sender must have restarted or the packet is stray; a second one in
 * order resynchronises, and then `*restarted`. */
bool rtp_receiver_update(struct rtp_receiver *r, uint64_t now, const struct rtp_packet *packet,
                         bool *restarted);
uint32_t rtp_receiver_extended_max(const struct rtp_receiver *r);
int32_t rtp_receiver_lost(const struct rtp_receiver *r);
/* Of the interval since it was last asked, in 256ths. */
uint8_t rtp_receiver_fraction_lost(struct rtp_receiver *r);
uint32_t rtp_units_to_us(uint32_t units);

#endif
