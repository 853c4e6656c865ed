#include "media/secure_rtp.h"

#define KEY_LEN 16
#define RTP_HEADER 12
#define RTCP_HEADER 8
#define REPLAY_WINDOW 128 /* RFC 3711 section 3.3.2: at least 64 */

bool secure_rtp_start(void)
{
    static bool started;
    if (!started)
        started = srtp_init() == srtp_err_status_ok;
    return started;
}

static size_t salt_len(enum dtls_profile profile)
{
    return profile == DTLS_SRTP_AEAD_AES_128_GCM ? 12 : 14; /* RFC 7714 section 12, RFC 3711 section 8.2 */
}

static void set_policy(srtp_policy_t *policy, enum dtls_profile profile)
{
    memset(policy, 0, sizeof *policy);
    if (profile == DTLS_SRTP_AEAD_AES_128_GCM) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
    } else {
        srtp_crypto_policy_set_rtp_default(&policy->rtp);
        srtp_crypto_policy_set_rtcp_default(&policy->rtcp);
    }
    policy->window_size = REPLAY_WINDOW;
}

/* RFC 5764 section 4.2: client key, server key, client salt, server salt. */
static bool create(srtp_t *session, enum dtls_profile profile, srtp_ssrc_type_t direction,
                   const uint8_t *material, bool client)
{
    srtp_policy_t policy;
    uint8_t key[KEY_LEN + 14];
    size_t salt = salt_len(profile);
    memcpy(key, material + (client ? 0 : KEY_LEN), KEY_LEN);
    memcpy(key + KEY_LEN, material + (size_t)2 * KEY_LEN + (client ? 0 : salt), salt);
    set_policy(&policy, profile);
    policy.ssrc.type = direction;
    policy.key = key;
    bool ok = srtp_create(session, &policy) == srtp_err_status_ok;
    crypto_wipe(key, sizeof key);
    return ok;
}

bool secure_rtp_init(struct secure_rtp *s, enum dtls_profile profile,
                     const uint8_t material[CRYPTO_KEYING_MATERIAL], bool is_client)
{
    memset(s, 0, sizeof *s);
    if (profile != DTLS_SRTP_AES128_CM_SHA1_80 && profile != DTLS_SRTP_AEAD_AES_128_GCM)
        return false;
    if (secure_rtp_start() && create(&s->out, profile, ssrc_any_outbound, material, is_client) &&
        create(&s->in, profile, ssrc_any_inbound, material, !is_client))
        return true;
    secure_rtp_free(s);
    return false;
}

void secure_rtp_free(struct secure_rtp *s)
{
    if (s->in != NULL)
        srtp_dealloc(s->in);
    if (s->out != NULL)
        srtp_dealloc(s->out);
    s->in = s->out = NULL;
}

/* libsrtp makes a stream for each sender that authenticates; a remote that changes SSRC for ever must not
 * fill the heap. */
static void note_source(struct secure_rtp *s, uint32_t ssrc)
{
    for (int i = 0; i < s->source_count; i++) {
        if (s->sources[i] == ssrc)
            return;
    }
    if (s->source_count < SECURE_RTP_SOURCES) {
        s->sources[s->source_count++] = ssrc;
        return;
    }
    (void)srtp_remove_stream(s->in, s->sources[s->oldest]);
    s->sources[s->oldest] = ssrc;
    s->oldest = (uint8_t)((s->oldest + 1) % SECURE_RTP_SOURCES);
}

static uint32_t ssrc_at(const uint8_t *data, size_t offset)
{
    struct buf_reader r = buf_reader(data + offset, 4);
    return buf_u32(&r);
}

size_t secure_rtp_protect(struct secure_rtp *s, uint8_t *data, size_t len)
{
    int n = (int)len;
    return s->out != NULL && srtp_protect(s->out, data, &n) == srtp_err_status_ok ? (size_t)n : 0;
}

size_t secure_rtp_protect_rtcp(struct secure_rtp *s, uint8_t *data, size_t len)
{
    int n = (int)len;
    return s->out != NULL && srtp_protect_rtcp(s->out, data, &n) == srtp_err_status_ok ? (size_t)n : 0;
}

size_t secure_rtp_unprotect(struct secure_rtp *s, uint8_t *data, size_t len)
{
    int n = (int)len;
    if (s->in == NULL || len < RTP_HEADER || srtp_unprotect(s->in, data, &n) != srtp_err_status_ok)
        return 0;
    note_source(s, ssrc_at(data, 8));
    return (size_t)n;
}

size_t secure_rtp_unprotect_rtcp(struct secure_rtp *s, uint8_t *data, size_t len)
{
    int n = (int)len;
    if (s->in == NULL || len < RTCP_HEADER || srtp_unprotect_rtcp(s->in, data, &n) != srtp_err_status_ok)
        return 0;
    note_source(s, ssrc_at(data, 4));
    return (size_t)n;
}
