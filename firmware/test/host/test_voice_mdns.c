/* The DNS messages of the host's mDNS. `response` is what python-zeroconf sends for a gateway. */
#include <stdio.h>

#include "check.h"
#include "mdns_wire.h"

static uint8_t response[600];
static size_t response_len;

static int load(void **state)
{
    (void)state;
    FILE *file = fopen(CORPUS "/voice_mdns/response", "rb");
    assert_non_null(file);
    response_len = fread(response, 1, sizeof response, file);
    fclose(file);
    return 0;
}

static bool find(struct mdns_record *record, const uint8_t *message, size_t len, enum mdns_type type)
{
    struct mdns_reader r;
    if (!mdns_read(&r, message, len))
        return false;
    while (mdns_next(&r, record))
        if (!record->is_question && record->type == type)
            return true;
    return false;
}

static void reads_what_zeroconf_says(void **state)
{
    struct mdns_record record;
    struct mdns_name kind, host;
    char text[48];
    (void)state;
    assert_true(mdns_name_make(&kind, NULL, "_VoiceGW._tcp.local"));
    assert_true(mdns_name_make(&host, NULL, "gw.local"));
    assert_true(find(&record, response, response_len, MDNS_PTR));
    assert_true(mdns_name_equal(&record.name, &kind));
    mdns_name_label(&record.target, text, sizeof text);
    assert_string_equal(text, "my gw");
    assert_true(find(&record, response, response_len, MDNS_SRV));
    assert_int_equal(record.port, 7860);
    assert_true(mdns_name_equal(&record.target, &host));
    assert_true(find(&record, response, response_len, MDNS_TXT));
    assert_true(mdns_txt(&record, 1, text, sizeof text));
    assert_string_equal(text, "id=0123abcd");
    assert_false(mdns_txt(&record, 5, text, sizeof text));
    assert_true(find(&record, response, response_len, MDNS_A));
    assert_int_equal(record.ip[0], 127);
}

static void a_message_cut_anywhere_does_no_harm(void **state)
{
    (void)state;
    for (size_t len = 0; len < response_len; len++) {
        struct mdns_reader r;
        struct mdns_record record;
        uint8_t exact[600]; /* at the end of it, for the sanitizer to see one byte too far */
        memcpy(exact + sizeof exact - len, response, len);
        if (mdns_read(&r, exact + sizeof exact - len, len))
            while (mdns_next(&r, &record))
                ;
    }
}

static void compression_that_goes_in_circles_ends(void **state)
{
    uint8_t message[20] = {0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xc0, 12, 0, 12, 0, 1};
    struct mdns_reader r;
    struct mdns_record record;
    (void)state;
    assert_true(mdns_read(&r, message, sizeof message));
    assert_false(mdns_next(&r, &record));
    message[13] = 14; /* forward */
    assert_true(mdns_read(&r, message, sizeof message));
    assert_false(mdns_next(&r, &record));
}

static void what_is_written_reads_back(void **state)
{
    static const char *const txt[] = {"id=1", "state=live"};
    static const uint8_t ip[4] = {10, 0, 0, 9};
    struct mdns_writer w;
    struct mdns_name kind, own, host;
    struct mdns_record record;
    char text[48];
    (void)state;
    assert_true(mdns_name_make(&kind, NULL, "_voicedev._tcp.local"));
    assert_true(mdns_name_make(&own, "the kitchen. yes", "_voicedev._tcp.local"));
    assert_true(mdns_name_make(&host, "sim", "local"));
    mdns_begin(&w, true);
    mdns_put_ptr(&w, &kind, &own, 120);
    mdns_put_srv(&w, &own, &host, 9, 120);
    mdns_put_txt(&w, &own, txt, 2, 120);
    mdns_put_a(&w, &host, ip, 120);
    assert_false(w.failed);
    assert_true(find(&record, w.message, w.len, MDNS_PTR));
    assert_true(mdns_name_equal(&record.target, &own));
    assert_int_equal(record.ttl, 120);
    assert_true(find(&record, w.message, w.len, MDNS_TXT));
    assert_true(mdns_txt(&record, 1, text, sizeof text));
    assert_string_equal(text, "state=live");
    assert_true(find(&record, w.message, w.len, MDNS_A));
    assert_memory_equal(record.ip, ip, 4);
}

static void names_have_bounds(void **state)
{
    struct mdns_name name;
    char label[70];
    (void)state;
    memset(label, 'a', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    assert_false(mdns_name_make(&name, label, "local"));
    assert_false(mdns_name_make(&name, "", "local"));
    assert_false(mdns_name_make(&name, NULL, "a..b"));
    label[63] = '\0';
    assert_true(mdns_name_make(&name, label, "local"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_zeroconf_says),
        cmocka_unit_test(a_message_cut_anywhere_does_no_harm),
        cmocka_unit_test(compression_that_goes_in_circles_ends),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(names_have_bounds),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
