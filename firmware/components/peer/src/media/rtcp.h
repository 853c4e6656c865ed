/* RTCP, RFC 3550 section 6: SR, RR, SDES and BYE, always as a compound packet. */
#ifndef PEER_RTCP_H
#define PEER_RTCP_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/rng.h"

#define RTCP_INTERVAL CLOCK_S(5) /* section 6.2: the minimum; half of it before the first report */

struct rtcp_sender_info {
    uint64_t ntp;
    uint32_t rtp, packets, bytes;
};

struct rtcp_block {
    uint32_t ssrc;
    uint8_t fraction_lost;
    int32_t lost;
    uint32_t extended_max, jitter, last_sr, delay_since_sr; /* the last in 1/65536 s */
};

/* What a compound packet said, of interest to us. */
struct rtcp_report {
    uint32_t sender; /* SSRC of the first packet */
    bool has_sender_info, has_block, bye;
    struct rtcp_sender_info info;
    struct rtcp_block block; /* the one about `ours` */
};

/* False: malformed, and then nothing of it counts (appendix A.2). */
bool rtcp_parse(struct rtcp_report *report, uint32_t ours, const uint8_t *data, size_t len);

/* SR if `info`, else RR; one block if `block`; SDES with CNAME; BYE if `bye`. */
bool rtcp_write(struct buf_writer *w, uint32_t ssrc, const char *cname, const struct rtcp_sender_info *info,
                const struct rtcp_block *block, bool bye);

/* Section 6.3.1 for two members: the interval times 0.5 to 1.5, over e - 3/2. */
uint64_t rtcp_next_interval(const struct rng *rng, bool first);

uint64_t rtcp_ntp(uint64_t now); /* 32.32 fixed point of our monotonic clock, section 4 */
uint32_t rtcp_ntp_middle(uint64_t ntp);
/* Round trip in microseconds by section 6.4.1, 0 if the block does not tell. */
uint32_t rtcp_round_trip(uint64_t now, const struct rtcp_block *block);

#endif
