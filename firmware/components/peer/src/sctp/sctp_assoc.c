/* Coming up (RFC 9260 5), staying up (8), and the clock of round trips (6.3). */
#include "sctp/sctp_wire.h"

/* The state cookie names what an INIT said, which RFC 9260 5.1.3 wants kept by the peer and signed. Here
 * it is a random secret of this association and the peer's tag, and what the INIT said stays with us:
 * DTLS has told us who sends, so there is exactly one peer, no forged address and no memory to exhaust. */
#define COOKIE_BYTES 20u

static void write_cookie(const struct sctp *s, uint8_t out[COOKIE_BYTES])
{
    memcpy(out, s->secret, sizeof s->secret);
    memcpy(out + sizeof s->secret, &s->pending.tag,
           sizeof s->pending.tag); /* ours to read, so in our order */
}

static bool cookie_fits(const struct sctp *s, struct buf_reader body)
{
    uint8_t expected[COOKIE_BYTES];
    if (s->pending.tag == 0 || body.left != COOKIE_BYTES)
        return false;
    write_cookie(s, expected);
    uint8_t difference = 0;
    for (size_t i = 0; i < COOKIE_BYTES; i++)
        difference |= (uint8_t)(expected[i] ^ body.at[i]);
    return difference == 0;
}

void assoc_stop_timers(struct sctp *s)
{
    for (size_t i = 0; i < TIMERS; i++)
        s->at[i] = CLOCK_NEVER;
}

void assoc_close(struct sctp *s, enum sctp_reason reason, uint16_t abort_cause)
{
    if (s->state == SCTP_DONE)
        return;
    if (abort_cause != 0 && s->peer_known) {
        s->abort_due = true;
        s->abort_cause = abort_cause;
        s->abort_tag = s->peer.tag;
    }
    if (s->state < SCTP_ESTABLISHED)
        s->rx.used = 0; /* the cookie */
    s->state = SCTP_DONE;
    s->reason = (uint8_t)reason;
    s->closed_due = true;
    s->init_due = s->echo_due = s->ctl_alone = false;
    s->ctl_len = 0;
    assoc_stop_timers(s);
}

bool assoc_count_error(struct sctp *s)
{
    if (++s->errors <= ASSOCIATION_RETRANSMITS)
        return true;
    assoc_close(s, SCTP_REASON_TIMEOUT, CAUSE_USER_ABORT);
    return false;
}

/* RFC 9260 6.3.3 E2 */
void assoc_back_off(struct sctp *s)
{
    s->rto = s->rto > RTO_MAX / 2 ? RTO_MAX : s->rto * 2;
}

/* RFC 9260 6.3.1 C2 to C7, with alpha 1/8 and beta 1/4. */
void assoc_measure(struct sctp *s, uint64_t rtt)
{
    uint32_t r = rtt > RTO_MAX ? RTO_MAX : (uint32_t)rtt;
    if (s->srtt == 0) {
        s->srtt = r;
        s->rttvar = r / 2;
    } else {
        uint32_t off = s->srtt > r ? s->srtt - r : r - s->srtt;
        s->rttvar = s->rttvar - s->rttvar / 4 + off / 4;
        s->srtt = s->srtt - s->srtt / 8 + r / 8;
    }
    if (s->srtt == 0)
        s->srtt = 1;
    uint32_t rto = s->srtt + 4 * s->rttvar;
    s->rto = rto < RTO_MIN ? RTO_MIN : rto > RTO_MAX ? RTO_MAX : rto;
}

/* RFC 9260 8.3: a heartbeat each interval + RTO, the latter varied by half. */
static void heartbeat_start(struct sctp *s, uint64_t now)
{
    if (s->config.heartbeat == 0)
        return;
    uint32_t varied = s->rto / 2 + rng_u32(&s->config.rng) % s->rto;
    s->at[TIMER_HEARTBEAT] = now + s->config.heartbeat + varied;
}

void assoc_send_init(struct sctp *s, uint64_t now)
{
    s->init_due = true;
    s->at[TIMER_INIT] = now + s->rto;
}

/* False: not one that can be answered. The cookie, if any, points into the packet. */
static bool parse_init(struct buf_reader body, struct sctp_peer_init *init, struct buf_reader *params,
                       struct buf_reader *cookie)
{
    *init = (struct sctp_peer_init){.tag = buf_u32(&body), .can_reconfig = false};
    init->rwnd = buf_u32(&body);
    init->out_streams = buf_u16(&body);
    init->in_streams = buf_u16(&body);
    init->tsn = buf_u32(&body);
    if (body.failed || init->tag == 0)
        return false;
    *params = body;
    *cookie = (struct buf_reader){.left = 0};
    struct param p;
    while (param_next(&body, &p)) {
        if (p.type == PARAM_STATE_COOKIE)
            *cookie = p.value;
        else if (p.type == PARAM_SUPPORTED_CHUNKS)
            while (p.value.left > 0)
                init->can_reconfig |= buf_u8(&p.value) == CHUNK_RECONFIG;
        else if (!param_go_on(p.type))
            break;
    }
    return true;
}

/* What the peer wants is known by now; from here on it is the association's. */
static void adopt(struct sctp *s, const struct sctp_peer_init *init)
{
    s->peer = *init;
    s->peer_known = true;
    s->tx.peer_rwnd = init->rwnd;
    s->tx.ssthresh = init->rwnd; /* RFC 9260 7.2.1: may be that high */
    s->peer_reset_seq = init->tsn - 1;
}

static void become_established(struct sctp *s, uint64_t now)
{
    s->state = SCTP_ESTABLISHED;
    s->at[TIMER_INIT] = CLOCK_NEVER;
    s->init_due = s->echo_due = false;
    s->errors = 0;
    s->connected_due = true;
    heartbeat_start(s, now);
}

static void refuse_init(struct sctp *s, uint32_t tag, uint16_t cause, enum sctp_reason reason)
{
    assoc_close(s, reason, 0);
    s->abort_due = true;
    s->abort_cause = cause;
    s->abort_tag = tag;
}

void assoc_handle_init(struct sctp *s, uint64_t now, struct buf_reader body)
{
    struct sctp_peer_init init;
    struct buf_reader params, cookie;
    if (!parse_init(body, &init, &params, &cookie))
        return;
    if (init.out_streams == 0 || init.in_streams == 0) { /* RFC 9260 3.3.2: MUST abort */
        refuse_init(s, init.tag, CAUSE_INVALID_PARAM, SCTP_REASON_PROTOCOL);
        return;
    }
    if (is_up(s) && init.tag != s->peer.tag) { /* RFC 9260 5.2.2 would restart; a data channel can't */
        refuse_init(s, init.tag, CAUSE_USER_ABORT, SCTP_REASON_RESTARTED);
        return;
    }
    if (s->ctl_len > 0 && !s->ctl_alone)
        return; /* an INIT so late is a stray one; what waits in ctl matters more */
    s->pending = init;
    s->pending_at = now;
    uint8_t secret[COOKIE_BYTES];
    write_cookie(s, secret);
    struct buf_writer w = buf_writer(s->ctl, sizeof s->ctl);
    chunk_put_init(s, &w, CHUNK_INIT_ACK, secret, sizeof secret, params);
    s->ctl_len = (uint16_t)w.len;
    s->ctl_alone = true;
    s->ctl_tag = init.tag;
}

void assoc_handle_init_ack(struct sctp *s, uint64_t now, struct buf_reader body)
{
    struct sctp_peer_init init;
    struct buf_reader params, cookie;
    if (s->state != SCTP_COOKIE_WAIT || !parse_init(body, &init, &params, &cookie))
        return; /* RFC 9260 5.2.3 */
    adopt(s, &init);
    if (init.out_streams == 0 || init.in_streams == 0) {
        assoc_close(s, SCTP_REASON_PROTOCOL, CAUSE_INVALID_PARAM);
    } else if (cookie.left == 0 || cookie.left > SCTP_PACKET_MAX - SCTP_HEADER - SCTP_CHUNK_HEADER ||
               cookie.left > sizeof s->rx.bytes) {
        assoc_close(s, SCTP_REASON_PROTOCOL, CAUSE_MISSING_PARAM);
    } else {
        memcpy(s->rx.bytes, cookie.at, cookie.left);
        s->rx.used = (uint16_t)cookie.left;
        s->state = SCTP_COOKIE_ECHOED;
        s->init_due = false;
        s->echo_due = true;
        s->init_tries = 0;
        s->at[TIMER_INIT] = now + s->rto;
    }
}

bool assoc_handle_cookie_echo(struct sctp *s, uint64_t now, struct buf_reader body)
{
    static const uint8_t staleness[4];
    bool is_new = s->state < SCTP_ESTABLISHED;
    if (!cookie_fits(s, body))
        return false; /* RFC 9260 5.1.5: silently */
    if (is_new) {
        adopt(s, &s->pending); /* RFC 9260 5.2.4 B, or simply the first */
        if (now - s->pending_at > COOKIE_LIFE) {
            ctl_put_error(s, CAUSE_STALE_COOKIE, staleness, sizeof staleness);
            return false;
        }
        become_established(s, now);
    }
    if (is_up(s))
        ctl_put(s, CHUNK_COOKIE_ACK, 0, NULL, 0); /* RFC 9260 5.2.4 D: a repeated one, too */
    return is_new;
}

bool assoc_handle_cookie_ack(struct sctp *s, uint64_t now)
{
    if (s->state != SCTP_COOKIE_ECHOED)
        return false;
    become_established(s, now);
    return true;
}

/* Only a stale cookie changes anything: begin again (RFC 9260 5.2.6). */
void assoc_handle_error(struct sctp *s, uint64_t now, struct buf_reader body)
{
    if (s->state != SCTP_COOKIE_ECHOED || buf_u16(&body) != CAUSE_STALE_COOKIE)
        return;
    s->state = SCTP_COOKIE_WAIT;
    s->echo_due = false;
    assoc_send_init(s, now);
}

static void heartbeat_send(struct sctp *s, uint64_t now)
{
    uint8_t info[8] = {0, PARAM_HEARTBEAT_INFO, 0, sizeof info};
    s->heartbeat_nonce = rng_u32(&s->config.rng);
    s->heartbeat_sent = now;
    s->heartbeat_open = true;
    memcpy(info + 4, &s->heartbeat_nonce, 4);
    ctl_put(s, CHUNK_HEARTBEAT, 0, info, sizeof info);
}

void assoc_handle_heartbeat_ack(struct sctp *s, uint64_t now, struct buf_reader body)
{
    struct param p;
    if (!s->heartbeat_open || !param_next(&body, &p) || p.type != PARAM_HEARTBEAT_INFO)
        return;
    if (p.value.left != 4 || memcmp(p.value.at, &s->heartbeat_nonce, 4) != 0)
        return;
    s->heartbeat_open = false;
    s->errors = 0; /* RFC 9260 8.1 */
    assoc_measure(s, now - s->heartbeat_sent);
}

static void init_timeout(struct sctp *s, uint64_t now)
{
    if (++s->init_tries > INIT_RETRANSMITS) { /* RFC 9260 5.1.6 */
        assoc_close(s, SCTP_REASON_NO_ANSWER, CAUSE_USER_ABORT);
        return;
    }
    assoc_back_off(s);
    s->at[TIMER_INIT] = now + s->rto;
    if (s->state == SCTP_COOKIE_WAIT)
        s->init_due = true;
    else
        s->echo_due = true;
}

void assoc_timeout(struct sctp *s, uint64_t now)
{
    if (now >= s->at[TIMER_INIT])
        init_timeout(s, now);
    if (now < s->at[TIMER_HEARTBEAT])
        return;
    if (s->state != SCTP_ESTABLISHED) {
        s->at[TIMER_HEARTBEAT] = CLOCK_NEVER;
        return;
    }
    if (s->heartbeat_open) {
        if (!assoc_count_error(s))
            return;
        assoc_back_off(s);
    }
    heartbeat_send(s, now);
    heartbeat_start(s, now);
}
