/* Chunks into messages: RFC 9260 6.5, 6.6, 6.9.
 *
 * Without interleaving (RFC 8260) the fragments of a message have consecutive TSNs, and the messages of
 * a stream have ascending ones. So the queue is kept in order of TSN and neighbours of a message melt
 * into a run, whose bytes lie together in the end; and up to the cumulative TSN the order of the queue
 * is the order of delivery, whatever SSNs were skipped by FORWARD TSN. */
#include "sctp/sctp_wire.h"

_Static_assert(SCTP_RX_BYTES <= 65535 && SCTP_TX_BYTES <= 65535, "offsets are of 16 bits");
_Static_assert(SCTP_RX_BYTES > SCTP_RX_SPARE + 1200 && SCTP_RX_WINDOW % 32 == 0, "too small");
_Static_assert(SCTP_RX_CHUNKS < 256 && SCTP_TX_CHUNKS < 256 && SCTP_LABEL_MAX < 256, "counts are of 8 bits");

static bool same_message(const struct sctp_rx_run *a, const struct sctp_rx_run *b)
{
    return a->id == b->id && a->ssn == b->ssn && ((a->flags ^ b->flags) & DATA_UNORDERED) == 0;
}

/* b follows a at once, and both say that they belong together */
static bool joins(const struct sctp_rx_run *a, const struct sctp_rx_run *b)
{
    return a->last + 1 == b->first && same_message(a, b) && (a->flags & DATA_END) == 0 &&
           (b->flags & DATA_BEGIN) == 0;
}

static bool is_complete(const struct sctp_rx_run *run)
{
    return (run->flags & (DATA_BEGIN | DATA_END)) == (DATA_BEGIN | DATA_END);
}

static void remove_entry(struct sctp_rx *rx, size_t i)
{
    memmove(&rx->queue[i], &rx->queue[i + 1], (rx->count - i - 1) * sizeof rx->queue[0]);
    rx->count--;
}

static void melt(struct sctp_rx *rx, size_t i)
{
    struct sctp_rx_run *run = &rx->queue[i];
    const struct sctp_rx_run *next = &rx->queue[i + 1];
    run->last = next->last;
    run->len = (uint16_t)(run->len + next->len);
    run->flags |= next->flags & DATA_END;
    remove_entry(rx, i + 1);
}

void reasm_erase(struct sctp_rx *rx, size_t i)
{
    uint16_t off = rx->queue[i].off, len = rx->queue[i].len;
    memmove(rx->bytes + off, rx->bytes + off + len, (size_t)(rx->used - off - len));
    rx->used = (uint16_t)(rx->used - len);
    remove_entry(rx, i);
    for (; i < rx->count; i++)
        rx->queue[i].off = (uint16_t)(rx->queue[i].off - len);
}

/* There is room for it, and its TSN is new. False: the message is too long, and that was the end. */
bool reasm_insert(struct sctp *s, uint32_t tsn, const struct sctp_rx_run *chunk, const uint8_t *data)
{
    struct sctp_rx *rx = &s->rx;
    size_t i = rx->count;
    while (i > 0 && tsn_before(tsn, rx->queue[i - 1].first))
        i--;
    uint16_t off = i < rx->count ? rx->queue[i].off : rx->used;
    memmove(rx->bytes + off + chunk->len, rx->bytes + off, (size_t)(rx->used - off));
    memcpy(rx->bytes + off, data, chunk->len);
    rx->used = (uint16_t)(rx->used + chunk->len);
    memmove(&rx->queue[i + 1], &rx->queue[i], (rx->count - i) * sizeof rx->queue[0]);
    rx->count++;
    rx->queue[i] = *chunk;
    rx->queue[i].off = off;
    for (size_t j = i + 1; j < rx->count; j++)
        rx->queue[j].off = (uint16_t)(rx->queue[j].off + chunk->len);
    if (i + 1 < rx->count && joins(&rx->queue[i], &rx->queue[i + 1]))
        melt(rx, i);
    if (i > 0 && joins(&rx->queue[i - 1], &rx->queue[i]))
        melt(rx, --i);
    if (rx->queue[i].len <= SCTP_MESSAGE_MAX)
        return true;
    reasm_erase(rx, i);
    assoc_close(s, SCTP_REASON_TOO_BIG, CAUSE_OUT_OF_RESOURCE);
    return false;
}

/* Up to the cumulative TSN nothing is missing any more: what is incomplete there stays so, except for
 * the message that arrives just now. FORWARD TSN leaves such ends. */
void reasm_sweep(struct sctp_rx *rx)
{
    for (size_t i = rx->count; i-- > 0;) {
        const struct sctp_rx_run *run = &rx->queue[i];
        if (is_complete(run) || tsn_before(rx->cumulative, run->last))
            continue;
        bool arriving = run->last == rx->cumulative && (run->flags & DATA_BEGIN) != 0;
        if (!arriving)
            reasm_erase(rx, i);
    }
}

static bool reasm_deliverable(struct sctp *s, const struct sctp_rx_run *run)
{
    if (!is_complete(run))
        return false;
    if (!tsn_before(s->rx.cumulative, run->last))
        return true;
    const struct sctp_channel *c = channel_find(s, run->id);
    return c != NULL && ((run->flags & DATA_UNORDERED) != 0 || run->ssn == c->in_ssn);
}

static void count_ssn(struct sctp_channel *c, const struct sctp_rx_run *run)
{
    if ((run->flags & DATA_UNORDERED) == 0 && !ssn_before(run->ssn, c->in_ssn))
        c->in_ssn = (uint16_t)(run->ssn + 1);
}

static bool is_for_caller(const struct sctp_channel *c, const struct sctp_rx_run *run)
{
    if (c == NULL || run->ppid == PPID_DCEP || run->ppid == 0)
        return false;
    return (c->flags & (CH_REFUSED | CH_LOCAL_CLOSE)) == 0;
}

/* Takes out what the caller never sees: DCEP, and what is of no channel of ours. */
void reasm_consume(struct sctp *s)
{
    size_t i = 0;
    while (i < s->rx.count) {
        const struct sctp_rx_run run = s->rx.queue[i];
        struct sctp_channel *c = channel_find(s, run.id);
        bool deliverable = reasm_deliverable(s, &run);
        if (!deliverable || is_for_caller(c, &run)) {
            if (deliverable)
                channel_confirm(c);
            i++;
            continue;
        }
        if (run.ppid == PPID_DCEP)
            channel_handle_dcep(s, run.id, s->rx.bytes + run.off, run.len);
        c = channel_find(s, run.id);
        if (c != NULL)
            count_ssn(c, &run);
        reasm_erase(&s->rx, i);
    }
}

/* The next message for the caller, if there is one. */
const struct sctp_rx_run *reasm_next(struct sctp *s)
{
    for (size_t i = 0; i < s->rx.count; i++) {
        const struct sctp_rx_run *run = &s->rx.queue[i];
        if (reasm_deliverable(s, run) && is_for_caller(channel_find(s, run->id), run))
            return run;
    }
    return NULL;
}

void reasm_lend(struct sctp *s, const struct sctp_rx_run *run)
{
    struct sctp_channel *c = channel_find(s, run->id);
    if (c != NULL)
        count_ssn(c, run);
    s->rx.held = true;
    s->rx.held_at = (uint8_t)(run - s->rx.queue);
}

void reasm_release(struct sctp *s)
{
    struct sctp_rx *rx = &s->rx;
    if (!rx->held)
        return;
    rx->held = false;
    reasm_erase(rx, rx->held_at);
    size_t room = (size_t)SCTP_RX_BYTES - rx->used;
    if (is_up(s) && rx->advertised < SCTP_PACKET_MAX && room >= SCTP_PACKET_MAX)
        rx->sack_now = true; /* RFC 9260 6.2: the window is open again */
}

bool reasm_holds(const struct sctp_rx *rx, uint16_t id)
{
    for (size_t i = 0; i < rx->count; i++)
        if (rx->queue[i].id == id)
            return true;
    return false;
}
