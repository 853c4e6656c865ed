#include "media/red.h"

#define MORE 0x80u /* F: another header follows, RFC 2198 section 3 */
#define HEADER_LEN 4u
#define OFFSET_BITS 14
#define LENGTH_BITS 10
#define LENGTH_MASK ((1u << LENGTH_BITS) - 1)

/* Three in one report may have been in a row, and where a tenth is lost FEC leaves holes even if they
 * weren't: a report tells how many, not which. */
#define BURST 3
#define SHARE 26 /* of 256 */
#define HOLD CLOCK_S(15)

/* RFC 6716 section 4.2.3: voice activity heads the SILK layer, as one bit of a mono frame of 20 ms. */
#define TOC_UNTOLD 0x87u /* CELT, stereo, several frames */
#define ACTIVE 0x80u

static uint32_t header(uint32_t offset)
{
    return (MORE | RED_OPUS) << OFFSET_BITS | offset;
}

bool red_parse(struct red *red)
{
    struct buf_reader r = buf_reader(red->at, red->len);
    size_t older = 0;
    uint8_t type;
    red->headers = r.at;
    while ((type = buf_u8(&r)) & MORE) {
        older += buf_u24(&r) & LENGTH_MASK;
        red->count++;
    }
    buf_skip(&r, older);
    red->at = r.at;
    red->len = r.left;
    return !r.failed && type == RED_OPUS && r.left > 0;
}

bool red_older(struct red *red)
{
    if (red->count == 0)
        return false;
    struct buf_reader r = buf_reader(red->headers + HEADER_LEN * --red->count, HEADER_LEN);
    uint32_t word = buf_u32(&r);
    red->len = word & LENGTH_MASK;
    red->at -= red->len;
    red->offset += RED_FRAME;
    return word >> LENGTH_BITS == header(red->offset);
}

void red_heed(struct red_sender *s, uint64_t now, uint8_t fraction, int32_t lost)
{
    if (lost - s->lost >= BURST && fraction >= SHARE)
        s->until = now + HOLD;
    s->lost = lost;
}

size_t red_count(const struct red_sender *s, uint64_t now, size_t len)
{
    if (now >= s->until || len > RED_PRIMARY_MAX || s->lens[0] == 0)
        return 0;
    return s->lens[1] == 0 ? 1 : 2;
}

void red_put(struct buf_writer *w, const struct red_sender *s, size_t count)
{
    for (size_t back = count; back > 0; back--)
        buf_put_u32(w, header((uint32_t)back * RED_FRAME) << LENGTH_BITS | s->lens[back - 1]);
    buf_put_u8(w, RED_OPUS);
    buf_put(w, s->data, (size_t)s->lens[0] + s->lens[1]);
}

static bool is_voice(const uint8_t *opus, size_t len)
{
    return len > 1 && ((opus[0] & TOC_UNTOLD) != 0 || (opus[1] & ACTIVE) != 0);
}

void red_keep(struct red_sender *s, const uint8_t *opus, size_t len, uint32_t duration)
{
    bool kept = duration == RED_FRAME && len <= RED_FRAME_MAX && is_voice(opus, len);
    memmove(s->data, s->data + s->lens[1], s->lens[0]);
    s->lens[1] = s->lens[0];
    s->lens[0] = kept ? (uint8_t)len : 0;
    memcpy(s->data + s->lens[1], opus, s->lens[0]);
}
