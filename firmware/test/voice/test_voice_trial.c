/* Updates as the device lives them, crash reports, and what the display is told; on a port in memory. */
#include <sodium.h>
#include <stdio.h>

#include "check.h"
#include "device/device_state.h"
#include "device/device_talk.h"
#include "device/device_update.h"
#include "device/tell.h"
#include "voice/fake.h"

#define MS(n) ((uint64_t)(n)*1000u)
#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static int stop(void **state)
{
    (void)state;
    voice_stop();
    return 0;
}

/* From flash slot `slot`, with the gateway's URL set. */
static void boot(const char *slot)
{
    fake.facts.slot = slot;
    fake.ota_room = sizeof fake.ota;
    fake_kv_put("gateway", "http://10.0.0.5:7860");
    voice_start(NULL);
}

static void run_for(uint64_t us)
{
    for (uint64_t end = fake.now + us; fake.now < end;) {
        uint64_t next = voice_net_step();
        fake.now = next > fake.now ? (next < end ? next : end) : fake.now + 1;
    }
}

/* At rest for a second at least: the line is free. */
static void back_off(void)
{
    fake.connect_result = PORT_ERR_UNREACHABLE;
    run_for(MS(30000));
    while (device_get()->session.state == SESSION_BACKOFF)
        run_for(MS(10));
    while (device_get()->session.state != SESSION_BACKOFF)
        run_for(MS(10));
}

static void type(const char *line)
{
    fake_forget();
    fake.typed = line;
    (void)voice_net_step();
}

static void a_rollback_is_told_until_a_call_is_live(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("update_slot", "ota_1");
    boot("ota_0");
    run_for(MS(300));
    assert_non_null(strstr(fake.sent, "\"last_failure\":\"update_rolled_back\""));
    fake.after = PORT_END; /* something else goes wrong */
    run_for(MS(3000));
    assert_true(fake_kv_is("last_failure", "reply_malformed"));
    assert_non_null(strstr(fake.sent, "\"last_failure\":\"update_rolled_back\""));
    assert_true(fake_kv_is("update_slot", "ota_1"));
    device_update_proven(device_get());
    assert_false(fake_kv_is("update_slot", "ota_1"));
    assert_false(fake.marked_valid); /* it was never on trial */
    run_for(MS(30000));
    assert_non_null(strstr(fake.sent, "\"last_failure\":\"reply_malformed\""));
}

static void an_image_that_runs_where_it_was_put_is_no_rollback(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("update_slot", "ota_1");
    fake.on_trial = true;
    boot("ota_1");
    run_for(MS(300));
    assert_non_null(strstr(fake.sent, "\"last_failure\":\"none\""));
    device_update_proven(device_get());
    assert_true(fake.marked_valid);
    assert_false(fake_kv_is("update_slot", "ota_1"));
    run_for(MS(700000));
    assert_false(fake.rebooted);
}

static void an_image_that_cannot_be_marked_valid_stays_on_trial(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("update_slot", "ota_1");
    fake.on_trial = true;
    boot("ota_1");
    fake.ota_mark_result = PORT_ERR_IO;
    device_update_proven(device_get());
    assert_true(fake_kv_is("update_slot", "ota_1")); /* a reset now goes back, and has to be told */
    fake.ota_mark_result = PORT_OK;
    device_update_proven(device_get()); /* the next call */
    assert_true(fake.marked_valid);
    assert_false(fake_kv_is("update_slot", "ota_1"));
}

static void a_trial_without_a_call_has_an_end(void **state)
{
    (void)state;
    fake_reset();
    fake.on_trial = true;
    boot("ota_1");
    fake.connect_result = PORT_ERR_UNREACHABLE;
    run_for(MS(599000));
    assert_false(fake.rebooted);
    run_for(MS(2000));
    assert_true(fake.rebooted);
    assert_false(fake.marked_valid);
}

/* The device is told whose firmware it takes, as `voicegw flash` does; the line for one of theirs. */
static const char *signed_update(unsigned size, const char *hash)
{
    static char line[800];
    static const char manifest[] = HASH;
    uint8_t key[32], secret[64], signature[64];
    char hex[129], text[400];
    const uint8_t seed[32] = {3};
    (void)crypto_sign_seed_keypair(key, secret, seed);
    (void)sodium_bin2hex(hex, sizeof hex, key, 32);
    fake_kv_put("firmware_key", hex);
    fake.facts.version = "0.1.0";
    int len =
        snprintf(text, sizeof text, "voicegw firmware\nfake\n0.2.0\n%u\n%s\n%s\n", size, hash, manifest);
    (void)crypto_sign_detached(signature, NULL, (const uint8_t *)text, (size_t)len, secret);
    len = snprintf(line, sizeof line,
                   "update {\"path\":\"/x\",\"size\":%u,\"sha256\":\"%s\",\"version\":\"0.2.0\","
                   "\"manifest\":\"%s\",\"signed\":\"%.16s:",
                   size, hash, manifest, hex);
    (void)sodium_bin2hex(hex, sizeof hex, signature, 64);
    (void)snprintf(line + len, sizeof line - (size_t)len, "%s\"}\n", hex);
    return line;
}

static void the_console_can_ask_for_an_update(void **state)
{
    (void)state;
    fake_reset();
    const char *update = signed_update(500, HASH);
    boot("ota_0");
    back_off();
    type(update);
    assert_true(fake_printed("\"error\":\"update_insecure\""));
    type("settings set update any\n");
    assert_true(fake_printed("@ok"));
    type(update);
    assert_true(fake_printed("@ok {}"));
    assert_true(fake_printed("@evt {\"event\":\"update\",\"state\":\"downloading\",\"percent\":0}"));
    (void)voice_net_step();
    assert_true(fake_printed("\"state\":\"failed\",\"percent\":0,\"reason\":\"update_unreachable\""));
    type("update\n");
    assert_true(
        fake_printed("@ok {\"state\":\"idle\",\"percent\":0,\"last_failure\":\"update_unreachable\",\"slot\":"
                     "\"ota_0\",\"on_trial\":false}"));
    type("update {} {}\n");
    assert_true(fake_printed("usage"));
    type("do update {\"path\":\"/x\"}\n");
    assert_true(fake_printed("update_malformed"));
    type("settings erase firmware_key\n");
    type(update);
    assert_true(fake_printed("\"error\":\"update_no_key\",\"remedy\":\"settings set firmware_key HEX\""));
}

static void what_was_written_boots_and_is_remembered(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("update", "any");
    const char *update =
        signed_update(320, "5ed16d7d7b56b7a8cbeb175a6cc42847fc5f892e096ce10519cda8d917e8ecc7");
    boot("ota_1");
    back_off();
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 320\r\n\r\n";
    static uint8_t reply[sizeof head - 1 + 320], *image = reply + sizeof head - 1;
    memcpy(reply, head, sizeof head - 1);
    image[0] = 0xE9;
    memcpy(image + 32, "\x32\x54\xCD\xAB", 4);
    memcpy(image + 48, "0.2.0", 5);
    memcpy(image + 80, "voicegw", 7);
    memcpy(image + 288, "VGB1fake", 8);
    fake.connect_result = PORT_OK;
    fake.reply = (const char *)reply;
    fake.reply_len = sizeof reply;
    type(update);
    run_for(MS(10));
    assert_true(fake_printed("\"state\":\"rebooting\",\"percent\":100}"));
    assert_true(fake.ota_finished && fake_kv_is("update_slot", "ota_0"));
    assert_false(fake.rebooted); /* what was told goes out first */
    run_for(MS(700));
    assert_true(fake.rebooted);
}

static void signalling_takes_the_line(void **state)
{
    (void)state;
    fake_reset();
    fake_kv_put("update", "any");
    const char *update = signed_update(500, HASH);
    boot("ota_0");
    back_off();
    fake.connect_result = PORT_AGAIN;
    type(update);
    assert_true(fake_printed("@ok {}"));
    run_for(MS(3000));
    assert_true(fake_printed("\"reason\":\"update_interrupted\""));
    assert_false(fake.ota_open);
    type(update);
    assert_true(fake_printed("busy"));
}

static void a_crash_report_stays_until_it_is_received(void **state)
{
    struct rtvi_event event;
    struct talk talk = {.open = true, .crash_number = 7};
    static const char wrong[] =
        "{\"label\":\"rtvi-ai\",\"type\":\"server-response\",\"id\":\"d6\",\"data\":{\"t\":\"device-"
        "crash\",\"d\":{}}}";
    static const char right[] =
        "{\"label\":\"rtvi-ai\",\"type\":\"server-response\",\"id\":\"d7\",\"data\":{\"t\":\"device-"
        "crash\",\"d\":{}}}";
    (void)state;
    fake_reset();
    boot("");
    fake.crash = "panic";
    assert_true(rtvi_parse(&event, wrong, strlen(wrong)));
    talk_take_crash_kept(&talk, &event);
    assert_non_null(fake.crash);
    assert_true(rtvi_parse(&event, right, strlen(right)));
    assert_int_equal(event.type, RTVI_CRASH_KEPT);
    talk_take_crash_kept(&talk, &event);
    assert_null(fake.crash);
    fake.crash = "another";
    talk_take_crash_kept(&talk, &event); /* the same answer again */
    assert_non_null(fake.crash);
}

static void a_report_full_of_line_ends_is_cut_to_fit(void **state)
{
    static char report[901];
    struct talk talk = {.open = true};
    struct rtvi_event event;
    (void)state;
    fake_reset();
    boot("");
    memset(report, '\n', sizeof report - 1);
    fake.crash = report;
    talk_tell_crash(&talk, &device_get()->call);
    assert_true(strlen(talk.scratch) > 800 && strlen(talk.scratch) <= RTVI_MESSAGE_MAX);
    assert_true(rtvi_parse(&event, talk.scratch, strlen(talk.scratch)));
    fake.crash = NULL;
    talk.scratch[0] = '\0';
    talk_tell_crash(&talk, &device_get()->call);
    assert_string_equal(talk.scratch, "");
}

static void say(const char *message)
{
    device_take_message(device_get(), fake.now, (const uint8_t *)message, strlen(message), true);
}

static void the_display_follows(void **state)
{
    (void)state;
    fake_reset();
    fake.facts.has_display = true;
    boot("");
    assert_string_equal(fake.shown.state, "Set me up");
    fake.connect_result = PORT_ERR_UNREACHABLE;
    run_for(MS(300));
    assert_string_equal(fake.shown.detail, "unreachable");
    say("{\"label\":\"rtvi-ai\",\"type\":\"user-transcription\",\"data\":{\"text\":\"What time is "
        "it?\",\"final\":true}}");
    say("{\"label\":\"rtvi-ai\",\"type\":\"bot-transcription\",\"data\":{\"text\":\"Noon.\"}}");
    assert_string_equal(fake.shown.text[PORT_SPEAKER_USER], "What time is it?");
    assert_string_equal(fake.shown.text[PORT_SPEAKER_BOT], "Noon.");
    say("{\"label\":\"rtvi-ai\",\"type\":\"user-started-speaking\"}");
    assert_string_equal(fake.shown.text[PORT_SPEAKER_BOT], "");
    device_tell(&(struct voice_event){.type = VOICE_UPDATE, .text = "downloading", .percent = 40});
    assert_string_equal(fake.shown.state, "Update");
    assert_string_equal(fake.shown.detail, "downloading 40 %");
    device_tell(&(struct voice_event){.type = VOICE_UPDATE, .text = "failed", .reason = "update_http"});
    assert_string_not_equal(fake.shown.state, "Update");
    assert_string_equal(fake.shown.detail, "update_http");
    device_get()->session.state = SESSION_LIVE;
    type("settings set mic_muted 1\n");
    assert_string_equal(fake.shown.state, "Microphone off");
    type("display\n");
    assert_true(fake_printed("@ok {\"state\":\"Microphone off\""));
    fake.facts.has_display = false;
    type("display\n");
    assert_true(fake_printed("\"no_display\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_rollback_is_told_until_a_call_is_live, stop),
        cmocka_unit_test_teardown(an_image_that_runs_where_it_was_put_is_no_rollback, stop),
        cmocka_unit_test_teardown(an_image_that_cannot_be_marked_valid_stays_on_trial, stop),
        cmocka_unit_test_teardown(a_trial_without_a_call_has_an_end, stop),
        cmocka_unit_test_teardown(the_console_can_ask_for_an_update, stop),
        cmocka_unit_test_teardown(what_was_written_boots_and_is_remembered, stop),
        cmocka_unit_test_teardown(signalling_takes_the_line, stop),
        cmocka_unit_test_teardown(a_crash_report_stays_until_it_is_received, stop),
        cmocka_unit_test_teardown(a_report_full_of_line_ends_is_cut_to_fit, stop),
        cmocka_unit_test_teardown(the_display_follows, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
