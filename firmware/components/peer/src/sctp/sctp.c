/* The entry points: packets in and out, timers, events. The other files know nothing of this one. */
#include "sctp/sctp.h"

#include "sctp/sctp_wire.h"

#define DEFAULT_PORT 5000

void sctp_init(struct sctp *s, const struct sctp_config *config)
{
    *s = (struct sctp){.config = *config, .state = SCTP_CLOSED, .rto = RTO_INITIAL};
    if (s->config.local_port == 0)
        s->config.local_port = DEFAULT_PORT;
    if (s->config.remote_port == 0)
        s->config.remote_port = DEFAULT_PORT;
    do {
        s->local_tag = rng_u32(&s->config.rng);
    } while (s->local_tag == 0); /* RFC 9260 3.3.2 */
    s->initial_tsn = rng_u32(&s->config.rng);
    rng_fill(&s->config.rng, s->secret, sizeof s->secret);
    s->reset_seq = s->initial_tsn; /* RFC 6525 5.1.1 */
    assoc_stop_timers(s);
    tx_reset(s);
}

enum sctp_error sctp_connect(struct sctp *s, uint64_t now)
{
    if (s->state != SCTP_CLOSED)
        return SCTP_ERR_STATE;
    s->state = SCTP_COOKIE_WAIT;
    assoc_send_init(s, now);
    return SCTP_OK;
}

/* Of a packet that isn't an INIT: RFC 9260 8.5, 8.5.1. */
static bool tag_fits(const struct sctp *s, uint32_t tag, uint8_t type, uint8_t flags)
{
    bool may_reflect = type == CHUNK_ABORT || type == CHUNK_SHUTDOWN_COMPLETE;
    if (may_reflect && (flags & FLAG_TAG_REFLECTED) != 0)
        return s->peer_known && tag == s->peer.tag;
    return tag == s->local_tag;
}

static void handle_heartbeat(struct sctp *s, struct buf_reader body)
{
    ctl_put(s, CHUNK_HEARTBEAT_ACK, 0, body.at, body.left);
}

/* Chunks that carry on an association that is up. */
static void handle_when_up(struct sctp *s, uint64_t now, uint8_t type, uint8_t flags, struct buf_reader body)
{
    if (!is_up(s))
        return;
    switch (type) {
    case CHUNK_DATA:
        rx_handle_data(s, flags, body);
        down_handle_data(s, now);
        break;
    case CHUNK_SACK:
        tx_handle_sack(s, now, body);
        break;
    case CHUNK_FORWARD_TSN:
        rx_handle_forward_tsn(s, body);
        break;
    case CHUNK_RECONFIG:
        reset_handle(s, now, body);
        break;
    case CHUNK_HEARTBEAT_ACK:
        assoc_handle_heartbeat_ack(s, now, body);
        break;
    case CHUNK_SHUTDOWN:
        down_handle_shutdown(s, now, body);
        break;
    default:
        break;
    }
}

/* False: the rest of the packet is not to be read. */
static bool handle_unknown(struct sctp *s, uint8_t type, struct buf_reader body)
{
    size_t len = body.left + SCTP_CHUNK_HEADER;
    if ((type & UNKNOWN_REPORT) != 0) /* the chunk from its header on, or the beginning of it */
        ctl_put_error(s, CAUSE_UNKNOWN_CHUNK, body.at - SCTP_CHUNK_HEADER, len < 16 ? len : 16);
    return (type & UNKNOWN_SKIP) != 0;
}

static bool handle_chunk(struct sctp *s, uint64_t now, uint8_t type, uint8_t flags, struct buf_reader body)
{
    switch (type) {
    case CHUNK_INIT: /* only the first of a packet may be one */
        break;
    case CHUNK_INIT_ACK:
        assoc_handle_init_ack(s, now, body);
        break;
    case CHUNK_COOKIE_ECHO:
        if (assoc_handle_cookie_echo(s, now, body))
            rx_reset(s, s->peer.tsn);
        break;
    case CHUNK_COOKIE_ACK:
        if (assoc_handle_cookie_ack(s, now))
            rx_reset(s, s->peer.tsn);
        break;
    case CHUNK_ABORT:
        assoc_close(s, SCTP_REASON_PEER_ABORT, 0);
        break;
    case CHUNK_ERROR:
        assoc_handle_error(s, now, body);
        break;
    case CHUNK_HEARTBEAT:
        handle_heartbeat(s, body);
        break;
    case CHUNK_SHUTDOWN_ACK:
        down_handle_shutdown_ack(s);
        break;
    case CHUNK_SHUTDOWN_COMPLETE:
        if (s->state == SCTP_SHUTDOWN_ACK_SENT)
            assoc_close(s, SCTP_REASON_SHUTDOWN, 0);
        break;
    case CHUNK_DATA:
    case CHUNK_SACK:
    case CHUNK_FORWARD_TSN:
    case CHUNK_RECONFIG:
    case CHUNK_HEARTBEAT_ACK:
    case CHUNK_SHUTDOWN:
        handle_when_up(s, now, type, flags, body);
        break;
    default:
        return handle_unknown(s, type, body);
    }
    return true;
}

/* A closed association still answers SHUTDOWN ACK: the peer may have missed SHUTDOWN COMPLETE. */
static bool goes_on(const struct sctp *s, uint8_t type)
{
    return s->state != SCTP_DONE || type == CHUNK_SHUTDOWN_ACK;
}

static void handle_chunks(struct sctp *s, uint64_t now, struct buf_reader r)
{
    while (r.left >= SCTP_CHUNK_HEADER) {
        uint8_t type = buf_u8(&r);
        uint8_t flags = buf_u8(&r);
        size_t len = buf_u16(&r);
        if (len < SCTP_CHUNK_HEADER || !goes_on(s, type))
            return;
        struct buf_reader body = buf_sub(&r, len - SCTP_CHUNK_HEADER);
        if (body.failed || !handle_chunk(s, now, type, flags, body))
            return;
        size_t pad = pad4(len);
        buf_skip(&r, pad < r.left ? pad : r.left);
    }
}

/* An INIT stands alone and has a tag of zero: RFC 9260 8.5.1 A. */
static enum sctp_error handle_init_packet(struct sctp *s, uint64_t now, uint32_t tag, struct buf_reader r)
{
    buf_skip(&r, 2);
    size_t len = buf_u16(&r);
    if (tag != 0 || len < SCTP_CHUNK_HEADER || len - SCTP_CHUNK_HEADER > r.left ||
        r.left - (len - 4) > pad4(len))
        return SCTP_ERR_PACKET;
    if (s->state != SCTP_DONE)
        assoc_handle_init(s, now, buf_sub(&r, len - SCTP_CHUNK_HEADER));
    return SCTP_OK;
}

static uint32_t read_checksum(struct buf_reader *r)
{
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 32; shift += 8) /* RFC 9260 A: the one field that is little endian */
        v |= (uint32_t)buf_u8(r) << shift;
    return v;
}

enum sctp_error sctp_handle_packet(struct sctp *s, uint64_t now, const uint8_t *packet, size_t len)
{
    reasm_release(s);
    struct buf_reader r = buf_reader(packet, len);
    uint16_t from = buf_u16(&r);
    uint16_t to = buf_u16(&r);
    uint32_t tag = buf_u32(&r);
    uint32_t checksum = read_checksum(&r);
    if (r.failed || r.left < SCTP_CHUNK_HEADER || checksum != sctp_crc32c(packet, len))
        return SCTP_ERR_PACKET;
    if (from != s->config.remote_port || to != s->config.local_port)
        return SCTP_ERR_PACKET;
    if (r.at[0] == CHUNK_INIT)
        return handle_init_packet(s, now, tag, r);
    if (!tag_fits(s, tag, r.at[0], r.at[1]))
        return SCTP_ERR_PACKET;
    handle_chunks(s, now, r);
    if (is_up(s)) {
        rx_end_of_packet(s, now);
        reasm_consume(s);
    }
    return SCTP_OK;
}

void sctp_handle_timeout(struct sctp *s, uint64_t now)
{
    assoc_timeout(s, now);
    down_timeout(s, now);
    reset_timeout(s, now);
    tx_timeout(s, now);
    if (now >= s->at[TIMER_SACK]) {
        s->at[TIMER_SACK] = CLOCK_NEVER;
        s->rx.sack_now = true;
    }
}

uint64_t sctp_next_timeout(const struct sctp *s)
{
    uint64_t at = CLOCK_NEVER;
    for (size_t i = 0; i < TIMERS; i++)
        at = clock_min(at, s->at[i]);
    return at;
}

static void put_header(const struct sctp *s, struct buf_writer *w, uint32_t tag)
{
    buf_put_u16(w, s->config.local_port);
    buf_put_u16(w, s->config.remote_port);
    buf_put_u32(w, tag);
    buf_put_u32(w, 0);
}

static size_t finish(struct buf_writer *w)
{
    if (w->failed || w->len <= SCTP_HEADER)
        return 0;
    uint32_t crc = sctp_crc32c(w->data, w->len);
    for (size_t i = 0; i < 4; i++)
        w->data[8 + i] = (uint8_t)(crc >> (8 * i));
    return w->len;
}

/* Packets that carry one chunk alone, or a tag of their own. */
static bool put_lone(struct sctp *s, struct buf_writer *w)
{
    static const struct buf_reader none;
    if (s->abort_due) {
        s->abort_due = false;
        put_header(s, w, s->abort_tag);
        size_t at = chunk_begin(w, CHUNK_ABORT, 0);
        buf_put_u16(w, s->abort_cause);
        buf_put_u16(w, 4);
        chunk_end(w, at);
    } else if (s->ctl_alone) {
        put_header(s, w, s->ctl_tag);
        buf_put(w, s->ctl, s->ctl_len);
        s->ctl_len = 0;
        s->ctl_alone = false;
    } else if (s->init_due) {
        s->init_due = false;
        put_header(s, w, 0);
        chunk_put_init(s, w, CHUNK_INIT, NULL, 0, none);
    }
    return w->len > 0;
}

static void put_bundle(struct sctp *s, uint64_t now, struct buf_writer *w)
{
    put_header(s, w, s->peer.tag);
    if (s->echo_due) { /* RFC 9260 5.1: first in its packet; the cookie waits where DATA will be */
        s->echo_due = false;
        size_t at = chunk_begin(w, CHUNK_COOKIE_ECHO, 0);
        buf_put(w, s->rx.bytes, s->rx.used);
        chunk_end(w, at);
    }
    if (s->ctl_len <= w->cap - w->len) {
        buf_put(w, s->ctl, s->ctl_len);
        s->ctl_len = 0;
    }
    if (!is_up(s))
        return;
    bool has_data = s->tx.count > 0 && s->at[TIMER_SACK] != CLOCK_NEVER;
    if (s->rx.sack_now || has_data)
        rx_put_sack(s, w);
    (void)tx_put_data(s, now, w);
}

size_t sctp_poll_transmit(struct sctp *s, uint64_t now, uint8_t *buf, size_t cap)
{
    if (cap < SCTP_PACKET_MAX)
        return 0;
    if (is_up(s)) {
        channel_pump(s);
        reset_pump(s, now);
        down_pump(s, now);
    }
    struct buf_writer w = buf_writer(buf, SCTP_PACKET_MAX);
    if (!put_lone(s, &w) && s->peer_known)
        put_bundle(s, now, &w);
    return finish(&w);
}

bool sctp_poll_event(struct sctp *s, struct sctp_event *event)
{
    *event = (struct sctp_event){.type = SCTP_EVENT_CONNECTED};
    reasm_release(s);
    if (s->connected_due) {
        s->connected_due = false;
        return true;
    }
    reasm_consume(s);
    if (channel_event(s, event, CH_OPEN_DUE))
        return true;
    const struct sctp_rx_run *run = reasm_next(s);
    if (run != NULL) {
        event->type = SCTP_EVENT_MESSAGE;
        event->channel = run->id;
        event->is_text = run->ppid == PPID_STRING || run->ppid == PPID_STRING_EMPTY;
        bool empty = run->ppid == PPID_STRING_EMPTY || run->ppid == PPID_BINARY_EMPTY;
        event->data = s->rx.bytes + run->off;
        event->len = empty ? 0 : run->len;
        reasm_lend(s, run);
        return true;
    }
    if (channel_event(s, event, CH_CLOSED_DUE))
        return true;
    event->type = SCTP_EVENT_CLOSED;
    event->reason = (enum sctp_reason)s->reason;
    bool due = s->closed_due;
    s->closed_due = false;
    return due;
}

enum sctp_error sctp_open_channel(struct sctp *s, const char *label, uint16_t *channel)
{
    return channel_open(s, label, channel);
}

enum sctp_error sctp_send(struct sctp *s, uint16_t channel, bool is_text, const uint8_t *data, size_t len)
{
    return channel_send(s, channel, is_text, data, len);
}

enum sctp_error sctp_close_channel(struct sctp *s, uint16_t channel)
{
    return channel_close(s, channel);
}

void sctp_shutdown(struct sctp *s, uint64_t now)
{
    if (s->state < SCTP_ESTABLISHED) {
        assoc_close(s, SCTP_REASON_SHUTDOWN, CAUSE_USER_ABORT);
    } else if (s->state == SCTP_ESTABLISHED) {
        s->state = SCTP_SHUTDOWN_PENDING;
        down_pump(s, now);
    }
}

void sctp_abort(struct sctp *s)
{
    assoc_close(s, SCTP_REASON_ABORTED, CAUSE_USER_ABORT);
}
