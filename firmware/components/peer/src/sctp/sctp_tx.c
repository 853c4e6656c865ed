/* What we send: the queue, when a chunk may go (RFC 9260 6.1, 7.2), and T3-rtx (6.3.3). SACKs, which
 * move all of this, are in sctp_sack.c. */
#include "sctp/sctp_tx.h"

/* RFC 9260 7.2.1 */
#define CWND_INITIAL 4404u

void tx_reset(struct sctp *s)
{
    s->tx.first_tsn = s->initial_tsn;
    s->tx.burst = MAX_BURST;
    s->tx.cwnd = CWND_INITIAL < 4 * SCTP_FRAGMENT ? CWND_INITIAL : 4 * SCTP_FRAGMENT;
}

uint32_t tx_halved(const struct sctp_tx *tx)
{
    return tx->cwnd / 2 > 4 * SCTP_FRAGMENT ? tx->cwnd / 2 : 4 * SCTP_FRAGMENT;
}

size_t tx_flight(const struct sctp_tx *tx)
{
    size_t bytes = 0;
    for (size_t i = 0; i < tx->sent; i++)
        if ((tx->queue[i].marks & (TX_ACKED | TX_AGAIN)) == 0)
            bytes += tx->queue[i].len;
    return bytes;
}

bool tx_holds(const struct sctp_tx *tx, uint16_t id)
{
    for (size_t i = 0; i < tx->count; i++)
        if (tx->queue[i].id == id)
            return true;
    return false;
}

enum sctp_error tx_queue(struct sctp *s, struct sctp_channel *c, uint8_t ppid, const uint8_t *data,
                         size_t len)
{
    struct sctp_tx *tx = &s->tx;
    size_t fragments = (len + SCTP_FRAGMENT - 1) / SCTP_FRAGMENT;
    if (len > SCTP_TX_BYTES || fragments > SCTP_TX_CHUNKS)
        return SCTP_ERR_TOO_BIG;
    if (len > (size_t)SCTP_TX_BYTES - tx->used || fragments > (size_t)SCTP_TX_CHUNKS - tx->count)
        return SCTP_ERR_WOULD_BLOCK;
    bool ordered = (c->flags & CH_UNORDERED) == 0 || ppid == PPID_DCEP;
    for (size_t done = 0; done < len;) {
        size_t part = len - done < SCTP_FRAGMENT ? len - done : SCTP_FRAGMENT;
        struct sctp_tx_chunk *chunk = &tx->queue[tx->count++];
        *chunk = (struct sctp_tx_chunk){.id = c->id, .off = tx->used, .len = (uint16_t)part, .ppid = ppid};
        chunk->ssn = ordered ? c->out_ssn : 0;
        chunk->flags = (uint8_t)((ordered ? 0 : DATA_UNORDERED) | (done == 0 ? DATA_BEGIN : 0) |
                                 (done + part == len ? DATA_END : 0));
        memcpy(tx->bytes + tx->used, data + done, part);
        tx->used = (uint16_t)(tx->used + part);
        done += part;
    }
    if (ordered)
        c->out_ssn++;
    return SCTP_OK;
}

static bool may_send(const struct sctp *s, size_t i, size_t flight)
{
    const struct sctp_tx *tx = &s->tx;
    if (flight == 0)
        return true; /* RFC 9260 6.1 A: one chunk may always be in flight, which probes a closed window */
    bool again = i < tx->sent;
    if (again && tx->fast_now)
        return true; /* RFC 9260 7.2.4: the first of a fast retransmission ignores cwnd */
    if (flight >= tx->cwnd || tx->burst == 0)
        return false;
    return again || flight + tx->queue[i].len <= tx->peer_rwnd;
}

static void put_chunk(struct sctp *s, size_t i, struct buf_writer *w)
{
    const struct sctp_tx_chunk *chunk = &s->tx.queue[i];
    size_t at = chunk_begin(w, CHUNK_DATA, chunk->flags);
    buf_put_u32(w, s->tx.first_tsn + (uint32_t)i);
    buf_put_u16(w, chunk->id);
    buf_put_u16(w, chunk->ssn);
    buf_put_u32(w, chunk->ppid);
    buf_put(w, s->tx.bytes + chunk->off, chunk->len);
    chunk_end(w, at);
}

/* Karn: a chunk that was sent twice measures nothing (RFC 9260 6.3.1 C5). */
static void note_sent(struct sctp *s, uint64_t now, size_t i)
{
    struct sctp_tx *tx = &s->tx;
    uint32_t tsn = tx->first_tsn + (uint32_t)i;
    if (i == tx->sent) {
        tx->sent++;
        if (!tx->rtt_running) {
            tx->rtt_running = true;
            tx->rtt_tsn = tsn;
            tx->rtt_at = now;
        }
    } else {
        tx->retransmissions++;
        if (tx->rtt_tsn == tsn)
            tx->rtt_running = false;
    }
    if (s->at[TIMER_RTX] == CLOCK_NEVER || (i == 0 && (tx->queue[i].marks & TX_AGAIN) != 0))
        s->at[TIMER_RTX] = now + s->rto; /* RFC 9260 6.3.2 R1, 7.2.4 */
    tx->queue[i].marks &= (uint8_t)~TX_AGAIN;
    tx->last_sent = now;
}

/* RFC 9260 7.2.1: cwnd that wasn't used for a while says nothing about the path. */
static void decay(struct sctp *s, uint64_t now)
{
    struct sctp_tx *tx = &s->tx;
    uint32_t least = 4 * SCTP_FRAGMENT;
    if (tx->cwnd > least && now - tx->last_sent >= s->rto)
        tx->cwnd = tx->cwnd / 2 > least ? tx->cwnd / 2 : least;
}

bool tx_put_data(struct sctp *s, uint64_t now, struct buf_writer *w)
{
    struct sctp_tx *tx = &s->tx;
    size_t flight = tx_flight(tx);
    bool any = false;
    if (flight == 0)
        decay(s, now);
    for (size_t i = 0; i < tx->count; i++) {
        const struct sctp_tx_chunk *chunk = &tx->queue[i];
        if (i < tx->sent && (chunk->marks & TX_AGAIN) == 0)
            continue;
        if (SCTP_DATA_HEADER + chunk->len > w->cap - w->len || !may_send(s, i, flight))
            break;
        put_chunk(s, i, w);
        note_sent(s, now, i);
        flight += chunk->len;
        any = true;
    }
    if (any) {
        tx->fast_now = false;
        if (tx->burst > 0)
            tx->burst--;
    }
    return any;
}

/* RFC 9260 6.3.3, 7.2.3 */
void tx_timeout(struct sctp *s, uint64_t now)
{
    struct sctp_tx *tx = &s->tx;
    if (now < s->at[TIMER_RTX])
        return;
    s->at[TIMER_RTX] = CLOCK_NEVER;
    if (tx->sent == 0 || !assoc_count_error(s))
        return;
    assoc_back_off(s);
    tx->ssthresh = tx_halved(tx);
    tx->cwnd = SCTP_FRAGMENT;
    tx->partial_acked = 0;
    tx->in_recovery = tx->fast_now = tx->rtt_running = false;
    tx->burst = 1; /* E3: one packet, until something is heard */
    for (size_t i = 0; i < tx->sent; i++) {
        if ((tx->queue[i].marks & TX_ACKED) == 0)
            tx->queue[i].marks = TX_AGAIN;
        tx->queue[i].misses = 0;
    }
}
