/* Closing a channel resets its streams, one direction by each side: RFC 8831 6.7, RFC 6525. */
#include "sctp/sctp_wire.h"

enum { /* RFC 6525 4.4 */
       RESULT_NOTHING_TO_DO = 0,
       RESULT_PERFORMED = 1,
       RESULT_DENIED = 2,
       RESULT_BAD_SEQUENCE = 5,
       RESULT_IN_PROGRESS = 6,
};

enum { SLOTS = SCTP_CHANNELS + 1 };

static bool is_ready(const struct sctp *s, const struct sctp_channel *c)
{
    return c->state != CHANNEL_FREE && (c->flags & CH_RESET_DUE) != 0 && (c->flags & CH_ACK_DUE) == 0 &&
           !tx_holds(&s->tx, c->id);
}

/* RFC 6525 4.1 */
static void send_request(struct sctp *s, uint64_t now)
{
    struct buf_writer w = ctl_open(s);
    size_t at = chunk_begin(&w, CHUNK_RECONFIG, 0);
    size_t param = w.len;
    buf_put_u16(&w, PARAM_RESET_OUT);
    buf_put_u16(&w, 0);
    buf_put_u32(&w, s->reset_seq);
    buf_put_u32(&w, s->peer_reset_seq);
    buf_put_u32(&w, s->tx.first_tsn + s->tx.count - 1);
    for (size_t i = 0; i < SLOTS; i++)
        if (s->channels[i].state != CHANNEL_FREE && (s->channels[i].flags & CH_RESET_SENT) != 0)
            buf_put_u16(&w, s->channels[i].id);
    buf_patch_u16(&w, param + 2, (uint16_t)(w.len - param));
    chunk_end(&w, at);
    ctl_close(s, &w);
    s->at[TIMER_RECONFIG] = now + s->rto;
}

/* Our direction is done with; `both`: the peer's is given up as well. */
static void finish(struct sctp_channel *c, bool both)
{
    c->flags &= (uint16_t) ~(CH_RESET_DUE | CH_RESET_SENT);
    c->flags |= both ? CH_RESET_DONE | CH_PEER_RESET : CH_RESET_DONE;
    channel_settle(c);
}

/* RFC 6525 5.1.1: one request at a time, for all channels that are to be closed and have nothing left to
 * deliver. */
void reset_pump(struct sctp *s, uint64_t now)
{
    bool any = false;
    if (s->reset_open || s->state != SCTP_ESTABLISHED)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        struct sctp_channel *c = &s->channels[i];
        if (!is_ready(s, c))
            continue;
        if (!s->peer.can_reconfig) {
            finish(c, true);
            continue;
        }
        c->flags &= (uint16_t)~CH_RESET_DUE;
        c->flags |= CH_RESET_SENT;
        any = true;
    }
    if (any) {
        s->reset_open = true;
        s->reset_renew = false;
        send_request(s, now);
    }
}

void reset_timeout(struct sctp *s, uint64_t now)
{
    if (now < s->at[TIMER_RECONFIG])
        return;
    s->at[TIMER_RECONFIG] = CLOCK_NEVER;
    if (!s->reset_open || !is_up(s))
        return;
    if (s->reset_renew) { /* libwebrtc repeats "in progress" for ever if the number stays the same */
        s->reset_renew = false;
        s->reset_seq++;
    } else {
        if (!assoc_count_error(s))
            return;
        assoc_back_off(s);
    }
    send_request(s, now);
}

static void handle_response(struct sctp *s, uint64_t now, struct buf_reader r)
{
    uint32_t seq = buf_u32(&r);
    uint32_t result = buf_u32(&r);
    if (r.failed || !s->reset_open || s->reset_renew || seq != s->reset_seq)
        return;
    s->errors = 0;
    if (result == RESULT_IN_PROGRESS) { /* RFC 6525 5.2.7 H2 */
        s->reset_renew = true;
        s->at[TIMER_RECONFIG] = now + s->rto;
        return;
    }
    bool done = result == RESULT_PERFORMED || result == RESULT_NOTHING_TO_DO;
    for (size_t i = 0; i < SLOTS; i++)
        if (s->channels[i].state != CHANNEL_FREE && (s->channels[i].flags & CH_RESET_SENT) != 0)
            finish(&s->channels[i], !done);
    s->reset_open = false;
    s->reset_seq++;
    s->at[TIMER_RECONFIG] = CLOCK_NEVER;
}

static bool is_named(const struct sctp_channel *c, struct buf_reader ids)
{
    if (ids.left < 2)
        return true; /* RFC 6525 4.1: none is all */
    while (ids.left >= 2)
        if (buf_u16(&ids) == c->id)
            return true;
    return false;
}

/* RFC 6525 5.2.2. What has arrived must have been handed out first. */
static uint8_t reset_in(struct sctp *s, uint32_t last_tsn, struct buf_reader ids)
{
    if (tsn_before(s->rx.cumulative, last_tsn))
        return RESULT_IN_PROGRESS;
    reasm_consume(s);
    for (size_t i = 0; i < SLOTS; i++) {
        const struct sctp_channel *c = &s->channels[i];
        if (c->state != CHANNEL_FREE && is_named(c, ids) && reasm_holds(&s->rx, c->id))
            return RESULT_IN_PROGRESS;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        struct sctp_channel *c = &s->channels[i];
        if (c->state == CHANNEL_FREE || !is_named(c, ids))
            continue;
        c->in_ssn = 0;
        c->state = CHANNEL_CLOSING;
        c->flags |= CH_PEER_RESET;
        if ((c->flags & (CH_RESET_SENT | CH_RESET_DONE)) == 0)
            c->flags |= CH_RESET_DUE;
        channel_settle(c);
    }
    return RESULT_PERFORMED;
}

static uint8_t perform(struct sctp *s, uint16_t type, struct buf_reader r)
{
    if (type == PARAM_ADD_OUT)
        return RESULT_PERFORMED; /* there is no limit that it could raise */
    if (type != PARAM_RESET_OUT)
        return RESULT_DENIED;
    buf_skip(&r, 4);
    uint32_t last_tsn = buf_u32(&r);
    return r.failed ? (uint8_t)RESULT_DENIED : reset_in(s, last_tsn, r);
}

/* RFC 6525 5.2.1: a repeated request gets the same answer, except that "in progress" may be over. */
static void handle_request(struct sctp *s, uint16_t type, struct buf_reader r)
{
    uint32_t seq = buf_u32(&r);
    uint8_t result = s->peer_reset_result;
    if (r.failed)
        return;
    if (seq == s->peer_reset_seq + 1 || (seq == s->peer_reset_seq && result == RESULT_IN_PROGRESS)) {
        result = perform(s, type, r);
        s->peer_reset_result = result;
        s->peer_reset_seq = seq;
    } else if (seq != s->peer_reset_seq) {
        result = RESULT_BAD_SEQUENCE;
    }
    struct buf_writer w = ctl_open(s);
    size_t at = chunk_begin(&w, CHUNK_RECONFIG, 0);
    buf_put_u32(&w, (uint32_t)PARAM_RESET_RESPONSE << 16 | 12); /* with its length: RFC 6525 4.4 */
    buf_put_u32(&w, seq);
    buf_put_u32(&w, result);
    chunk_end(&w, at);
    ctl_close(s, &w);
}

void reset_handle(struct sctp *s, uint64_t now, struct buf_reader body)
{
    struct param p;
    /* RFC 6525 3.1: at most two */
    for (size_t i = 0; i < 2 && param_next(&body, &p); i++) {
        if (p.type == PARAM_RESET_RESPONSE)
            handle_response(s, now, p.value);
        else if (p.type >= PARAM_RESET_OUT && p.type <= PARAM_ADD_IN)
            handle_request(s, p.type, p.value);
    }
}
