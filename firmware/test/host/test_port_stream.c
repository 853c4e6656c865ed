/* The stream while a name is looked up: getaddrinfo() stands still for as long as the test wants, as it does
 * where a name server never answers. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "bsd.h"
#include "check.h"
#include "host.h"
#include "port_mdns.h"

#define NAME "gateway.example"

static uint64_t now;
static sem_t answers;
static atomic_int asked, answered;
static int expected; /* to be asked, in all tests so far */

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    if (strcmp(host, NAME) != 0 || (hints->ai_flags & AI_NUMERICHOST) != 0)
        return __real_getaddrinfo(host, service, hints, found);
    atomic_fetch_add(&asked, 1);
    while (sem_wait(&answers) != 0) {
    }
    int error = __real_getaddrinfo("127.0.0.1", service, hints, found);
    atomic_fetch_add(&answered, 1);
    return error;
}

/* ---- what the stream asks of the rest of the port ---- */

uint64_t port_clock(void)
{
    return now;
}

void port_random(uint8_t *out, size_t len)
{
    memset(out, 0, len);
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

/* ---- a gateway on each address of loopback ---- */

static int listener;
static struct port_stream_target target = {.host = NAME};

static int set_up(void **state)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t len = sizeof here;
    (void)state;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&here, len) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &len) != 0)
        return -1;
    target = (struct port_stream_target){.host = NAME, .port = ntohs(here.sin_port)};
    while (sem_trywait(&answers) == 0) {
    }
    return 0;
}

/* Each look-up of this test comes to its end. */
static int tear_down(void **state)
{
    (void)state;
    port_stream_close();
    for (int left = 1000; atomic_load(&answered) < expected && left > 0; left--) {
        (void)sem_post(&answers);
        (void)usleep(10000);
    }
    close(listener);
    return atomic_load(&answered) == expected ? 0 : -1;
}

static enum port_error open_by_name(void)
{
    enum port_error error = port_stream_open(&target);
    expected += error == PORT_AGAIN;
    return error;
}

static enum port_error step(void)
{
    size_t written;
    return port_stream_write(NULL, 0, &written);
}

static enum port_error run(void)
{
    enum port_error error = PORT_AGAIN;
    for (int left = 100; error == PORT_AGAIN && left > 0; left--) {
        port_net_wait(now + 100000u);
        error = step();
    }
    return error;
}

static void wait_until_all(const atomic_int *which)
{
    for (int left = 1000; atomic_load(which) < expected && left > 0; left--)
        (void)usleep(10000);
    assert_int_equal(atomic_load(which), expected);
}

static bool reached(const char *text)
{
    struct port_address peer;
    uint8_t ip[4];
    port_stream_peer(&peer);
    return inet_pton(AF_INET, text, ip) == 1 && peer.family == 4 && peer.port == target.port &&
           memcmp(peer.ip, ip, sizeof ip) == 0;
}

static void nothing_waits_for_a_name(void **state)
{
    (void)state;
    assert_int_equal(open_by_name(), PORT_AGAIN);
    wait_until_all(&asked);
    assert_int_equal(step(), PORT_AGAIN);
    (void)sem_post(&answers);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached("127.0.0.1"));
}

static void a_name_server_has_nine_seconds(void **state)
{
    (void)state;
    assert_int_equal(open_by_name(), PORT_AGAIN);
    now += 8900000u;
    assert_int_equal(step(), PORT_AGAIN);
    now += 200000u;
    assert_int_equal(step(), PORT_ERR_RESOLVE);
}

static void an_answer_after_the_close_is_not_heard(void **state)
{
    (void)state;
    assert_int_equal(open_by_name(), PORT_AGAIN);
    port_stream_close();
    target.host = "127.0.0.2";
    assert_int_equal(port_stream_open(&target), PORT_AGAIN);
    (void)sem_post(&answers);
    wait_until_all(&answered);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached("127.0.0.2"));
}

static void only_so_many_look_ups_hang(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(open_by_name(), PORT_AGAIN);
    assert_int_equal(open_by_name(), PORT_ERR_RESOLVE);
    (void)sem_post(&answers);
    enum port_error error = PORT_ERR_RESOLVE;
    for (int left = 1000; (error = open_by_name()) != PORT_AGAIN && left > 0; left--)
        (void)usleep(10000);
    assert_int_equal(error, PORT_AGAIN);
}

static void digits_need_no_name_server(void **state)
{
    (void)state;
    int before = atomic_load(&asked);
    target.host = "127.0.0.3";
    assert_int_equal(port_stream_open(&target), PORT_AGAIN);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached("127.0.0.3"));
    assert_int_equal(atomic_load(&asked), before);
}

/* ---- of several addresses ---- */

static struct port_address at(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct port_address){.family = 4, .ip = {a, b, c, d}};
}

/* One that listens there and nowhere else. */
static int listen_at(struct port_address address, int backlog)
{
    struct sockaddr_storage here;
    int on = 1, own = socket(AF_INET, SOCK_STREAM, 0);
    close(listener); /* which has the port on all addresses */
    address.port = target.port;
    socklen_t len = bsd_from_address(&address, &here);
    (void)setsockopt(own, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(own, (struct sockaddr *)&here, len), 0);
    assert_int_equal(listen(own, backlog), 0);
    return listener = own;
}

static void where_one_refuses_the_next_is_tried(void **state)
{
    const struct port_addresses where = {2, {at(127, 0, 0, 6), at(127, 0, 0, 5)}};
    (void)state;
    (void)listen_at(where.at[1], 8);
    target.addresses = &where;
    assert_int_equal(port_stream_open(&target), PORT_AGAIN);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached("127.0.0.5"));
}

static void it_goes_onwards_to_those_that_it_has_not_come_to(void **state)
{
    const struct port_addresses where = {2, {at(127, 0, 0, 6), at(127, 0, 0, 5)}};
    (void)state;
    target.addresses = &where;
    assert_int_equal(port_stream_open(&target), PORT_AGAIN);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached("127.0.0.6") && port_stream_has_more());
    port_stream_close();
    target.onwards = true;
    assert_int_equal(port_stream_open(&target), PORT_AGAIN);
    assert_int_equal(run(), PORT_OK);
    assert_true(reached("127.0.0.5") && !port_stream_has_more());
    assert_int_equal(port_stream_open(&target), PORT_ERR_UNREACHABLE);
}

static void at_none_is_unreachable(void **state)
{
    const struct port_addresses where = {2, {at(127, 0, 0, 6), at(127, 0, 0, 7)}};
    (void)state;
    (void)listen_at(at(127, 0, 0, 5), 8);
    target.addresses = &where;
    enum port_error error = port_stream_open(&target);
    assert_int_equal(error == PORT_AGAIN ? run() : error, PORT_ERR_UNREACHABLE);
}

/* A host that is off, or none: nothing comes back. Here it is one whose queue is full. */
static void where_one_is_silent_the_next_is_tried_after_two_seconds(void **state)
{
    const struct port_addresses where = {2, {at(127, 0, 0, 5), at(127, 0, 0, 6)}};
    int dead = listen_at(where.at[0], 0), callers[8];
    (void)state;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    int alive = listen_at(where.at[1], 8);
    struct sockaddr_storage there;
    struct port_address full = where.at[0];
    full.port = target.port;
    socklen_t len = bsd_from_address(&full, &there);
    for (int i = 0; i < 8; i++) {
        callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(callers[i], (struct sockaddr *)&there, len);
    }
    target.addresses = &where;
    assert_int_equal(port_stream_open(&target), PORT_AGAIN);
    assert_int_equal(step(), PORT_AGAIN);
    now += 2100000u;
    assert_int_equal(run(), PORT_OK);
    assert_true(reached("127.0.0.6"));
    for (int i = 0; i < 8; i++)
        close(callers[i]);
    close(dead);
    listener = alive;
}

static void those_of_our_subnet_come_first(void **state)
{
    struct port_addresses list = {0};
    const struct port_address given[] = {at(172, 17, 0, 1), at(192, 168, 122, 1), at(127, 0, 0, 9),
                                         at(172, 17, 0, 1), at(203, 0, 113, 1),   at(203, 0, 113, 2),
                                         at(127, 0, 0, 8)};
    static const uint8_t order[][4] = {{127, 0, 0, 9}, {127, 0, 0, 8}, {172, 17, 0, 1}, {192, 168, 122, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        addresses_add(&list, &given[i]);
    assert_int_equal(list.count, PORT_ADDRESSES);
    for (unsigned i = 0; i < list.count; i++)
        assert_memory_equal(list.at[i].ip, order[i], 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(where_one_refuses_the_next_is_tried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_goes_onwards_to_those_that_it_has_not_come_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_none_is_unreachable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_one_is_silent_the_next_is_tried_after_two_seconds, set_up,
                                        tear_down),
        cmocka_unit_test(those_of_our_subnet_come_first),
        cmocka_unit_test_setup_teardown(nothing_waits_for_a_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_server_has_nine_seconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_after_the_close_is_not_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_so_many_look_ups_hang, set_up, tear_down),
        cmocka_unit_test_setup_teardown(digits_need_no_name_server, set_up, tear_down),
    };
    return sem_init(&answers, 0, 0) != 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
