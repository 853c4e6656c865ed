/* What the peer sends: which TSNs have come, and telling it so. RFC 9260 6.2, RFC 3758 3.6. */
#include "sctp/sctp_wire.h"

/* libwebrtc and aiortc put up to 1163 bytes into a chunk; who puts in more is believed once it is seen. */
#define USUAL_CHUNK 1200

void rx_reset(struct sctp *s, uint32_t first_tsn)
{
    struct sctp_rx *rx = &s->rx;
    memset(rx->seen, 0, sizeof rx->seen);
    rx->cumulative = first_tsn - 1;
    rx->used = 0;
    rx->largest = USUAL_CHUNK;
    rx->count = rx->duplicates = rx->unacked = 0;
    rx->sack_now = rx->has_data = rx->held = false;
    rx->advertised = SCTP_RX_BYTES;
}

static bool bit_get(const struct sctp_rx *rx, uint32_t i)
{
    return (rx->seen[i / 32] >> i % 32 & 1) != 0;
}

static void bit_set(struct sctp_rx *rx, uint32_t i, bool on)
{
    uint32_t mask = (uint32_t)1 << i % 32;
    rx->seen[i / 32] = on ? rx->seen[i / 32] | mask : rx->seen[i / 32] & ~mask;
}

static void bits_shift(struct sctp_rx *rx)
{
    enum { WORDS = SCTP_RX_WINDOW / 32 };
    for (size_t i = 0; i < WORDS; i++) {
        uint32_t next = i + 1 < WORDS ? rx->seen[i + 1] : 0;
        rx->seen[i] = rx->seen[i] >> 1 | next << 31;
    }
}

bool rx_has_gap(const struct sctp *s)
{
    uint32_t any = 0;
    for (size_t i = 0; i < SCTP_RX_WINDOW / 32; i++)
        any |= s->rx.seen[i];
    return any != 0;
}

static void advance(struct sctp_rx *rx)
{
    while (bit_get(rx, 0)) {
        bits_shift(rx);
        rx->cumulative++;
    }
    reasm_sweep(rx);
}

static void note_duplicate(struct sctp_rx *rx, uint32_t tsn)
{
    rx->sack_now = true; /* RFC 9260 6.2: without delay */
    if (rx->duplicates < SCTP_DUPLICATES)
        rx->duplicate[rx->duplicates++] = tsn;
}

/* TSNs missing below this one: each may yet need room. */
static size_t missing_below(const struct sctp_rx *rx, uint32_t ahead)
{
    size_t n = 0;
    for (uint32_t i = 0; i < ahead; i++)
        n += !bit_get(rx, i);
    return n;
}

/* Out of order, only what leaves room for all that is missing before it. Otherwise what was reported would
 * have to be given up, and libwebrtc never sends again what it was told has arrived: seen with Chromium
 * 156. The window doesn't prevent it, because what the sender holds for lost isn't counted as in flight. */
static bool admit_ahead(const struct sctp_rx *rx, uint32_t ahead, size_t len)
{
    size_t missing = missing_below(rx, ahead);
    size_t largest = len > rx->largest ? len : rx->largest;
    return rx->count + missing < SCTP_RX_CHUNKS && rx->used + len + missing * largest <= SCTP_RX_BYTES;
}

static void give_up_last(struct sctp_rx *rx)
{
    const struct sctp_rx_run *run = &rx->queue[rx->count - 1];
    for (uint32_t tsn = run->first; !tsn_before(run->last, tsn); tsn++)
        bit_set(rx, tsn - rx->cumulative - 1, false);
    reasm_erase(rx, rx->count - 1u);
}

/* The next TSN in order must go in, or nothing moves any more. */
static bool admit_next(struct sctp *s, size_t len)
{
    struct sctp_rx *rx = &s->rx;
    while (rx->used + len > SCTP_RX_BYTES || rx->count == SCTP_RX_CHUNKS) {
        if (rx->count > 0 && tsn_before(rx->cumulative, rx->queue[rx->count - 1].first)) {
            give_up_last(rx);
            continue;
        }
        bool stuck = rx->count <= 1 && !reasm_next(s); /* no message to hand out would make room */
        if (stuck)
            assoc_close(s, SCTP_REASON_TOO_BIG, CAUSE_OUT_OF_RESOURCE);
        return false;
    }
    return true;
}

static bool admit(struct sctp *s, uint32_t ahead, size_t len)
{
    if (ahead >= SCTP_RX_WINDOW)
        return false;
    if (ahead == 0)
        return admit_next(s, len);
    return admit_ahead(&s->rx, ahead, len);
}

static uint8_t known_ppid(uint32_t ppid)
{
    switch (ppid) {
    case PPID_DCEP:
    case PPID_STRING:
    case PPID_BINARY:
    case PPID_STRING_EMPTY:
    case PPID_BINARY_EMPTY:
        return (uint8_t)ppid;
    default:
        return 0;
    }
}

static void accept(struct sctp *s, uint32_t tsn, const struct sctp_rx_run *chunk, const uint8_t *data)
{
    struct sctp_rx *rx = &s->rx;
    uint32_t ahead = tsn - rx->cumulative - 1;
    bool filled = rx_has_gap(s);
    if (!admit(s, ahead, chunk->len)) {
        rx->sack_now = true;
        return;
    }
    if (!reasm_insert(s, tsn, chunk, data))
        return;
    if (chunk->len > rx->largest)
        rx->largest = chunk->len;
    bit_set(rx, ahead, true);
    advance(rx);
    if (filled || rx_has_gap(s)) /* RFC 9260 6.7 */
        rx->sack_now = true;
}

void rx_handle_data(struct sctp *s, uint8_t flags, struct buf_reader body)
{
    struct sctp_rx *rx = &s->rx;
    uint32_t tsn = buf_u32(&body);
    struct sctp_rx_run chunk = {.first = tsn, .last = tsn, .id = buf_u16(&body), .flags = flags};
    chunk.ssn = buf_u16(&body);
    chunk.ppid = known_ppid(buf_u32(&body));
    if (body.failed || s->state > SCTP_SHUTDOWN_SENT)
        return;           /* RFC 9260 6.2: after the peer's SHUTDOWN there is no more */
    if (body.left == 0) { /* RFC 9260 6.2: MUST abort */
        assoc_close(s, SCTP_REASON_PROTOCOL, CAUSE_NO_USER_DATA);
        return;
    }
    chunk.len = (uint16_t)body.left;
    rx->has_data = true;
    if ((flags & DATA_IMMEDIATE) != 0)
        rx->sack_now = true;
    uint32_t ahead = tsn - rx->cumulative - 1;
    bool old = !tsn_before(rx->cumulative, tsn);
    if (old || (ahead < SCTP_RX_WINDOW && bit_get(rx, ahead)))
        note_duplicate(rx, tsn);
    else
        accept(s, tsn, &chunk, body.at);
}

/* The streams and SSNs listed in it aren't needed: see reasm_deliverable. */
void rx_handle_forward_tsn(struct sctp *s, struct buf_reader body)
{
    struct sctp_rx *rx = &s->rx;
    uint32_t tsn = buf_u32(&body);
    if (body.failed)
        return;
    rx->sack_now = true;
    uint32_t steps = tsn - rx->cumulative;
    if (!tsn_before(rx->cumulative, tsn))
        return;
    for (uint32_t i = 0; i < steps && i < SCTP_RX_WINDOW; i++)
        bits_shift(rx);
    rx->cumulative = tsn;
    advance(rx);
}

/* RFC 9260 6.2: at least every second packet, and within 200 ms. */
void rx_end_of_packet(struct sctp *s, uint64_t now)
{
    struct sctp_rx *rx = &s->rx;
    if (!rx->has_data)
        return;
    rx->has_data = false;
    if (++rx->unacked >= SACK_PACKETS)
        rx->sack_now = true;
    else if (s->at[TIMER_SACK] == CLOCK_NEVER)
        s->at[TIMER_SACK] = now + SACK_DELAY;
}

static void put_gaps(const struct sctp_rx *rx, struct buf_writer *w, uint16_t *count)
{
    for (uint32_t i = 1; i < SCTP_RX_WINDOW; i++) {
        if (!bit_get(rx, i))
            continue;
        uint32_t start = i;
        while (i + 1 < SCTP_RX_WINDOW && bit_get(rx, i + 1))
            i++;
        buf_put_u16(w, (uint16_t)(start + 1)); /* offsets from the cumulative TSN: RFC 9260 3.3.4 */
        buf_put_u16(w, (uint16_t)(i + 1));
        ++*count;
    }
}

void rx_put_sack(struct sctp *s, struct buf_writer *w)
{
    struct sctp_rx *rx = &s->rx;
    struct buf_writer trial = *w;
    uint16_t gaps = 0;
    size_t at = chunk_begin(&trial, CHUNK_SACK, 0);
    rx->advertised = SCTP_RX_BYTES - rx->used;
    buf_put_u32(&trial, rx->cumulative);
    buf_put_u32(&trial, rx->advertised);
    size_t counts = trial.len;
    buf_put_u16(&trial, 0);
    buf_put_u16(&trial, rx->duplicates);
    put_gaps(rx, &trial, &gaps);
    for (size_t i = 0; i < rx->duplicates; i++)
        buf_put_u32(&trial, rx->duplicate[i]);
    buf_patch_u16(&trial, counts, gaps);
    chunk_end(&trial, at);
    if (trial.failed)
        return; /* the next packet has room */
    *w = trial;
    rx->duplicates = 0;
    rx->unacked = 0;
    rx->sack_now = false;
    s->at[TIMER_SACK] = CLOCK_NEVER;
}
