/* TLS of the outgoing stream, by mbedTLS: trusts a pinned CA or a pinned certificate, and nothing else. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <string.h>

#include "host.h"

static struct {
    bool active, by_fingerprint;
    uint8_t fingerprint[32];
    mbedtls_net_context socket;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt ca;
} tls;

static int configure(const struct port_stream_target *target)
{
    int error = mbedtls_ctr_drbg_seed(&tls.random, mbedtls_entropy_func, &tls.entropy, NULL, 0);
    if (error == 0)
        error = mbedtls_ssl_config_defaults(&tls.config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT);
    if (error == 0 && target->ca_pem != NULL)
        error = mbedtls_x509_crt_parse(&tls.ca, (const unsigned char *)target->ca_pem,
                                       strlen(target->ca_pem) + 1);
    if (error != 0)
        return error;
    tls.by_fingerprint = target->fingerprint != NULL;
    if (tls.by_fingerprint)
        memcpy(tls.fingerprint, target->fingerprint, sizeof tls.fingerprint);
    mbedtls_ssl_conf_rng(&tls.config, mbedtls_ctr_drbg_random, &tls.random);
    mbedtls_ssl_conf_min_version(&tls.config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    /* a pinned fingerprint is compared after the handshake and before a byte of ours is sent */
    mbedtls_ssl_conf_authmode(&tls.config,
                              tls.by_fingerprint ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&tls.config, &tls.ca, NULL);
    error = mbedtls_ssl_setup(&tls.ssl, &tls.config);
    return error != 0 ? error : mbedtls_ssl_set_hostname(&tls.ssl, target->host);
}

enum port_error host_tls_start(const struct port_stream_target *target)
{
    if (target->ca_pem == NULL && target->fingerprint == NULL)
        return PORT_ERR_TLS_PIN;
    mbedtls_ssl_init(&tls.ssl);
    mbedtls_ssl_config_init(&tls.config);
    mbedtls_entropy_init(&tls.entropy);
    mbedtls_ctr_drbg_init(&tls.random);
    mbedtls_x509_crt_init(&tls.ca);
    tls.active = true;
    if (configure(target) != 0)
        return PORT_ERR_TLS;
    mbedtls_ssl_set_bio(&tls.ssl, &tls.socket, mbedtls_net_send, mbedtls_net_recv, NULL);
    return PORT_OK;
}

void host_tls_use(int socket)
{
    tls.socket.fd = socket;
}

static enum port_error explain(int error)
{
    if (error == MBEDTLS_ERR_SSL_WANT_READ || error == MBEDTLS_ERR_SSL_WANT_WRITE)
        return PORT_AGAIN;
    if (error == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || error == 0)
        return PORT_END;
    if (error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
        return PORT_ERR_TLS_PIN;
    return error == MBEDTLS_ERR_NET_CONN_RESET ? PORT_ERR_UNREACHABLE : PORT_ERR_TLS;
}

static bool is_pinned(void)
{
    uint8_t digest[32], differs = 0;
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&tls.ssl);
    if (certificate == NULL || mbedtls_sha256_ret(certificate->raw.p, certificate->raw.len, digest, 0) != 0)
        return false;
    for (size_t i = 0; i < sizeof digest; i++)
        differs |= (uint8_t)(digest[i] ^ tls.fingerprint[i]);
    return differs == 0;
}

enum port_error host_tls_handshake(bool *wants_write)
{
    int error = mbedtls_ssl_handshake(&tls.ssl);
    *wants_write = error == MBEDTLS_ERR_SSL_WANT_WRITE;
    if (error != 0)
        return explain(error) == PORT_END ? PORT_ERR_TLS : explain(error);
    return tls.by_fingerprint && !is_pinned() ? PORT_ERR_TLS_PIN : PORT_OK;
}

enum port_error host_tls_write(const uint8_t *data, size_t len, size_t *written)
{
    int n = mbedtls_ssl_write(&tls.ssl, data, len);
    *written = n > 0 ? (size_t)n : 0;
    return n > 0 ? PORT_OK : explain(n);
}

enum port_error host_tls_read(uint8_t *data, size_t cap, size_t *len)
{
    int n = mbedtls_ssl_read(&tls.ssl, data, cap);
    *len = n > 0 ? (size_t)n : 0;
    return n > 0 ? PORT_OK : explain(n);
}

void host_tls_stop(void)
{
    if (!tls.active)
        return;
    mbedtls_ssl_free(&tls.ssl);
    mbedtls_ssl_config_free(&tls.config);
    mbedtls_x509_crt_free(&tls.ca);
    mbedtls_ctr_drbg_free(&tls.random);
    mbedtls_entropy_free(&tls.entropy);
    tls.active = false;
}
