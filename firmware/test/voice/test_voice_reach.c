/* How the device as a whole gets to its gateway, and what it does where it does not. */
#include "voice/test_voice_whole.h"

static void waits_for_wifi_settings_where_it_needs_them(void **state)
{
    (void)state;
    fake_reset();
    fake.needs_ssid = true;
    voice_start(NULL);
    run_for(MS(60000));
    assert_int_equal(state_now(), SESSION_PROVISIONING);
    type("settings set ssid home \n");
    assert_true(fake_printed("@ok {}"));
    assert_string_equal(device_get()->settings.ssid, "home "); /* there are networks whose names end so */
    run_for(MS(200));
    assert_true(state_now() != SESSION_PROVISIONING);
    type("settings erase all\n");
    run_for(MS(200));
    assert_int_equal(state_now(), SESSION_PROVISIONING);
}

/* Firmware of before took any, over Improv. */
static void a_stored_password_that_no_network_has_is_told(void **state)
{
    (void)state;
    fake_reset();
    fake.needs_ssid = true;
    fake.link = PORT_LINK_JOINING;
    fake_kv_put("ssid", "home");
    fake_kv_put("password", "1234567");
    voice_start(NULL);
    run_for(MS(500));
    assert_true(fake_kv_is("last_failure", "wifi_refused"));
    assert_int_equal(fake.joins, 0);
    type("settings set password 12345678\n");
    assert_int_equal(state_now(), SESSION_NETWORK);
    assert_int_equal(fake.joins, 1);
}

static void a_gateway_that_refuses_is_tried_again_at_growing_distance(void **state)
{
    (void)state;
    boot("http://127.0.0.1:1");
    fake.connect_result = PORT_ERR_UNREACHABLE;
    run_for(MS(60000));
    assert_in_range(fake.streams_opened, 25, 70); /* 0.25 s at first, 2 s at most */
    assert_true(fake_kv_is("last_failure", "unreachable"));
    assert_string_equal(fake.announced[4], "reason=unreachable");
}

static void a_failure_that_repeats_is_written_once(void **state)
{
    (void)state;
    boot("http://127.0.0.1:1");
    fake.connect_result = PORT_ERR_UNREACHABLE;
    uint32_t before = fake.kv_writes;
    run_for(MS(30000));
    assert_int_equal(fake.kv_writes, before + 1);
}

static void a_rejected_key_is_not_hammered(void **state)
{
    (void)state;
    boot("http://127.0.0.1:1");
    fake_reply("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    run_for(MS(300000));
    assert_in_range(fake.streams_opened, 5, 14);
    assert_true(fake_kv_is("last_failure", "key_rejected"));
}

static void each_kind_of_link_trouble_is_told(void **state)
{
    static const struct {
        enum port_link link;
        const char *reason;
    } cases[] = {{PORT_LINK_NO_NETWORK, "no_wifi"},
                 {PORT_LINK_REFUSED, "wifi_refused"},
                 {PORT_LINK_NO_ADDRESS, "no_address"}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        boot("http://127.0.0.1:1");
        fake.link = cases[i].link;
        run_for(MS(500));
        assert_int_equal(state_now(), SESSION_BACKOFF);
        assert_true(fake_kv_is("last_failure", cases[i].reason));
    }
}

static void a_link_that_goes_down_ends_what_was_going_on(void **state)
{
    (void)state;
    boot("http://127.0.0.1:1");
    fake.connect_result = PORT_AGAIN;
    run_for(MS(500));
    assert_int_equal(state_now(), SESSION_SIGNALLING);
    fake.link = PORT_LINK_JOINING;
    run_for(MS(200));
    assert_int_equal(state_now(), SESSION_NETWORK);
    assert_false(fake.stream_open);
    assert_true(fake_kv_is("last_failure", "link_lost"));
}

static void finds_a_gateway_and_calls_it(void **state)
{
    (void)state;
    boot(NULL);
    fake.connect_result = PORT_AGAIN;
    fake_serve("0123abcd", "0.0", "192.0.2.7", 7860);
    run_for(MS(800));
    assert_int_equal(state_now(), SESSION_SIGNALLING);
    assert_string_equal(fake.target_host, "192.0.2.7");
    assert_int_equal(fake.target_port, 7860);
}

#define BUSY "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 15\r\n\r\n{\"code\":\"busy\"}"
#define UNKNOWN "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"

static void run_until_it_has_called(uint32_t times)
{
    for (int left = 1000; fake.streams_opened < times && left > 0; left--)
        run_for(MS(10));
    assert_int_equal(fake.streams_opened, times);
}

static void a_gateway_that_refuses_is_not_the_only_one(void **state)
{
    (void)state;
    boot(NULL);
    fake_kv_put("gateway_id", "aaaaaaaa");
    voice_start(NULL);
    fake_serve("aaaaaaaa", "0.9", "192.0.2.7", 7860);
    fake_serve("bbbbbbbb", "0.5", "192.0.2.8", 7860);
    fake_serve("cccccccc", "0.1", "192.0.2.9", 7860);
    fake_reply(BUSY);
    run_until_it_has_called(1);
    assert_string_equal(fake.target_host, "192.0.2.7");
    run_until_it_has_called(2);
    assert_string_equal(fake.target_host, "192.0.2.9"); /* the least loaded of the others */
    fake_reply(UNKNOWN);
    run_until_it_has_called(3);
    assert_string_equal(fake.target_host, "192.0.2.8");
    assert_int_equal(device_get()->session.attempts, 0);
    while (state_now() != SESSION_BACKOFF)
        run_for(MS(10));
    assert_true(fake_kv_is("last_failure", "gateway_busy")); /* its own gateway's, not theirs */
    assert_in_range(device_get()->session.deadline - fake.now, MS(6900), MS(8100));
    assert_true(fake_kv_is("gateway_id", "aaaaaaaa"));
    while (state_now() == SESSION_BACKOFF)
        run_for(MS(10));
    fake_serve("aaaaaaaa", "0.9", "192.0.2.7", 7860);
    fake_serve("cccccccc", "0.1", "192.0.2.9", 7860);
    run_until_it_has_called(4);
    assert_string_equal(fake.target_host, "192.0.2.7"); /* it comes back */
}

/* Whoever is announced answers, but not again for a second (RFC 6762 section 6). */
static void run_on_lan(uint64_t us, uint32_t calls[2])
{
    static uint64_t answered;
    answered = answered < fake.now ? answered : 0;
    for (uint64_t end = fake.now + us; fake.now < end;) {
        uint32_t asked = fake.browses, opened = fake.streams_opened;
        run_for(MS(10));
        if (fake.browses != asked && fake.now >= answered + MS(1000)) {
            fake.service_at = 0;
            answered = fake.now;
        }
        if (fake.streams_opened != opened)
            calls[strcmp(fake.target_host, "192.0.2.7") == 0 ? 0 : 1]++;
    }
}

static void boot_on_lan(const char *paired, enum port_error trouble)
{
    boot(NULL);
    fake_kv_put("gateway_id", paired);
    voice_start(NULL);
    fake_serve("aaaaaaaa", "0.1", "192.0.2.7", 7860);
    fake_serve("bbbbbbbb", "0.5", "192.0.2.8", 7860);
    fake.odd = "192.0.2.7";
    fake.odd_result = trouble;
}

static void one_that_cannot_take_it_keeps_it_from_no_other(void **state)
{
    static const struct {
        enum port_error trouble;
        const char *reply;
    } cases[] = {{PORT_ERR_UNREACHABLE, BUSY},
                 {PORT_AGAIN, BUSY},
                 {PORT_ERR_TLS, BUSY},
                 {PORT_ERR_TLS_PIN, BUSY},
                 {PORT_OK, "HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"},
                 {PORT_OK, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"},
                 {PORT_OK, "SSH-2.0\r\n"}};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        uint32_t calls[2] = {0};
        boot_on_lan(i % 2 == 0 ? "aaaaaaaa" : "", cases[i / 2].trouble);
        fake_reply(cases[i / 2].reply);
        run_on_lan(MS(60000), calls);
        assert_true(calls[1] > 0);
        assert_in_range(calls[0], calls[1], 70); /* its own first, each time */
        voice_stop();
    }
}

static void one_in_connecting_that_comes_to_nothing_keeps_it_from_no_other(void **state)
{
    uint32_t calls[2] = {0};
    (void)state;
    boot_on_lan("aaaaaaaa", PORT_AGAIN);
    run_on_lan(MS(500), calls);
    (void)session_handle(&device_get()->session, fake.now, SESSION_ANSWERED, REASON_NONE, 0);
    run_on_lan(MS(11000), calls);
    assert_int_equal(calls[0], 1);
    assert_int_equal(calls[1], 1);
}

static void its_own_is_the_first_once_it_can_be_reached_again(void **state)
{
    uint32_t calls[2] = {0};
    (void)state;
    boot_on_lan("aaaaaaaa", PORT_ERR_UNREACHABLE);
    fake_reply(BUSY);
    run_on_lan(MS(30000), calls);
    assert_true(fake_kv_is("last_failure", "unreachable")); /* its own's, and no 7 s */
    assert_in_range(calls[1], 8, 20);
    fake.odd = NULL;
    fake.connect_result = PORT_AGAIN;
    while (state_now() != SESSION_BACKOFF)
        run_on_lan(MS(10), calls);
    calls[0] = calls[1] = 0;
    run_on_lan(MS(2200), calls);
    assert_int_equal(calls[0], 1);
    assert_int_equal(calls[1], 0);
}

static void one_that_is_alone_is_tried_again_as_soon_as_ever(void **state)
{
    uint32_t calls[2] = {0};
    (void)state;
    boot_on_lan("aaaaaaaa", PORT_ERR_UNREACHABLE);
    fake.service_count = 1;
    run_on_lan(MS(60000), calls);
    assert_in_range(calls[0], 35, 70); /* 0.25 s at first, 2 s at most, and no wait for others */
}

static void a_gateway_has_more_than_one_front(void **state)
{
    uint32_t calls[2] = {0};
    (void)state;
    boot_on_lan("aaaaaaaa", PORT_OK);
    strcpy(fake.services[1].txt[1], "id=aaaaaaaa");
    fake_serve("cccccccc", "0.0", "192.0.2.9", 7860);
    fake_reply(BUSY);
    run_until_it_has_called(1);
    assert_string_equal(fake.target_host, "192.0.2.7");
    run_until_it_has_called(2);
    assert_string_equal(fake.target_host, "192.0.2.8"); /* its own's, before another gateway's */
    run_until_it_has_called(3);
    assert_string_equal(fake.target_host, "192.0.2.9");
    run_on_lan(MS(3000), calls);
    assert_int_equal(calls[0] + calls[1], 0);
}

/* A stranger beside it says nothing of the gateway: what that says counts. */
static void who_is_not_its_gateway_is_not_what_it_comes_back_for(void **state)
{
    (void)state;
    boot_on_lan("aaaaaaaa", PORT_ERR_TLS_PIN);
    strcpy(fake.services[1].txt[1], "id=aaaaaaaa");
    fake_reply(BUSY);
    run_until_it_has_called(2);
    assert_string_equal(fake.target_host, "192.0.2.8");
    while (state_now() != SESSION_BACKOFF)
        run_for(MS(10));
    assert_true(fake_kv_is("last_failure", "gateway_busy"));
}

static void a_name_has_more_than_one_front(void **state)
{
    (void)state;
    boot("http://gateway.example");
    fake.more = 1;
    fake_reply(BUSY);
    run_until_it_has_called(1);
    assert_false(fake.target_onwards);
    run_until_it_has_called(2);
    assert_true(fake.target_onwards);
    assert_string_equal(fake.target_host, "gateway.example");
    while (state_now() != SESSION_BACKOFF)
        run_for(MS(10));
    assert_int_equal(device_get()->session.attempts, 1);
    assert_in_range(device_get()->session.deadline - fake.now, MS(6900), MS(8100));
    run_until_it_has_called(3);
    assert_false(fake.target_onwards); /* it is looked up anew */
    assert_int_equal(fake.browses, 0); /* and not left for another */
}

static void a_stranger_at_one_of_its_addresses_keeps_it_from_no_other(void **state)
{
    (void)state;
    boot_on_lan("aaaaaaaa", PORT_ERR_TLS_PIN);
    fake.more = 1;
    run_until_it_has_called(2);
    assert_string_equal(fake.target_host, "192.0.2.7");
    assert_true(fake.target_onwards);
    run_until_it_has_called(3);
    assert_string_equal(fake.target_host, "192.0.2.8");
    assert_false(fake.target_onwards);
}

static void a_key_that_is_refused_is_no_reason_to_try_it_elsewhere(void **state)
{
    (void)state;
    boot(NULL);
    fake_serve("aaaaaaaa", "0.1", "192.0.2.7", 7860);
    fake_serve("bbbbbbbb", "0.5", "192.0.2.8", 7860);
    fake_reply(UNKNOWN);
    run_until_it_has_called(1);
    while (state_now() != SESSION_BACKOFF)
        run_for(MS(10));
    assert_int_equal(fake.streams_opened, 1);
    assert_true(fake_kv_is("last_failure", "key_rejected"));
}

static void nobody_on_the_lan_is_a_reason(void **state)
{
    (void)state;
    boot(NULL);
    run_for(MS(5300));
    assert_int_equal(device_get()->session.attempts, 1);
    assert_true(fake_kv_is("last_failure", "no_gateway"));
}

static void a_gateway_that_comes_back_is_called_at_once(void **state)
{
    (void)state;
    boot(NULL);
    fake.connect_result = PORT_AGAIN;
    while (state_now() != SESSION_BACKOFF)
        run_for(MS(10));
    fake_serve("0123abcd", "0.0", "192.0.2.7", 7860);
    run_for(MS(110));
    assert_true(state_now() != SESSION_BACKOFF);
}

static void https_is_called_with_what_it_has_to_trust(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("gateway", "https://gateway.local");
    fake_kv_put("ca", "-----BEGIN CERTIFICATE-----\n");
    voice_start(NULL);
    fake.connect_result = PORT_AGAIN;
    run_for(MS(300));
    assert_true(fake.target_tls && fake.target_has_ca && !fake.target_has_fingerprint);
    assert_int_equal(fake.target_port, 443);
}

static void without_a_store_a_ca_holds_until_the_next_start(void **state)
{
    (void)state;
    boot("https://gateway.local");
    fake.connect_result = PORT_AGAIN;
    fake.kv_fails = true;
    type("settings set ca -----BEGIN CERTIFICATE-----\\nMIIB\\n\n");
    assert_true(fake_printed("not_stored"));
    run_for(MS(300));
    assert_true(fake.target_has_ca);
    type("settings set ca no certificate\n");
    assert_true(fake_printed("value_refused"));
    type("reconnect\n");
    run_for(MS(300));
    assert_true(fake.target_has_ca);
    type("settings erase ca\n");
    assert_true(fake_printed("not_stored"));
    run_for(MS(300));
    assert_false(fake.target_has_ca);
}

static void an_answer_that_peer_refuses_is_told(void **state)
{
    (void)state;
    boot("http://127.0.0.1:1");
    fake_reply("HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"}");
    run_for(MS(500));
    assert_true(fake_kv_is("last_failure", "answer_unusable") ||
                fake_kv_is("last_failure", "answer_malformed"));
    assert_false(fake.udp_open);
}

static void the_offer_is_of_this_device(void **state)
{
    (void)state;
    boot("http://127.0.0.1:1");
    run_for(MS(300));
    assert_non_null(strstr(fake.sent, "\"id\":\"0123456789ab\""));
    assert_non_null(strstr(fake.sent, "\"reset_reason\":\"power_on\""));
    assert_non_null(strstr(fake.sent, "m=audio"));
    assert_true(fake.udp_open);
}

static void the_failure_survives_a_reboot(void **state)
{
    (void)state;
    boot("http://127.0.0.1:1");
    fake.connect_result = PORT_ERR_UNREACHABLE;
    run_for(MS(300));
    voice_stop();
    fake_restart();
    voice_start(NULL);
    run_for(MS(300));
    assert_non_null(strstr(fake.sent, "\"last_failure\":\"unreachable\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(waits_for_wifi_settings_where_it_needs_them, stop),
        cmocka_unit_test_teardown(a_stored_password_that_no_network_has_is_told, stop),
        cmocka_unit_test_teardown(a_gateway_that_refuses_is_tried_again_at_growing_distance, stop),
        cmocka_unit_test_teardown(a_failure_that_repeats_is_written_once, stop),
        cmocka_unit_test_teardown(a_rejected_key_is_not_hammered, stop),
        cmocka_unit_test_teardown(each_kind_of_link_trouble_is_told, stop),
        cmocka_unit_test_teardown(a_link_that_goes_down_ends_what_was_going_on, stop),
        cmocka_unit_test_teardown(finds_a_gateway_and_calls_it, stop),
        cmocka_unit_test_teardown(a_gateway_that_refuses_is_not_the_only_one, stop),
        cmocka_unit_test(one_that_cannot_take_it_keeps_it_from_no_other),
        cmocka_unit_test_teardown(one_in_connecting_that_comes_to_nothing_keeps_it_from_no_other, stop),
        cmocka_unit_test_teardown(its_own_is_the_first_once_it_can_be_reached_again, stop),
        cmocka_unit_test_teardown(one_that_is_alone_is_tried_again_as_soon_as_ever, stop),
        cmocka_unit_test_teardown(a_gateway_has_more_than_one_front, stop),
        cmocka_unit_test_teardown(who_is_not_its_gateway_is_not_what_it_comes_back_for, stop),
        cmocka_unit_test_teardown(a_name_has_more_than_one_front, stop),
        cmocka_unit_test_teardown(a_stranger_at_one_of_its_addresses_keeps_it_from_no_other, stop),
        cmocka_unit_test_teardown(a_key_that_is_refused_is_no_reason_to_try_it_elsewhere, stop),
        cmocka_unit_test_teardown(nobody_on_the_lan_is_a_reason, stop),
        cmocka_unit_test_teardown(a_gateway_that_comes_back_is_called_at_once, stop),
        cmocka_unit_test_teardown(https_is_called_with_what_it_has_to_trust, stop),
        cmocka_unit_test_teardown(without_a_store_a_ca_holds_until_the_next_start, stop),
        cmocka_unit_test_teardown(an_answer_that_peer_refuses_is_told, stop),
        cmocka_unit_test_teardown(the_offer_is_of_this_device, stop),
        cmocka_unit_test_teardown(the_failure_survives_a_reboot, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
