#include "media/rtcp.h"

enum { SR = 200, RR = 201, SDES = 202, BYE = 203 }; /* RFC 3550 section 12.1 */

#define SDES_CNAME 1
#define BLOCK_LEN 24

uint64_t rtcp_ntp(uint64_t now)
{
    return now / 1000000 << 32 | (now % 1000000 << 32) / 1000000;
}

uint32_t rtcp_ntp_middle(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}

uint32_t rtcp_round_trip(uint64_t now, const struct rtcp_block *block)
{
    if (block->last_sr == 0)
        return 0;
    uint32_t units = rtcp_ntp_middle(rtcp_ntp(now)) - block->last_sr - block->delay_since_sr;
    if (units > 0x7fffffff) /* the remote's delay is longer than the time that passed */
        return 0;
    return (uint32_t)((uint64_t)units * 1000000 >> 16);
}

uint64_t rtcp_next_interval(const struct rng *rng, bool first)
{
    uint64_t interval = first ? RTCP_INTERVAL / 2 : RTCP_INTERVAL;
    uint64_t randomised = interval / 2 + interval * (rng_u32(rng) >> 8) / (1u << 24);
    return randomised * 100000 / 121828;
}

static struct rtcp_block read_block(struct buf_reader *r)
{
    struct rtcp_block block;
    block.ssrc = buf_u32(r);
    uint32_t lost = buf_u32(r);
    block.fraction_lost = (uint8_t)(lost >> 24);
    block.lost = (int32_t)(lost << 8) >> 8; /* 24 bits, signed */
    block.extended_max = buf_u32(r);
    block.jitter = buf_u32(r);
    block.last_sr = buf_u32(r);
    block.delay_since_sr = buf_u32(r);
    return block;
}

static void read_report(struct rtcp_report *report, uint32_t ours, struct buf_reader *r, uint8_t type,
                        unsigned count)
{
    report->sender = buf_u32(r);
    if (type == SR) {
        report->info = (struct rtcp_sender_info){.ntp = buf_u64(r)};
        report->info.rtp = buf_u32(r);
        report->info.packets = buf_u32(r);
        report->info.bytes = buf_u32(r);
        report->has_sender_info = true;
    }
    for (unsigned i = 0; i < count && !r->failed; i++) {
        struct rtcp_block block = read_block(r);
        if (block.ssrc == ours) {
            report->block = block;
            report->has_block = true;
        }
    }
}

/* RFC 3550 section 6.4.1: padding may end the last packet of a compound only. */
static bool drop_padding(struct buf_reader *body, bool last)
{
    uint8_t padding = body->left > 0 ? body->at[body->left - 1] : 0;
    if (!last || padding == 0 || padding % 4 != 0 || padding > body->left)
        return false;
    body->left -= padding;
    return true;
}

bool rtcp_parse(struct rtcp_report *report, uint32_t ours, const uint8_t *data, size_t len)
{
    struct buf_reader r = buf_reader(data, len);
    memset(report, 0, sizeof *report);
    if (len == 0)
        return false;
    while (r.left > 0) {
        uint32_t header = buf_u32(&r);
        uint8_t first = (uint8_t)(header >> 24), type = (uint8_t)(header >> 16);
        struct buf_reader body = buf_sub(&r, 4u * (header & 0xffff));
        if (body.failed || first >> 6 != 2 || ((first & 0x20) && !drop_padding(&body, r.left == 0)))
            return false;
        if (type == SR || type == RR)
            read_report(report, ours, &body, type, first & 31u);
        else if (type == BYE)
            report->bye = true;
        if (body.failed)
            return false;
    }
    return true;
}

static void put_header(struct buf_writer *w, unsigned count, uint8_t type, size_t words)
{
    buf_put_u32(w, (0x80u | count) << 24 | (uint32_t)type << 16 | (uint32_t)words);
}

static void put_block(struct buf_writer *w, const struct rtcp_block *block)
{
    buf_put_u32(w, block->ssrc);
    buf_put_u32(w, (uint32_t)block->fraction_lost << 24 | ((uint32_t)block->lost & 0xffffff));
    buf_put_u32(w, block->extended_max);
    buf_put_u32(w, block->jitter);
    buf_put_u32(w, block->last_sr);
    buf_put_u32(w, block->delay_since_sr);
}

/* Section 6.5: one chunk with a CNAME, ended by at least one zero, on a word boundary. */
static void put_sdes(struct buf_writer *w, uint32_t ssrc, const char *cname)
{
    size_t len = strlen(cname), padded = (2 + len) / 4 * 4 + 4;
    put_header(w, 1, SDES, 1 + padded / 4);
    buf_put_u32(w, ssrc);
    buf_put_u16(w, (uint16_t)(SDES_CNAME << 8 | len));
    buf_put(w, (const uint8_t *)cname, len);
    buf_put_zero(w, padded - 2 - len);
}

bool rtcp_write(struct buf_writer *w, uint32_t ssrc, const char *cname, const struct rtcp_sender_info *info,
                const struct rtcp_block *block, bool bye)
{
    size_t words = 1u + (info != NULL ? 5u : 0u) + (block != NULL ? BLOCK_LEN / 4u : 0u);
    put_header(w, block != NULL ? 1 : 0, info != NULL ? SR : RR, words);
    buf_put_u32(w, ssrc);
    if (info != NULL) {
        buf_put_u64(w, info->ntp);
        buf_put_u32(w, info->rtp);
        buf_put_u32(w, info->packets);
        buf_put_u32(w, info->bytes);
    }
    if (block != NULL)
        put_block(w, block);
    put_sdes(w, ssrc, cname);
    if (bye) {
        put_header(w, 1, BYE, 1);
        buf_put_u32(w, ssrc);
    }
    return !w->failed;
}
