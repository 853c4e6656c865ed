/* Set-up, descriptions, the end. */
#include "peer_state.h"

_Static_assert(sizeof(struct peer) <= sizeof(struct peer_storage), "raise PEER_STORAGE_SIZE");
_Static_assert(_Alignof(struct peer) <= _Alignof(struct peer_storage), "peer_storage is aligned too loosely");

static void make_names(struct peer *p)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    rng_fill(&p->rng, (uint8_t *)p->cname, PEER_CNAME_LEN);
    for (int i = 0; i < PEER_CNAME_LEN; i++)
        p->cname[i] = chars[(uint8_t)p->cname[i] & 63];
    p->cname[PEER_CNAME_LEN] = '\0';
    p->session = rng_u32(&p->rng) >> 1;
    p->sender.ssrc = rng_u32(&p->rng);
    p->sender.timestamp = rng_u32(&p->rng);
    p->sender.seq = (uint16_t)(rng_u32(&p->rng) & 0x7fff); /* RFC 3711 section 3.3.1: away from the wrap */
}

struct peer *peer_create(struct peer_storage *storage, const struct peer_config *config)
{
    struct peer *p = (struct peer *)storage;
    if (config->random.fill == NULL || config->identity == NULL || (!config->audio && !config->data))
        return NULL;
    memset(p, 0, sizeof *p);
    p->config = *config;
    if (p->config.audio_rate == 0)
        p->config.audio_rate = 16000;
    p->rng = (struct rng){config->random.fill, config->random.user};
    p->rtcp_due = CLOCK_NEVER;
    make_names(p);
    ice_init(&p->ice, &p->rng, true);
    if ((!config->audio || secure_rtp_start()) &&
        dtls_init(&p->dtls, &p->rng, config->identity, &p->outbox, &p->hello))
        return p;
    dtls_free(&p->dtls);
    return NULL;
}

void peer_destroy(struct peer *p)
{
    secure_rtp_free(&p->srtp);
    dtls_free(&p->dtls);
    crypto_wipe(p, sizeof *p);
    p->stage = PEER_GONE;
}

enum peer_error peer_add_local_address(struct peer *p, const struct peer_address *address)
{
    if ((address->family != 4 && address->family != 6) || address->port == 0)
        return PEER_ERR_ARGUMENT;
    if (!ice_add_local(&p->ice, address))
        return PEER_ERR_SPACE;
    if (p->config.stun_server.family == address->family && !p->ice.gather.active &&
        p->ice.gather.mapped.family == 0)
        ice_gather_from(&p->ice, &p->config.stun_server);
    return PEER_OK;
}

/* ---- descriptions ---- */

/* RFC 8842 section 5.2: an offer leaves it open, also a later one. Section 5.3: an answer keeps what is, and
 * had better be active. */
static enum sdp_setup our_setup(const struct peer *p)
{
    if (p->signalling != PEER_GOT_OFFER)
        return SDP_ACTPASS;
    return p->dtls.is_server ? SDP_PASSIVE : SDP_ACTIVE;
}

static enum peer_error write_description(struct peer *p, char *sdp, size_t cap)
{
    struct sdp_local local = {
        .ice = &p->ice,
        .fingerprint = p->config.identity->fingerprint,
        .offer = p->signalling == PEER_GOT_OFFER ? &p->remote : NULL,
        .setup = our_setup(p),
        .audio = p->config.audio,
        .data = p->config.data,
        .fec = p->config.fec,
        .dtx = p->config.dtx,
        .audio_rate = p->config.audio_rate,
        .opus = p->signalling == PEER_GOT_OFFER ? p->remote.opus : SDP_OPUS,
        .ssrc = p->sender.ssrc,
        .session = p->session,
        .version = ++p->version,
        .cname = p->cname,
        .max_message_size = SCTP_MESSAGE_MAX,
    };
    return sdp_write(&local, sdp, cap) ? PEER_OK : PEER_ERR_SPACE;
}

enum peer_error peer_offer(struct peer *p, char *sdp, size_t cap)
{
    if (p->stage != PEER_OPEN || p->signalling == PEER_GOT_OFFER)
        return PEER_ERR_STATE;
    enum peer_error error = write_description(p, sdp, cap);
    if (error == PEER_OK) {
        p->is_offerer |= !p->has_remote;
        p->signalling = PEER_OFFERED;
    }
    return error;
}

static void add_candidates(struct peer *p, const char *sdp)
{
    struct text rest = {sdp, strlen(sdp)};
    struct ice_candidate candidate;
    while (sdp_next_candidate(&rest, &candidate))
        (void)ice_add_remote(&p->ice, &candidate);
}

static bool same_credentials(const struct ice_credentials *a, const struct ice_credentials *b)
{
    return strcmp(a->ufrag, b->ufrag) == 0 && strcmp(a->pwd, b->pwd) == 0;
}

/* RFC 8445 section 6.1.1: the offerer controls, unless the remote is lite, which never does. */
static void settle_ice_role(struct peer *p)
{
    bool controlling = p->is_offerer || p->remote.ice_lite;
    if (!p->has_remote && p->ice.controlling != controlling)
        ice_switch_role(&p->ice, controlling);
}

static enum peer_error start_transports(struct peer *p, uint64_t now, bool is_server)
{
    struct sctp_config config = {
        .rng = p->rng,
        .dtls_client = !is_server,
        .local_port = SDP_SCTP_PORT,
        .remote_port = p->remote.sctp_port,
        .peer_message_max = p->remote.max_message_size,
    };
    sctp_init(&p->sctp, &config);
    return dtls_start(&p->dtls, now, is_server, p->remote.fingerprint) ? PEER_OK : PEER_ERR_CRYPTO;
}

/* Nothing of `p` changes unless the whole description is good. */
static enum peer_error set_remote(struct peer *p, uint64_t now, const char *sdp, bool is_answer)
{
    struct sdp_remote parsed;
    enum peer_error error = sdp_parse(&parsed, sdp, is_answer);
    if (error != PEER_OK)
        return error;
    if (!(parsed.audio >= 0 && p->config.audio) && !(parsed.data >= 0 && p->config.data))
        return PEER_ERR_SDP_REJECTED;
    /* RFC 8842 section 5.5 would start a new DTLS association; this client can't. */
    if (p->has_remote && memcmp(parsed.fingerprint, p->remote.fingerprint, sizeof parsed.fingerprint) != 0)
        return PEER_ERR_SDP_FINGERPRINT;
    bool is_new = !p->has_remote || !same_credentials(&parsed.ice, &p->remote.ice);
    if (p->has_remote && is_new && !is_answer)
        ice_restart(&p->ice);
    p->remote = parsed;
    if (is_answer) {
        if (is_new)
            ice_set_remote(&p->ice, now, &p->remote.ice);
        add_candidates(p, sdp);
    }
    return PEER_OK;
}

enum peer_error peer_set_answer(struct peer *p, uint64_t now, const char *sdp)
{
    if (p->stage != PEER_OPEN || p->signalling != PEER_OFFERED)
        return PEER_ERR_STATE;
    enum peer_error error = set_remote(p, now, sdp, true);
    if (error != PEER_OK)
        return error;
    settle_ice_role(p);
    if (!p->has_remote)
        error = start_transports(p, now, p->remote.setup == SDP_ACTIVE);
    p->has_remote = true;
    p->signalling = PEER_STABLE;
    return error;
}

enum peer_error peer_set_offer(struct peer *p, uint64_t now, const char *sdp)
{
    if (p->stage != PEER_OPEN || p->signalling == PEER_OFFERED)
        return PEER_ERR_STATE;
    bool had_remote = p->has_remote;
    enum peer_error error = set_remote(p, now, sdp, false);
    if (error != PEER_OK)
        return error;
    settle_ice_role(p);
    p->signalling = PEER_GOT_OFFER;
    if (!had_remote)
        error = start_transports(p, now, p->remote.setup == SDP_ACTIVE);
    p->has_remote = true;
    ice_set_remote(&p->ice, now, &p->remote.ice);
    add_candidates(p, sdp);
    return error;
}

enum peer_error peer_answer(struct peer *p, char *sdp, size_t cap)
{
    if (p->stage != PEER_OPEN || p->signalling != PEER_GOT_OFFER)
        return PEER_ERR_STATE;
    enum peer_error error = write_description(p, sdp, cap);
    if (error == PEER_OK)
        p->signalling = PEER_STABLE;
    return error;
}

void peer_ask(struct peer *p, uint64_t now)
{
    p->ice.consent.next = now;
}

enum peer_error peer_restart_ice(struct peer *p)
{
    if (p->stage != PEER_OPEN || p->signalling != PEER_STABLE)
        return PEER_ERR_STATE;
    ice_restart(&p->ice);
    return PEER_OK;
}

enum peer_error peer_add_remote_candidate(struct peer *p, const char *candidate)
{
    struct ice_candidate parsed;
    size_t len = strlen(candidate);
    if (p->stage != PEER_OPEN || !p->has_remote)
        return PEER_ERR_STATE;
    if (len == 0 ||
        strcmp(candidate, "a=end-of-candidates") == 0) /* RFC 8838 section 13: nothing to wait for */
        return PEER_OK;
    while (len > 0 && (candidate[len - 1] == '\n' || candidate[len - 1] == '\r'))
        len--;
    if (!ice_candidate_parse(&parsed, candidate, len))
        return PEER_ERR_CANDIDATE;
    return ice_add_remote(&p->ice, &parsed) ? PEER_OK : PEER_ERR_SPACE;
}

/* ---- channels and the end ---- */

static enum peer_error from_sctp(enum sctp_error error)
{
    static const enum peer_error errors[] = {
        [SCTP_OK] = PEER_OK,
        [SCTP_ERR_PACKET] = PEER_ERR_ARGUMENT,
        [SCTP_ERR_STATE] = PEER_ERR_STATE,
        [SCTP_ERR_WOULD_BLOCK] = PEER_ERR_BUSY,
        [SCTP_ERR_TOO_BIG] = PEER_ERR_SPACE,
    };
    return errors[error];
}

static bool has_data(const struct peer *p)
{
    return p->stage == PEER_OPEN && p->has_remote && p->remote.data >= 0;
}

enum peer_error peer_open_channel(struct peer *p, const char *label, uint16_t *channel)
{
    peer_release_box(p);
    return has_data(p) ? from_sctp(sctp_open_channel(&p->sctp, label, channel)) : PEER_ERR_STATE;
}

enum peer_error peer_send_message(struct peer *p, uint16_t channel, bool is_text, const uint8_t *data,
                                  size_t len)
{
    peer_release_box(p);
    return has_data(p) ? from_sctp(sctp_send(&p->sctp, channel, is_text, data, len)) : PEER_ERR_STATE;
}

enum peer_error peer_close_channel(struct peer *p, uint16_t channel)
{
    peer_release_box(p);
    return has_data(p) ? from_sctp(sctp_close_channel(&p->sctp, channel)) : PEER_ERR_STATE;
}

void peer_close(struct peer *p)
{
    if (p->stage != PEER_OPEN)
        return;
    p->reason = PEER_CLOSE_LOCAL;
    p->stage = PEER_SAY_BYE;
    if (p->connected && p->remote.data >= 0)
        sctp_abort(&p->sctp);
}

static void put_jitter_stats(const struct jitter_stats *j, struct peer_stats *stats)
{
    stats->buffer_us = rtp_units_to_us(j->delay);
    stats->target_us = rtp_units_to_us(j->target);
    stats->concealed = j->concealed;
    stats->fec_recovered = j->recovered + j->restored;
    stats->late = j->late;
    stats->duplicate = j->duplicates;
}

void peer_get_stats(const struct peer *p, struct peer_stats *stats)
{
    const struct peer_receiver *r = &p->receiver;
    const struct rtcp_block *report = &r->remote_report;
    *stats = (struct peer_stats){
        .rtt_us = r->rtt_us != 0 ? r->rtt_us : (uint32_t)p->ice.rtt,
        .sent_packets = p->sender.packets,
        .sent_bytes = p->sender.bytes,
        .received_packets = r->rtp.received,
        .received_bytes = r->rtp.bytes,
        .lost_packets = rtp_receiver_lost(&r->rtp),
        .jitter_us = rtp_units_to_us(r->rtp.jitter >> 4),
        .remote_jitter_us = rtp_units_to_us(report->jitter),
        .remote_lost_packets = report->lost,
        .remote_loss = report->fraction_lost,
        .rejected = p->rejected,
    };
    if (p->connected)
        put_jitter_stats(&p->jitter.stats, stats);
}

const char *peer_error_text(enum peer_error error)
{
    static const char *const texts[] = {
        [PEER_OK] = "ok",
        [PEER_ERR_ARGUMENT] = "bad argument",
        [PEER_ERR_STATE] = "not in this state",
        [PEER_ERR_BUSY] = "busy, poll first",
        [PEER_ERR_SPACE] = "does not fit",
        [PEER_ERR_CRYPTO] = "mbedTLS or libsrtp failed",
        [PEER_ERR_SDP_SYNTAX] = "malformed SDP, or beyond our bounds",
        [PEER_ERR_SDP_NO_ICE] = "SDP without ICE credentials",
        [PEER_ERR_SDP_FINGERPRINT] = "SDP without the sha-256 fingerprint we can use",
        [PEER_ERR_SDP_SETUP] = "SDP without a usable a=setup",
        [PEER_ERR_SDP_NO_OPUS] = "SDP audio without Opus",
        [PEER_ERR_SDP_NO_RTCP_MUX] = "SDP audio without rtcp-mux",
        [PEER_ERR_SDP_NO_BUNDLE] = "SDP sections on different transports",
        [PEER_ERR_SDP_REJECTED] = "SDP rejects all that was offered",
        [PEER_ERR_CANDIDATE] = "not a UDP candidate with an IP address",
    };
    return (size_t)error < sizeof texts / sizeof *texts ? texts[error] : "unknown error";
}
