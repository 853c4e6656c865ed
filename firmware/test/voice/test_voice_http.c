#include <stdio.h>

#include "check.h"
#include "wire/http.h"

#define CAP 64

static struct http_reply reply;
static char body[CAP];

/* Fed in pieces of every size, the result has to be the same. */
static enum http_result take(const char *text, bool ends)
{
    enum http_result first = HTTP_MORE;
    size_t len = strlen(text);
    for (size_t piece = 1; piece <= len; piece++) {
        http_expect(&reply, body, sizeof body);
        enum http_result result = HTTP_MORE;
        for (size_t at = 0; at < len; at += piece)
            result = http_take(&reply, (const uint8_t *)text + at, len - at < piece ? len - at : piece);
        if (ends)
            result = http_end(&reply);
        if (piece == 1)
            first = result;
        assert_int_equal(result, first);
    }
    return first;
}

static void reads_a_body_of_known_length(void **state)
{
    (void)state;
    assert_int_equal(take("HTTP/1.1 200 OK\r\ncontent-length:  5 \r\nX: y\r\n\r\nhello", false), HTTP_DONE);
    assert_int_equal(reply.status, 200);
    assert_string_equal(body, "hello");
}

static void reads_chunks(void **state)
{
    (void)state;
    assert_int_equal(take("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nA;x=y\r\nllo, "
                          "there\r\n0\r\nT: x\r\n\r\n",
                          false),
                     HTTP_DONE);
    assert_string_equal(body, "hello, there");
}

static void reads_to_the_end_of_the_stream_where_no_length_is_said(void **state)
{
    (void)state;
    assert_int_equal(take("HTTP/1.0 503 No\r\nRetry-After: 7\r\n\r\nwait", true), HTTP_DONE);
    assert_int_equal(reply.retry_after_s, 7);
    assert_string_equal(body, "wait");
}

static void a_wait_beyond_all_bounds_is_a_long_one(void **state)
{
    static const struct {
        const char *value;
        uint32_t seconds;
    } cases[] = {{"86400", 86400},
                 {"86401", 86400},
                 {"4294967296", 86400},
                 {"99999999999999999999999", 86400},
                 {"0", 0},
                 {"", 0},
                 {"-5", 0},
                 {"Wed, 21 Oct 2026 07:28:00 GMT", 0},
                 {"1.5", 0}};
    char text[120];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text, sizeof text, "HTTP/1.1 503 No\r\nRetry-After: %s\r\n\r\nwait", cases[i].value);
        assert_int_equal(take(text, true), HTTP_DONE);
        assert_int_equal(reply.retry_after_s, cases[i].seconds);
    }
}

static void says_whether_the_stream_goes_on(void **state)
{
    static const struct {
        const char *head;
        bool closes;
    } cases[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false},
                 {"HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\n{}", false},
                 {"HTTP/1.1 200 OK\r\nconnection: Close\r\nContent-Length: 2\r\n\r\n{}", true},
                 {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", true},
                 {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", false},
                 {"HTTP/1.1 200 OK\r\n\r\n{}", true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(take(cases[i].head, true), HTTP_DONE);
        assert_int_equal(reply.closes, cases[i].closes);
    }
}

static void skips_what_comes_before_the_real_reply(void **state)
{
    (void)state;
    assert_int_equal(take("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", false), HTTP_DONE);
    assert_int_equal(reply.status, 204);
}

static void a_body_that_does_not_fit_is_too_large(void **state)
{
    (void)state;
    assert_int_equal(take("HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n", false), HTTP_TOO_LARGE);
    assert_int_equal(take("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", false),
                     HTTP_MALFORMED);
    assert_int_equal(take("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3d\r\n", false),
                     HTTP_TOO_LARGE);
    assert_int_equal(take("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", false),
                     HTTP_TOO_LARGE);
    assert_int_equal(
        take("HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123",
             false),
        HTTP_TOO_LARGE);
}

static void one_byte_less_fits(void **state)
{
    (void)state;
    assert_int_equal(take("HTTP/1.1 200 OK\r\nContent-Length: "
                          "63\r\n\r\n012345678901234567890123456789012345678901234567890123456789012",
                          false),
                     HTTP_DONE);
    assert_int_equal(strlen(body), 63);
}

static void what_is_cut_short_is_malformed(void **state)
{
    static const char *const cut[] = {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"};
    (void)state;
    for (size_t i = 1; i < sizeof cut / sizeof cut[0]; i++)
        assert_int_equal(take(cut[i], true), HTTP_MALFORMED);
    http_expect(&reply, body, sizeof body);
    assert_int_equal(http_end(&reply), HTTP_MALFORMED);
}

static void refuses_what_two_readers_could_read_differently(void **state)
{
    static const char *const bad[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "SIP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(take(bad[i], false), HTTP_MALFORMED);
}

static void a_long_header_is_skipped_and_an_endless_head_ends(void **state)
{
    static char text[HTTP_HEAD_MAX + 200];
    (void)state;
    http_expect(&reply, body, sizeof body);
    memset(text, 'a', sizeof text);
    static const char head[] = "HTTP/1.1 200 OK\r\nX-Long: ", tail[] = "\r\nContent-Length: 2\r\n\r\nhi";
    assert_int_equal(http_take(&reply, (const uint8_t *)head, sizeof head - 1), HTTP_MORE);
    assert_int_equal(http_take(&reply, (const uint8_t *)text, 1000), HTTP_MORE);
    assert_int_equal(http_take(&reply, (const uint8_t *)tail, sizeof tail - 1), HTTP_DONE);
    http_expect(&reply, body, sizeof body);
    assert_int_equal(http_take(&reply, (const uint8_t *)text, sizeof text), HTTP_TOO_LARGE);
}

static void urls_come_apart(void **state)
{
    struct http_url url;
    (void)state;
    assert_true(http_parse_url(&url, "http://192.168.1.2:7860"));
    assert_string_equal(url.host, "192.168.1.2");
    assert_string_equal(url.path, "/api/offer");
    assert_int_equal(url.port, 7860);
    assert_false(url.tls);
    assert_true(http_parse_url(&url, "https://[fe80::1]/other?x=1"));
    assert_string_equal(url.host, "fe80::1");
    assert_string_equal(url.path, "/other?x=1");
    assert_int_equal(url.port, 443);
    assert_true(url.tls);
    assert_true(http_parse_url(&url, "http://a.local/"));
    assert_string_equal(url.path, "/api/offer");
}

static void refuses_urls_that_would_add_headers_or_are_none(void **state)
{
    static const char *const bad[] = {"",
                                      "ftp://a",
                                      "http://",
                                      "http://:80",
                                      "http://a:0",
                                      "http://a:65536",
                                      "http://a:8x",
                                      "http://[::1",
                                      "http://a/b c",
                                      "http://a\r\nX: y",
                                      "http://a/\r\nX: y",
                                      "http://a b/",
                                      "a.local:80"};
    struct http_url url;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (http_parse_url(&url, bad[i]))
            fail_msg("accepted %s", bad[i]);
}

static void a_post_says_who_it_is_from_if_it_is_from_someone(void **state)
{
    struct http_url url;
    char out[400];
    (void)state;
    assert_true(http_parse_url(&url, "http://[::1]:8080/x"));
    size_t len = http_write_post(out, sizeof out, &url, "Voicegw abc", 12);
    assert_int_equal(len, strlen(out));
    assert_string_equal(
        out,
        "POST /x HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
        "Authorization: Voicegw abc\r\nConnection: close\r\n\r\n");
    assert_int_equal(http_write_post(out, len, &url, "Voicegw abc", 12), 0);
    (void)http_write_post(out, sizeof out, &url, "", 12);
    assert_null(strstr(out, "Authorization"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_body_of_known_length),
        cmocka_unit_test(reads_chunks),
        cmocka_unit_test(reads_to_the_end_of_the_stream_where_no_length_is_said),
        cmocka_unit_test(a_wait_beyond_all_bounds_is_a_long_one),
        cmocka_unit_test(says_whether_the_stream_goes_on),
        cmocka_unit_test(skips_what_comes_before_the_real_reply),
        cmocka_unit_test(a_body_that_does_not_fit_is_too_large),
        cmocka_unit_test(one_byte_less_fits),
        cmocka_unit_test(what_is_cut_short_is_malformed),
        cmocka_unit_test(refuses_what_two_readers_could_read_differently),
        cmocka_unit_test(a_long_header_is_skipped_and_an_endless_head_ends),
        cmocka_unit_test(urls_come_apart),
        cmocka_unit_test(refuses_urls_that_would_add_headers_or_are_none),
        cmocka_unit_test(a_post_says_who_it_is_from_if_it_is_from_someone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
