#include "call/signaling.h"

#include <stdio.h>

#include "check.h"
#include "voice/fake.h"
#include "wire/json.h"

static struct signaling s;
static const struct signaling_trust trust;
static const struct signaling_offer offer = {.sdp = "v=0\r\n\"x\"\r\n",
                                             .identity = "",
                                             .id = "id",
                                             .board = "b",
                                             .version = "1",
                                             .reset = "power_on",
                                             .last_failure = "none",
                                             .fault = "",
                                             .resume = ""};

static enum signaling_result run(const char *reply)
{
    struct http_url url;
    fake_reset();
    fake_reply(reply);
    assert_true(http_parse_url(&url, "http://gateway.local:7860"));
    enum signaling_result result = signaling_start(&s, &url, NULL, false, &trust, "");
    for (int i = 0; i < 100 && result != SIGNALING_ANSWERED && result != SIGNALING_FAILED; i++) {
        result = signaling_step(&s);
        if (result == SIGNALING_CONNECTED)
            result = signaling_send(&s, &offer);
    }
    return result;
}

static void an_answer_is_unescaped(void **state)
{
    (void)state;
    assert_int_equal(run("HTTP/1.1 200 OK\r\nContent-Length: "
                         "48\r\n\r\n{\"type\":\"answer\",\"sdp\":\"v=0\\r\\na=b\\r\\n\",\"x\":[1]}"),
                     SIGNALING_ANSWERED);
    assert_string_equal(signaling_answer(&s), "v=0\r\na=b\r\n");
    assert_false(fake.stream_open);
}

static void the_request_is_whole_even_if_it_goes_in_bits(void **state)
{
    struct json body;
    char sdp[40];
    (void)state;
    struct http_url url;
    fake_reset();
    fake.write_limit = 7;
    assert_true(http_parse_url(&url, "http://g:1"));
    (void)signaling_start(&s, &url, NULL, false, &trust, "");
    assert_int_equal(signaling_step(&s), SIGNALING_CONNECTED);
    assert_int_equal(signaling_send(&s, &offer), SIGNALING_BUSY);
    const char *at = strstr(fake.sent, "\r\n\r\n");
    assert_non_null(at);
    assert_null(strstr(fake.sent, "Authorization"));
    assert_true(json_parse(&body, at + 4, strlen(at + 4)));
    assert_true(json_text(json_member(body, "sdp"), sdp, sizeof sdp));
    assert_string_equal(sdp, offer.sdp);
    struct json device = json_member(json_member(body, "request_data"), "device");
    assert_true(json_is(json_member(device, "reset_reason"), "power_on"));
    assert_true(json_is(json_member(device, "last_failure"), "none"));
}

static struct json sent_body(const char *resume)
{
    struct json body;
    struct http_url url;
    struct signaling_offer own = offer;
    own.resume = resume;
    fake_reset();
    assert_true(http_parse_url(&url, "http://g:1"));
    (void)signaling_start(&s, &url, NULL, false, &trust, "");
    assert_int_equal(signaling_step(&s), SIGNALING_CONNECTED);
    assert_int_equal(signaling_send(&s, &own), SIGNALING_BUSY);
    const char *at = strstr(fake.sent, "\r\n\r\n");
    assert_non_null(at);
    assert_true(json_parse(&body, at + 4, strlen(at + 4)));
    return body;
}

static void a_call_is_gone_on_with_by_its_id(void **state)
{
    bool restart = false;
    (void)state;
    struct json body = sent_body("MediaConnection#0-ab");
    assert_true(json_is(json_member(body, "pc_id"), "MediaConnection#0-ab"));
    assert_true(json_bool(json_member(body, "restart_pc"), &restart) && restart);
    body = sent_body("");
    assert_true(json_is_absent(json_member(body, "pc_id")));
    assert_true(json_is_absent(json_member(body, "restart_pc")));
}

static const char *answered(const char *more)
{
    static char reply[512];
    static const char body[] = "{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"";
    (void)snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s%s}",
                   strlen(body) + strlen(more) + 1, body, more);
    return reply;
}

#define LONG "0123456789012345678901234567890123456789"

static void an_answer_says_which_call_it_is_of(void **state)
{
    (void)state;
    assert_int_equal(run(answered(",\"pc_id\":\"a#1\",\"resumed\":true")), SIGNALING_ANSWERED);
    assert_string_equal(s.call, "a#1");
    assert_true(s.resumed);
    assert_int_equal(run(answered("")), SIGNALING_ANSWERED);
    assert_string_equal(s.call, "");
    assert_false(s.resumed);
    assert_int_equal(run(answered(",\"pc_id\":\"" LONG LONG "\"")), SIGNALING_ANSWERED);
    assert_string_equal(s.call, "");
}

/* ---- with a key ---- */

#define FP "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"
#define OTHER_FP                                                                                             \
    "BA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"
#define NONCE "1a2b.c3-d4_E5"
#define PIN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char key[] = "vgw_sesame";
static const struct proof about = {.nonce = NONCE, .identity = PIN, .fingerprint = FP};
static char replied[2048];

/* Both replies on the one stream, one after the other. */
static enum signaling_result run_with_key(const char *challenge, const char *answer)
{
    struct http_url url;
    struct signaling_offer own = offer;
    own.sdp = "v=0\r\na=fingerprint:sha-256 " FP "\r\nm=audio\r\na=fingerprint:sha-256 " FP "\r\n";
    own.identity = PIN;
    fake_reset();
    int first = snprintf(replied, sizeof replied, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                         strlen(challenge), challenge);
    (void)snprintf(replied + first, sizeof replied - (size_t)first,
                   "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(answer), answer);
    fake_reply(replied);
    fake.piece = (size_t)first;
    assert_true(http_parse_url(&url, "https://g:1"));
    enum signaling_result result = signaling_start(&s, &url, NULL, false, &trust, key);
    for (int i = 0; i < 100 && result != SIGNALING_ANSWERED && result != SIGNALING_FAILED; i++) {
        result = signaling_step(&s);
        if (result == SIGNALING_CONNECTED)
            result = signaling_send(&s, &own);
    }
    return result;
}

/* What a gateway that has the key proves for an answer with this fingerprint. Made with Python's hmac. */
static const char made_elsewhere[] = "a216e6834443bfea26e47b148b5549da1bc8b6b5d5a302cbf27fcf95b6713784";
static const char offered_elsewhere[] = "c55dc2d84b87bffd7f8e66d6f74543d6d79578adf8352e922bb9cac5fb616aa2";

static void the_key_is_proven_and_stays(void **state)
{
    char answer[400], expected[200];
    (void)state;
    (void)snprintf(answer, sizeof answer,
                   "{\"type\":\"answer\",\"sdp\":\"a=fingerprint:sha-256 " OTHER_FP
                   "\\r\\n\",\"proof\":\"%s\"}",
                   made_elsewhere);
    assert_int_equal(run_with_key("{\"nonce\":\"" NONCE "\"}", answer), SIGNALING_ANSWERED);
    (void)snprintf(expected, sizeof expected, "Authorization: Voicegw nonce=" NONCE ", proof=%s\r\n",
                   offered_elsewhere);
    assert_non_null(strstr(fake.sent, expected));
    assert_non_null(strstr(fake.sent, "GET /api/challenge HTTP/1.1\r\n"));
    assert_null(strstr(fake.sent, key));
    assert_int_equal(fake.streams_opened, 1);
}

static void a_gateway_that_cannot_prove_the_key_gets_no_call(void **state)
{
    static const char *const answers[] = {
        "{\"type\":\"answer\",\"sdp\":\"a=fingerprint:sha-256 " OTHER_FP "\\r\\n\"}",
        "{\"type\":\"answer\",\"sdp\":\"a=fingerprint:sha-256 " OTHER_FP "\\r\\n\",\"proof\":\"" PIN "\"}",
        "{\"type\":\"answer\",\"sdp\":\"a=fingerprint:sha-256 " FP
        "\\r\\n\",\"proof\":\"a216e6834443bfea26e47b148b5549da1bc8b6b5d5a302cbf27fcf95b6713784\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_int_equal(run_with_key("{\"nonce\":\"" NONCE "\"}", answers[i]), SIGNALING_FAILED);
        assert_int_equal(s.reason, REASON_GATEWAY_UNPROVEN);
    }
}

static void a_nonce_that_would_not_do_in_a_header_is_refused(void **state)
{
    static const char *const told[] = {"{}", "{\"nonce\":\"\"}", "{\"nonce\":\"a\\r\\nX: y\"}", "[]",
                                       "{\"nonce\":\"a b\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        assert_int_equal(run_with_key(told[i], "{}"), SIGNALING_FAILED);
        assert_int_equal(s.reason, REASON_REPLY_MALFORMED);
        assert_null(strstr(fake.sent, "POST"));
    }
}

/* As a proxy that keeps no connection does. */
static void one_that_hangs_up_after_the_nonce_is_called_again(void **state)
{
    struct http_url url;
    enum signaling_result result = SIGNALING_BUSY;
    struct signaling_offer own = offer;
    own.sdp = "v=0\r\na=fingerprint:sha-256 " FP "\r\n";
    (void)state;
    fake_reset();
    fake_reply("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n{\"nonce\":\"n\"}");
    fake.after = PORT_END;
    assert_true(http_parse_url(&url, "http://g"));
    (void)signaling_start(&s, &url, NULL, false, &trust, key);
    for (int i = 0; i < 10 && result == SIGNALING_BUSY; i++)
        result = signaling_step(&s);
    assert_int_equal(result, SIGNALING_CONNECTED);
    assert_int_equal(fake.streams_opened, 2);
    assert_true(fake.target_again);
    fake_reply("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(signaling_send(&s, &own), SIGNALING_FAILED);
    assert_int_equal(s.reason, REASON_GATEWAY_BUSY);
    assert_non_null(strstr(fake.sent, "Voicegw nonce=n, proof="));
}

static void a_gateway_that_knows_no_challenge_is_told_nothing(void **state)
{
    struct http_url url;
    (void)state;
    fake_reset();
    fake_reply("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    assert_true(http_parse_url(&url, "http://g"));
    (void)signaling_start(&s, &url, NULL, false, &trust, key);
    enum signaling_result result = SIGNALING_BUSY;
    for (int i = 0; i < 10 && result == SIGNALING_BUSY; i++)
        result = signaling_step(&s);
    assert_int_equal(result, SIGNALING_FAILED);
    assert_int_equal(s.reason, REASON_GATEWAY_OLD);
    assert_null(strstr(fake.sent, key));
}

static void sections_of_different_fingerprints_prove_nothing(void **state)
{
    static const char *const sdps[] = {"v=0\r\n",
                                       "a=fingerprint:sha-1 AA\r\n",
                                       "a=fingerprint:sha-256 AA:BB\r\n",
                                       "a=fingerprint:sha-256 " FP "\r\na=fingerprint:sha-256 " OTHER_FP
                                       "\r\n",
                                       "a=fingerprint:sha-512 AA\r\na=fingerprint:sha-256 " FP "\r\n",
                                       "a=fingerprint:sha-256 " FP "\r\na=fingerprint:sha-1 AA\r\n"};
    char found[PROOF_FINGERPRINT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof sdps / sizeof sdps[0]; i++)
        assert_false(proof_read_fingerprint(found, sdps[i]));
    assert_true(
        proof_read_fingerprint(found, "x\r\na=fingerprint:sha-256 " FP "\r\na=fingerprint:sha-256 " FP));
    assert_string_equal(found, FP);
    assert_false(proof_is_of_answer(&about, key, "a=fingerprint:sha-256 " OTHER_FP "\r\n", ""));
}

static void problems_become_reasons(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum reason reason;
    } cases[] = {
        {401, "{\"code\":\"key_required\"}", REASON_KEY_REJECTED},
        {401, "", REASON_KEY_REJECTED},
        {403, "nonsense", REASON_FORBIDDEN},
        {403, "{\"code\":\"tls_required\"}", REASON_TLS_REQUIRED},
        {308, "", REASON_TLS_REQUIRED},
        {422, "{\"code\":\"no_audio\"}", REASON_OFFER_REJECTED},
        {429, "{}", REASON_RATE_LIMITED},
        {503, "{\"code\":\"stopping\"}", REASON_GATEWAY_STOPPING},
        {503, "{\"code\":\"busy\"}", REASON_GATEWAY_BUSY},
        {502, "{\"code\":\"bot_failed\"}", REASON_BOT_FAILED},
        {500, "[]", REASON_GATEWAY_ERROR},
        {302, "", REASON_GATEWAY_ERROR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(signaling_read_problem(cases[i].status, cases[i].body, strlen(cases[i].body)),
                         cases[i].reason);
}

static void each_failure_of_the_stream_has_its_reason(void **state)
{
    static const struct {
        enum port_error error;
        enum reason reason;
    } cases[] = {{PORT_ERR_RESOLVE, REASON_NO_NAME}, {PORT_ERR_UNREACHABLE, REASON_UNREACHABLE},
                 {PORT_ERR_TLS, REASON_TLS_FAILED},  {PORT_ERR_TLS_PIN, REASON_TLS_PIN},
                 {PORT_ERR_SPACE, REASON_NO_MEMORY}, {PORT_END, REASON_UNREACHABLE}};
    struct http_url url;
    (void)state;
    assert_true(http_parse_url(&url, "https://g"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_reset();
        fake.connect_result = cases[i].error;
        (void)signaling_start(&s, &url, NULL, false, &trust, "");
        assert_int_equal(signaling_step(&s), SIGNALING_FAILED);
        assert_int_equal(s.reason, cases[i].reason);
        assert_false(fake.stream_open);
    }
}

static void a_stream_that_ends_early_is_malformed(void **state)
{
    (void)state;
    struct http_url url;
    fake_reset();
    fake_reply("HTTP/1.1 200 OK\r\nContent-Le");
    fake.after = PORT_END;
    assert_true(http_parse_url(&url, "http://g"));
    (void)signaling_start(&s, &url, NULL, false, &trust, "");
    (void)signaling_step(&s);
    assert_int_equal(signaling_send(&s, &offer), SIGNALING_FAILED);
    assert_int_equal(s.reason, REASON_REPLY_MALFORMED);
}

static void retry_after_is_told(void **state)
{
    (void)state;
    assert_int_equal(run("HTTP/1.1 503 No\r\nContent-Length: 2\r\nRetry-After: 9\r\n\r\n{}"),
                     SIGNALING_FAILED);
    assert_int_equal(s.retry_after_s, 9);
}

static void an_offer_that_does_not_fit_is_not_sent(void **state)
{
    static char large[SIGNALING_BUFFER];
    struct signaling_offer big = offer;
    struct http_url url;
    (void)state;
    memset(large, 'x', sizeof large - 1);
    big.sdp = large;
    fake_reset();
    assert_true(http_parse_url(&url, "http://g"));
    (void)signaling_start(&s, &url, NULL, false, &trust, "");
    (void)signaling_step(&s);
    assert_int_equal(signaling_send(&s, &big), SIGNALING_FAILED);
    assert_int_equal(fake.sent_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_unescaped),
        cmocka_unit_test(the_request_is_whole_even_if_it_goes_in_bits),
        cmocka_unit_test(a_call_is_gone_on_with_by_its_id),
        cmocka_unit_test(an_answer_says_which_call_it_is_of),
        cmocka_unit_test(the_key_is_proven_and_stays),
        cmocka_unit_test(a_gateway_that_cannot_prove_the_key_gets_no_call),
        cmocka_unit_test(a_nonce_that_would_not_do_in_a_header_is_refused),
        cmocka_unit_test(one_that_hangs_up_after_the_nonce_is_called_again),
        cmocka_unit_test(a_gateway_that_knows_no_challenge_is_told_nothing),
        cmocka_unit_test(sections_of_different_fingerprints_prove_nothing),
        cmocka_unit_test(problems_become_reasons),
        cmocka_unit_test(each_failure_of_the_stream_has_its_reason),
        cmocka_unit_test(a_stream_that_ends_early_is_malformed),
        cmocka_unit_test(retry_after_is_told),
        cmocka_unit_test(an_offer_that_does_not_fit_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
