/* TLS 1.2 of the outgoing stream: trusts a pinned CA or a pinned certificate, and nothing else. */
#include <mbedtls/md.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <string.h>

#include "bsd.h"

static struct {
    bool active, by_fingerprint;
    uint8_t fingerprint[32];
    mbedtls_net_context socket;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca;
} tls;

/* ---- what differs between mbedTLS 2.28, 3.6 and 4 ---- */

#if MBEDTLS_VERSION_NUMBER >= 0x04000000

static void use_our_random(mbedtls_ssl_config *config)
{
    (void)config; /* PSA has a generator of its own */
}

#else

static int random_bytes(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    port_random(out, len);
    return 0;
}

static void use_our_random(mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_rng(config, random_bytes, NULL);
}

#endif

static void use_1_2(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

/* ---- the same for all ---- */

static int configure(const struct port_stream_target *target)
{
    int error = mbedtls_ssl_config_defaults(&tls.config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT);
    if (error == 0 && target->ca_pem != NULL)
        error = mbedtls_x509_crt_parse(&tls.ca, (const unsigned char *)target->ca_pem,
                                       strlen(target->ca_pem) + 1);
    if (error != 0)
        return error;
    tls.by_fingerprint = target->fingerprint != NULL;
    if (tls.by_fingerprint)
        memcpy(tls.fingerprint, target->fingerprint, sizeof tls.fingerprint);
    use_our_random(&tls.config);
    use_1_2(&tls.config);
    /* a pinned fingerprint is compared after the handshake and before a byte of ours is sent */
    mbedtls_ssl_conf_authmode(&tls.config,
                              tls.by_fingerprint ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&tls.config, &tls.ca, NULL);
    error =
        mbedtls_ssl_conf_max_frag_len(&tls.config, MBEDTLS_SSL_MAX_FRAG_LEN_4096); /* RFC 6066 section 4 */
    if (error == 0)
        error = mbedtls_ssl_setup(&tls.ssl, &tls.config);
    return error != 0 ? error : mbedtls_ssl_set_hostname(&tls.ssl, target->host);
}

enum port_error tls_start(const struct port_stream_target *target)
{
    if (target->ca_pem == NULL && target->fingerprint == NULL)
        return PORT_ERR_TLS_PIN;
    mbedtls_ssl_init(&tls.ssl);
    mbedtls_ssl_config_init(&tls.config);
    mbedtls_x509_crt_init(&tls.ca);
    tls.active = true;
    int error = configure(target);
    if (error != 0) {
        port_log(PORT_ERROR, "tls", "set-up: -0x%04x", (unsigned)-error);
        return error == MBEDTLS_ERR_SSL_ALLOC_FAILED ? PORT_ERR_SPACE : PORT_ERR_TLS;
    }
    mbedtls_ssl_set_bio(&tls.ssl, &tls.socket, mbedtls_net_send, mbedtls_net_recv, NULL);
    return PORT_OK;
}

void tls_use(int socket)
{
    tls.socket.fd = socket;
}

static enum port_error explain(int error)
{
    switch (error) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        return PORT_AGAIN;
    case 0:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return PORT_END;
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
        return PORT_ERR_TLS_PIN;
    case MBEDTLS_ERR_NET_CONN_RESET:
        return PORT_ERR_UNREACHABLE;
    default:
        port_log(PORT_WARNING, "tls", "-0x%04x", (unsigned)-error);
        return PORT_ERR_TLS;
    }
}

static bool is_pinned(void)
{
    uint8_t digest[32], differs = 0;
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&tls.ssl);
    if (certificate == NULL || mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), certificate->raw.p,
                                          certificate->raw.len, digest) != 0)
        return false;
    for (size_t i = 0; i < sizeof digest; i++)
        differs |= (uint8_t)(digest[i] ^ tls.fingerprint[i]);
    return differs == 0;
}

enum port_error tls_handshake(bool *wants_room)
{
    int error = mbedtls_ssl_handshake(&tls.ssl);
    *wants_room = error == MBEDTLS_ERR_SSL_WANT_WRITE;
    if (error != 0)
        return explain(error) == PORT_END ? PORT_ERR_TLS : explain(error);
    return tls.by_fingerprint && !is_pinned() ? PORT_ERR_TLS_PIN : PORT_OK;
}

enum port_error tls_write(const uint8_t *data, size_t len, size_t *written)
{
    int n = mbedtls_ssl_write(&tls.ssl, data, len);
    *written = n > 0 ? (size_t)n : 0;
    return n > 0 ? PORT_OK : explain(n);
}

enum port_error tls_read(uint8_t *data, size_t cap, size_t *len)
{
    int n = mbedtls_ssl_read(&tls.ssl, data, cap);
    *len = n > 0 ? (size_t)n : 0;
    return n > 0 ? PORT_OK : explain(n);
}

void tls_stop(void)
{
    if (!tls.active)
        return;
    mbedtls_ssl_free(&tls.ssl);
    mbedtls_ssl_config_free(&tls.config);
    mbedtls_x509_crt_free(&tls.ca);
    tls.active = false;
}
