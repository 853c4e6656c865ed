/* TLS 1.2 of the outgoing stream: trusts a pinned CA or a pinned key, and where there is none whoever it
 * meets. */
#include <mbedtls/md.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <string.h>

#include "bsd.h"

#ifndef MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#error "all would be tls_pin: set CONFIG_MBEDTLS_SSL_KEEP_PEER_CERTIFICATE=y, or delete sdkconfig.BOARD"
#endif
#if MBEDTLS_SSL_IN_CONTENT_LEN < 4096 || MBEDTLS_SSL_OUT_CONTENT_LEN < 4096
#error                                                                                                       \
    "records of 4 KB would not fit: set CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN=4096 and CONFIG_MBEDTLS_SSL_OUT_CONTENT_LEN=4096, or delete sdkconfig.BOARD"
#endif

#define PINS 2u
#define HASH 32u
/* Asked for by name, a gateway may show a certificate of its user's; what devices pin is shown for this one.
 */
#define PINNED_NAME "device.voicegw.internal"

static struct {
    bool active;
    size_t pin_count;
    uint8_t pins[PINS][HASH];
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

/* As certificates and SNI have it: without the root's dot (RFC 6066 section 3). */
static int expect_name(const char *host)
{
    char name[PORT_HOST_MAX];
    (void)snprintf(name, sizeof name, "%s", host);
    size_t len = strlen(name);
    if (len > 0 && name[len - 1] == '.')
        name[len - 1] = '\0';
    return mbedtls_ssl_set_hostname(&tls.ssl, name);
}

static int configure(const struct port_stream_target *target)
{
    int error = mbedtls_ssl_config_defaults(&tls.config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT);
    if (error == 0 && target->ca_pem != NULL)
        error = mbedtls_x509_crt_parse(&tls.ca, (const unsigned char *)target->ca_pem,
                                       strlen(target->ca_pem) + 1);
    if (error != 0)
        return error;
    tls.pin_count = target->pin_count < PINS ? target->pin_count : PINS;
    if (tls.pin_count > 0)
        memcpy(tls.pins, target->pins, tls.pin_count * HASH);
    bool by_ca = tls.pin_count == 0 && target->ca_pem != NULL;
    use_our_random(&tls.config);
    use_1_2(&tls.config);
    /* a pin is compared after the handshake and before a byte of ours is sent */
    mbedtls_ssl_conf_authmode(&tls.config, by_ca ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_ca_chain(&tls.config, &tls.ca, NULL);
    error =
        mbedtls_ssl_conf_max_frag_len(&tls.config, MBEDTLS_SSL_MAX_FRAG_LEN_4096); /* RFC 6066 section 4 */
    if (error == 0)
        error = mbedtls_ssl_setup(&tls.ssl, &tls.config);
    return error != 0 ? error : expect_name(by_ca ? target->host : PINNED_NAME);
}

enum port_error tls_start(const struct port_stream_target *target)
{
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

bool tls_restart(void)
{
    return mbedtls_ssl_session_reset(&tls.ssl) == 0;
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

static bool hash(const uint8_t *data, size_t len, uint8_t out[HASH])
{
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, len, out) == 0;
}

enum port_error tls_pin(uint8_t pin[HASH])
{
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&tls.ssl);
    return certificate != NULL && hash(certificate->pk_raw.p, certificate->pk_raw.len, pin) ? PORT_OK
                                                                                            : PORT_ERR_TLS;
}

static bool is_among_pins(const uint8_t digest[HASH])
{
    bool among = false;
    for (size_t i = 0; i < tls.pin_count; i++)
        among |= memcmp(digest, tls.pins[i], HASH) == 0; /* no secret: everyone is shown a certificate */
    return among;
}

static bool is_pinned(void)
{
    uint8_t of_key[HASH], of_all[HASH];
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&tls.ssl);
    return tls.pin_count == 0 ||
           (certificate != NULL && hash(certificate->pk_raw.p, certificate->pk_raw.len, of_key) &&
            hash(certificate->raw.p, certificate->raw.len, of_all) &&
            (is_among_pins(of_key) || is_among_pins(of_all)));
}

enum port_error tls_handshake(bool *wants_room)
{
    int error = mbedtls_ssl_handshake(&tls.ssl);
    *wants_room = error == MBEDTLS_ERR_SSL_WANT_WRITE;
    if (error != 0)
        return explain(error) == PORT_END ? PORT_ERR_TLS : explain(error);
    return is_pinned() ? PORT_OK : PORT_ERR_TLS_PIN;
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
