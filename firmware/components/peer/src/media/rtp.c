#include "media/rtp.h"

#define MAX_DROPOUT 3000 /* RFC 3550 appendix A.1 */
#define MAX_MISORDER 100 /* likewise */

bool rtp_is_first_byte(uint8_t first)
{
    return first >= 128 && first <= 191;
}

bool rtp_is_rtcp(const uint8_t *data, size_t len)
{
    return len >= 2 && data[1] >= 192 && data[1] <= 223;
}

static bool drop_padding(struct buf_reader *r)
{
    uint8_t padding = r->left > 0 ? r->at[r->left - 1] : 0;
    if (padding == 0 || padding > r->left)
        return false;
    r->left -= padding;
    return true;
}

bool rtp_parse(struct rtp_packet *packet, const uint8_t *data, size_t len)
{
    struct buf_reader r = buf_reader(data, len);
    uint32_t header = buf_u32(&r), first = header >> 24;
    packet->type = (header >> 16) & 0x7f;
    packet->marker = (header & 0x800000) != 0;
    packet->seq = (uint16_t)header;
    packet->timestamp = buf_u32(&r);
    packet->ssrc = buf_u32(&r);
    buf_skip(&r, 4u * (first & 15u));
    if (first & 0x10) {
        buf_skip(&r, 2);
        buf_skip(&r, 4u * buf_u16(&r));
    }
    if (r.failed || first >> 6 != 2 || ((first & 0x20) && !drop_padding(&r)))
        return false;
    packet->payload = r.at;
    packet->len = r.left;
    return true;
}

void rtp_put_header(struct buf_writer *w, const struct rtp_packet *packet)
{
    uint32_t first = packet->tells_played ? 0x90 : 0x80, marker = packet->marker ? 0x80 : 0;
    buf_put_u32(w, first << 24 | (marker | packet->type) << 16 | packet->seq);
    buf_put_u32(w, packet->timestamp);
    buf_put_u32(w, packet->ssrc);
    if (!packet->tells_played)
        return;
    buf_put_u32(w, RTP_PLAYED_PROFILE << 16 | 1);
    buf_put_u32(w, packet->played);
}

/* RFC 6716 section 3.1, table 2, in samples at 48 kHz. */
static uint32_t frame_duration(uint8_t toc)
{
    static const uint16_t silk[] = {480, 960, 1920, 2880}, celt[] = {120, 240, 480, 960};
    unsigned config = toc >> 3;
    if (config < 12)
        return silk[config & 3];
    return config < 16 ? silk[config & 1] : celt[config & 3];
}

uint32_t rtp_opus_duration(const uint8_t *opus, size_t len)
{
    if (len == 0)
        return 0;
    uint32_t frames = (opus[0] & 3) == 0 ? 1 : 2;
    if ((opus[0] & 3) == 3)
        frames = len > 1 ? opus[1] & 63u : 0;
    uint32_t samples = frames * frame_duration(opus[0]);
    return samples <= 5760 ? samples : 0; /* section 3.4 R5: 120 ms at most */
}

void rtp_receiver_start(struct rtp_receiver *r, uint32_t ssrc, uint16_t seq)
{
    *r = (struct rtp_receiver){.ssrc = ssrc, .active = true, .base_seq = seq, .max_seq = seq};
    r->bad_seq = 0x10001; /* no sequence number equals it */
}

static uint32_t us_to_units(uint64_t us)
{
    return (uint32_t)(us * (RTP_CLOCK / 1000) / 1000);
}

uint32_t rtp_units_to_us(uint32_t units)
{
    return (uint32_t)((uint64_t)units * 1000 / (RTP_CLOCK / 1000));
}

/* Appendix A.8 */
static void update_jitter(struct rtp_receiver *r, uint64_t now, uint32_t timestamp)
{
    uint32_t transit = us_to_units(now) - timestamp;
    int32_t d = (int32_t)(transit - r->transit);
    r->transit = transit;
    if (!r->has_transit) {
        r->has_transit = true;
        return;
    }
    uint32_t size = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
    if (size < RTP_CLOCK * 10) /* a clock that was set anew says nothing of the network */
        r->jitter += size - ((r->jitter + 8) >> 4);
}

/* Appendix A.1, without the probation: SRTP has vouched for the packet. */
bool rtp_receiver_update(struct rtp_receiver *r, uint64_t now, const struct rtp_packet *packet,
                         bool *restarted)
{
    uint16_t delta = (uint16_t)(packet->seq - r->max_seq);
    *restarted = false;
    if (delta < MAX_DROPOUT) {
        if (packet->seq < r->max_seq)
            r->cycles += 0x10000;
        r->max_seq = packet->seq;
    } else if (delta <= 0x10000 - MAX_MISORDER) {
        if (packet->seq != r->bad_seq) {
            r->bad_seq = (packet->seq + 1u) & 0xffff;
            return false;
        }
        rtp_receiver_start(r, r->ssrc, packet->seq);
        *restarted = true;
    }
    r->received++;
    r->bytes += (uint32_t)packet->len;
    update_jitter(r, now, packet->timestamp);
    return true;
}

uint32_t rtp_receiver_extended_max(const struct rtp_receiver *r)
{
    return r->cycles + r->max_seq;
}

static uint32_t expected(const struct rtp_receiver *r)
{
    return rtp_receiver_extended_max(r) - r->base_seq + 1;
}

/* Appendix A.3, held to 24 bits. */
int32_t rtp_receiver_lost(const struct rtp_receiver *r)
{
    int64_t lost = r->active ? (int64_t)expected(r) - (int64_t)r->received : 0;
    if (lost > 0x7fffff)
        return 0x7fffff;
    return lost < -0x800000 ? -0x800000 : (int32_t)lost;
}

uint8_t rtp_receiver_fraction_lost(struct rtp_receiver *r)
{
    uint32_t expected_now = expected(r), interval = expected_now - r->expected_prior;
    int64_t lost = (int64_t)interval - (int64_t)(r->received - r->received_prior);
    r->expected_prior = expected_now;
    r->received_prior = r->received;
    if (interval == 0 || lost <= 0)
        return 0;
    int64_t fraction = lost * 256 / interval;
    return (uint8_t)(fraction > 255 ? 255 : fraction);
}
