/* An update from the gateway to the other slot, on a port in memory. */
#include <mbedtls/md.h>
#include <sodium.h>
#include <stdio.h>

#include "check.h"
#include "update/image.h"
#include "update/update.h"
#include "update/version.h"
#include "voice/fake.h"

#define S(n) ((uint64_t)(n)*1000000u)
#define SIZE 10000u

static struct update u;
static uint8_t image[SIZE];
static char reply[SIZE + 200];
static struct update_request request;
static struct http_url url;
static struct signaling_trust trust;
static struct port_address address = {.family = 4, .ip = {10, 0, 2, 2}, .port = 1};
static uint8_t keys[3][SIGNATURE_KEY], secret[64];
static struct update_source source = {.url = &url,
                                      .address = &address,
                                      .trust = &trust,
                                      .board = "xmini-c3",
                                      .version = "0.1.0",
                                      .keys = {keys, 3},
                                      .plain = true};

static void make_image(void)
{
    for (size_t i = 0; i < SIZE; i++)
        image[i] = (uint8_t)(i * 31 + i / 256);
    image[0] = 0xE9;
    memcpy(image + 32, "\x32\x54\xCD\xAB", 4);
    strcpy((char *)image + 48, "0.2.0");
    strcpy((char *)image + 80, "voicegw");
    memset(image + 288, 0, 32);
    memcpy(image + 288, "VGB1xmini-c3", 12);
}

/* As docs/protocol.md has it, firmware. */
static void sign(struct signature *out, const char *board)
{
    char text[400], image_hash[65], manifest[65];
    (void)sodium_bin2hex(image_hash, sizeof image_hash, request.sha256, 32);
    (void)sodium_bin2hex(manifest, sizeof manifest, request.manifest, 32);
    int len = snprintf(text, sizeof text, "voicegw firmware\n%s\n%s\n%u\n%s\n%s\n", board, request.version,
                       (unsigned)request.size, image_hash, manifest);
    memcpy(out->hint, secret + 32, SIGNATURE_HINT);
    (void)crypto_sign_detached(out->bytes, NULL, (const uint8_t *)text, (size_t)len, secret);
}

static void sign_request(void)
{
    request.signature_count = 1;
    sign(&request.signatures[0], "xmini-c3");
}

static void make_request(size_t size)
{
    request = (struct update_request){.size = (uint32_t)size, .path = "/api/firmware/x", .version = "0.2.0"};
    (void)mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), image, size, request.sha256);
    memset(request.manifest, 7, sizeof request.manifest);
    sign_request();
}

static void serve(size_t size, size_t announced)
{
    int head = snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", announced);
    memcpy(reply + head, image, size);
    fake.reply = reply;
    fake.reply_len = (size_t)head + size;
}

static int setup(void **state)
{
    (void)state;
    fake_reset();
    memset(&u, 0, sizeof u);
    fake.ota_room = 2 * SIZE;
    source.plain = true;
    source.board = "xmini-c3";
    source.version = "0.1.0";
    source.keys = (struct signature_keys){keys, 3};
    memset(keys, 1, sizeof keys);
    (void)crypto_sign_seed_keypair(keys[1], secret, image + 40);
    (void)http_parse_url(&url, "http://gateway:7860");
    make_image();
    make_request(SIZE);
    serve(SIZE, SIZE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    update_stop(&u, "over");
    return 0;
}

static void run(bool gently)
{
    for (int i = 0; i < 1000 && update_is_under_way(&u); i++) {
        (void)update_step(&u, fake.now, gently);
        uint64_t next = update_deadline(&u);
        fake.now = next != PORT_NEVER && next > fake.now ? next : fake.now + 1000;
    }
}

static const char *outcome(void)
{
    const char *why = update_start(&u, fake.now, &source, &request);
    if (why != NULL)
        return why;
    run(false);
    return u.state == UPDATE_READY ? "ready" : u.reason != NULL ? u.reason : "stuck";
}

/* ---- the table ---- */

/* Written down again, so that a slip in the table shows. '-': refused. */
static const char *const expected[UPDATE_STATE_COUNT] = {
    /* events: start, connected, sent, written, failed */
    [UPDATE_IDLE] = "C----",    [UPDATE_CONNECTING] = "-S--I", [UPDATE_SENDING] = "--R-I",
    [UPDATE_READING] = "---YI", [UPDATE_READY] = "-----",
};
static const char letters[] = "ICSRY";

static void each_event_does_what_the_table_says_and_nothing_else(void **state)
{
    (void)state;
    for (int from = 0; from < UPDATE_STATE_COUNT; from++)
        for (int event = 0; event < UPDATE_EVENT_COUNT; event++) {
            struct update before;
            u.state = (enum update_state)from;
            before = u;
            char wanted = expected[from][event];
            assert_int_equal(update_handle(&u, (enum update_event)event), wanted != '-');
            if (wanted != '-')
                assert_int_equal(letters[u.state], wanted);
            else
                assert_memory_equal(&u, &before, sizeof u);
        }
    u.state = UPDATE_IDLE;
}

/* ---- what goes well ---- */

static void an_image_is_written_and_boots_next(void **state)
{
    (void)state;
    assert_string_equal(outcome(), "ready");
    assert_true(fake.ota_finished);
    assert_int_equal(fake.ota_len, SIZE);
    assert_memory_equal(fake.ota, image, SIZE);
    assert_int_equal(update_percent(&u), 100);
    assert_non_null(strstr(fake.sent, "GET /api/firmware/x HTTP/1.1\r\n"));
    assert_null(strstr(fake.sent, "Authorization"));
    assert_int_equal(fake.target_address.ip[0], 10);
    assert_false(fake.stream_open);
}

static void it_comes_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 511, 512, 513, 1024, 5000, 20000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        (void)setup(NULL);
        fake.piece = pieces[i];
        assert_string_equal(outcome(), "ready");
        assert_memory_equal(fake.ota, image, SIZE);
    }
}

static void sizes_at_the_edge_of_a_piece(void **state)
{
    (void)state;
    static const size_t sizes[] = {IMAGE_HEAD, 1023, 1024, 1025, 4096, 8192};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        (void)setup(NULL);
        make_request(sizes[i]);
        serve(sizes[i], sizes[i]);
        assert_string_equal(outcome(), "ready");
        assert_int_equal(fake.ota_len, sizes[i]);
    }
}

static void chunks_will_do(void **state)
{
    (void)state;
    int head =
        snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", SIZE);
    memcpy(reply + head, image, SIZE);
    memcpy(reply + head + SIZE, "\r\n0\r\n\r\n", 7);
    fake.reply_len = (size_t)head + SIZE + 7;
    assert_string_equal(outcome(), "ready");
}

static void a_live_call_gets_a_rest_after_each_sector(void **state)
{
    (void)state;
    fake.piece = 20000;
    assert_null(update_start(&u, fake.now, &source, &request));
    while (u.written < 4096)
        (void)update_step(&u, fake.now, true);
    assert_true(fake.stream_rests);
    (void)update_step(&u, fake.now, true);
    assert_int_equal(u.written, 4096);
    fake.now = update_deadline(&u);
    (void)update_step(&u, fake.now, true);
    assert_false(fake.stream_rests);
    assert_true(u.written > 4096);
    run(true);
    assert_int_equal(u.state, UPDATE_READY);
}

/* ---- what is refused ---- */

static void plain_http_needs_to_be_wanted(void **state)
{
    (void)state;
    source.plain = false;
    assert_string_equal(outcome(), "update_insecure");
    assert_int_equal(fake.streams_opened, 0);
    url.tls = true;
    assert_string_equal(outcome(), "ready");
    assert_true(fake.target_tls);
}

static void one_at_a_time_and_none_on_trial(void **state)
{
    (void)state;
    assert_null(update_start(&u, fake.now, &source, &request));
    assert_string_equal(update_start(&u, fake.now, &source, &request), "busy");
    update_stop(&u, "update_interrupted");
    assert_string_equal(u.reason, "update_interrupted");
    fake.on_trial = true;
    assert_string_equal(outcome(), "busy");
    fake.on_trial = false;
    assert_string_equal(outcome(), "ready");
    assert_string_equal(update_start(&u, fake.now, &source, &request), "busy");
}

static void there_must_be_room(void **state)
{
    (void)state;
    fake.ota_room = SIZE - 1;
    assert_string_equal(outcome(), "update_too_large");
    fake.ota_room = 0;
    assert_string_equal(outcome(), "update_no_slot");
    assert_int_equal(u.state, UPDATE_IDLE);
    assert_int_equal(fake.streams_opened, 0);
}

static void a_path_is_a_path(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "x", "/a b", "/a\r\nX: y", "/\x7f"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        strcpy(request.path, wrong[i]);
        assert_string_equal(outcome(), "update_malformed");
    }
    make_request(SIZE);
    url.host[0] = '\0';
    assert_string_equal(outcome(), "update_no_gateway");
}

static void a_command_says_all_of_it(void **state)
{
    (void)state;
    static const char hex[] = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
    static const char *const wrong[] = {
        "{\"path\":\"/x\",\"size\":1,\"sha256\":\"%s\"}",
        "{\"path\":\"/x\",\"size\":0,\"sha256\":\"%s\",\"version\":\"1\"}",
        "{\"path\":\"/x\",\"size\":1,\"sha256\":\"%s0\",\"version\":\"1\"}",
        "{\"path\":\"/x\",\"size\":1,\"sha256\":\"g%.63s\",\"version\":\"1\"}",
        "{\"path\":7,\"size\":1,\"sha256\":\"%s\",\"version\":\"1\"}",
        "{\"path\":\"/x\",\"size\":3000000000,\"sha256\":\"%s\",\"version\":\"1\"}",
        "{\"path\":\"/x\",\"size\":1,\"sha256\":\"%s\",\"version\":\"a version of more than 31 letters\"}",
        "{\"path\":\"/x\",\"size\":1,\"sha256\":\"%s\",\"version\":\"1\",\"older\":1}",
        "{\"path\":\"/x\",\"size\":1,\"version\":\"1\",\"sha256\":\"%s\",\"signed\":\"\"}",
        "{\"path\":\"/x\",\"size\":1,\"version\":\"1\",\"sha256\":\"%1$s\",\"manifest\":\"%1$s\"}",
    };
    char text[300];
    struct json value;
    (void)snprintf(text, sizeof text, "{\"path\":\"/x\",\"size\":7,\"sha256\":\"%s\",\"version\":\"1\"}",
                   hex);
    assert_true(json_parse(&value, text, strlen(text)) && update_parse(&request, value));
    assert_false(request.older);
    assert_int_equal(request.signature_count, 0);
    assert_int_equal(request.size, 7);
    assert_int_equal(request.sha256[1], 0x11);
    assert_int_equal(request.sha256[31], 0xFF);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(text, sizeof text, wrong[i], hex);
        assert_true(json_parse(&value, text, strlen(text)));
        assert_false(update_parse(&request, value));
    }
}

/* ---- who made it ---- */

static void only_who_is_known_may_make_one(void **state)
{
    (void)state;
    source.keys.count = 0;
    assert_string_equal(outcome(), "update_no_key");
    source.keys.count = 1;
    assert_string_equal(outcome(), "update_unsigned");
    source.keys.count = 3;
    request.signature_count = 0;
    assert_string_equal(outcome(), "update_unsigned");
    assert_int_equal(fake.streams_opened, 0);
    request.signature_count = 1;
    assert_string_equal(outcome(), "ready");
}

static void what_was_signed_is_all_of_it(void **state)
{
    (void)state;
    for (int change = 0; change < 7; change++) {
        (void)setup(NULL);
        switch (change) {
        case 0:
            request.size++;
            break;
        case 1:
            strcpy(request.version, "0.2.1");
            break;
        case 2:
            request.sha256[31] ^= 1;
            break;
        case 3:
            request.manifest[0] ^= 1;
            break;
        case 4:
            source.board = "xmini-c4";
            break;
        case 5:
            request.signatures[0].bytes[0] ^= 1;
            break;
        default:
            request.signatures[0].bytes[63] ^= 1;
        }
        assert_string_equal(outcome(), "update_bad_signature");
        assert_int_equal(fake.streams_opened, 0);
        assert_int_equal(u.state, UPDATE_IDLE);
    }
}

static void one_good_signature_is_enough(void **state)
{
    (void)state;
    request.signature_count = 2;
    request.signatures[1] = request.signatures[0];
    memset(&request.signatures[0], 9, sizeof request.signatures[0]); /* by a key that is not known */
    assert_string_equal(outcome(), "ready");
}

static void the_way_back_has_to_be_wanted(void **state)
{
    (void)state;
    source.version = "0.2.1";
    assert_string_equal(outcome(), "update_older");
    assert_int_equal(fake.streams_opened, 0);
    request.older = true;
    assert_string_equal(outcome(), "ready");
    (void)setup(NULL);
    source.version = "0.2.0";
    assert_string_equal(outcome(), "ready");
}

static void versions_are_in_order(void **state)
{
    (void)state;
    static const char *const in_order[] = {"",
                                           "nonsense",
                                           "0.0.9",
                                           "0.1.dev3",
                                           "0.1.0a1.dev2",
                                           "0.1.0a1",
                                           "0.1.0b1",
                                           "0.1.0rc1",
                                           "0.1.0-rc2",
                                           "0.1.0",
                                           "0.1.0.post1",
                                           "0.1.2",
                                           "0.1.10",
                                           "0.2",
                                           "1.0.0.0",
                                           "99999999999999999999"};
    const int count = (int)(sizeof in_order / sizeof in_order[0]);
    for (int a = 2; a < count; a++)
        for (int b = 2; b < count; b++) {
            int found = version_compare(in_order[a], in_order[b]);
            assert_int_equal(found < 0 ? -1 : found > 0, a < b ? -1 : a > b);
        }
    assert_int_equal(version_compare("", "nonsense"), 0);
    assert_true(version_compare("nonsense", "0.0.9") < 0 && version_compare("0.0.9", "") > 0);
    assert_int_equal(version_compare("0.1", "0.1.0"), 0);
    assert_int_equal(version_compare("v1.0", "1"), 0);
    assert_int_equal(version_compare("1.0.0-rc.1", "1.0rc1"), 0);
}

static void a_signature_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    char one[200], text[600];
    struct signature found[SIGNATURES];
    (void)sodium_bin2hex(one, sizeof one, request.signatures[0].hint, SIGNATURE_HINT);
    strcat(one, ":");
    (void)sodium_bin2hex(one + 17, sizeof one - 17, request.signatures[0].bytes, SIGNATURE);
    assert_int_equal(signature_parse(found, one), 1);
    assert_memory_equal(&found[0], &request.signatures[0], sizeof found[0]);
    (void)snprintf(text, sizeof text, "%s,%s", one, one);
    assert_int_equal(signature_parse(found, text), 2);
    (void)snprintf(text, sizeof text, "%s,%s,%s", one, one, one);
    assert_int_equal(signature_parse(found, text), 0);
    for (size_t len = 0; len < strlen(one); len++) {
        memcpy(text, one, len);
        text[len] = '\0';
        assert_int_equal(signature_parse(found, text), 0);
    }
    (void)snprintf(text, sizeof text, "%s,", one);
    assert_int_equal(signature_parse(found, text), 0);
    (void)snprintf(text, sizeof text, "%s0", one);
    assert_int_equal(signature_parse(found, text), 0);
}

/* ---- what goes wrong, before anything boots ---- */

static void nothing_is_written_of_an_image_that_is_not_ours(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        const char *bytes, *reason;
    } wrong[] = {
        {0, "\x7F", "update_bad_image"},         {32, "\x31", "update_bad_image"},
        {80, "hello", "update_bad_image"},       {288, "VGB2", "update_wrong_board"},
        {292, "xmini-c4", "update_wrong_board"}, {292, "xmini-c3x", "update_wrong_board"},
        {48, "0.3.0", "update_wrong_version"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)setup(NULL);
        memcpy(image + wrong[i].at, wrong[i].bytes, strlen(wrong[i].bytes));
        make_request(SIZE);
        serve(SIZE, SIZE);
        assert_string_equal(outcome(), wrong[i].reason);
        assert_int_equal(fake.ota_len, 0);
        assert_false(fake.ota_open || fake.stream_open);
    }
}

static void an_image_too_short_to_say_what_it_is(void **state)
{
    (void)state;
    make_request(IMAGE_HEAD - 1);
    serve(IMAGE_HEAD - 1, IMAGE_HEAD - 1);
    assert_string_equal(outcome(), "update_bad_image");
}

static void a_bit_that_flipped_is_noticed(void **state)
{
    (void)state;
    for (size_t at = IMAGE_HEAD; at < SIZE; at += 997) {
        (void)setup(NULL);
        image[at] ^= 1;
        serve(SIZE, SIZE);
        assert_string_equal(outcome(), "update_bad_hash");
        assert_false(fake.ota_finished);
    }
}

static void other_sizes_than_announced_are_refused(void **state)
{
    (void)state;
    serve(SIZE - 1, SIZE - 1);
    assert_string_equal(outcome(), "update_http");
    (void)setup(NULL);
    serve(SIZE, SIZE + 1);
    assert_string_equal(outcome(), "update_http");
    assert_false(fake.ota_finished);
}

static void a_connection_that_breaks_off(void **state)
{
    (void)state;
    for (size_t size = 0; size < SIZE; size += 1111) {
        (void)setup(NULL);
        serve(size, SIZE);
        fake.after = size % 2 == 0 ? PORT_END : PORT_ERR_UNREACHABLE;
        assert_string_equal(outcome(), size % 2 == 0 ? "update_http" : "update_unreachable");
        assert_false(fake.ota_finished || fake.ota_open);
        assert_int_equal(u.state, UPDATE_IDLE);
    }
}

static void a_gateway_that_falls_silent_is_given_up(void **state)
{
    (void)state;
    serve(2000, SIZE);
    assert_string_equal(outcome(), "update_unreachable");
    (void)setup(NULL);
    fake.connect_result = PORT_AGAIN;
    uint64_t began = fake.now;
    assert_string_equal(outcome(), "update_unreachable");
    assert_true(fake.now - began < S(20));
}

static void a_gateway_that_sends_a_byte_now_and_then_is_given_up(void **state)
{
    (void)state;
    uint64_t began = fake.now;
    assert_null(update_start(&u, fake.now, &source, &request));
    for (fake.reply_len = 0; fake.reply_len < 1000 && update_is_under_way(&u); fake.reply_len++) {
        (void)update_step(&u, fake.now, false);
        fake.now += S(10);
    }
    assert_string_equal(u.reason, "update_unreachable");
    assert_true(fake.now - began < S(1000));
}

static void a_gateway_that_cannot_be_reached(void **state)
{
    (void)state;
    fake.open_result = PORT_ERR_UNREACHABLE;
    assert_string_equal(outcome(), "update_unreachable");
    fake.open_result = PORT_OK;
    fake.connect_result = PORT_ERR_TLS_PIN;
    assert_string_equal(outcome(), "update_tls");
    fake.connect_result = PORT_OK;
    serve(2000, SIZE);
    fake.after = PORT_ERR_TLS; /* a record that its buffer does not hold, say */
    assert_string_equal(outcome(), "update_tls");
}

static void an_answer_that_is_no_image(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 401 Who\r\nContent-Length: 999999\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        fake_reply(answers[i]);
        assert_string_equal(outcome(), "update_http");
        assert_int_equal(fake.ota_len, 0);
    }
}

static void flash_that_fails_is_told(void **state)
{
    (void)state;
    fake.ota_write_result = PORT_ERR_IO;
    assert_string_equal(outcome(), "update_flash");
    fake.ota_write_result = PORT_OK;
    fake.ota_finish_result = PORT_ERR_ARGUMENT;
    assert_string_equal(outcome(), "update_bad_image");
    fake.ota_finish_result = PORT_ERR_IO;
    assert_string_equal(outcome(), "update_flash");
    fake.ota_finish_result = PORT_OK;
    assert_string_equal(outcome(), "ready"); /* none of that is for good */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_event_does_what_the_table_says_and_nothing_else),
        TEST(an_image_is_written_and_boots_next),
        TEST(it_comes_in_pieces_of_any_size),
        TEST(sizes_at_the_edge_of_a_piece),
        TEST(chunks_will_do),
        TEST(a_live_call_gets_a_rest_after_each_sector),
        TEST(plain_http_needs_to_be_wanted),
        TEST(one_at_a_time_and_none_on_trial),
        TEST(there_must_be_room),
        TEST(a_path_is_a_path),
        TEST(a_command_says_all_of_it),
        TEST(only_who_is_known_may_make_one),
        TEST(what_was_signed_is_all_of_it),
        TEST(one_good_signature_is_enough),
        TEST(the_way_back_has_to_be_wanted),
        TEST(versions_are_in_order),
        TEST(a_signature_is_read_whole_or_not_at_all),
        TEST(nothing_is_written_of_an_image_that_is_not_ours),
        TEST(an_image_too_short_to_say_what_it_is),
        TEST(a_bit_that_flipped_is_noticed),
        TEST(other_sizes_than_announced_are_refused),
        TEST(a_connection_that_breaks_off),
        TEST(a_gateway_that_falls_silent_is_given_up),
        TEST(a_gateway_that_sends_a_byte_now_and_then_is_given_up),
        TEST(a_gateway_that_cannot_be_reached),
        TEST(an_answer_that_is_no_image),
        TEST(flash_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
