#include <stdio.h>

#include "check.h"
#include "talk/rtvi.h"
#include "talk/talk.h"

static struct rtvi_event event;

static bool parse(const char *text)
{
    return rtvi_parse(&event, text, strlen(text));
}

#define MESSAGE(type, data) "{\"label\":\"rtvi-ai\",\"type\":\"" type "\",\"id\":\"1\",\"data\":" data "}"

static void each_type_that_matters_is_recognised(void **state)
{
    static const struct {
        const char *text;
        enum rtvi_type type;
    } cases[] = {
        {MESSAGE("bot-ready", "{\"version\":\"1.0.0\"}"), RTVI_BOT_READY},
        {MESSAGE("user-started-speaking", "null"), RTVI_USER_STARTED},
        {MESSAGE("user-stopped-speaking", "null"), RTVI_USER_STOPPED},
        {MESSAGE("bot-started-speaking", "null"), RTVI_BOT_STARTED},
        {MESSAGE("bot-stopped-speaking", "null"), RTVI_BOT_STOPPED},
        {MESSAGE("metrics", "{}"), RTVI_OTHER},
        {MESSAGE("server-message", "{\"type\":\"device-command\",\"command\":\"mute\"}"), RTVI_COMMAND},
        {MESSAGE("server-message", "{\"type\":\"weather\"}"), RTVI_OTHER},
        {MESSAGE("server-message", "{\"type\":\"device-attention\",\"state\":\"asleep\"}"), RTVI_ATTENTION},
        {MESSAGE("server-message", "{\"type\":\"device-echo\",\"state\":\"cancelled\"}"), RTVI_ECHO},
        {MESSAGE("server-message", "{\"type\":\"device-bot\",\"state\":\"starting\"}"), RTVI_BOT},
        {MESSAGE("server-message", "5"), RTVI_OTHER},
        {"{\"type\":\"signalling\",\"message\":{\"type\":\"peerLeft\"}}", RTVI_PEER_LEFT},
        {"{\"type\":\"signalling\",\"message\":{\"type\":\"renegotiate\"}}", RTVI_OTHER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(parse(cases[i].text));
        assert_int_equal(event.type, cases[i].type);
    }
}

static void what_is_not_rtvi_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "ping",
                                      "[]",
                                      "{}",
                                      "{\"type\":\"bot-ready\"}",
                                      "{\"label\":\"rtvi-ai\"}",
                                      "{\"label\":\"x\",\"type\":\"bot-ready\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(parse(bad[i]));
}

static void transcripts_carry_text(void **state)
{
    (void)state;
    assert_true(parse(MESSAGE("user-transcription", "{\"text\":\"caf\\u00e9\",\"final\":true}")));
    assert_int_equal(event.type, RTVI_USER_TEXT);
    assert_string_equal(event.text, "caf\xc3\xa9");
    assert_true(event.final);
    assert_true(parse(MESSAGE("user-transcription", "{\"text\":\"c\",\"final\":false}")));
    assert_false(event.final);
    assert_true(parse(MESSAGE("bot-transcription", "{}")));
    assert_string_equal(event.text, "");
}

static void a_long_transcript_is_cut(void **state)
{
    char text[RTVI_TEXT_MAX + 200];
    (void)state;
    (void)snprintf(text, sizeof text,
                   "{\"label\":\"rtvi-ai\",\"type\":\"bot-transcription\",\"data\":{\"text\":\"%0500d\"}}",
                   0);
    assert_true(parse(text));
    assert_int_equal(strlen(event.text), RTVI_TEXT_MAX - 1);
}

static void errors_say_whether_they_are_fatal(void **state)
{
    (void)state;
    assert_true(parse(MESSAGE("error", "{\"error\":\"revoked\",\"fatal\":true}")));
    assert_int_equal(event.type, RTVI_ERROR);
    assert_string_equal(event.text, "revoked");
    assert_true(event.fatal);
    assert_true(parse(MESSAGE("error", "{\"message\":\"no\"}")));
    assert_string_equal(event.text, "no");
    assert_false(event.fatal);
}

static void what_is_written_is_valid_and_of_the_right_form(void **state)
{
    char out[RTVI_MESSAGE_MAX + 1];
    struct json message;
    struct rtvi_figures figures = {.heap_free = UINT32_MAX, .lost = INT32_MIN, .rssi = -127};
    (void)state;
    size_t lens[] = {rtvi_write_figures(out, sizeof out, UINT32_MAX, &figures), 0, 0, 0};
    assert_true(json_parse(&message, out, lens[0]));
    assert_true(json_is(json_member(message, "type"), "client-message"));
    assert_true(json_is(json_member(json_member(message, "data"), "t"), "device-figures"));
    lens[1] = rtvi_write_ready(out, sizeof out, 1, "1", "b");
    assert_true(json_parse(&message, out, lens[1]));
    struct rtvi_result result = {.command = "volume", .id = "c7", .why = "out_of_range", .text = ""};
    lens[2] = rtvi_write_result(out, sizeof out, 1, &result);
    assert_true(json_parse(&message, out, lens[2]));
    assert_non_null(strstr(out, "\"id\":\"c7\",\"ok\":false,\"reason\":\"out_of_range\""));
    result = (struct rtvi_result){.command = "volume", .id = "", .text = "on"};
    lens[3] = rtvi_write_result(out, sizeof out, 1, &result);
    assert_non_null(strstr(out, "\"ok\":true,\"result\":\"on\"}"));
    assert_int_equal(rtvi_write_result(out, 20, 1, &result), 0);
    assert_true(json_parse(&message, out, rtvi_write_heard(out, sizeof out, 1)));
    assert_true(
        json_parse(&message, out, rtvi_write_tool(out, sizeof out, 1, "relay", "It \"clicks\".", NULL)));
    assert_true(json_is(json_member(json_member(json_member(message, "data"), "d"), "properties"), "{}"));
}

static void clock_replies_are_checked(void **state)
{
    (void)state;
    assert_true(
        parse(MESSAGE("server-response", "{\"t\":\"device-clock\",\"d\":{\"t0\":1,\"t1\":5,\"t2\":6}}")));
    assert_int_equal(event.type, RTVI_CLOCK);
    assert_false(
        parse(MESSAGE("server-response", "{\"t\":\"device-clock\",\"d\":{\"t0\":1,\"t1\":7,\"t2\":6}}")));
    assert_false(parse(MESSAGE("server-response", "{\"t\":\"device-clock\",\"d\":{\"t0\":\"x\"}}")));
    assert_true(parse(MESSAGE("server-response", "{\"t\":\"other\"}")));
    assert_int_equal(event.type, RTVI_OTHER);
}

static void exchange(struct talk *t, int64_t t0, int64_t t1, int64_t t2, uint64_t t3)
{
    struct rtvi_event reply = {.type = RTVI_CLOCK, .t0 = t0, .t1 = t1, .t2 = t2};
    talk_take_clock(t, t3, &reply);
}

static void the_clock_of_the_quickest_exchange_counts(void **state)
{
    struct talk t = {.clocks_left = 3};
    (void)state;
    exchange(&t, 1000, 501500, 501600, 2100); /* 1 ms round trip, offset 500 ms */
    assert_true(t.clock_known);
    assert_int_equal(t.clock_offset_us, 500000);
    exchange(&t, 3000, 509000, 509000, 9000); /* 6 ms: worse */
    assert_int_equal(t.clock_offset_us, 500000);
    exchange(&t, 10000, 510300, 510300, 10400);
    assert_int_equal(t.clock_offset_us, 500100);
}

static void a_clock_reply_from_the_future_is_ignored(void **state)
{
    struct talk t = {.clocks_left = 3};
    (void)state;
    exchange(&t, 5000, 1, 2, 4000);
    exchange(&t, 1000, 1, 900000, 2000);
    exchange(&t, 1000, 1, 1, 9000000);
    assert_false(t.clock_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_that_matters_is_recognised),
        cmocka_unit_test(what_is_not_rtvi_is_refused),
        cmocka_unit_test(transcripts_carry_text),
        cmocka_unit_test(a_long_transcript_is_cut),
        cmocka_unit_test(errors_say_whether_they_are_fatal),
        cmocka_unit_test(what_is_written_is_valid_and_of_the_right_form),
        cmocka_unit_test(clock_replies_are_checked),
        cmocka_unit_test(the_clock_of_the_quickest_exchange_counts),
        cmocka_unit_test(a_clock_reply_from_the_future_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
