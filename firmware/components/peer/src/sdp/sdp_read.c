#include "sdp/sdp.h"

/* RFC 8839 section 5.4 and RFC 8842 section 5: what a media section says stands over what the session
 * says; of bundled sections the first one counts (RFC 8843 section 9). */
struct parse {
    struct sdp_remote *remote;
    int section; /* index of the media section, -1 before the first */
    int ufrag_from, pwd_from, fingerprint_from, setup_from; /* -2: not seen */
    int opus_from;
    bool bundle, rtcp_mux, conflict, opus;
    enum peer_error error;
};

static struct text next_line(struct text *rest)
{
    struct text line = text_split(rest, '\n');
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool takes_over(const struct parse *p, int from)
{
    return from == -2 || (from == -1 && p->section >= 0);
}

static struct sdp_media *section(struct parse *p)
{
    return p->section < 0 ? NULL : &p->remote->media[p->section];
}

static bool is_ignored(struct parse *p)
{
    return p->section >= 0 && section(p)->rejected;
}

static void parse_credential(struct parse *p, struct text value, char *out, size_t cap, int *from)
{
    if (takes_over(p, *from)) {
        if (value.len < 4 || !text_copy(value, out, cap))
            p->error = PEER_ERR_SDP_SYNTAX;
        *from = p->section;
    } else if (!text_is(value, out)) {
        p->conflict = true;
    }
}

static int hex(char c)
{
    c = text_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 8122 section 5: there may be several, each of its own hash; sha-256 is ours. */
static void parse_fingerprint(struct parse *p, struct text value)
{
    uint8_t digest[32];
    if (!text_is_word(text_word(&value), "sha-256") || !takes_over(p, p->fingerprint_from))
        return;
    struct text digits = text_word(&value);
    if (digits.len != 3 * sizeof digest - 1) {
        p->error = PEER_ERR_SDP_FINGERPRINT;
        return;
    }
    for (size_t i = 0; i < sizeof digest; i++) {
        int high = hex(digits.at[3 * i]), low = hex(digits.at[3 * i + 1]);
        if (high < 0 || low < 0 || (i + 1 < sizeof digest && digits.at[3 * i + 2] != ':')) {
            p->error = PEER_ERR_SDP_FINGERPRINT;
            return;
        }
        digest[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(p->remote->fingerprint, digest, sizeof digest);
    p->fingerprint_from = p->section;
}

static void parse_setup(struct parse *p, struct text value)
{
    if (!takes_over(p, p->setup_from))
        return;
    p->setup_from = p->section;
    if (text_is(value, "active"))
        p->remote->setup = SDP_ACTIVE;
    else if (text_is(value, "passive"))
        p->remote->setup = SDP_PASSIVE;
    else if (text_is(value, "actpass"))
        p->remote->setup = SDP_ACTPASS;
}

static void parse_mid(struct parse *p, struct text value)
{
    if (p->section >= 0 && !text_copy(value, section(p)->mid, SDP_MID_MAX))
        p->error = PEER_ERR_SDP_SYNTAX;
}

/* "111 opus/48000/2", RFC 7587 section 7 */
static void parse_rtpmap(struct parse *p, struct text value)
{
    uint32_t type;
    if (!p->opus && text_number(text_word(&value), 127, &type) &&
        text_is_word(text_split(&value, '/'), "opus")) {
        p->remote->opus = (uint8_t)type;
        p->opus = true;
    }
}

/* "111 minptime=20;usedtx=1", RFC 7587 section 6.1 */
static void parse_fmtp(struct parse *p, struct text value)
{
    uint32_t type;
    if (!text_number(text_word(&value), 127, &type) || type != p->remote->opus)
        return;
    while (value.len > 0) {
        struct text parameter = text_split(&value, ';');
        p->remote->dtx |= text_is_word(text_word(&parameter), "usedtx=1");
    }
}

static void parse_ssrc(struct parse *p, struct text value)
{
    uint32_t ssrc;
    if (p->remote->ssrc == 0 && text_number(text_word(&value), UINT32_MAX, &ssrc))
        p->remote->ssrc = ssrc;
}

static void parse_direction(struct parse *p, struct text line)
{
    bool sends, receives;
    if (text_is(line, "sendrecv"))
        sends = receives = true;
    else if (text_is(line, "sendonly"))
        sends = true, receives = false;
    else if (text_is(line, "recvonly"))
        sends = false, receives = true;
    else if (text_is(line, "inactive"))
        sends = receives = false;
    else
        return;
    p->remote->sends = sends;
    p->remote->receives = receives;
}

static void parse_audio_attribute(struct parse *p, struct text line)
{
    if (text_skip(&line, "rtpmap:"))
        parse_rtpmap(p, line);
    else if (text_is(line, SDP_RED_OF))
        p->remote->red = true;
    else if (text_skip(&line, "fmtp:"))
        parse_fmtp(p, line);
    else if (text_skip(&line, "ssrc:"))
        parse_ssrc(p, line);
    else
        parse_direction(p, line);
}

static void parse_data_attribute(struct parse *p, struct text line)
{
    uint32_t number;
    if (text_skip(&line, "sctp-port:") || text_skip(&line, "sctpmap:")) {
        if (text_number(text_word(&line), 65535, &number))
            p->remote->sctp_port = (uint16_t)number;
    } else if (text_skip(&line, "max-message-size:")) {
        if (text_number(line, UINT32_MAX, &number))
            p->remote->max_message_size = number;
    }
}

static void parse_session_attribute(struct parse *p, struct text line)
{
    if (text_is(line, "ice-lite"))
        p->remote->ice_lite = true;
    else if (text_skip(&line, "group:BUNDLE"))
        p->bundle = true;
}

static void parse_attribute(struct parse *p, struct text line)
{
    struct sdp_remote *r = p->remote;
    if (p->section >= 0 && text_is(line, "bundle-only")) /* RFC 8843 section 6: port 0, yet not rejected */
        section(p)->rejected = false;
    if (text_skip(&line, "mid:")) {
        parse_mid(p, line);
    } else if (is_ignored(p)) {
        return;
    } else if (text_skip(&line, "ice-ufrag:")) {
        parse_credential(p, line, r->ice.ufrag, sizeof r->ice.ufrag, &p->ufrag_from);
    } else if (text_skip(&line, "ice-pwd:")) {
        parse_credential(p, line, r->ice.pwd, sizeof r->ice.pwd, &p->pwd_from);
    } else if (text_skip(&line, "fingerprint:")) {
        parse_fingerprint(p, line);
    } else if (text_skip(&line, "setup:")) {
        parse_setup(p, line);
    } else if (text_is(line, "rtcp-mux")) {
        p->rtcp_mux |= p->section == r->audio;
    } else if (p->section < 0) {
        parse_session_attribute(p, line);
    } else if (p->section == r->audio) {
        parse_audio_attribute(p, line);
    } else if (p->section == r->data) {
        parse_data_attribute(p, line);
    }
}

static bool parse_kind(struct text word, enum sdp_kind *kind)
{
    if (text_is(word, "audio"))
        *kind = SDP_AUDIO;
    else if (text_is(word, "application"))
        *kind = SDP_DATA;
    else if (text_is(word, "video"))
        *kind = SDP_VIDEO;
    else
        return false;
    return true;
}

/* The first audio and the first data section are ours; any other counts as rejected. */
static void parse_media(struct parse *p, struct text line)
{
    struct sdp_remote *r = p->remote;
    struct sdp_media media = {0};
    uint32_t port;
    if (r->media_count == SDP_MAX_MEDIA || !parse_kind(text_word(&line), &media.kind) ||
        !text_number(text_word(&line), 65535, &port)) {
        p->error = PEER_ERR_SDP_SYNTAX;
        return;
    }
    p->section = r->media_count++;
    media.rejected = port == 0;
    if (media.kind == SDP_AUDIO && r->audio < 0)
        r->audio = (int8_t)p->section;
    else if (media.kind == SDP_DATA && r->data < 0)
        r->data = (int8_t)p->section;
    else
        media.rejected = true;
    r->media[p->section] = media;
}

static enum peer_error check(struct parse *p, bool is_answer)
{
    struct sdp_remote *r = p->remote;
    if (r->audio >= 0 && r->media[r->audio].rejected)
        r->audio = -1;
    r->red &= r->opus == SDP_OPUS;
    if (r->data >= 0 && r->media[r->data].rejected)
        r->data = -1;
    if (r->audio < 0 && r->data < 0)
        return PEER_ERR_SDP_REJECTED;
    if (p->ufrag_from == -2 || p->pwd_from == -2)
        return PEER_ERR_SDP_NO_ICE;
    if (p->fingerprint_from == -2)
        return PEER_ERR_SDP_FINGERPRINT;
    if (r->setup == SDP_SETUP_NONE || (is_answer && r->setup == SDP_ACTPASS))
        return PEER_ERR_SDP_SETUP;
    if (r->audio >= 0 && !p->opus)
        return PEER_ERR_SDP_NO_OPUS;
    if (r->audio >= 0 && !p->rtcp_mux)
        return PEER_ERR_SDP_NO_RTCP_MUX;
    if (r->audio >= 0 && r->data >= 0 && !p->bundle && p->conflict)
        return PEER_ERR_SDP_NO_BUNDLE;
    return PEER_OK;
}

enum peer_error sdp_parse(struct sdp_remote *remote, const char *sdp, bool is_answer)
{
    struct text rest = {sdp, 0};
    while (rest.len < SDP_MAX_LEN && sdp[rest.len] != '\0')
        rest.len++;
    struct parse p = {.remote = remote, .section = -1, .ufrag_from = -2, .pwd_from = -2};
    p.fingerprint_from = p.setup_from = -2;
    memset(remote, 0, sizeof *remote);
    remote->audio = remote->data = -1;
    remote->sends = remote->receives = true; /* RFC 8866 section 6.7: sendrecv is the default */
    remote->sctp_port = SDP_SCTP_PORT;
    remote->max_message_size = 65536; /* RFC 8841 section 6.1 */
    if (rest.len == SDP_MAX_LEN || !text_is(next_line(&rest), "v=0"))
        return PEER_ERR_SDP_SYNTAX;
    while (rest.len > 0 && p.error == PEER_OK) {
        struct text line = next_line(&rest);
        if (text_skip(&line, "m="))
            parse_media(&p, line);
        else if (text_skip(&line, "a="))
            parse_attribute(&p, line);
    }
    return p.error != PEER_OK ? p.error : check(&p, is_answer);
}

bool sdp_next_candidate(struct text *rest, struct ice_candidate *candidate)
{
    while (rest->len > 0) {
        struct text line = next_line(rest);
        if (text_skip(&line, "a=candidate:") && ice_candidate_parse(candidate, line.at, line.len))
            return true;
    }
    return false;
}
