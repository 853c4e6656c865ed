#include "dtls/dtls.h"

/* ---- what mbedTLS calls ---- */

static int on_send(void *user, const unsigned char *data, size_t len)
{
    struct dtls *d = user;
    struct outbox *box = d->outbox;
    if (!box->open || box->len > 0 || len > sizeof box->data)
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    memcpy(box->data, data, len);
    box->len = len;
    return (int)len;
}

static int on_receive(void *user, unsigned char *data, size_t cap)
{
    struct dtls *d = user;
    if (d->in_len == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    size_t len = d->in_len < cap ? d->in_len : cap;
    memcpy(data, d->in, len);
    d->in_len = 0;
    return (int)len;
}

static void on_set_timer(void *user, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct dtls *d = user;
    d->timer.intermediate = d->now + CLOCK_MS(intermediate_ms);
    d->timer.final = final_ms == 0 ? CLOCK_NEVER : d->now + CLOCK_MS(final_ms);
}

/* As mbedtls_ssl_set_timer_cb() wants it: -1 cancelled, 0 none passed, 1 the first, 2 both. */
static int on_get_timer(void *user)
{
    const struct dtls *d = user;
    if (d->timer.final == CLOCK_NEVER)
        return -1;
    if (d->now >= d->timer.final)
        return 2;
    return d->now >= d->timer.intermediate ? 1 : 0;
}

/* RFC 8122 section 6.2, at the moment the certificate arrives. A chain's first certificate is depth 0. */
static int on_certificate(void *user, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
    struct dtls *d = user;
    uint8_t digest[32];
    *flags = 0; /* nobody signs these: the fingerprint is all there is to trust */
    if (depth != 0)
        return 0;
    d->saw_certificate = true;
    d->verified = crypto_sha256(digest, cert->raw.p, cert->raw.len) &&
                  crypto_equal(digest, d->fingerprint, sizeof digest);
    return d->verified ? 0 : MBEDTLS_ERR_X509_FATAL_ERROR;
}

/* RFC 6347 section 4.2.1. ICE has tied this association to one address, so one random cookie does. */
static int on_cookie_write(void *user, unsigned char **p, unsigned char *end, const unsigned char *info,
                           size_t len)
{
    const struct dtls *d = user;
    (void)info;
    (void)len;
    if (end - *p < DTLS_COOKIE_LEN)
        return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
    memcpy(*p, d->cookie, DTLS_COOKIE_LEN);
    *p += DTLS_COOKIE_LEN;
    return 0;
}

/* Once connected no cookie is right: a replayed ClientHello must not end the session (section 4.2.8). */
static int on_cookie_check(void *user, const unsigned char *cookie, size_t len, const unsigned char *info,
                           size_t info_len)
{
    const struct dtls *d = user;
    (void)info;
    (void)info_len;
    bool ok = d->state == DTLS_HANDSHAKE && len == DTLS_COOKIE_LEN && crypto_equal(cookie, d->cookie, len);
    return ok ? 0 : -1;
}

/* ---- set-up ---- */

bool dtls_init(struct dtls *d, const struct rng *rng, const struct peer_identity *identity,
               struct outbox *outbox, struct dtls_hello *hello)
{
    memset(d, 0, sizeof *d);
    d->rng = *rng;
    d->outbox = outbox;
    d->hello = hello;
    d->timer.final = CLOCK_NEVER;
    mbedtls_ssl_init(&d->ssl);
    mbedtls_ssl_config_init(&d->conf);
    mbedtls_x509_crt_init(&d->cert);
    mbedtls_pk_init(&d->key);
    return crypto_start() && mbedtls_x509_crt_parse_der(&d->cert, identity->cert, identity->cert_len) == 0 &&
           crypto_key_parse(&d->key, identity->key, identity->key_len, rng);
}

void dtls_free(struct dtls *d)
{
    mbedtls_ssl_free(&d->ssl);
    mbedtls_ssl_config_free(&d->conf);
    mbedtls_x509_crt_free(&d->cert);
    mbedtls_pk_free(&d->key);
    crypto_wipe(&d->exporter, sizeof d->exporter);
    d->state = DTLS_IDLE;
}

static bool configure(struct dtls *d)
{
    if (!crypto_ssl_config(&d->conf, d->is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT, &d->rng) ||
        mbedtls_ssl_conf_own_cert(&d->conf, &d->cert, &d->key) != 0 || !crypto_conf_srtp(&d->conf))
        return false;
    mbedtls_ssl_conf_authmode(&d->conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    /* REQUIRED insists on an anchor; ours is never asked for, since on_certificate() decides. */
    mbedtls_ssl_conf_ca_chain(&d->conf, &d->cert, NULL);
    mbedtls_ssl_conf_verify(&d->conf, on_certificate, d);
    mbedtls_ssl_conf_handshake_timeout(&d->conf, DTLS_RTO_MIN_MS, DTLS_RTO_MAX_MS);
    if (d->is_server) {
        mbedtls_ssl_conf_cert_req_ca_list(&d->conf, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
        mbedtls_ssl_conf_dtls_cookies(&d->conf, on_cookie_write, on_cookie_check, d);
    }
    return true;
}

static bool identify_client(struct dtls *d)
{
    return !d->is_server || mbedtls_ssl_set_client_transport_id(&d->ssl, d->cookie, sizeof d->cookie) == 0;
}

bool dtls_start(struct dtls *d, uint64_t now, bool is_server, const uint8_t fingerprint[32])
{
    d->now = now;
    d->is_server = is_server;
    memcpy(d->fingerprint, fingerprint, sizeof d->fingerprint);
    rng_fill(&d->rng, d->cookie, sizeof d->cookie);
    if (!configure(d) || mbedtls_ssl_setup(&d->ssl, &d->conf) != 0 ||
        mbedtls_ssl_set_hostname(&d->ssl, NULL) != 0 || !identify_client(d)) {
        d->state = DTLS_FAILED;
        return false;
    }
    crypto_exporter_arm(&d->exporter, &d->ssl, &d->conf);
    mbedtls_ssl_set_bio(&d->ssl, d, on_send, on_receive, NULL);
    mbedtls_ssl_set_timer_cb(&d->ssl, d, on_set_timer, on_get_timer);
    mbedtls_ssl_set_mtu(&d->ssl, PEER_MTU);
    d->state = DTLS_HANDSHAKE;
    return true;
}

/* ---- the handshake ---- */

static void finish(struct dtls *d)
{
    bool ok = d->verified && d->exporter.ready;
    d->profile = (enum dtls_profile)crypto_srtp_profile(&d->ssl);
    d->timer.final = CLOCK_NEVER;
    d->state = ok ? DTLS_CONNECTED : DTLS_FAILED;
}

static void step(struct dtls *d)
{
    int ret = mbedtls_ssl_handshake(&d->ssl);
    if (ret == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) {
        if (mbedtls_ssl_session_reset(&d->ssl) != 0 || !identify_client(d))
            d->state = DTLS_FAILED;
    } else if (ret == 0) {
        finish(d);
    } else if (ret != MBEDTLS_ERR_SSL_WANT_READ && ret != MBEDTLS_ERR_SSL_WANT_WRITE) {
        d->timer.final = CLOCK_NEVER;
        d->state = DTLS_FAILED;
    }
}

bool dtls_is_first_byte(uint8_t first)
{
    return first >= 20 && first <= 63;
}

/* What mbedTLS is to read: the datagram, a ClientHello made whole, or nothing yet. */
static void take_in(struct dtls *d, const uint8_t *data, size_t len)
{
    enum dtls_hello_result hello = DTLS_HELLO_OTHER;
    if (d->state == DTLS_HANDSHAKE && d->is_server)
        hello = dtls_hello_add(d->hello, data, len);
    d->in = hello == DTLS_HELLO_COMPLETE ? d->hello->record : data;
    d->in_len = hello == DTLS_HELLO_COMPLETE ? dtls_hello_record_len(d->hello) : len;
    if (hello == DTLS_HELLO_PENDING)
        d->in_len = 0;
}

void dtls_handle_datagram(struct dtls *d, uint64_t now, const uint8_t *data, size_t len)
{
    d->now = now;
    take_in(d, data, len);
    if (d->state == DTLS_HANDSHAKE)
        step(d);
    if (d->state == DTLS_HANDSHAKE && d->in_len > 0) /* a flight of ours had to leave first */
        step(d);
    if (d->state != DTLS_CONNECTED)
        d->in_len = 0;
}

void dtls_handle_timeout(struct dtls *d, uint64_t now)
{
    d->now = now;
    if (d->state == DTLS_HANDSHAKE && now >= d->timer.final)
        step(d);
}

void dtls_flush(struct dtls *d, uint64_t now)
{
    d->now = now;
    if (d->state == DTLS_HANDSHAKE && d->outbox->open && d->outbox->len == 0)
        step(d);
}

uint64_t dtls_next_timeout(const struct dtls *d)
{
    return d->state == DTLS_HANDSHAKE ? d->timer.final : CLOCK_NEVER;
}

/* ---- application data ---- */

size_t dtls_read(struct dtls *d, uint8_t *out, size_t cap)
{
    if (d->state != DTLS_CONNECTED)
        return 0;
    int ret = mbedtls_ssl_read(&d->ssl, out, cap);
    if (ret > 0)
        return (size_t)ret;
    d->in_len = 0;
    if (ret == 0 || ret == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        d->state = DTLS_CLOSED;
    else if (ret != MBEDTLS_ERR_SSL_WANT_READ && ret != MBEDTLS_ERR_SSL_WANT_WRITE)
        d->state = DTLS_FAILED;
    return 0;
}

bool dtls_write(struct dtls *d, const uint8_t *data, size_t len)
{
    if (d->state != DTLS_CONNECTED || !d->outbox->open || d->outbox->len > 0)
        return false;
    return mbedtls_ssl_write(&d->ssl, data, len) == (int)len;
}

void dtls_close(struct dtls *d)
{
    if (d->state == DTLS_CONNECTED)
        (void)mbedtls_ssl_close_notify(&d->ssl);
    d->state = DTLS_CLOSED;
}
