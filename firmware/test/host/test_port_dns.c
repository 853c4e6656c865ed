/* A chip's look-ups, against name servers that the test plays. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bsd.h"
#include "check.h"
#include "dns_wire.h"
#include "mdns_wire.h"

#define HEADER 12

static uint64_t now;
static int servers[2] = {-1, -1};
static unsigned server_count, asked_of_the_lan;

uint64_t port_clock(void)
{
    return now;
}

void port_random(uint8_t *out, size_t len)
{
    static uint8_t next;
    memset(out, ++next, len);
}

void bsd_watch(int descriptor, bool room)
{
    (void)descriptor;
    (void)room;
}

socklen_t bsd_from_address(const struct port_address *address, struct sockaddr_storage *out)
{
    static const uint8_t group[] = {224, 0, 0, 251};
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    memcpy(&in4.sin_addr, address->ip, 4);
    if (memcmp(address->ip, group, sizeof group) == 0) {
        asked_of_the_lan++;
        in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* which nothing leaves */
    }
    memcpy(out, &in4, sizeof in4);
    return sizeof in4;
}

bool bsd_is_near(const struct port_address *address)
{
    static const uint8_t ours[] = {192, 168, 50};
    return memcmp(address->ip, ours, sizeof ours) == 0;
}

bool bsd_name_server(unsigned i, struct port_address *address)
{
    struct sockaddr_in here;
    socklen_t len = sizeof here;
    if (i >= server_count || getsockname(servers[i], (struct sockaddr *)&here, &len) != 0)
        return false;
    *address = (struct port_address){.family = 4, .ip = {127, 0, 0, 1}, .port = ntohs(here.sin_port)};
    return true;
}

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        servers[i] = socket(AF_INET, SOCK_DGRAM, 0);
        if (bind(servers[i], (struct sockaddr *)&here, sizeof here) != 0 ||
            fcntl(servers[i], F_SETFL, O_NONBLOCK) != 0)
            return -1;
    }
    server_count = 2;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    resolve_stop();
    close(servers[0]);
    close(servers[1]);
    return 0;
}

struct question {
    uint8_t data[512];
    ssize_t len;
    struct sockaddr_in from;
};

static bool was_asked(int server, struct question *q)
{
    socklen_t len = sizeof q->from;
    q->len = recvfrom(servers[server], q->data, sizeof q->data, 0, (struct sockaddr *)&q->from, &len);
    return q->len > 0;
}

/* Its question again, a CNAME, and these addresses. */
static void answer(int server, struct question *q, const uint8_t (*ip)[4], uint16_t count)
{
    static const uint8_t cname[] = {0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 5, 0, 4, 1, 'x', 0xC0, 12};
    static const uint8_t head[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4};
    size_t at = (size_t)q->len;
    q->data[2] = 0x81;
    q->data[3] = 0x80;
    q->data[7] = (uint8_t)(count + 1);
    memcpy(q->data + at, cname, sizeof cname);
    at += sizeof cname;
    for (int i = 0; i < count; i++, at += sizeof head + 4) {
        memcpy(q->data + at, head, sizeof head);
        memcpy(q->data + at + sizeof head, ip[i], 4);
    }
    (void)sendto(servers[server], q->data, at, 0, (struct sockaddr *)&q->from, sizeof q->from);
}

static void all_addresses_of_a_name_are_kept_ours_first(void **state)
{
    static const uint8_t ip[][4] = {{172, 17, 0, 1}, {192, 168, 50, 10}, {10, 8, 0, 6}};
    struct port_addresses found;
    struct question q;
    (void)state;
    assert_int_equal(resolve_start("gateway.example"), PORT_AGAIN);
    assert_int_equal(resolve_result(&found), PORT_AGAIN);
    assert_true(was_asked(0, &q));
    assert_memory_equal(q.data + HEADER, "\7gateway\7example\0\0\1\0\1", 21);
    answer(0, &q, ip, 3);
    assert_int_equal(resolve_result(&found), PORT_OK);
    assert_int_equal(found.count, 3);
    assert_memory_equal(found.at[0].ip, ip[1], 4);
    assert_memory_equal(found.at[1].ip, ip[0], 4);
    assert_memory_equal(found.at[2].ip, ip[2], 4);
}

static void another_server_is_asked_where_one_is_silent(void **state)
{
    static const uint8_t ip[][4] = {{192, 168, 50, 10}};
    struct port_addresses found;
    struct question q;
    (void)state;
    assert_int_equal(resolve_start("gateway.example"), PORT_AGAIN);
    assert_true(was_asked(0, &q));
    now += 1400000u;
    assert_int_equal(resolve_result(&found), PORT_AGAIN);
    assert_false(was_asked(1, &q));
    now += 200000u;
    assert_int_equal(resolve_result(&found), PORT_AGAIN);
    assert_true(was_asked(1, &q));
    now += 1600000u;
    assert_int_equal(resolve_result(&found), PORT_AGAIN); /* and round again */
    assert_true(was_asked(0, &q));
    answer(0, &q, ip, 1);
    assert_int_equal(resolve_result(&found), PORT_OK);
    assert_memory_equal(found.at[0].ip, ip[0], 4);
}

static void a_stranger_s_answer_is_not_taken(void **state)
{
    static const uint8_t ip[][4] = {{192, 168, 50, 10}}, other[][4] = {{6, 6, 6, 6}};
    struct port_addresses found;
    struct question q, forged;
    (void)state;
    assert_int_equal(resolve_start("gateway.example"), PORT_AGAIN);
    assert_true(was_asked(0, &q));
    forged = q;
    forged.data[0] ^= 1;
    answer(1, &forged, other, 1);
    assert_int_equal(resolve_result(&found), PORT_AGAIN);
    answer(0, &q, ip, 1);
    assert_int_equal(resolve_result(&found), PORT_OK);
    assert_memory_equal(found.at[0].ip, ip[0], 4);
}

static void a_name_without_an_address_is_none(void **state)
{
    struct port_addresses found;
    struct question q;
    (void)state;
    assert_int_equal(resolve_start("gateway.example"), PORT_AGAIN);
    assert_true(was_asked(0, &q));
    answer(0, &q, NULL, 0);
    assert_int_equal(resolve_result(&found), PORT_ERR_RESOLVE);
}

#define TRUNCATED 0x0200
#define SERVER_FAILURE 2
#define NAME_ERROR 3
#define REFUSED 5

/* Its question again, and these flags. */
static void decline(int server, struct question *q, uint16_t flags)
{
    q->data[2] = (uint8_t)(0x81 | flags >> 8);
    q->data[3] = (uint8_t)(0x80 | flags);
    (void)sendto(servers[server], q->data, (size_t)q->len, 0, (struct sockaddr *)&q->from, sizeof q->from);
}

static void another_server_is_asked_at_once_where_one_does_not_say(void **state)
{
    static const uint16_t flags[] = {SERVER_FAILURE, REFUSED, TRUNCATED};
    static const uint8_t ip[][4] = {{192, 168, 50, 10}};
    struct port_addresses found;
    struct question q;
    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        assert_int_equal(resolve_start("gateway.example"), PORT_AGAIN);
        assert_true(was_asked(0, &q));
        decline(0, &q, flags[i]);
        assert_int_equal(resolve_result(&found), PORT_AGAIN);
        assert_true(was_asked(1, &q));
        answer(1, &q, ip, 1);
        assert_int_equal(resolve_result(&found), PORT_OK);
        assert_memory_equal(found.at[0].ip, ip[0], 4);
    }
}

static void where_none_says_there_is_no_address(void **state)
{
    struct port_addresses found;
    struct question q;
    (void)state;
    assert_int_equal(resolve_start("gateway.example"), PORT_AGAIN);
    assert_true(was_asked(0, &q));
    decline(0, &q, SERVER_FAILURE);
    assert_int_equal(resolve_result(&found), PORT_AGAIN);
    assert_true(was_asked(1, &q));
    decline(1, &q, REFUSED);
    assert_int_equal(resolve_result(&found), PORT_ERR_RESOLVE);
    assert_false(was_asked(0, &q));
}

/* The first is asked twice before the other has said anything. */
static void one_that_is_silent_has_not_said_no(void **state)
{
    static const uint8_t ip[][4] = {{192, 168, 50, 10}};
    struct port_addresses found;
    struct question q;
    (void)state;
    assert_int_equal(resolve_start("gateway.example"), PORT_AGAIN);
    for (int round = 0; round < 2; round++) {
        assert_true(was_asked(0, &q));
        decline(0, &q, SERVER_FAILURE);
        assert_int_equal(resolve_result(&found), PORT_AGAIN);
        assert_true(was_asked(1, &q));
        now += 1600000u;
        assert_int_equal(resolve_result(&found), PORT_AGAIN);
    }
    assert_true(was_asked(0, &q));
    answer(0, &q, ip, 1);
    assert_int_equal(resolve_result(&found), PORT_OK);
}

static void that_there_is_no_such_name_is_believed(void **state)
{
    struct port_addresses found;
    struct question q;
    (void)state;
    assert_int_equal(resolve_start("gateway.example"), PORT_AGAIN);
    assert_true(was_asked(0, &q));
    decline(0, &q, NAME_ERROR);
    assert_int_equal(resolve_result(&found), PORT_ERR_RESOLVE);
    assert_false(was_asked(1, &q));
}

static void a_name_in_local_is_asked_of_the_lan(void **state)
{
    static const char *const names[] = {"gateway.local", "gateway.local.", "Gateway.Local", "GATEWAY.LOCAL."};
    struct question q;
    (void)state;
    asked_of_the_lan = 0;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(resolve_start(names[i]), PORT_AGAIN);
        assert_int_equal(asked_of_the_lan, i + 1);
        assert_false(was_asked(0, &q));
    }
    assert_int_equal(resolve_start("gateway.locals"), PORT_AGAIN);
    assert_true(was_asked(0, &q));
}

static void digits_need_nobody(void **state)
{
    static const uint8_t ip[] = {10, 1, 2, 3};
    struct port_addresses found;
    (void)state;
    server_count = 0;
    assert_int_equal(resolve_start("10.1.2.3"), PORT_AGAIN);
    assert_int_equal(resolve_result(&found), PORT_OK);
    assert_memory_equal(found.at[0].ip, ip, 4);
}

static void what_cannot_be_asked_is_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(resolve_start("a..b"), PORT_ERR_RESOLVE);
    server_count = 0;
    assert_int_equal(resolve_start("gateway.example"), PORT_ERR_RESOLVE);
}

/* The answer of a name server that field/dns.py plays was cut at each byte, and each was made each other. */
static void no_answer_is_read_beyond_its_end(void **state)
{
    static const uint8_t whole[] = {0, 7,    0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0,
                                    1, 0xC0, 12,   0,    1, 0, 1, 0, 0, 0, 5, 0, 4, 10,  0, 0, 1};
    struct port_addresses found;
    (void)state;
    assert_int_equal(dns_read_answer(whole, sizeof whole, 7, &found), PORT_OK);
    for (size_t len = 0; len < sizeof whole; len++) {
        uint8_t *cut = test_malloc(len + 1);
        memcpy(cut, whole, len);
        for (size_t i = 0; i < len; i++)
            for (int value = 0; value < 256; value += 5) {
                cut[i] = (uint8_t)value;
                (void)dns_read_answer(cut, len, 7, &found);
                cut[i] = whole[i];
            }
        assert_int_not_equal(dns_read_answer(cut, len, 7, &found), PORT_OK);
        test_free(cut);
    }
}

/* What a gateway beside Docker and libvirt sent, whose first address is Docker's. */
static void ours_is_first_in_an_answer_of_mdns_too(void **state)
{
    static const uint8_t ours[] = {192, 168, 50, 10};
    uint8_t message[512];
    FILE *file = fopen(CORPUS "/voice_mdns/docker0", "rb");
    struct port_addresses found = {0};
    struct mdns_reader r;
    struct mdns_record record;
    (void)state;
    assert_non_null(file);
    size_t len = fread(message, 1, sizeof message, file);
    (void)fclose(file);
    assert_true(mdns_read(&r, message, len));
    while (mdns_next(&r, &record)) {
        struct port_address address = {.family = 4};
        memcpy(address.ip, record.ip, 4);
        if (record.type == MDNS_A)
            addresses_add(&found, &address);
    }
    assert_int_equal(found.count, 3);
    assert_memory_equal(found.at[0].ip, ours, sizeof ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_addresses_of_a_name_are_kept_ours_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_server_is_asked_where_one_is_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stranger_s_answer_is_not_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_without_an_address_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_server_is_asked_at_once_where_one_does_not_say, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_none_says_there_is_no_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_silent_has_not_said_no, set_up, tear_down),
        cmocka_unit_test_setup_teardown(that_there_is_no_such_name_is_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_in_local_is_asked_of_the_lan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(digits_need_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_asked_is_told_at_once, set_up, tear_down),
        cmocka_unit_test(no_answer_is_read_beyond_its_end),
        cmocka_unit_test(ours_is_first_in_an_answer_of_mdns_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
