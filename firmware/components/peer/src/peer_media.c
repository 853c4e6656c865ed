/* Audio out and in, and the reports about both. */
#include "peer_state.h"

#define PAUSE CLOCK_MS(200) /* beyond this the RTP clock follows ours: the encoder stood still */

void peer_media_start(struct peer *p, uint64_t now)
{
    p->rtcp_due = now + rtcp_next_interval(&p->rng, true);
}

/* ---- out ---- */

static uint32_t elapsed_units(uint64_t from, uint64_t now)
{
    return (uint32_t)((now - from) * (RTP_CLOCK / 1000) / 1000);
}

/* RFC 3551 section 4.1: the marker begins a talkspurt. */
static bool advance_clock(struct peer_sender *s, uint64_t now)
{
    bool first = s->packets == 0;
    bool pause = !first && now - s->last_sent > PAUSE;
    if (!first)
        s->timestamp += pause ? elapsed_units(s->last_sent, now) : s->last_duration;
    return first || pause;
}

enum peer_error peer_send_audio(struct peer *p, uint64_t now, const uint8_t *opus, size_t len)
{
    struct peer_sender *s = &p->sender;
    uint32_t duration = rtp_opus_duration(opus, len);
    peer_release_box(p);
    if (duration == 0 || len > PEER_MAX_AUDIO)
        return PEER_ERR_ARGUMENT;
    if (p->stage != PEER_OPEN || !p->connected || !p->outbox.open || p->remote.audio < 0 ||
        !p->remote.receives)
        return PEER_ERR_STATE;
    if (p->outbox.len > 0)
        return PEER_ERR_BUSY;
    struct buf_writer w = buf_writer(p->outbox.data, sizeof p->outbox.data - SECURE_RTP_OVERHEAD);
    struct rtp_packet packet = {.ssrc = s->ssrc, .seq = s->seq, .type = p->remote.opus};
    packet.marker = advance_clock(s, now);
    packet.timestamp = s->timestamp;
    packet.tells_played = s->tells_played;
    packet.played = s->played;
    s->tells_played = false;
    if (packet.marker)
        red_forget(&s->red);
    size_t older = red_count(&s->red, now, len);
    if (older > 0)
        packet.type = SDP_RED;
    rtp_put_header(&w, &packet);
    s->bytes -= (uint32_t)w.len;
    if (older > 0)
        red_put(&w, &s->red, older);
    buf_put(&w, opus, len);
    red_keep(&s->red, opus, len, duration);
    s->seq++;
    s->last_duration = duration;
    s->last_sent = now;
    s->packets++;
    s->bytes += (uint32_t)w.len;
    p->outbox.len = w.failed ? 0 : secure_rtp_protect(&p->srtp, w.data, w.len);
    return p->outbox.len > 0 ? PEER_OK : PEER_ERR_CRYPTO;
}

void peer_tell_played(struct peer *p, uint32_t timestamp)
{
    p->sender.tells_played = true;
    p->sender.played = timestamp;
}

bool peer_wants_dtx(const struct peer *p)
{
    return p->remote.dtx;
}

static struct rtcp_sender_info sender_info(const struct peer *p, uint64_t now)
{
    const struct peer_sender *s = &p->sender;
    return (struct rtcp_sender_info){
        .ntp = rtcp_ntp(now),
        .rtp = s->timestamp + elapsed_units(s->last_sent, now),
        .packets = s->packets,
        .bytes = s->bytes,
    };
}

static struct rtcp_block reception_block(struct peer *p, uint64_t now)
{
    struct peer_receiver *r = &p->receiver;
    struct rtcp_block block = {.ssrc = r->rtp.ssrc};
    block.fraction_lost = rtp_receiver_fraction_lost(&r->rtp);
    block.lost = rtp_receiver_lost(&r->rtp);
    block.extended_max = rtp_receiver_extended_max(&r->rtp);
    block.jitter = r->rtp.jitter >> 4;
    block.last_sr = r->last_sr;
    if (r->last_sr != 0)
        block.delay_since_sr = (uint32_t)(((now - r->last_sr_at) << 16) / 1000000);
    return block;
}

void peer_media_report(struct peer *p, uint64_t now, bool bye)
{
    struct buf_writer w = buf_writer(p->outbox.data, sizeof p->outbox.data - SECURE_RTP_OVERHEAD);
    struct rtcp_sender_info info = sender_info(p, now);
    struct rtcp_block block = {0};
    if (p->receiver.rtp.active)
        block = reception_block(p, now);
    if (rtcp_write(&w, p->sender.ssrc, p->cname, p->sender.packets > 0 ? &info : NULL,
                   p->receiver.rtp.active ? &block : NULL, bye))
        p->outbox.len = secure_rtp_protect_rtcp(&p->srtp, w.data, w.len);
    p->rtcp_due = now + rtcp_next_interval(&p->rng, false);
}

/* ---- in ---- */

static void handle_rtcp(struct peer *p, uint64_t now, const uint8_t *data, size_t len)
{
    struct peer_receiver *r = &p->receiver;
    struct rtcp_report report;
    if (!rtcp_parse(&report, p->sender.ssrc, data, len)) {
        p->rejected++;
        return;
    }
    if (report.has_sender_info && report.sender == r->rtp.ssrc) {
        r->last_sr = rtcp_ntp_middle(report.info.ntp);
        r->last_sr_at = now;
    }
    if (report.has_block) {
        uint32_t rtt = rtcp_round_trip(now, &report.block);
        r->remote_report = report.block;
        if (p->remote.red)
            red_heed(&p->sender.red, now, report.block.fraction_lost, report.block.lost);
        if (rtt != 0)
            r->rtt_us = rtt;
    }
    if (report.bye && !p->bye_heard) {
        p->bye_heard = true;
        peer_raise(p, PEER_EVENT_REMOTE_BYE);
    }
}

/* RFC 3264 section 6.1: what comes to us bears the number of our own description; most answers keep it. */
static bool is_opus(const struct peer *p, uint8_t type)
{
    return type == p->remote.opus || (p->is_offerer && type == SDP_OPUS);
}

static void restore(struct peer *p, uint64_t now, struct jitter_packet *packet, struct red *red)
{
    packet->is_copy = true;
    while (red_older(red)) {
        packet->sequence--;
        packet->timestamp -= RED_FRAME;
        packet->payload = red->at;
        packet->len = red->len;
        (void)jitter_push(&p->jitter, now, packet);
    }
}

static void handle_rtp(struct peer *p, uint64_t now, const uint8_t *data, size_t len)
{
    struct peer_receiver *r = &p->receiver;
    struct rtp_packet packet;
    bool restarted = false;
    if (!rtp_parse(&packet, data, len)) {
        p->rejected++;
        return;
    }
    struct red red = {.at = packet.payload, .len = packet.len};
    bool is_red = p->remote.red && packet.type == SDP_RED;
    if ((!is_red && !is_opus(p, packet.type)) || packet.len == 0) /* comfort noise, DTMF, padding: not ours */
        return;
    if (is_red && !red_parse(&red)) {
        p->rejected++;
        return;
    }
    if (!r->rtp.active || r->rtp.ssrc != packet.ssrc) {
        rtp_receiver_start(&r->rtp, packet.ssrc, packet.seq);
        r->last_sr = 0;
        p->bye_heard = false;
    }
    struct jitter_packet in = {.ssrc = packet.ssrc,
                               .timestamp = packet.timestamp,
                               .sequence = packet.seq,
                               .payload = red.at,
                               .len = red.len};
    if (!rtp_receiver_update(&r->rtp, now, &packet, &restarted))
        return;
    if (jitter_push(&p->jitter, now, &in) == JITTER_TOO_BIG)
        p->rejected++;
    else
        restore(p, now, &in, &red);
}

void peer_media_handle(struct peer *p, uint64_t now, uint8_t *data, size_t len)
{
    bool is_rtcp = rtp_is_rtcp(data, len);
    size_t plain =
        is_rtcp ? secure_rtp_unprotect_rtcp(&p->srtp, data, len) : secure_rtp_unprotect(&p->srtp, data, len);
    if (plain == 0)
        p->rejected++;
    else if (is_rtcp)
        handle_rtcp(p, now, data, plain);
    else
        handle_rtp(p, now, data, plain);
}

_Static_assert((int)PEER_AUDIO_WAIT == JITTER_WAIT && (int)PEER_AUDIO_PACKET == JITTER_PACKET &&
                   (int)PEER_AUDIO_FEC == JITTER_FEC && (int)PEER_AUDIO_CONCEAL == JITTER_CONCEAL,
               "the buffer's kinds go out as they are");

enum peer_error peer_next_audio(struct peer *p, uint64_t now, struct peer_audio *audio)
{
    struct jitter_out out;
    peer_release_box(p);
    *audio = (struct peer_audio){.kind = PEER_AUDIO_WAIT};
    if (!p->connected || p->remote.audio < 0)
        return PEER_ERR_STATE;
    jitter_pop(&p->jitter, now, &out);
    audio->kind = (enum peer_audio_kind)out.kind;
    audio->data = out.payload;
    audio->len = out.len;
    audio->timestamp = out.timestamp;
    return PEER_OK;
}
