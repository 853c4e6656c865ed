#include "call/discovery.h"
#include "check.h"
#include "voice/fake.h"

#define MS(n) ((uint64_t)(n)*1000u)
#define BEGAN MS(1000)

static struct discovery d;

static void start(const char *paired)
{
    fake_reset();
    memset(&d, 0, sizeof d);
    discovery_start(&d, BEGAN, paired);
}

static void the_least_loaded_of_those_that_answer_is_chosen(void **state)
{
    (void)state;
    start("");
    fake_serve("aa", "0.5", "10.0.0.1", 1);
    fake_serve("bb", "0.125", "10.0.0.2", 2);
    fake_serve("cc", "1.0", "10.0.0.3", 3);
    assert_null(discovery_step(&d, BEGAN + MS(100)));
    const struct discovery_gateway *g = discovery_step(&d, BEGAN + MS(400));
    assert_non_null(g);
    assert_string_equal(g->id, "bb");
}

static void the_paired_one_wins_at_once(void **state)
{
    (void)state;
    start("cc");
    fake_serve("aa", "0.0", "10.0.0.1", 1);
    fake_serve("cc", "0.9", "10.0.0.3", 3);
    assert_string_equal(discovery_step(&d, BEGAN + MS(1))->id, "cc");
}

/* Asked by somebody else, and not said again for a second. */
static void one_that_was_heard_of_just_before_is_found_at_once(void **state)
{
    (void)state;
    start("");
    fake_serve("cc", "0.9", "10.0.0.3", 3);
    assert_true(discovery_listen(&d, BEGAN + MS(5000)));
    assert_false(discovery_listen(&d, BEGAN + MS(5001)));
    discovery_start(&d, BEGAN + MS(6000), "cc");
    assert_string_equal(discovery_step(&d, BEGAN + MS(6000))->id, "cc");
}

static void one_that_was_heard_of_long_before_has_to_answer(void **state)
{
    (void)state;
    start("");
    fake_serve("cc", "0.9", "10.0.0.3", 3);
    assert_true(discovery_listen(&d, BEGAN + MS(5000)));
    discovery_start(&d, BEGAN + MS(6200), "cc");
    assert_null(discovery_step(&d, BEGAN + MS(9000)));
    fake_serve("cc", "0.9", "10.0.0.3", 3);
    assert_non_null(discovery_step(&d, BEGAN + MS(9001)));
}

static void another_will_do_if_the_paired_one_is_not_there(void **state)
{
    (void)state;
    start("cc");
    fake_serve("aa", "0.0", "10.0.0.1", 1);
    assert_null(discovery_step(&d, BEGAN + MS(2000)));
    assert_string_equal(discovery_step(&d, BEGAN + MS(2500))->id, "aa");
}

static void a_refusal_is_of_one_address_and_not_of_an_id(void **state)
{
    (void)state;
    start("cc");
    fake_serve("cc", "0.1", "10.0.0.1", 1);
    fake_serve("cc", "0.9", "10.0.0.2", 1);
    const struct discovery_gateway *g = discovery_step(&d, BEGAN + MS(1));
    assert_int_equal(g->addresses.at[0].ip[3], 1);
    discovery_refuse(&d, "cc", &g->addresses.at[0]);
    fake_serve("cc", "0.1", "10.0.0.1", 1); /* news of it is no news of that */
    fake_serve("aa", "0.0", "10.0.0.3", 1);
    discovery_go_on(&d, BEGAN + MS(2));
    g = discovery_step(&d, BEGAN + MS(3));
    assert_int_equal(g->addresses.at[0].ip[3], 2);
    discovery_refuse(&d, "cc", &g->addresses.at[0]);
    assert_true(discovery_has_other(&d));
    assert_null(discovery_step(&d, BEGAN + MS(4)));
    assert_string_equal(discovery_step(&d, BEGAN + MS(402))->id, "aa");
}

static void it_asks_again_and_ever_more_rarely(void **state)
{
    (void)state;
    start("");
    for (uint64_t now = BEGAN; now <= BEGAN + MS(5000); now += MS(50))
        assert_null(discovery_step(&d, now));
    assert_int_equal(fake.browses, 4); /* at 0, 0.5, 1.5 and 3.5 s */
}

static void news_of_a_gateway_replaces_what_was_known(void **state)
{
    (void)state;
    start("");
    fake_serve("aa", "0.1", "10.0.0.1", 1);
    fake_serve("bb", "0.2", "10.0.0.2", 2);
    fake_serve("aa", "0.9", "10.0.0.1", 1);
    assert_string_equal(discovery_step(&d, BEGAN + MS(500))->id, "bb");
}

static void what_is_no_gateway_of_our_kind_is_passed_over(void **state)
{
    static const char *const txt[][3] = {
        {"v=2", "id=aa", "path=/x"},   {"v=1", "id=", "path=/x"},
        {"v=1", "id=aa", "path=x"},    {"v=1", "id=0123456789abcdefX", "path=/x"},
        {"v=1", "id=aa", "path=/x y"}, {"id=aa", "path=/x", ""}};
    struct discovery_gateway gateway;
    (void)state;
    for (size_t i = 0; i < sizeof txt / sizeof txt[0]; i++) {
        struct port_service service = {.addresses = {1, {{.family = 4, .port = 1}}}};
        for (int j = 0; j < 3; j++)
            strcpy(service.txt[j], txt[i][j]);
        assert_false(discovery_read(&gateway, &service));
    }
    struct port_service nowhere = {.txt = {"v=1", "id=aa", "path=/x"}, .addresses = {1, {{.family = 4}}}};
    assert_false(discovery_read(&gateway, &nowhere));
    nowhere.addresses.at[0].port = 1;
    assert_true(discovery_read(&gateway, &nowhere));
}

static void more_gateways_than_there_is_room_for_do_no_harm(void **state)
{
    char id[4] = "a0";
    (void)state;
    start("");
    for (int round = 0; round < 3; round++) {
        fake.service_count = fake.service_at = 0;
        for (int i = 0; i < 8; i++) {
            id[1] = (char)('0' + i + round);
            fake_serve(id, "0.5", "10.0.0.1", 1);
        }
        (void)discovery_step(&d, BEGAN + MS(10));
    }
    assert_int_equal(d.count, DISCOVERY_GATEWAYS);
    fake.service_count = fake.service_at = 0;
    fake_serve("new", "0.1", "10.0.0.2", 1); /* and later on what is old makes room */
    assert_true(discovery_listen(&d, BEGAN + MS(5000)));
    discovery_start(&d, BEGAN + MS(5000), "new");
    assert_string_equal(discovery_step(&d, BEGAN + MS(5000))->id, "new");
}

static void the_paired_one_has_its_place_among_however_many(void **state)
{
    char id[3] = "a0";
    (void)state;
    start("cc");
    for (; id[1] < '7'; id[1]++)
        fake_serve(id, "0.0", "10.0.0.1", 1);
    fake_serve("cc", "0.9", "10.0.0.9", 1);
    const struct discovery_gateway *g = discovery_step(&d, BEGAN + MS(10));
    assert_non_null(g);
    assert_string_equal(g->id, "cc");
}

static void the_url_is_made_of_the_address(void **state)
{
    struct http_url url;
    struct discovery_gateway g = {.addresses = {1, {{.family = 4, .ip = {192, 168, 1, 20}, .port = 7860}}},
                                  .path = "/api/offer",
                                  .tls = true};
    (void)state;
    assert_true(discovery_url(&g, &url));
    assert_string_equal(url.host, "192.168.1.20");
    assert_true(url.tls);
    strcpy(g.path, "/a\r\nX: y");
    assert_false(discovery_url(&g, &url));
}

static void the_lan_is_told_the_state_and_the_reason(void **state)
{
    (void)state;
    fake_reset();
    struct discovery_self self = {.name = "kitchen",
                                  .id = "id0",
                                  .board = "c3",
                                  .version = "1.0",
                                  .state = "backoff",
                                  .reason = "key_rejected",
                                  .fault = ""};
    discovery_announce(&self);
    assert_string_equal(fake.announced_name, "kitchen");
    assert_string_equal(fake.announced[3], "state=backoff");
    assert_string_equal(fake.announced[4], "reason=key_rejected");
    self.state = "live";
    self.reason = "none";
    discovery_announce(&self);
    assert_string_equal(fake.announced[4], "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_loaded_of_those_that_answer_is_chosen),
        cmocka_unit_test(the_paired_one_wins_at_once),
        cmocka_unit_test(one_that_was_heard_of_just_before_is_found_at_once),
        cmocka_unit_test(one_that_was_heard_of_long_before_has_to_answer),
        cmocka_unit_test(another_will_do_if_the_paired_one_is_not_there),
        cmocka_unit_test(a_refusal_is_of_one_address_and_not_of_an_id),
        cmocka_unit_test(it_asks_again_and_ever_more_rarely),
        cmocka_unit_test(news_of_a_gateway_replaces_what_was_known),
        cmocka_unit_test(what_is_no_gateway_of_our_kind_is_passed_over),
        cmocka_unit_test(more_gateways_than_there_is_room_for_do_no_harm),
        cmocka_unit_test(the_paired_one_has_its_place_among_however_many),
        cmocka_unit_test(the_url_is_made_of_the_address),
        cmocka_unit_test(the_lan_is_told_the_state_and_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
