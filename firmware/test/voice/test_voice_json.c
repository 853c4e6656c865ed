#include "check.h"
#include "wire/json.h"

static bool parses(const char *text)
{
    struct json value;
    return json_parse(&value, text, strlen(text));
}

static struct json parsed(const char *text)
{
    struct json value;
    assert_true(json_parse(&value, text, strlen(text)));
    return value;
}

static void accepts_each_kind_of_value(void **state)
{
    static const char *const good[] = {"{}",         "[]",
                                       "null",       "true",
                                       "false",      "0",
                                       "-0",         "-12.5e+3",
                                       "\"\"",       " [1, 2 ,3] ",
                                       "{\"a\":{}}", "[[],{\"b\":[]}]",
                                       "1E9",        "\"\\u00e9\\ud83d\\ude00\""};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(parses(good[i]));
}

static void refuses_what_is_not_json(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[1,]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "01",
                                      "1.",
                                      ".5",
                                      "-",
                                      "+1",
                                      "1e",
                                      "tru",
                                      "\"",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\t\"",
                                      "\"\\ud800\"",
                                      "\"\\ude00\"",
                                      "[1 2]",
                                      "{} {}",
                                      "[1}",
                                      "{\"a\":1]",
                                      "\"\xff\"",
                                      "\"\xc0\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "nullx"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parses(bad[i]))
            fail_msg("accepted %s", bad[i]);
}

static void nests_to_its_bound_and_no_further(void **state)
{
    char text[2 * JSON_DEPTH + 3];
    (void)state;
    memset(text, '[', JSON_DEPTH);
    memset(text + JSON_DEPTH, ']', JSON_DEPTH);
    text[2 * JSON_DEPTH] = '\0';
    assert_true(parses(text));
    memset(text, '[', JSON_DEPTH + 1);
    memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
    text[2 * JSON_DEPTH + 2] = '\0';
    assert_false(parses(text));
}

static void finds_members_past_others_of_any_kind(void **state)
{
    struct json object = parsed("{ \"x\" : [1,{\"n\":9}], \"s\":\"n\" , \"n\" : 7 , \"n\":8}");
    int64_t n;
    (void)state;
    assert_true(json_integer(json_member(object, "n"), 0, 10, &n));
    assert_int_equal(n, 7);
    assert_true(json_is(json_member(object, "s"), "n"));
    assert_true(json_is_absent(json_member(object, "nn")));
    assert_true(json_is_absent(json_member(json_member(object, "s"), "n")));
}

static void unescapes_in_place(void **state)
{
    char text[] = "{\"sdp\":\"v=0\\r\\n\\u00e9\\ud83d\\ude00\\\"\"}";
    struct json object = parsed(text);
    (void)state;
    assert_true(json_text(json_member(object, "sdp"), text, sizeof text));
    assert_string_equal(text, "v=0\r\n\xc3\xa9\xf0\x9f\x98\x80\"");
}

static void text_that_does_not_fit_is_refused_or_cut_between_characters(void **state)
{
    char out[5];
    struct json value = parsed("\"abc\\u00e9\"");
    (void)state;
    assert_false(json_text(value, out, sizeof out));
    json_text_cut(value, out, sizeof out);
    assert_string_equal(out, "abc");
    assert_false(json_text(parsed("\"a\\u0000\""), out, sizeof out));
    assert_false(json_text(parsed("5"), out, sizeof out));
}

static void integers_have_bounds(void **state)
{
    int64_t n;
    (void)state;
    assert_true(json_integer(parsed("-5"), -5, 5, &n));
    assert_false(json_integer(parsed("6"), -5, 5, &n));
    assert_false(json_integer(parsed("1.0"), -5, 5, &n));
    assert_false(json_integer(parsed("\"1\""), -5, 5, &n));
    assert_false(json_integer(parsed("9999999999999999999"), 0, INT64_MAX, &n));
    assert_false(json_integer((struct json){NULL, 0}, -5, 5, &n));
}

static void writes_what_it_reads(void **state)
{
    char text[200], back[40];
    struct json_writer w = json_writer(text, sizeof text);
    (void)state;
    json_open(&w, '{');
    json_add_text(&w, "t", "a\"\\\n\x01\xff\xc3\xa9");
    json_add_integer(&w, "i", INT64_MIN);
    json_key(&w, "l");
    json_open(&w, '[');
    json_put_bool(&w, true);
    json_put_integer(&w, 0);
    json_close(&w, ']');
    json_close(&w, '}');
    assert_false(w.failed);
    assert_string_equal(
        text,
        "{\"t\":\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\",\"i\":-9223372036854775808,\"l\":[true,0]}");
    assert_true(json_text(json_member(parsed(text), "t"), back, sizeof back));
    assert_string_equal(back, "a\"\\\n\x01\xef\xbf\xbd\xc3\xa9");
}

static void a_writer_that_is_full_fails_and_stays_within(void **state)
{
    char text[64];
    (void)state;
    for (size_t cap = 0; cap < 40; cap++) {
        memset(text, 'x', sizeof text);
        struct json_writer w = json_writer(text, cap);
        json_open(&w, '{');
        json_add_text(&w, "key", "a value of some length");
        json_close(&w, '}');
        assert_int_equal(w.failed, cap <= strlen("{\"key\":\"a value of some length\"}"));
        assert_int_equal(text[cap], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_each_kind_of_value),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(nests_to_its_bound_and_no_further),
        cmocka_unit_test(finds_members_past_others_of_any_kind),
        cmocka_unit_test(unescapes_in_place),
        cmocka_unit_test(text_that_does_not_fit_is_refused_or_cut_between_characters),
        cmocka_unit_test(integers_have_bounds),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(a_writer_that_is_full_fails_and_stays_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
