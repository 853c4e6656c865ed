/* What SACKs do: RFC 9260 6.2.1, 6.3.2, 7.2. */
#include "sctp/sctp_tx.h"

static void measure(struct sctp *s, uint64_t now, uint32_t tsn)
{
    if (s->tx.rtt_running && s->tx.rtt_tsn == tsn) {
        s->tx.rtt_running = false;
        assoc_measure(s, now - s->tx.rtt_at);
    }
}

/* The first n chunks have arrived. Gives the bytes that weren't known to have. */
static size_t drop_front(struct sctp *s, uint64_t now, size_t n)
{
    struct sctp_tx *tx = &s->tx;
    size_t news = 0, bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += tx->queue[i].len;
        news += (tx->queue[i].marks & TX_ACKED) == 0 ? tx->queue[i].len : 0;
        measure(s, now, tx->first_tsn + (uint32_t)i);
    }
    memmove(tx->bytes, tx->bytes + bytes, tx->used - bytes);
    memmove(tx->queue, tx->queue + n, (tx->count - n) * sizeof tx->queue[0]);
    tx->used = (uint16_t)(tx->used - bytes);
    tx->count = (uint8_t)(tx->count - n);
    tx->sent = (uint8_t)(tx->sent - n);
    tx->first_tsn += (uint32_t)n;
    for (size_t i = 0; i < tx->count; i++)
        tx->queue[i].off = (uint16_t)(tx->queue[i].off - bytes);
    return news;
}

/* RFC 9260 6.3.2 R2, R3 */
static void restart_timer(struct sctp *s, uint64_t now)
{
    s->at[TIMER_RTX] = s->tx.sent > 0 ? now + s->rto : CLOCK_NEVER;
}

bool tx_acknowledge(struct sctp *s, uint64_t now, uint32_t cumulative)
{
    uint32_t n = cumulative - (s->tx.first_tsn - 1);
    if (n > s->tx.sent)
        return tsn_before(cumulative, s->tx.first_tsn);
    if (n > 0) {
        (void)drop_front(s, now, n);
        s->errors = 0;
        restart_timer(s, now);
    }
    return true;
}

struct outcome {
    size_t bytes;        /* newly acknowledged */
    size_t highest_new;  /* one above the index of the highest chunk newly acknowledged */
    size_t highest_seen; /* or at all reported */
    bool loss;
};

static void mark_reported(struct sctp_tx *tx, struct buf_reader gaps, size_t count)
{
    for (; count > 0; count--) {
        size_t start = buf_u16(&gaps);
        size_t end = buf_u16(&gaps);
        for (size_t at = start; at <= end && at <= tx->sent; at++)
            if (at > 0)
                tx->queue[at - 1].marks |= TX_REPORTED;
    }
}

static void read_reported(struct sctp *s, uint64_t now, struct outcome *o)
{
    struct sctp_tx *tx = &s->tx;
    for (size_t i = 0; i < tx->sent; i++) {
        struct sctp_tx_chunk *chunk = &tx->queue[i];
        if ((chunk->marks & TX_REPORTED) == 0) {
            chunk->marks &= (uint8_t)~TX_ACKED; /* taken back: RFC 9260 6.2.1 iv */
            continue;
        }
        o->highest_seen = i + 1;
        if ((chunk->marks & TX_ACKED) != 0)
            continue;
        chunk->marks = (uint8_t)((chunk->marks | TX_ACKED) & ~TX_AGAIN);
        o->bytes += chunk->len;
        o->highest_new = i + 1;
        measure(s, now, tx->first_tsn + (uint32_t)i);
    }
}

/* RFC 9260 7.2.4: only chunks below what this SACK newly names have missed something. */
static void strike(struct sctp_tx *tx, size_t below, struct outcome *o)
{
    for (size_t i = 0; i < below; i++) {
        struct sctp_tx_chunk *chunk = &tx->queue[i];
        if ((chunk->marks & (TX_REPORTED | TX_AGAIN | TX_FAST)) != 0)
            continue;
        if (++chunk->misses < MISSES_FOR_LOSS)
            continue;
        chunk->marks |= TX_AGAIN | TX_FAST;
        o->loss = true;
    }
}

/* RFC 9260 7.2.1, 7.2.2 */
static void grow(struct sctp_tx *tx, size_t bytes)
{
    if (tx->cwnd <= tx->ssthresh) {
        tx->cwnd += (uint32_t)(bytes < SCTP_FRAGMENT ? bytes : SCTP_FRAGMENT);
        return;
    }
    tx->partial_acked += (uint32_t)bytes;
    if (tx->partial_acked >= tx->cwnd) {
        tx->partial_acked -= tx->cwnd;
        tx->cwnd += SCTP_FRAGMENT;
    }
}

static void congest(struct sctp_tx *tx, const struct outcome *o, bool advanced, bool full)
{
    if (tx->in_recovery && tsn_before(tx->recovery_exit, tx->first_tsn))
        tx->in_recovery = false;
    if (o->loss && !tx->in_recovery) {
        tx->ssthresh = tx_halved(tx);
        tx->cwnd = tx->ssthresh;
        tx->partial_acked = 0;
        tx->in_recovery = true;
        tx->recovery_exit = tx->first_tsn + tx->sent - 1;
        tx->fast_now = true;
    } else if (!tx->in_recovery && advanced && full) {
        grow(tx, o->bytes);
    }
    if (tx->sent == 0)
        tx->partial_acked = 0;
}

void tx_handle_sack(struct sctp *s, uint64_t now, struct buf_reader body)
{
    struct sctp_tx *tx = &s->tx;
    uint32_t cumulative = buf_u32(&body);
    uint32_t rwnd = buf_u32(&body);
    size_t gaps = buf_u16(&body);
    (void)buf_u16(&body); /* duplicates: nothing to learn */
    uint32_t n = cumulative - (tx->first_tsn - 1);
    if (body.failed || gaps * 4 > body.left || tsn_before(cumulative, tx->first_tsn - 1))
        return; /* RFC 9260 6.2.1 D i: an old one */
    if (n > tx->sent) {
        assoc_close(s, SCTP_REASON_PROTOCOL, CAUSE_PROTOCOL);
        return;
    }
    struct outcome o = {0};
    bool full = tx_flight(tx) + SCTP_FRAGMENT > tx->cwnd;
    o.bytes = drop_front(s, now, n);
    mark_reported(tx, body, gaps);
    read_reported(s, now, &o);
    strike(tx, tx->in_recovery && n > 0 ? o.highest_seen : o.highest_new, &o);
    for (size_t i = 0; i < tx->sent; i++)
        tx->queue[i].marks &= (uint8_t)~TX_REPORTED;
    congest(tx, &o, n > 0, full);
    tx->peer_rwnd = rwnd;
    tx->burst = MAX_BURST;
    if (o.bytes > 0 || rwnd == 0) /* RFC 9260 8.1; 6.1 A: who answers a probe is alive */
        s->errors = 0;
    if (n > 0 || tx->sent == 0)
        restart_timer(s, now);
}
