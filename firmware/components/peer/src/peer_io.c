/* Datagrams, time, and what comes of them. */
#include "peer_state.h"

/* ---- from layer to layer: route to DTLS, DTLS to SRTP and SCTP ---- */

static void write_reflexive(struct peer *p)
{
    struct buf_writer w = buf_writer((uint8_t *)p->candidate, sizeof p->candidate);
    sdp_put_candidate(&w, &p->ice, p->ice.gather.local, &p->ice.gather.mapped);
    buf_put_u8(&w, '\0');
    if (!w.failed)
        peer_raise(p, PEER_EVENT_LOCAL_CANDIDATE);
}

static void pump_ice(struct peer *p)
{
    enum ice_event event;
    while ((event = ice_poll_event(&p->ice)) != ICE_NONE) {
        if (event == ICE_SELECTED)
            peer_raise(p, PEER_EVENT_ICE_CONNECTED);
        else if (event == ICE_CONSENT_LOST)
            peer_raise(p, PEER_EVENT_CONSENT_LOST);
        else if (event == ICE_GAVE_UP)
            peer_end(p, PEER_CLOSE_ICE);
        else if (event == ICE_REFLEXIVE)
            write_reflexive(p);
    }
    p->outbox.open = p->ice.route.usable;
}

static void on_secured(struct peer *p, uint64_t now)
{
    p->connected = true;
    jitter_init(&p->jitter);
    if (p->remote.audio >= 0 && p->config.audio) {
        if (!secure_rtp_init(&p->srtp, p->dtls.profile, p->dtls.exporter.material, !p->dtls.is_server)) {
            peer_end(p, PEER_CLOSE_DTLS);
            return;
        }
        peer_media_start(p, now);
    }
    crypto_wipe(p->dtls.exporter.material, sizeof p->dtls.exporter.material);
    if (p->remote.data >= 0 && p->config.data)
        (void)sctp_connect(&p->sctp, now);
    peer_raise(p, PEER_EVENT_CONNECTED);
}

static void pump_dtls(struct peer *p, uint64_t now)
{
    if (p->dtls.state == DTLS_CONNECTED && !p->connected)
        on_secured(p, now);
    else if (p->dtls.state == DTLS_CLOSED)
        peer_end(p, PEER_CLOSE_REMOTE);
    else if (p->dtls.state == DTLS_FAILED)
        peer_end(p, p->dtls.saw_certificate && !p->dtls.verified ? PEER_CLOSE_FINGERPRINT : PEER_CLOSE_DTLS);
}

static void pump(struct peer *p, uint64_t now)
{
    pump_ice(p);
    if (p->stage == PEER_OPEN)
        pump_dtls(p, now);
}

/* ---- in ---- */

static void handle_dtls(struct peer *p, uint64_t now, uint8_t *data, size_t len)
{
    size_t plain;
    dtls_handle_datagram(&p->dtls, now, data, len);
    pump(p, now);
    /* The plaintext of a record is shorter than the datagram, which mbedTLS has copied by now. */
    while (p->stage == PEER_OPEN && (plain = dtls_read(&p->dtls, data, len)) > 0) {
        if (p->remote.data < 0 || sctp_handle_packet(&p->sctp, now, data, plain) == SCTP_ERR_PACKET)
            p->rejected++;
    }
    pump(p, now);
}

/* RFC 8445 section 12: media from any address that has proved itself in a check, or was signalled. */
static bool is_known_source(const struct peer *p, const struct peer_address *remote)
{
    return ice_find_remote(&p->ice, remote) >= 0 || addr_equal(&p->ice.route.remote, remote);
}

void peer_handle_datagram(struct peer *p, uint64_t now, const struct peer_address *local,
                          const struct peer_address *remote, uint8_t *data, size_t len)
{
    int at = ice_find_local(&p->ice, local, remote);
    peer_release_box(p);
    if (p->stage != PEER_OPEN)
        return;
    if (at < 0 || len == 0) {
        p->rejected++;
    } else if (stun_is_first_byte(data[0])) {
        p->rejected += !ice_handle_datagram(&p->ice, now, (uint8_t)at, remote, data, len);
        pump(p, now);
    } else if (!is_known_source(p, remote)) {
        p->rejected++;
    } else if (dtls_is_first_byte(data[0])) {
        handle_dtls(p, now, data, len);
    } else if (rtp_is_first_byte(data[0]) && p->connected) {
        peer_media_handle(p, now, data, len);
    } else {
        p->rejected++;
    }
}

void peer_handle_timeout(struct peer *p, uint64_t now)
{
    peer_release_box(p);
    if (p->stage != PEER_OPEN)
        return;
    ice_handle_timeout(&p->ice, now);
    if (p->outbox.open)
        dtls_handle_timeout(&p->dtls, now);
    if (p->outbox.open && p->connected)
        sctp_handle_timeout(&p->sctp, now);
    pump(p, now);
}

/* ---- out ---- */

static bool emit(struct peer *p, struct peer_out *out, const struct ice_route *route, size_t len)
{
    out->type = PEER_OUT_TRANSMIT;
    out->local = p->ice.locals[route->local];
    out->remote = route->remote;
    out->data = p->outbox.data;
    out->len = len;
    p->outbox.len = len;
    p->box_taken = true;
    return true;
}

static bool poll_sctp(struct peer *p, uint64_t now)
{
    if (p->remote.data < 0 || !p->connected)
        return false;
    size_t len = sctp_poll_transmit(&p->sctp, now, p->outbox.data, SCTP_PACKET_MAX);
    /* mbedTLS copies the plaintext before it hands the record to the same outbox. */
    return len > 0 && dtls_write(&p->dtls, p->outbox.data, len);
}

static bool sends_rtcp(const struct peer *p)
{
    return p->connected && p->srtp.out != NULL;
}

/* Fills the empty outbox with whatever is due on the selected route. */
static void fill_box(struct peer *p, uint64_t now)
{
    dtls_flush(&p->dtls, now);
    pump(p, now);
    if (p->outbox.len == 0 && sends_rtcp(p) && now >= p->rtcp_due)
        peer_media_report(p, now, false);
    if (p->outbox.len == 0)
        (void)poll_sctp(p, now);
}

/* One farewell after the other; each stage that has nothing to say falls through to the next. */
static void fill_farewell(struct peer *p, uint64_t now)
{
    if (p->stage == PEER_SAY_BYE) {
        p->stage = PEER_ABORT_SCTP;
        if (sends_rtcp(p))
            peer_media_report(p, now, true);
    }
    if (p->outbox.len == 0 && p->stage == PEER_ABORT_SCTP && !poll_sctp(p, now)) {
        p->stage = PEER_CLOSE_NOTIFY;
        if (p->connected)
            dtls_close(&p->dtls);
    }
    if (p->outbox.len == 0 && p->stage == PEER_CLOSE_NOTIFY)
        p->stage = PEER_CLOSING;
}

static bool poll_transmit(struct peer *p, uint64_t now, struct peer_out *out)
{
    struct ice_route route;
    if (p->stage == PEER_OPEN && p->outbox.len == 0) {
        size_t len = ice_poll_transmit(&p->ice, now, p->outbox.data, sizeof p->outbox.data, &route);
        if (len > 0)
            return emit(p, out, &route, len);
    }
    if (peer_can_transmit(p) && p->stage == PEER_OPEN)
        fill_box(p, now);
    else if (peer_can_transmit(p) && p->stage < PEER_CLOSING)
        fill_farewell(p, now);
    else if (!p->outbox.open && p->stage > PEER_OPEN && p->stage < PEER_CLOSING)
        p->stage = PEER_CLOSING;
    return p->outbox.len > 0 && emit(p, out, &p->ice.route, p->outbox.len);
}

static bool poll_sctp_event(struct peer *p, struct peer_event *event)
{
    static const int types[] = {
        [SCTP_EVENT_CONNECTED] = -1,
        [SCTP_EVENT_CHANNEL_OPEN] = PEER_EVENT_CHANNEL_OPEN,
        [SCTP_EVENT_MESSAGE] = PEER_EVENT_MESSAGE,
        [SCTP_EVENT_CHANNEL_CLOSED] = PEER_EVENT_CHANNEL_CLOSED,
        [SCTP_EVENT_CLOSED] = PEER_EVENT_DATA_CLOSED,
    };
    struct sctp_event s;
    while (p->connected && p->remote.data >= 0 && sctp_poll_event(&p->sctp, &s)) {
        if (types[s.type] < 0)
            continue;
        *event = (struct peer_event){.type = (enum peer_event_type)types[s.type]};
        event->channel = s.channel;
        event->is_text = s.is_text;
        event->data = s.data;
        event->len = s.len;
        return true;
    }
    return false;
}

static bool poll_event(struct peer *p, struct peer_event *event)
{
    for (enum peer_event_type type = PEER_EVENT_ICE_CONNECTED; type < PEER_EVENT_CLOSED; type++) {
        if (!(p->events & 1u << type))
            continue;
        p->events &= ~(1u << type);
        *event = (struct peer_event){.type = type};
        if (type == PEER_EVENT_LOCAL_CANDIDATE) {
            event->data = (const uint8_t *)p->candidate;
            event->len = strlen(p->candidate);
        }
        return true;
    }
    if (p->stage < PEER_CLOSING && poll_sctp_event(p, event))
        return true;
    if (p->stage != PEER_CLOSING)
        return false;
    p->stage = PEER_GONE;
    *event = (struct peer_event){.type = PEER_EVENT_CLOSED, .reason = p->reason};
    return true;
}

static uint64_t next_timeout(struct peer *p)
{
    if (p->stage != PEER_OPEN)
        return CLOCK_NEVER;
    uint64_t next = ice_next_timeout(&p->ice);
    if (!p->outbox.open)
        return next;
    next = clock_min(next, dtls_next_timeout(&p->dtls));
    if (p->connected && p->remote.data >= 0)
        next = clock_min(next, sctp_next_timeout(&p->sctp));
    return sends_rtcp(p) ? clock_min(next, p->rtcp_due) : next;
}

void peer_poll(struct peer *p, uint64_t now, struct peer_out *out)
{
    peer_release_box(p);
    memset(out, 0, sizeof *out);
    if (poll_transmit(p, now, out))
        return;
    if (poll_event(p, &out->event)) {
        out->type = PEER_OUT_EVENT;
        return;
    }
    out->type = PEER_OUT_TIMEOUT;
    out->timeout = next_timeout(p);
}
