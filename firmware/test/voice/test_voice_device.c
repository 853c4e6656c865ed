/* The device as a whole, on a port in memory. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "device/device_state.h"
#include "tools.h"
#include "voice/fake.h"

#define MS(n) ((uint64_t)(n)*1000u)

static uint32_t events;

static void count(const struct voice_event *event)
{
    events += event->type == VOICE_STATE;
}

static int stop(void **state)
{
    (void)state;
    voice_stop();
    return 0;
}

static void boot(const char *gateway)
{
    fake_reset();
    events = 0;
    if (gateway != NULL)
        fake_kv_put("gateway", gateway);
    voice_start(count);
}

static void run_for(uint64_t us)
{
    for (uint64_t end = fake.now + us; fake.now < end;) {
        uint64_t next = voice_net_step();
        assert_true(next > fake.now - MS(1));
        fake.now = next > fake.now ? (next < end ? next : end) : fake.now + 1;
    }
}

static enum session_state state_now(void)
{
    return device_get()->session.state;
}

static void type(const char *line)
{
    fake_forget();
    fake.typed = line;
    (void)voice_net_step();
}

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
    voice_start(count);
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
    fake_serve("aaaaaaaa", "0.9", "192.0.2.7", 7860);
    fake_serve("cccccccc", "0.1", "192.0.2.9", 7860);
    run_until_it_has_called(4);
    assert_string_equal(fake.target_host, "192.0.2.7"); /* it comes back */
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
    boot("https://gateway.local");
    fake_kv_put("ca", "-----BEGIN CERTIFICATE-----\n");
    fake.connect_result = PORT_AGAIN;
    run_for(MS(300));
    assert_true(fake.target_tls && fake.target_has_ca && !fake.target_has_fingerprint);
    assert_int_equal(fake.target_port, 443);
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

static void the_watchdog_is_fed_by_both_tasks_and_only_by_them(void **state)
{
    (void)state;
    boot("http://127.0.0.1:1");
    uint32_t net = fake.fed[PORT_TASK_NET], audio = fake.fed[PORT_TASK_AUDIO];
    (void)voice_net_step();
    assert_int_equal(fake.fed[PORT_TASK_NET], net + 1);
    assert_int_equal(fake.fed[PORT_TASK_AUDIO], audio);
    voice_audio_capture();
    assert_int_equal(fake.fed[PORT_TASK_AUDIO], audio + 1);
}

static void audio_goes_on_without_a_call(void **state)
{
    (void)state;
    boot(NULL);
    for (int i = 0; i < 100; i++) {
        voice_audio_capture();
        while (!voice_audio_play())
            (void)voice_net_step();
        fake.now += MS(20);
    }
    assert_int_equal(fake.played, 100);
}

static void a_net_task_that_is_stuck_costs_sound_but_not_the_audio_task(void **state)
{
    (void)state;
    boot(NULL);
    for (int i = 0; i < 50; i++) {
        voice_audio_capture();
        while (!voice_audio_play())
            fake.now += MS(1);
        fake.now += MS(12);
    }
    assert_int_equal(fake.played, 50);
}

static void a_codec_chip_gets_the_volume_that_is_set(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("volume", "40");
    fake.has_codec = true;
    voice_start(count);
    assert_int_equal(fake.codec_volume, 40);
    type("do volume 55\n");
    assert_int_equal(fake.codec_volume, 55);
}

static void what_rings_is_heard_until_the_button_though_it_is_quieter(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("volume", "40");
    fake.has_codec = true;
    voice_start(count);
    run_for(MS(1000)); /* it rests in a state: one that ends a call ends what rings */
    type("do alert 60\n");
    assert_int_equal(fake.codec_volume, 60);
    type("do alert 101\n");
    assert_true(fake_printed("out_of_range"));
    type("do volume 80\n"); /* louder than it has to be */
    assert_int_equal(fake.codec_volume, 80);
    type("do volume 40\n");
    assert_int_equal(fake.codec_volume, 60);
    fake.button = true;
    run_for(MS(200));
    assert_int_equal(fake.codec_volume, 40);
    assert_true(fake_kv_is("volume", "40"));
}

static int64_t valve;

static const char *turn_valve(const struct voice_arguments *a, char *result, size_t cap)
{
    char unit[8];
    if (!voice_argument_integer(a, "at", 0, 90, &valve) || voice_argument_text(a, "unit", unit, sizeof unit))
        return "out_of_range";
    (void)snprintf(result, cap, "%d", (int)valve);
    return NULL;
}

static void a_board_has_tools_of_its_own_within_bounds(void **state)
{
    static const struct voice_tool tool = {.name = "valve", .description = "d", .run = turn_valve},
                                   no_tool = {0};
    (void)state;
    assert_false(voice_add_tool(&no_tool));
    assert_true(voice_add_tool(&tool));
    boot(NULL);
    type("do valve {\"at\":45}\n");
    assert_true(fake_printed("@ok"));
    assert_int_equal(valve, 45);
    type("do valve {\"at\":91}\n");
    assert_true(fake_printed("out_of_range"));
    type("do valves {}\n");
    assert_true(fake_printed("unknown_command"));
    for (size_t i = 1; i < VOICE_TOOLS_MAX; i++)
        assert_true(voice_add_tool(&tool));
    assert_false(voice_add_tool(&tool));
}

static void settings_keep_their_secrets(void **state)
{
    (void)state;
    boot(NULL);
    type("settings set key sesame\n");
    type("settings\n");
    assert_true(fake_printed("\"key\":\"***\""));
    type("settings get key\n");
    assert_false(fake_printed("sesame"));
    type("settings set key has space\n");
    assert_true(fake_printed("@err {\"error\":\"value_refused\""));
}

/* Whatever of it is broken: it boots, answers, is found, and calls its gateway, by which it can be mended. */
static void boots_all_the_same(const char *fault)
{
    char quoted[48];
    if (device_get()->codec_memory != NULL) /* of the test before */
        free(device_get()->codec_memory);
    device_get()->codec_memory = NULL;
    fake_kv_put("gateway", "http://127.0.0.1:1");
    voice_start(count);
    for (int i = 0; i < 10; i++) {
        voice_audio_capture();
        run_for(MS(20));
        while (!voice_audio_play())
            fake.now += MS(1);
    }
    (void)snprintf(quoted, sizeof quoted, "\"fault\":\"%s\"", fault);
    assert_non_null(strstr(fake.sent, quoted));
    type("state\n");
    assert_true(fake_printed(quoted));
    (void)snprintf(quoted, sizeof quoted, "fault=%s", fault);
    assert_true(strcmp(fake.announced[4], quoted) == 0 || strcmp(fake.announced[5], quoted) == 0);
    type("do tone 440\n");
    assert_true(fake_printed("@ok"));
}

static void without_sound_it_is_reached_all_the_same(void **state)
{
    static const struct {
        unsigned dead;
        bool no_memory;
        const char *fault;
    } cases[] = {{PORT_SPEAKER_WORKS | PORT_MICROPHONE_WORKS, false, "no_audio"},
                 {0, true, "no_audio"},
                 {PORT_SPEAKER_WORKS, false, "no_speaker"},
                 {PORT_MICROPHONE_WORKS, false, "no_microphone"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_reset();
        fake.dead = cases[i].dead;
        fake.no_memory = cases[i].no_memory;
        boots_all_the_same(cases[i].fault);
        run_for(MS(15000)); /* nobody answers the offer */
        assert_string_equal(fake.shown.detail, "signalling_timeout");
        assert_true(fake.captured > 0);
        voice_stop();
    }
}

static void a_fault_stands_on_the_display(void **state)
{
    (void)state;
    fake_reset();
    fake.dead = PORT_MICROPHONE_WORKS;
    voice_start(count);
    run_for(MS(100));
    assert_string_equal(fake.shown.detail, "no_microphone");
}

static void without_a_store_it_is_reached_all_the_same(void **state)
{
    (void)state;
    fake_reset();
    fake.kv_fails = true;
    voice_start(count);
    run_for(MS(100));
    assert_string_equal(fake.announced[4], "fault=no_store");
    type("settings set gateway http://127.0.0.1:1\n");
    assert_true(fake_printed("not_stored"));
    run_for(MS(500));
    assert_true(fake.streams_opened > 0); /* until the next start */
    assert_non_null(strstr(fake.sent, "\"fault\":\"no_store\""));
}

static void a_store_that_fails_is_told(void **state)
{
    (void)state;
    boot(NULL);
    fake.kv_fails = true;
    type("settings set volume 10\n");
    assert_true(fake_printed("not_stored"));
    assert_int_equal(settings_volume(&device_get()->settings), 10); /* until the next start */
    type("do volume 10\n");
    assert_true(fake_printed("not_stored"));
}

static void a_reboot_lets_its_answer_out_first(void **state)
{
    (void)state;
    boot(NULL);
    type("reboot\n");
    assert_true(fake_printed("@ok"));
    assert_false(fake.rebooted);
    run_for(MS(400));
    assert_true(fake.rebooted);
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

static void its_identity_is_made_once(void **state)
{
    struct peer_identity first;
    (void)state;
    boot(NULL);
    first = device_get()->identity;
    voice_stop();
    fake_restart();
    voice_start(NULL);
    assert_memory_equal(&first, &device_get()->identity, sizeof first);
}

static void the_crash_report_can_be_read_and_erased(void **state)
{
    (void)state;
    boot(NULL);
    fake.crash = "panic in \"x\"";
    type("crash\n");
    assert_true(fake_printed("panic in \\\"x\\\""));
    type("crash erase\n");
    assert_null(fake.crash);
}

static void identify_blinks_and_led_can_be_held(void **state)
{
    (void)state;
    boot(NULL);
    type("do led \"#102030\"\n");
    run_for(MS(200));
    assert_int_equal(fake.led[1], 0x20);
    type("do led \"red\"\n");
    assert_true(fake_printed("not_a_colour"));
    type("do identify\n");
    uint32_t bright = 0, dark = 0;
    for (int i = 0; i < 20; i++) {
        run_for(MS(100));
        bright += fake.led[0] == 80;
        dark += fake.led[0] == 0;
    }
    assert_true(bright >= 5 && dark >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(waits_for_wifi_settings_where_it_needs_them, stop),
        cmocka_unit_test_teardown(a_gateway_that_refuses_is_tried_again_at_growing_distance, stop),
        cmocka_unit_test_teardown(a_failure_that_repeats_is_written_once, stop),
        cmocka_unit_test_teardown(a_rejected_key_is_not_hammered, stop),
        cmocka_unit_test_teardown(each_kind_of_link_trouble_is_told, stop),
        cmocka_unit_test_teardown(a_link_that_goes_down_ends_what_was_going_on, stop),
        cmocka_unit_test_teardown(finds_a_gateway_and_calls_it, stop),
        cmocka_unit_test_teardown(a_gateway_that_refuses_is_not_the_only_one, stop),
        cmocka_unit_test_teardown(a_key_that_is_refused_is_no_reason_to_try_it_elsewhere, stop),
        cmocka_unit_test_teardown(nobody_on_the_lan_is_a_reason, stop),
        cmocka_unit_test_teardown(a_gateway_that_comes_back_is_called_at_once, stop),
        cmocka_unit_test_teardown(https_is_called_with_what_it_has_to_trust, stop),
        cmocka_unit_test_teardown(an_answer_that_peer_refuses_is_told, stop),
        cmocka_unit_test_teardown(the_offer_is_of_this_device, stop),
        cmocka_unit_test_teardown(the_watchdog_is_fed_by_both_tasks_and_only_by_them, stop),
        cmocka_unit_test_teardown(audio_goes_on_without_a_call, stop),
        cmocka_unit_test_teardown(a_net_task_that_is_stuck_costs_sound_but_not_the_audio_task, stop),
        cmocka_unit_test_teardown(a_codec_chip_gets_the_volume_that_is_set, stop),
        cmocka_unit_test_teardown(settings_keep_their_secrets, stop),
        cmocka_unit_test_teardown(without_sound_it_is_reached_all_the_same, stop),
        cmocka_unit_test_teardown(a_fault_stands_on_the_display, stop),
        cmocka_unit_test_teardown(without_a_store_it_is_reached_all_the_same, stop),
        cmocka_unit_test_teardown(a_store_that_fails_is_told, stop),
        cmocka_unit_test_teardown(a_reboot_lets_its_answer_out_first, stop),
        cmocka_unit_test_teardown(the_failure_survives_a_reboot, stop),
        cmocka_unit_test_teardown(its_identity_is_made_once, stop),
        cmocka_unit_test_teardown(the_crash_report_can_be_read_and_erased, stop),
        cmocka_unit_test_teardown(identify_blinks_and_led_can_be_held, stop),
        cmocka_unit_test_teardown(what_rings_is_heard_until_the_button_though_it_is_quieter, stop),
        cmocka_unit_test_teardown(a_board_has_tools_of_its_own_within_bounds, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
