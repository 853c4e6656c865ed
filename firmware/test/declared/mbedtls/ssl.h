#pragma once
#include <sdkconfig.h>
#include <stddef.h>
#include <stdint.h>

/* as ESP-IDF's mbedtls/esp_config.h, and what Mbed TLS has where that says nothing */
#ifdef CONFIG_MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#endif
#ifdef CONFIG_MBEDTLS_ASYMMETRIC_CONTENT_LEN
#define MBEDTLS_SSL_IN_CONTENT_LEN CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN
#define MBEDTLS_SSL_OUT_CONTENT_LEN CONFIG_MBEDTLS_SSL_OUT_CONTENT_LEN
#else
#define MBEDTLS_SSL_IN_CONTENT_LEN 16384
#define MBEDTLS_SSL_OUT_CONTENT_LEN 16384
#endif

#define MBEDTLS_ERR_X509_CERT_VERIFY_FAILED -0x2700
#define MBEDTLS_ERR_SSL_WANT_READ -0x6900
#define MBEDTLS_ERR_SSL_WANT_WRITE -0x6880
#define MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY -0x7880
#define MBEDTLS_ERR_SSL_ALLOC_FAILED -0x7F00
#define MBEDTLS_SSL_IS_CLIENT 0
#define MBEDTLS_SSL_TRANSPORT_STREAM 0
#define MBEDTLS_SSL_PRESET_DEFAULT 0
#define MBEDTLS_SSL_VERIFY_NONE 0
#define MBEDTLS_SSL_VERIFY_REQUIRED 2
typedef enum { MBEDTLS_SSL_VERSION_TLS1_2 = 0x0303 } mbedtls_ssl_protocol_version;
typedef struct {
    void *state;
} mbedtls_ssl_context;
typedef struct {
    void *state;
} mbedtls_ssl_config;
typedef struct mbedtls_x509_crl mbedtls_x509_crl;
typedef struct {
    struct {
        size_t len;
        unsigned char *p;
    } raw, pk_raw;
} mbedtls_x509_crt;
void mbedtls_x509_crt_init(mbedtls_x509_crt *certificate);
int mbedtls_x509_crt_parse(mbedtls_x509_crt *chain, const unsigned char *text, size_t len);
void mbedtls_x509_crt_free(mbedtls_x509_crt *certificate);
void mbedtls_ssl_init(mbedtls_ssl_context *ssl);
#define MBEDTLS_SSL_MAX_FRAG_LEN_4096 4
int mbedtls_ssl_conf_max_frag_len(mbedtls_ssl_config *config, unsigned char code);
int mbedtls_ssl_setup(mbedtls_ssl_context *ssl, const mbedtls_ssl_config *config);
int mbedtls_ssl_set_hostname(mbedtls_ssl_context *ssl, const char *name);
void mbedtls_ssl_set_bio(mbedtls_ssl_context *ssl, void *context,
                         int (*send)(void *, const unsigned char *, size_t),
                         int (*receive)(void *, unsigned char *, size_t),
                         int (*receive_timeout)(void *, unsigned char *, size_t, uint32_t));
int mbedtls_ssl_session_reset(mbedtls_ssl_context *ssl);
int mbedtls_ssl_handshake(mbedtls_ssl_context *ssl);
int mbedtls_ssl_read(mbedtls_ssl_context *ssl, unsigned char *to, size_t len);
int mbedtls_ssl_write(mbedtls_ssl_context *ssl, const unsigned char *from, size_t len);
const mbedtls_x509_crt *mbedtls_ssl_get_peer_cert(const mbedtls_ssl_context *ssl);
void mbedtls_ssl_free(mbedtls_ssl_context *ssl);
void mbedtls_ssl_config_init(mbedtls_ssl_config *config);
int mbedtls_ssl_config_defaults(mbedtls_ssl_config *config, int endpoint, int transport, int preset);
#if DECLARED_IDF < 6
void mbedtls_ssl_conf_rng(mbedtls_ssl_config *config, int (*fill)(void *, unsigned char *, size_t),
                          void *argument);
#endif
void mbedtls_ssl_conf_min_tls_version(mbedtls_ssl_config *config, mbedtls_ssl_protocol_version version);
void mbedtls_ssl_conf_max_tls_version(mbedtls_ssl_config *config, mbedtls_ssl_protocol_version version);
void mbedtls_ssl_conf_authmode(mbedtls_ssl_config *config, int mode);
void mbedtls_ssl_conf_ca_chain(mbedtls_ssl_config *config, mbedtls_x509_crt *chain,
                               mbedtls_x509_crl *revoked);
void mbedtls_ssl_config_free(mbedtls_ssl_config *config);
