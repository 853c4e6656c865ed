#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* one test takes the client's certificate away */

#include "peer/link.h"

#include "base/addr.h"
#include "dtls/dtls.h"

struct end {
    struct dtls dtls;
    struct outbox box;
    struct dtls_hello hello;
    struct peer_identity identity;
    struct rng rng;
    uint64_t seed;
    struct peer_address address;
    unsigned sent;
    uint8_t heard[256];
    size_t heard_len;
};

struct world {
    struct link link;
    struct end client, server;
    uint64_t now;
    size_t split; /* datagrams from the client are fragmented to this many bytes of ClientHello */
    bool backwards;
};

static void end_init(struct end *e, uint64_t seed, uint16_t port)
{
    e->seed = seed;
    e->rng = (struct rng){link_random, &e->seed};
    e->address = (struct peer_address){.family = 4, .port = port};
    e->box.open = true;
    struct peer_random random = {link_random, &e->seed};
    assert_int_equal(peer_identity_make(&e->identity, &random), PEER_OK);
    assert_true(dtls_init(&e->dtls, &e->rng, &e->identity, &e->box, &e->hello));
}

static struct world *world_new(void)
{
    struct world *w = test_calloc(1, sizeof *w);
    w->link.seed = 3;
    w->link.delay = CLOCK_MS(2);
    w->now = CLOCK_S(50);
    end_init(&w->client, 1, 1);
    end_init(&w->server, 2, 2);
    return w;
}

static void start(struct world *w)
{
    assert_true(dtls_start(&w->client.dtls, w->now, false, w->server.identity.fingerprint));
    assert_true(dtls_start(&w->server.dtls, w->now, true, w->client.identity.fingerprint));
}

static void world_free(struct world *w)
{
    dtls_free(&w->client.dtls);
    dtls_free(&w->server.dtls);
    test_free(w);
}

static void put_fragment(struct world *w, const uint8_t *record, size_t at, size_t len)
{
    uint8_t data[512];
    struct buf_writer out = buf_writer(data, sizeof data);
    buf_put(&out, record, 11);
    buf_put_u16(&out, (uint16_t)(12 + len));
    buf_put(&out, record + 13, 6);
    buf_put_u24(&out, (uint32_t)at);
    buf_put_u24(&out, (uint32_t)len);
    buf_put(&out, record + 25 + at, len);
    link_send(&w->link, w->now + (w->backwards ? CLOCK_MS(5) - at : at), &w->client.address,
              &w->server.address, data, out.len);
}

static void send_from(struct world *w, struct end *from, struct end *to)
{
    const uint8_t *data = from->box.data;
    bool hello = from == &w->client && data[0] == 22 && data[13] == 1 && data[3] == 0 && data[4] == 0;
    if (hello && w->split > 0) {
        size_t body = from->box.len - 25;
        for (size_t at = 0; at < body; at += w->split)
            put_fragment(w, data, at, body - at < w->split ? body - at : w->split);
    } else {
        link_send(&w->link, w->now, &from->address, &to->address, data, from->box.len);
    }
    from->sent++;
    from->box.len = 0;
}

static void drain(struct world *w, struct end *from, struct end *to)
{
    do {
        if (from->box.len > 0)
            send_from(w, from, to);
        dtls_flush(&from->dtls, w->now);
    } while (from->box.len > 0);
}

static void deliver(struct world *w, struct link_packet *p)
{
    struct end *e = addr_equal(&p->to, &w->client.address) ? &w->client : &w->server;
    dtls_handle_datagram(&e->dtls, w->now, p->data, p->len);
    size_t n = dtls_read(&e->dtls, e->heard, sizeof e->heard);
    e->heard_len = n > 0 ? n : e->heard_len;
    while (n > 0)
        n = dtls_read(&e->dtls, p->data, p->len);
}

static void run(struct world *w, uint64_t until)
{
    struct link_packet p;
    while (w->now < until) {
        drain(w, &w->client, &w->server);
        drain(w, &w->server, &w->client);
        uint64_t next = clock_min(dtls_next_timeout(&w->client.dtls), dtls_next_timeout(&w->server.dtls));
        next = clock_min(clock_min(next, link_next(&w->link)), until);
        w->now = next > w->now ? next : w->now;
        while (link_take(&w->link, w->now, &p)) {
            deliver(w, &p);
            drain(w, &w->client, &w->server);
            drain(w, &w->server, &w->client);
        }
        dtls_handle_timeout(&w->client.dtls, w->now);
        dtls_handle_timeout(&w->server.dtls, w->now);
        drain(w, &w->client, &w->server);
        drain(w, &w->server, &w->client);
    }
}

static void assert_connected(const struct world *w)
{
    assert_int_equal(w->client.dtls.state, DTLS_CONNECTED);
    assert_int_equal(w->server.dtls.state, DTLS_CONNECTED);
    assert_int_equal(w->client.dtls.profile, DTLS_SRTP_AES128_CM_SHA1_80);
    assert_int_equal(w->server.dtls.profile, DTLS_SRTP_AES128_CM_SHA1_80);
    assert_memory_equal(w->client.dtls.exporter.material, w->server.dtls.exporter.material,
                        CRYPTO_KEYING_MATERIAL);
}

static void connects_and_carries_data(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    run(w, w->now + CLOCK_MS(100));
    assert_connected(w);
    assert_true(dtls_write(&w->client.dtls, (const uint8_t *)"hello", 5));
    assert_false(dtls_write(&w->client.dtls, (const uint8_t *)"full", 4));
    run(w, w->now + CLOCK_MS(10));
    assert_int_equal(w->server.heard_len, 5);
    assert_memory_equal(w->server.heard, "hello", 5);
    uint8_t big[DTLS_MAX_PLAINTEXT] = {1};
    assert_true(dtls_write(&w->server.dtls, big, sizeof big));
    assert_true(w->server.box.len <= PEER_MTU);
    dtls_close(&w->client.dtls);
    run(w, w->now + CLOCK_MS(10));
    assert_int_equal(w->server.dtls.state, DTLS_CLOSED);
    world_free(w);
}

static void connects_over_a_bad_link(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world *w = world_new();
        w->link.seed = seed;
        w->link.loss = 30;
        w->link.delay = CLOCK_MS(200);
        w->link.spread = CLOCK_MS(50);
        w->link.duplicates = 10;
        start(w);
        run(w, w->now + CLOCK_S(60));
        assert_connected(w);
        world_free(w);
    }
}

/* RFC 6347 section 4.2.4.1: one second, doubled at each retransmission. */
static void retransmits_with_doubling_and_gives_up(void **state)
{
    (void)state;
    static const unsigned at_s[] = {0, 1, 3, 7, 15, 31, 63};
    struct world *w = world_new();
    w->link.cut = true;
    start(w);
    uint64_t begin = w->now;
    for (unsigned i = 0; i < sizeof at_s / sizeof *at_s; i++) {
        run(w, begin + CLOCK_S(at_s[i]) + 1);
        assert_int_equal(w->client.sent, i + 1);
        run(w, begin + CLOCK_S(at_s[i] + (i < 6 ? 1u << i : 60)) - 1);
        assert_int_equal(w->client.sent, i + 1);
    }
    run(w, begin + CLOCK_S(123) + 1);
    assert_int_equal(w->client.dtls.state, DTLS_FAILED);
    assert_true(dtls_next_timeout(&w->client.dtls) == CLOCK_NEVER);
    assert_int_equal(w->server.dtls.state, DTLS_HANDSHAKE);
    world_free(w);
}

static void refuses_another_certificate(void **state)
{
    (void)state;
    for (int liar = 0; liar < 2; liar++) {
        struct world *w = world_new();
        struct dtls *victim = liar ? &w->client.dtls : &w->server.dtls;
        start(w);
        victim->fingerprint[31] ^= 1;
        run(w, w->now + CLOCK_S(2));
        assert_int_equal(victim->state, DTLS_FAILED);
        assert_true(victim->saw_certificate && !victim->verified);
        assert_false(victim->exporter.ready && victim->state == DTLS_CONNECTED);
        assert_int_not_equal((liar ? &w->server : &w->client)->dtls.state, DTLS_CONNECTED);
        world_free(w);
    }
}

static void refuses_a_client_without_certificate(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    mbedtls_ssl_key_cert *own = w->client.dtls.conf.key_cert;
    w->client.dtls.conf.key_cert = NULL;
    run(w, w->now + CLOCK_S(2));
    assert_int_equal(w->server.dtls.state, DTLS_FAILED);
    w->client.dtls.conf.key_cert = own;
    world_free(w);
}

static void reads_fragmented_flights(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    mbedtls_ssl_set_mtu(&w->client.dtls.ssl, 200);
    mbedtls_ssl_set_mtu(&w->server.dtls.ssl, 200);
    run(w, w->now + CLOCK_S(3));
    assert_connected(w);
    assert_true(w->server.sent > 5);
    world_free(w);
}

static void reads_a_client_hello_in_fragments(void **state)
{
    (void)state;
    for (size_t split = 50; split <= 100; split += 25) {
        for (int backwards = 0; backwards < 2; backwards++) {
            struct world *w = world_new();
            w->split = split;
            w->backwards = backwards;
            start(w);
            run(w, w->now + CLOCK_MS(500));
            assert_connected(w);
            world_free(w);
        }
    }
}

static void fragments_make_no_hello_by_accident(void **state)
{
    (void)state;
    struct dtls_hello h = {0};
    uint8_t data[64] = {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12 + 4, 1, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 4};
    assert_int_equal(dtls_hello_add(&h, data, 29), DTLS_HELLO_PENDING);
    assert_int_equal(dtls_hello_add(&h, data, 28), DTLS_HELLO_OTHER); /* cut short */
    data[21] = 6;
    assert_int_equal(dtls_hello_add(&h, data, 29), DTLS_HELLO_PENDING); /* 6 to 10 */
    data[21] = 7;
    assert_int_equal(dtls_hello_add(&h, data, 29), DTLS_HELLO_OTHER); /* beyond the end */
    data[21] = 3;
    assert_int_equal(dtls_hello_add(&h, data, 29), DTLS_HELLO_COMPLETE);
    assert_int_equal(dtls_hello_record_len(&h), 13 + 12 + 10);
    data[14] = 1; /* 64 KB */
    assert_int_equal(dtls_hello_add(&h, data, 29), DTLS_HELLO_OTHER);
    data[14] = 0;
    data[4] = 1; /* epoch 1 */
    assert_int_equal(dtls_hello_add(&h, data, 29), DTLS_HELLO_OTHER);
    assert_int_equal(dtls_hello_add(&h, data, 0), DTLS_HELLO_OTHER);
}

static void a_hello_after_the_handshake_ends_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(), *other = world_new();
    start(w);
    start(other);
    drain(other, &other->client, &other->server);
    struct link_packet hello;
    assert_true(link_take(&other->link, CLOCK_NEVER - 1, &hello));
    run(w, w->now + CLOCK_MS(100));
    assert_connected(w);
    deliver(w, &hello);
    assert_int_equal(w->server.dtls.state, DTLS_CONNECTED);
    w->server.box.len = 0;
    assert_true(dtls_write(&w->client.dtls, (const uint8_t *)"still", 5));
    run(w, w->now + CLOCK_MS(10));
    assert_memory_equal(w->server.heard, "still", 5);
    world_free(w);
    world_free(other);
}

static void waits_while_the_box_is_shut(void **state)
{
    (void)state;
    struct world *w = world_new();
    start(w);
    w->server.box.open = false;
    run(w, w->now + CLOCK_MS(200));
    assert_int_equal(w->server.sent, 0);
    w->server.box.open = true;
    run(w, w->now + CLOCK_S(4));
    assert_connected(w);
    world_free(w);
}

static void needs_a_whole_identity(void **state)
{
    (void)state;
    struct end *e = test_calloc(1, sizeof *e);
    end_init(e, 1, 1);
    dtls_free(&e->dtls);
    e->identity.cert_len--;
    assert_false(dtls_init(&e->dtls, &e->rng, &e->identity, &e->box, &e->hello));
    dtls_free(&e->dtls);
    e->identity.cert_len++;
    e->identity.key[10] ^= 1;
    e->identity.key_len = 20;
    assert_false(dtls_init(&e->dtls, &e->rng, &e->identity, &e->box, &e->hello));
    dtls_free(&e->dtls);
    test_free(e);
}

/* RFC 5758 section 3.2: the parameters of ecdsa-with-SHA256 are absent, not NULL. */
static void certificates_differ_and_name_their_algorithm_right(void **state)
{
    (void)state;
    static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                        0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    uint64_t seed = 9;
    struct peer_random random = {link_random, &seed};
    uint8_t last[32] = {0};
    for (int i = 0; i < 20; i++) {
        struct peer_identity id;
        unsigned found = 0;
        mbedtls_x509_crt cert;
        uint32_t flags;
        assert_int_equal(peer_identity_make(&id, &random), PEER_OK);
        assert_memory_not_equal(id.fingerprint, last, 32);
        memcpy(last, id.fingerprint, 32);
        for (size_t at = 0; at + sizeof algorithm <= id.cert_len; at++)
            found += memcmp(id.cert + at, algorithm, sizeof algorithm) == 0;
        assert_int_equal(found, 2);
        mbedtls_x509_crt_init(&cert);
        assert_int_equal(mbedtls_x509_crt_parse_der(&cert, id.cert, id.cert_len), 0);
        assert_int_equal(mbedtls_x509_crt_verify(&cert, &cert, NULL, NULL, &flags, NULL, NULL), 0);
        mbedtls_x509_crt_free(&cert);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects_and_carries_data),
        cmocka_unit_test(connects_over_a_bad_link),
        cmocka_unit_test(retransmits_with_doubling_and_gives_up),
        cmocka_unit_test(refuses_another_certificate),
        cmocka_unit_test(refuses_a_client_without_certificate),
        cmocka_unit_test(reads_fragmented_flights),
        cmocka_unit_test(reads_a_client_hello_in_fragments),
        cmocka_unit_test(fragments_make_no_hello_by_accident),
        cmocka_unit_test(a_hello_after_the_handshake_ends_nothing),
        cmocka_unit_test(waits_while_the_box_is_shut),
        cmocka_unit_test(needs_a_whole_identity),
        cmocka_unit_test(certificates_differ_and_name_their_algorithm_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
