/* Improv over the console's line: frames, answers, and lines that go on as before. */
#include "check.h"
#include "device/device_state.h"
#include "voice/fake.h"

#define MS(n) ((uint64_t)(n)*1000u)

static uint8_t frame[300];
static size_t frame_len;

static void make(uint8_t type, const void *data, size_t len)
{
    uint8_t sum = 0;
    memcpy(frame, "IMPROV\x01", 7);
    frame[7] = type;
    frame[8] = (uint8_t)len;
    if (len > 0)
        memcpy(frame + 9, data, len);
    for (size_t i = 0; i < 9 + len; i++)
        sum = (uint8_t)(sum + frame[i]);
    frame[9 + len] = sum;
    frame_len = 10 + len;
}

static void command(uint8_t number, const char *data, size_t len)
{
    uint8_t body[255] = {number, (uint8_t)len};
    memcpy(body + 2, data, len);
    make(IMPROV_COMMAND, body, len + 2);
}

static void run_for(uint64_t us)
{
    for (uint64_t end = fake.now + us; fake.now < end;) {
        uint64_t next = voice_net_step();
        fake.now = next > fake.now ? (next < end ? next : end) : fake.now + 1;
    }
}

static void type_bytes(const void *bytes, size_t len)
{
    fake.typed = bytes;
    fake.typed_len = len;
    (void)voice_net_step();
}

static void ask(void)
{
    fake_forget();
    type_bytes(frame, frame_len);
}

/* The n-th frame printed of that type, or NULL. */
static const uint8_t *printed(uint8_t type, int n)
{
    for (size_t at = 0; at + 10 <= fake.printed_len; at++)
        if (memcmp(fake.printed + at, "IMPROV\x01", 7) == 0 && (uint8_t)fake.printed[at + 7] == type &&
            n-- == 0)
            return (const uint8_t *)fake.printed + at;
    return NULL;
}

static int state_told(void)
{
    const uint8_t *found = printed(IMPROV_STATE, 0);
    return found != NULL ? found[9] : -1;
}

static int error_told(void) /* the last one */
{
    const uint8_t *found = NULL, *next;
    for (int n = 0; (next = printed(IMPROV_ERROR, n)) != NULL; n++)
        found = next;
    return found != NULL ? found[9] : -1;
}

/* Text i of a result. */
static const char *text_told(int n, int i)
{
    static char text[256];
    const uint8_t *found = printed(IMPROV_RESULT, n);
    if (found == NULL)
        return NULL;
    const uint8_t *at = found + 11, *end = found + 9 + found[8];
    for (; i > 0 && at < end; i--)
        at += *at + 1;
    if (at >= end)
        return "";
    memcpy(text, at + 1, *at);
    text[*at] = '\0';
    return text;
}

static int setup(void **state)
{
    (void)state;
    fake_reset();
    fake.needs_ssid = true;
    fake.link = PORT_LINK_DOWN;
    voice_start(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    voice_stop();
    return 0;
}

static void says_how_it_stands(void **state)
{
    (void)state;
    command(IMPROV_GET_STATE, "", 0);
    ask();
    assert_int_equal(state_told(), IMPROV_READY);
    assert_int_equal(error_told(), IMPROV_OK);
    assert_null(printed(IMPROV_RESULT, 0));
    fake_kv_put("ssid", "home");
    voice_stop();
    voice_start(NULL);
    fake.link = PORT_LINK_UP;
    ask();
    assert_int_equal(state_told(), IMPROV_PROVISIONED);
    assert_string_equal(text_told(0, 0), "");
}

static void says_what_it_is(void **state)
{
    (void)state;
    command(IMPROV_GET_INFO, "", 0);
    ask();
    static const char *const expected[] = {"voicegw", "1.2.3", "ESP32-C3", "0123456789ab", "fake"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(text_told(0, i), expected[i]);
    uint8_t sum = 0;
    const uint8_t *found = printed(IMPROV_RESULT, 0);
    for (size_t i = 0; i < 9u + found[8]; i++)
        sum = (uint8_t)(sum + found[i]);
    assert_int_equal(found[9 + found[8]], sum);
    assert_int_equal(found[10 + found[8]], '\n');
}

static void joins_and_says_where_to_go_on(void **state)
{
    (void)state;
    fake_kv_put("gateway", "http://10.0.0.5:7860");
    voice_stop();
    voice_start(NULL);
    command(IMPROV_SET_WIFI, "\x04home\x0ano secrets", 16);
    ask();
    assert_int_equal(state_told(), IMPROV_PROVISIONING);
    assert_true(fake_kv_is("ssid", "home") && fake_kv_is("password", "no secrets"));
    fake_forget();
    run_for(MS(500));
    assert_null(printed(IMPROV_STATE, 0));
    fake.link = PORT_LINK_UP;
    run_for(MS(500));
    assert_int_equal(state_told(), IMPROV_PROVISIONED);
    assert_string_equal(text_told(0, 0), "http://10.0.0.5:7860/");
}

static void a_gateway_is_not_needed_for_wifi(void **state)
{
    (void)state;
    command(IMPROV_SET_WIFI, "\x04home\x00", 6);
    ask();
    fake.link = PORT_LINK_UP;
    run_for(MS(8000));
    assert_int_equal(printed(IMPROV_STATE, 1)[9], IMPROV_PROVISIONED);
    assert_string_equal(text_told(0, 0), "");
}

static void a_wrong_password_is_told_and_can_be_tried_again(void **state)
{
    (void)state;
    command(IMPROV_SET_WIFI, "\x04home\x09wrong one", 15);
    ask();
    fake.link = PORT_LINK_REFUSED;
    fake_forget();
    run_for(MS(500));
    assert_int_equal(error_told(), IMPROV_UNABLE_TO_CONNECT);
    assert_int_equal(state_told(), IMPROV_READY);
    command(IMPROV_SET_WIFI, "\x04home\x09right one", 15);
    fake.link = PORT_LINK_JOINING;
    ask();
    fake_forget();
    fake.link = PORT_LINK_UP;
    run_for(MS(8000));
    assert_int_equal(state_told(), IMPROV_PROVISIONED);
}

static void a_password_that_no_network_has_is_told_at_once(void **state)
{
    (void)state;
    command(IMPROV_SET_WIFI,
            "\x04home\x07"
            "1234567",
            13);
    ask();
    assert_int_equal(error_told(), IMPROV_UNABLE_TO_CONNECT);
    assert_false(fake_kv_is("ssid", "home"));
}

static void a_network_that_never_answers_is_given_up(void **state)
{
    (void)state;
    command(IMPROV_SET_WIFI, "\x04home\x08whatever", 14);
    ask();
    fake.link = PORT_LINK_JOINING;
    fake_forget();
    run_for(MS(29000));
    assert_int_equal(error_told(), IMPROV_UNABLE_TO_CONNECT);
}

static void tells_networks_one_by_one_and_then_the_end(void **state)
{
    (void)state;
    fake.networks[0] = (struct port_network){"near", -40, false};
    fake.networks[1] = (struct port_network){"guests", -71, true};
    fake.network_count = 2;
    fake.scan_result = PORT_AGAIN;
    command(IMPROV_GET_NETWORKS, "", 0);
    ask();
    assert_string_equal(text_told(0, 0), "near");
    assert_string_equal(text_told(0, 1), "-40");
    assert_string_equal(text_told(0, 2), "YES");
    assert_string_equal(text_told(1, 0), "guests");
    assert_string_equal(text_told(1, 2), "NO");
    assert_null(printed(IMPROV_RESULT, 2));
    fake.scan_result = PORT_END;
    run_for(MS(200));
    assert_int_equal(printed(IMPROV_RESULT, 2)[8], 2);
    fake.scan_fails = true;
    ask();
    assert_int_equal(printed(IMPROV_RESULT, 0)[8], 2);
}

static void its_name_can_be_read_and_set(void **state)
{
    (void)state;
    command(IMPROV_DEVICE_NAME, "kitchen", 7);
    ask();
    assert_string_equal(text_told(0, 0), "kitchen");
    assert_true(fake_kv_is("name", "kitchen"));
    command(IMPROV_DEVICE_NAME, "", 0);
    ask();
    assert_string_equal(text_told(0, 0), "kitchen");
    fake.kv_fails = true;
    command(IMPROV_DEVICE_NAME, "hall", 4);
    ask();
    assert_int_equal(error_told(), IMPROV_BAD_HOSTNAME);
}

static void tells_how_it_is_connected(void **state)
{
    (void)state;
    command(IMPROV_GET_NETWORK_STATE, "", 0);
    ask();
    assert_string_equal(text_told(0, 0), "2");
    fake.link = PORT_LINK_UP;
    ask();
    assert_string_equal(text_told(0, 0), "3");
}

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
    } wrong[] = {{"", 0},         {"\x05home", 5},   {"\x04home", 5}, {"\x04home\x09secret", 12},
                 {"\x00\x00", 2}, {"\x01h\x01p!", 5}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        command(IMPROV_SET_WIFI, wrong[i].data, wrong[i].len);
        ask();
        assert_int_equal(error_told(), IMPROV_INVALID);
    }
    command(99, "", 0);
    ask();
    assert_int_equal(error_told(), IMPROV_UNKNOWN_COMMAND);
    command(IMPROV_GET_INFO, "", 0);
    frame[frame_len - 1]++;
    ask();
    assert_int_equal(error_told(), IMPROV_INVALID);
    make(IMPROV_STATE, "\x02", 1); /* not for us */
    ask();
    assert_int_equal(fake.printed_len, 0);
    assert_false(fake_kv_is("ssid", "home"));
}

static void lines_go_on_around_frames(void **state)
{
    (void)state;
    char text[400];
    command(IMPROV_GET_INFO, "", 0);
    size_t len = 0;
    for (int i = 0; i < 2; i++) { /* a frame after half a line, and whole lines around it */
        memcpy(text + len, "state\nhalf a li", 15);
        memcpy(text + len + 15, frame, frame_len);
        memcpy(text + len + 15 + frame_len, "\nstate\n", 7);
        len += 22 + frame_len;
    }
    fake_forget();
    type_bytes(text, len);
    assert_non_null(printed(IMPROV_RESULT, 1));
    int lines = 0;
    for (const char *at = fake.printed; at < fake.printed + fake.printed_len; at++)
        lines += strncmp(at, "@ok {\"state\"", 12) == 0;
    assert_int_equal(lines, 4);
    fake_forget();
    type_bytes("IMPROV\n", 7); /* only a word */
    assert_true(fake_printed("unknown_command"));
}

static void any_byte_may_be_in_a_frame(void **state)
{
    (void)state;
    command(IMPROV_SET_WIFI, "\x03\n\r \x08\r\n\r\n\r\n\r\n", 13);
    ask();
    assert_int_equal(error_told(), IMPROV_OK);
    assert_true(fake_kv_is("ssid", "\n\r ") && fake_kv_is("password", "\r\n\r\n\r\n\r\n"));
}

static void half_a_frame_does_not_deafen_the_console(void **state)
{
    (void)state;
    command(IMPROV_GET_INFO, "", 0);
    type_bytes(frame, frame_len - 2);
    type_bytes("state\n", 6); /* taken for the frame's rest, which it cannot be */
    run_for(MS(1500));
    fake_forget();
    type_bytes("state\n", 6);
    assert_true(fake_printed("@ok {\"state\""));
}

static void a_text_that_does_not_fit_leaves_nothing_behind(void **state)
{
    char text[252] = "";
    (void)state;
    for (size_t len = 240; len < sizeof text; len++) {
        struct improv_writer w;
        memset(text, 'x', len);
        text[len] = '\0';
        improv_begin_result(&w, IMPROV_GET_INFO);
        improv_add_text(&w, text);
        size_t full = w.len;
        improv_add_text(&w, "0123456789");
        assert_true(w.len == full || w.len == full + 11);
        improv_end_result(&w);
        assert_int_equal(w.bytes[8], w.len - 11); /* header, checksum, line end */
        assert_int_equal(w.bytes[10], w.bytes[8] - 2);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(says_how_it_stands),
        TEST(says_what_it_is),
        TEST(joins_and_says_where_to_go_on),
        TEST(a_gateway_is_not_needed_for_wifi),
        TEST(a_wrong_password_is_told_and_can_be_tried_again),
        TEST(a_password_that_no_network_has_is_told_at_once),
        TEST(a_network_that_never_answers_is_given_up),
        TEST(tells_networks_one_by_one_and_then_the_end),
        TEST(its_name_can_be_read_and_set),
        TEST(a_text_that_does_not_fit_leaves_nothing_behind),
        TEST(tells_how_it_is_connected),
        TEST(what_is_malformed_is_refused),
        TEST(lines_go_on_around_frames),
        TEST(any_byte_may_be_in_a_frame),
        TEST(half_a_frame_does_not_deafen_the_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
