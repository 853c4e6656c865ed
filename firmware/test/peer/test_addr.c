#include "check.h"

#include "base/addr.h"

static void round_trips(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.0.0.0",         "192.168.1.255",       "::", "::1", "1::", "fe80::1", "2001:db8::1:0:0:1",
        "1:2:3:4:5:6:7:8", "2001:db8:0:1:1:1:1:1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct peer_address a = {.port = 1};
        char text[ADDR_TEXT_MAX];
        assert_true(peer_address_parse(&a, texts[i], 9));
        addr_format_ip(&a, text);
        assert_string_equal(text, texts[i]);
        assert_int_equal(a.port, 9);
    }
}

static void reads_an_embedded_quad(void **state)
{
    (void)state;
    struct peer_address a, b;
    assert_true(peer_address_parse(&a, "::ffff:10.0.0.1", 0));
    assert_true(peer_address_parse(&b, "::FFFF:a00:1", 0));
    assert_true(addr_equal(&a, &b));
}

static void refuses_what_is_no_address(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.",
        "a.b.c.d",
        "1..2.3",
        "00001.2.3.4",
        ":",
        ":::",
        "1:2",
        "1::2::3",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "12345::",
        "g::",
        "1:",
        ":1",
        "1:2:3:4:5:6:7:",
        "::1.2.3",
        "1:2:3:4:5:6:7:1.2.3.4",
        "fe80::1%eth0",
        "4a8f.local",
        "1111:2222:3333:4444:5555:6666:7777:8888:99999999999999",
        "::.1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct peer_address a = {.family = 9};
        assert_false(peer_address_parse(&a, texts[i], 0));
        assert_int_equal(a.family, 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(reads_an_embedded_quad),
        cmocka_unit_test(refuses_what_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
