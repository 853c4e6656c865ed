/* The stream where an address takes the connection and is no gateway: another machine, a proxy, a frozen
 * host. All of them are the test's own, and take a step when it does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/pem.h>
#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/crypto.h"
#include "bsd.h"
#include "check.h"
#include "host.h"
#include "peer.h"
#include "port_mdns.h"

#define MS(n) ((uint64_t)(n)*1000u)
#define HOSTS 2

static uint64_t now;

/* ---- what the stream asks of the rest of the port ---- */

uint64_t port_clock(void)
{
    return now;
}

void port_random(uint8_t *out, size_t len)
{
    assert_int_equal(getrandom(out, len, 0), len);
}

void port_log(enum port_level level, const char *tag, const char *format, ...)
{
    (void)level;
    (void)tag;
    (void)format;
}

uint64_t host_mdns_step(uint64_t at)
{
    (void)at;
    return PORT_NEVER;
}

/* ---- who is at an address ---- */

enum manner {
    FROZEN, /* the system takes the connection, and nobody else does anything */
    CLOSES,
    PLAIN,
    SECURE,
};

static struct host {
    enum manner manner;
    bool mute; /* hears, and does not reply */
    int listener;
    mbedtls_net_context client;
    bool shaken;
    size_t heard;
    struct peer_identity identity;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
} hosts[HOSTS];

static struct port_addresses where;
static struct port_stream_target target;
static size_t sent;

static void fill(void *user, uint8_t *out, size_t len)
{
    (void)user;
    port_random(out, len);
}

#if MBEDTLS_VERSION_NUMBER < 0x04000000
static int random_bytes(void *user, unsigned char *out, size_t len)
{
    fill(user, out, len);
    return 0;
}
#endif

static void give_identity(struct host *h)
{
    struct peer_random random = {.fill = fill};
    struct rng rng = {.fill = fill};
    mbedtls_x509_crt_init(&h->certificate);
    mbedtls_pk_init(&h->key);
    mbedtls_ssl_config_init(&h->config);
    mbedtls_ssl_init(&h->ssl);
    assert_int_equal(peer_identity_make(&h->identity, &random), PEER_OK);
    assert_int_equal(mbedtls_x509_crt_parse(&h->certificate, h->identity.cert, h->identity.cert_len), 0);
    assert_true(crypto_key_parse(&h->key, h->identity.key, h->identity.key_len, &rng));
    assert_int_equal(mbedtls_ssl_config_defaults(&h->config, MBEDTLS_SSL_IS_SERVER,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
#if MBEDTLS_VERSION_NUMBER < 0x04000000
    mbedtls_ssl_conf_rng(&h->config, random_bytes, NULL);
#endif
    assert_int_equal(mbedtls_ssl_conf_own_cert(&h->config, &h->certificate, &h->key), 0);
    assert_int_equal(mbedtls_ssl_setup(&h->ssl, &h->config), 0);
    mbedtls_ssl_set_bio(&h->ssl, &h->client, mbedtls_net_send, mbedtls_net_recv, NULL);
}

static void listen_at(struct host *h, const struct port_address *address)
{
    struct sockaddr_storage here;
    int on = 1;
    socklen_t len = bsd_from_address(address, &here);
    h->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)setsockopt(h->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(h->listener, (struct sockaddr *)&here, len), 0);
    assert_int_equal(listen(h->listener, 8), 0);
    if (target.port == 0) {
        assert_int_equal(getsockname(h->listener, (struct sockaddr *)&here, &len), 0);
        target.port = ntohs(((struct sockaddr_in *)&here)->sin_port);
    }
}

static void hang_up(struct host *h)
{
    if (h->client.fd >= 0)
        close(h->client.fd);
    h->client.fd = -1;
}

static void take_caller(struct host *h)
{
    int caller = accept4(h->listener, NULL, NULL, SOCK_NONBLOCK);
    if (caller < 0)
        return;
    hang_up(h);
    h->client.fd = caller;
    h->shaken = false;
    assert_int_equal(mbedtls_ssl_session_reset(&h->ssl), 0);
    if (h->manner == CLOSES)
        hang_up(h);
}

static void step_host(struct host *h)
{
    uint8_t data[64];
    if (h->manner == FROZEN)
        return;
    take_caller(h);
    if (h->client.fd < 0)
        return;
    if (h->manner == SECURE && !h->shaken) {
        h->shaken = mbedtls_ssl_handshake(&h->ssl) == 0;
        return;
    }
    ssize_t n = h->manner == SECURE ? mbedtls_ssl_read(&h->ssl, data, sizeof data)
                                    : recv(h->client.fd, data, sizeof data, 0);
    if (n <= 0)
        return;
    h->heard += (size_t)n;
    if (!h->mute)
        assert_int_equal(h->manner == SECURE ? mbedtls_ssl_write(&h->ssl, data, 1)
                                             : send(h->client.fd, data, 1, MSG_NOSIGNAL),
                         1);
}

/* At addresses of their own each time, for the stream remembers one. */
static int set_up(void **state)
{
    static uint8_t next;
    (void)state;
    target = (struct port_stream_target){.host = "gateway", .addresses = &where};
    where.count = HOSTS;
    for (int i = 0; i < HOSTS; i++) {
        where.at[i] = (struct port_address){.family = 4, .ip = {127, 0, 1, ++next}};
        hosts[i] = (struct host){.manner = SECURE, .client = {-1}};
        give_identity(&hosts[i]);
        where.at[i].port = target.port;
        listen_at(&hosts[i], &where.at[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    port_stream_close();
    for (struct host *h = hosts; h < hosts + HOSTS; h++) {
        hang_up(h);
        close(h->listener);
        mbedtls_ssl_free(&h->ssl);
        mbedtls_ssl_config_free(&h->config);
        mbedtls_pk_free(&h->key);
        mbedtls_x509_crt_free(&h->certificate);
    }
    return 0;
}

/* ---- whoever calls there ---- */

static void leave(struct host *h)
{
    close(h->listener);
    h->listener = -1;
    h->manner = FROZEN;
}

static void call(bool tls, const struct host *pinned)
{
    target.tls = tls;
    target.pins = pinned != NULL ? pinned->identity.fingerprint : NULL;
    target.pin_count = pinned != NULL ? 1 : 0;
    sent = 0;
    assert_int_equal(port_stream_open(&target), PORT_AGAIN);
}

/* Asks, and waits for a reply. */
static enum port_error exchange(void)
{
    static const uint8_t request[] = "GET /";
    uint8_t data[64];
    size_t len = 0;
    enum port_error error = PORT_OK;
    if (sent == 0)
        error = port_stream_write(request, sizeof request, &sent);
    return error == PORT_OK ? port_stream_read(data, sizeof data, &len) : error;
}

static enum port_error run_for(unsigned turns)
{
    enum port_error error = PORT_AGAIN;
    for (; error == PORT_AGAIN && turns > 0; turns--) {
        port_net_wait(now + MS(1));
        error = exchange();
        for (int i = 0; i < HOSTS; i++)
            step_host(&hosts[i]);
    }
    return error;
}

/* The system may take its time to deliver what was sent. */
static enum port_error run(void)
{
    return run_for(20000);
}

static bool waits(void)
{
    return run_for(100) == PORT_AGAIN;
}

static bool reached(const struct host *h)
{
    struct port_address peer;
    port_stream_peer(&peer);
    return addresses_equal(&peer, &where.at[h - hosts]);
}

static void where_tls_does_not_get_done_the_next_is_tried(void **state)
{
    (void)state;
    hosts[0].manner = FROZEN;
    call(true, &hosts[1]);
    assert_true(waits());
    now += MS(2900);
    assert_true(waits());
    assert_true(reached(&hosts[0]));
    now += MS(200);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached(&hosts[1]));
    call(true, &hosts[1]);
    assert_int_equal(run(), PORT_OK); /* nor is the frozen one waited for again */
}

static void where_tls_is_not_spoken_the_next_is_tried_at_once(void **state)
{
    (void)state;
    hosts[0].manner = CLOSES;
    call(true, &hosts[1]);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached(&hosts[1]));
    port_stream_close();
    hosts[0].manner = PLAIN; /* what it says is no TLS */
    call(true, &hosts[1]);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached(&hosts[1]));
}

static void another_identity_is_told_nothing_and_the_next_is_tried(void **state)
{
    (void)state;
    call(true, &hosts[1]);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached(&hosts[1]));
    assert_int_equal(hosts[0].heard, 0);
}

static void where_none_is_the_pinned_one_that_is_what_is_told(void **state)
{
    uint8_t nobodys[32] = {0};
    (void)state;
    target.tls = true;
    target.pins = nobodys;
    target.pin_count = 1;
    sent = 0;
    assert_int_equal(port_stream_open(&target), PORT_AGAIN);
    assert_int_equal(run(), PORT_ERR_TLS_PIN);
    assert_int_equal(hosts[0].heard + hosts[1].heard, 0);
    port_stream_close();
    leave(&hosts[0]);
    assert_int_equal(port_stream_open(&target), PORT_AGAIN);
    assert_int_equal(run(), PORT_ERR_TLS_PIN); /* of the one that is there, which comes first by now */
    assert_int_equal(hosts[1].heard, 0);
}

static void mute_one_comes_last(bool tls)
{
    hosts[0].manner = hosts[1].manner = tls ? SECURE : PLAIN;
    hosts[0].mute = true;
    call(tls, NULL);
    assert_true(waits());
    now += MS(2900);
    assert_true(waits());
    now += MS(200);
    assert_int_equal(run(), PORT_ERR_UNREACHABLE);
    assert_true(reached(&hosts[0]));
    assert_int_equal(hosts[1].heard, 0); /* the request may have been acted on */
    call(tls, NULL);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached(&hosts[1]));
}

static void one_that_does_not_reply_comes_last_at_the_next_call(void **state)
{
    (void)state;
    mute_one_comes_last(false);
}

static void one_that_does_not_reply_over_tls_comes_last_too(void **state)
{
    (void)state;
    mute_one_comes_last(true);
}

static void one_that_hangs_up_without_a_reply_comes_last_too(void **state)
{
    (void)state;
    hosts[0].manner = CLOSES;
    hosts[1].manner = PLAIN;
    call(false, NULL);
    assert_int_equal(run(), PORT_ERR_UNREACHABLE);
    call(false, NULL);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached(&hosts[1]));
}

/* A gateway that is slow, beside an address at which nobody is: once it comes last it has all the time. */
static void the_last_is_waited_for(void **state)
{
    (void)state;
    hosts[0].manner = FROZEN;
    leave(&hosts[1]);
    call(true, &hosts[0]);
    assert_true(waits());
    now += MS(3100);
    assert_int_equal(run(), PORT_ERR_UNREACHABLE);
    call(true, &hosts[0]);
    assert_true(waits());
    now += MS(11000);
    assert_true(waits());
    hosts[0].manner = SECURE;
    assert_int_equal(run(), PORT_OK);
    assert_true(reached(&hosts[0]));
}

static void a_reply_that_has_begun_is_waited_for(void **state)
{
    (void)state;
    call(true, NULL);
    assert_int_equal(run(), PORT_OK);
    now += MS(11000);
    assert_true(waits());
}

static void one_that_is_called_again_is_waited_for_and_not_all_that_there_is(void **state)
{
    (void)state;
    hosts[0].manner = hosts[1].manner = PLAIN;
    call(false, NULL);
    assert_int_equal(run(), PORT_OK);
    target.again = true;
    hosts[0].mute = true;
    call(false, NULL);
    assert_true(waits());
    now += MS(11000);
    assert_true(waits());
    assert_true(reached(&hosts[0]));
    hosts[0].mute = false;
    call(false, NULL);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached(&hosts[0]));
    target.again = false;
    target.onwards = true;
    call(false, NULL);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached(&hosts[1]));
}

/* CN=peer, as the certificate of an identity has it. */
static void the_root_s_dot_is_no_part_of_who_is_expected(void **state)
{
    static const char *const names[] = {"peer", "Peer.", "other"};
    unsigned char pem[1024];
    size_t len = 0;
    (void)state;
    assert_int_equal(mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
                                              hosts[0].identity.cert, hosts[0].identity.cert_len, pem,
                                              sizeof pem, &len),
                     0);
    where.count = 1;
    target.ca_pem = (const char *)pem;
    for (int i = 0; i < 3; i++) {
        target.host = names[i];
        call(true, NULL);
        assert_int_equal(run(), i < 2 ? PORT_OK : PORT_ERR_TLS_PIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(where_tls_does_not_get_done_the_next_is_tried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_tls_is_not_spoken_the_next_is_tried_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_identity_is_told_nothing_and_the_next_is_tried, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_none_is_the_pinned_one_that_is_what_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_does_not_reply_comes_last_at_the_next_call, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_does_not_reply_over_tls_comes_last_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_hangs_up_without_a_reply_comes_last_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_that_has_begun_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_called_again_is_waited_for_and_not_all_that_there_is,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_root_s_dot_is_no_part_of_who_is_expected, set_up, tear_down),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* Mbed TLS writes to who has gone */
    return crypto_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
