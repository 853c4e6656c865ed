#include "sdp/sdp.h"

static void put_line(struct buf_writer *w, const char *name, const char *value)
{
    text_put(w, name);
    text_put(w, value);
    text_put(w, "\r\n");
}

static void put_number(struct buf_writer *w, const char *name, uint32_t value)
{
    text_put(w, name);
    text_put_number(w, value);
}

/* RFC 8839 section 5.1. The foundation (RFC 8445 section 5.1.1.3) is 1 and up for host candidates, 11 and
 * up for what a STUN server saw of the same base. */
void sdp_put_candidate(struct buf_writer *w, const struct ice *ice, uint8_t local,
                       const struct peer_address *reflexive)
{
    const struct peer_address *base = &ice->locals[local];
    const struct peer_address *address = reflexive != NULL ? reflexive : base;
    char ip[ADDR_TEXT_MAX];
    put_number(w, "candidate:", (reflexive != NULL ? 11u : 1u) + local);
    put_number(w, " 1 udp ", ice_local_priority(ice, local, reflexive != NULL ? ICE_SRFLX : ICE_HOST));
    text_put(w, " ");
    addr_format_ip(address, ip);
    text_put(w, ip);
    put_number(w, " ", address->port);
    text_put(w, reflexive != NULL ? " typ srflx raddr " : " typ host");
    if (reflexive != NULL) {
        addr_format_ip(base, ip);
        text_put(w, ip);
        put_number(w, " rport ", base->port);
    }
}

static void put_candidates(struct buf_writer *w, const struct ice *ice)
{
    for (uint8_t i = 0; i < ice->local_count; i++) {
        text_put(w, "a=");
        sdp_put_candidate(w, ice, i, NULL);
        text_put(w, "\r\n");
    }
    if (ice->gather.mapped.family != 0) {
        text_put(w, "a=");
        sdp_put_candidate(w, ice, ice->gather.local, &ice->gather.mapped);
        text_put(w, "\r\n");
    }
    if (!ice->gather.active && ice->local_count > 0)
        text_put(w, "a=end-of-candidates\r\n");
}

static void put_fingerprint(struct buf_writer *w, const uint8_t digest[32])
{
    static const char digits[] = "0123456789ABCDEF";
    text_put(w, "a=fingerprint:sha-256 ");
    for (int i = 0; i < 32; i++) {
        char byte[4] = {digits[digest[i] >> 4], digits[digest[i] & 15], i < 31 ? ':' : '\0', '\0'};
        text_put(w, byte);
    }
    text_put(w, "\r\n");
}

/* Repeated in each section: RFC 8843 would let the later ones go without, but not every reader does. */
static void put_transport(struct buf_writer *w, const struct sdp_local *local)
{
    static const char *const setup[] = {[SDP_ACTIVE] = "active",
                                        [SDP_PASSIVE] = "passive",
                                        [SDP_ACTPASS] = "actpass",
                                        [SDP_SETUP_NONE] = "actpass"};
    put_line(w, "a=ice-ufrag:", local->ice->local.ufrag);
    put_line(w, "a=ice-pwd:", local->ice->local.pwd);
    put_fingerprint(w, local->fingerprint);
    put_line(w, "a=setup:", setup[local->setup]);
}

static void put_connection(struct buf_writer *w, const struct ice *ice)
{
    char ip[ADDR_TEXT_MAX] = "0.0.0.0";
    bool v6 = ice->local_count > 0 && ice->locals[0].family == 6;
    if (ice->local_count > 0)
        addr_format_ip(&ice->locals[0], ip);
    put_line(w, v6 ? "c=IN IP6 " : "c=IN IP4 ", ip);
}

static uint32_t default_port(const struct ice *ice)
{
    return ice->local_count > 0 ? ice->locals[0].port : 9; /* RFC 8839 section 4.2.2: discard, with trickle */
}

/* RFC 7587 section 6.1: always opus/48000/2, whatever is sent. */
static void put_opus(struct buf_writer *w, const struct sdp_local *local)
{
    put_number(w, "a=rtpmap:", local->opus);
    put_number(w, " opus/48000/2\r\na=fmtp:", local->opus);
    put_number(w, " minptime=20;maxplaybackrate=", local->audio_rate);
    put_number(w, ";sprop-maxcapturerate=", local->audio_rate);
    put_number(w, ";stereo=0;sprop-stereo=0;useinbandfec=", local->fec);
    put_number(w, ";usedtx=", local->dtx);
    text_put(w, "\r\na=ptime:20\r\na=maxptime:60\r\n");
}

static void put_audio(struct buf_writer *w, const struct sdp_local *local, const char *mid, bool first)
{
    bool red = local->offer == NULL || local->offer->red;
    put_number(w, "m=audio ", default_port(local->ice));
    put_number(w, " UDP/TLS/RTP/SAVPF ", local->opus);
    text_put(w, red ? " 63\r\n" : "\r\n");
    put_connection(w, local->ice);
    put_line(w, "a=mid:", mid);
    text_put(w, "a=sendrecv\r\na=rtcp-mux\r\n");
    put_opus(w, local);
    if (red)
        text_put(w, "a=rtpmap:63 red/48000/2\r\na=" SDP_RED_OF "\r\n");
    put_number(w, "a=ssrc:", local->ssrc);
    put_line(w, " cname:", local->cname);
    put_transport(w, local);
    if (first)
        put_candidates(w, local->ice);
}

static void put_data(struct buf_writer *w, const struct sdp_local *local, const char *mid, bool first)
{
    put_number(w, "m=application ", default_port(local->ice));
    text_put(w, " UDP/DTLS/SCTP webrtc-datachannel\r\n");
    put_connection(w, local->ice);
    put_line(w, "a=mid:", mid);
    put_number(w, "a=sctp-port:", SDP_SCTP_PORT);
    put_number(w, "\r\na=max-message-size:", local->max_message_size);
    text_put(w, "\r\n");
    put_transport(w, local);
    if (first)
        put_candidates(w, local->ice);
}

/* RFC 8829 section 5.3.1: each section of the offer has its answer, be it port 0. */
static void put_rejected(struct buf_writer *w, const struct sdp_media *media)
{
    static const char *const lines[] = {
        [SDP_AUDIO] = "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n",
        [SDP_DATA] = "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n",
        [SDP_VIDEO] = "m=video 0 UDP/TLS/RTP/SAVPF 0\r\n",
    };
    text_put(w, lines[media->kind]);
    put_line(w, "c=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:", media->mid);
}

static void put_session(struct buf_writer *w, const struct sdp_local *local)
{
    put_number(w, "v=0\r\no=- ", local->session);
    put_number(w, " ", local->version);
    text_put(w, " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
}

static void put_offer(struct buf_writer *w, const struct sdp_local *local)
{
    put_line(w, "a=group:BUNDLE ", local->audio && local->data ? "0 1" : "0");
    text_put(w, "a=ice-options:ice2 trickle\r\n"); /* RFC 8445 section 10, RFC 8840 section 4.1.1 */
    if (local->audio)
        put_audio(w, local, "0", true);
    if (local->data)
        put_data(w, local, local->audio ? "1" : "0", !local->audio);
}

static void put_answer(struct buf_writer *w, const struct sdp_local *local)
{
    const struct sdp_remote *offer = local->offer;
    bool first = true;
    text_put(w, "a=group:BUNDLE");
    for (int i = 0; i < offer->media_count; i++) {
        if ((i == offer->audio && local->audio) || (i == offer->data && local->data)) {
            text_put(w, " ");
            text_put(w, offer->media[i].mid);
        }
    }
    text_put(w, "\r\na=ice-options:ice2 trickle\r\n");
    for (int i = 0; i < offer->media_count; i++) {
        const struct sdp_media *media = &offer->media[i];
        if (i == offer->audio && local->audio)
            put_audio(w, local, media->mid, first);
        else if (i == offer->data && local->data)
            put_data(w, local, media->mid, first);
        else {
            put_rejected(w, media);
            continue;
        }
        first = false;
    }
}

bool sdp_write(const struct sdp_local *local, char *sdp, size_t cap)
{
    struct buf_writer w = buf_writer((uint8_t *)sdp, cap);
    put_session(&w, local);
    if (local->offer == NULL)
        put_offer(&w, local);
    else
        put_answer(&w, local);
    buf_put_u8(&w, '\0');
    return !w.failed;
}
