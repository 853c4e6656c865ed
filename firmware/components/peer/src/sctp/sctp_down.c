/* Going down in order: RFC 9260 9.2. */
#include "sctp/sctp_wire.h"

static void send_shutdown(struct sctp *s, uint64_t now)
{
    uint8_t cumulative[4];
    struct buf_writer w = buf_writer(cumulative, sizeof cumulative);
    buf_put_u32(&w, s->rx.cumulative);
    ctl_put(s, CHUNK_SHUTDOWN, 0, cumulative, sizeof cumulative);
    s->at[TIMER_SHUTDOWN] = now + s->rto;
}

static void send_shutdown_ack(struct sctp *s, uint64_t now)
{
    ctl_put(s, CHUNK_SHUTDOWN_ACK, 0, NULL, 0);
    s->at[TIMER_SHUTDOWN] = now + s->rto;
}

/* The next step, once nothing of ours is unacknowledged. */
void down_pump(struct sctp *s, uint64_t now)
{
    if (s->tx.count > 0)
        return;
    if (s->state == SCTP_SHUTDOWN_PENDING) {
        s->state = SCTP_SHUTDOWN_SENT;
        send_shutdown(s, now);
    } else if (s->state == SCTP_SHUTDOWN_RECEIVED) {
        s->state = SCTP_SHUTDOWN_ACK_SENT;
        send_shutdown_ack(s, now);
    }
}

void down_handle_shutdown(struct sctp *s, uint64_t now, struct buf_reader body)
{
    uint32_t cumulative = buf_u32(&body);
    if (body.failed || !tx_acknowledge(s, now, cumulative))
        return;
    if (s->state == SCTP_SHUTDOWN_SENT) { /* both at once */
        s->state = SCTP_SHUTDOWN_ACK_SENT;
        send_shutdown_ack(s, now);
    } else if (s->state != SCTP_SHUTDOWN_ACK_SENT) {
        s->state = SCTP_SHUTDOWN_RECEIVED;
    }
}

void down_handle_shutdown_ack(struct sctp *s)
{
    if (s->state != SCTP_DONE && s->state != SCTP_SHUTDOWN_SENT && s->state != SCTP_SHUTDOWN_ACK_SENT)
        return;
    if (!s->peer_known)
        return;
    assoc_close(s, SCTP_REASON_SHUTDOWN, 0);
    ctl_put(s, CHUNK_SHUTDOWN_COMPLETE, 0, NULL, 0);
}

/* The peer goes on sending: it has missed our SHUTDOWN. */
void down_handle_data(struct sctp *s, uint64_t now)
{
    if (s->state != SCTP_SHUTDOWN_SENT)
        return;
    s->rx.sack_now = true;
    if (s->ctl_len == 0)
        send_shutdown(s, now);
}

void down_timeout(struct sctp *s, uint64_t now)
{
    if (now < s->at[TIMER_SHUTDOWN])
        return;
    s->at[TIMER_SHUTDOWN] = CLOCK_NEVER;
    if (s->state != SCTP_SHUTDOWN_SENT && s->state != SCTP_SHUTDOWN_ACK_SENT)
        return;
    if (!assoc_count_error(s))
        return;
    assoc_back_off(s);
    if (s->state == SCTP_SHUTDOWN_SENT)
        send_shutdown(s, now);
    else
        send_shutdown_ack(s, now);
}
