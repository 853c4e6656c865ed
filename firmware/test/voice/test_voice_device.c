/* The device as a whole: its tasks, its parts and what of them is broken, what it keeps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_talk.h"
#include "device/light.h"
#include "tools.h"
#include "voice/test_voice_whole.h"

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
    voice_start(NULL);
    assert_int_equal(fake.codec_volume, 40);
    type("do volume 55\n");
    assert_int_equal(fake.codec_volume, 55);
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
    voice_start(NULL);
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
    voice_start(NULL);
    run_for(MS(100));
    assert_string_equal(fake.shown.detail, "no_microphone");
}

static void tell_of_the_bot(const char *bot_state)
{
    char message[128];
    (void)snprintf(message, sizeof message,
                   "{\"label\":\"rtvi-ai\",\"type\":\"server-message\",\"data\":{\"type\":\"device-bot\","
                   "\"state\":\"%s\"}}",
                   bot_state);
    (void)device_take_message(device_get(), fake.now, (const uint8_t *)message, strlen(message), true);
}

static bool is_lit(uint64_t at)
{
    light_show(device_get(), at);
    return fake.led[1] > 0;
}

static void a_bot_that_is_not_there_yet_is_waited_for(void **state)
{
    (void)state;
    boot(NULL);
    device_get()->session.state = SESSION_LIVE;
    tell_of_the_bot("starting");
    assert_string_equal(fake.shown.state, "One moment");
    assert_true(is_lit(0) && !is_lit(MS(500)));
    tell_of_the_bot("ready");
    assert_string_equal(fake.shown.state, "Listening");
    assert_true(is_lit(0) && is_lit(MS(500)));
}

static void without_a_store_it_is_reached_all_the_same(void **state)
{
    (void)state;
    fake_reset();
    fake.kv_fails = true;
    voice_start(NULL);
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

static void an_identity_that_is_no_longer_whole_is_made_anew(void **state)
{
    struct peer_identity kept, again;
    size_t len;
    const size_t spoilt[] = {
        offsetof(struct peer_identity, key) + 3, offsetof(struct peer_identity, cert) + 60,
        offsetof(struct peer_identity, key_len), offsetof(struct peer_identity, cert_len),
        offsetof(struct peer_identity, fingerprint)};
    (void)state;
    boot(NULL);
    for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        kept = device_get()->identity;
        ((uint8_t *)&kept)[spoilt[i]] ^= 0x55;
        assert_int_equal(port_kv_set("identity", (const uint8_t *)&kept, sizeof kept), PORT_OK);
        voice_stop();
        fake_restart();
        voice_start(NULL);
        assert_true(call_takes(&device_get()->call, &device_get()->identity));
        assert_memory_not_equal(&kept, &device_get()->identity, sizeof kept);
        assert_int_equal(port_kv_get("identity", (uint8_t *)&again, sizeof again, &len), PORT_OK);
        assert_memory_equal(&again, &device_get()->identity, sizeof again);
    }
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

static void what_rings_is_heard_until_the_button_though_it_is_quieter(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("volume", "40");
    fake.has_codec = true;
    voice_start(NULL);
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

static void what_is_typed_after_do_is_taken_as_it_is(void **state)
{
    char line[200] = "do show \"a  b ";
    (void)state;
    boot(NULL);
    fake.facts.has_display = true;
    memset(line + strlen(line), 'c', 150);
    strcat(line, "\"\n");
    type(line);
    assert_true(fake_printed("@ok {}"));
    assert_memory_equal(fake.shown.text[PORT_SPEAKER_BOT], "a  b ccc", 8);
    type("do tone 440 441\n");
    assert_true(fake_printed("not_json"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_watchdog_is_fed_by_both_tasks_and_only_by_them, stop),
        cmocka_unit_test_teardown(audio_goes_on_without_a_call, stop),
        cmocka_unit_test_teardown(a_net_task_that_is_stuck_costs_sound_but_not_the_audio_task, stop),
        cmocka_unit_test_teardown(a_codec_chip_gets_the_volume_that_is_set, stop),
        cmocka_unit_test_teardown(settings_keep_their_secrets, stop),
        cmocka_unit_test_teardown(without_sound_it_is_reached_all_the_same, stop),
        cmocka_unit_test_teardown(a_fault_stands_on_the_display, stop),
        cmocka_unit_test_teardown(a_bot_that_is_not_there_yet_is_waited_for, stop),
        cmocka_unit_test_teardown(without_a_store_it_is_reached_all_the_same, stop),
        cmocka_unit_test_teardown(a_store_that_fails_is_told, stop),
        cmocka_unit_test_teardown(a_reboot_lets_its_answer_out_first, stop),
        cmocka_unit_test_teardown(its_identity_is_made_once, stop),
        cmocka_unit_test_teardown(an_identity_that_is_no_longer_whole_is_made_anew, stop),
        cmocka_unit_test_teardown(the_crash_report_can_be_read_and_erased, stop),
        cmocka_unit_test_teardown(identify_blinks_and_led_can_be_held, stop),
        cmocka_unit_test_teardown(what_rings_is_heard_until_the_button_though_it_is_quieter, stop),
        cmocka_unit_test_teardown(what_is_typed_after_do_is_taken_as_it_is, stop),
        cmocka_unit_test_teardown(a_board_has_tools_of_its_own_within_bounds, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
