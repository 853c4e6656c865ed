#include "check.h"

#include "sctp/dcep.h"

static void an_open_is_written_as_rfc_8832_draws_it(void **state)
{
    (void)state;
    const uint8_t expected[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 'r', 't', 'v', 'i'};
    uint8_t message[64];
    assert_int_equal(dcep_write_open(message, "rtvi", 4), sizeof expected);
    assert_memory_equal(message, expected, sizeof expected);
    struct dcep_open open;
    assert_int_equal(dcep_read(message, sizeof expected, &open), DCEP_OPEN);
    assert_false(open.unordered);
    assert_int_equal(open.label_len, 4);
    assert_memory_equal(open.label, "rtvi", 4);
}

static void every_type_of_channel_is_read(void **state)
{
    (void)state;
    const uint8_t types[] = {0x00, 0x01, 0x02, 0x80, 0x81, 0x82};
    for (size_t i = 0; i < sizeof types; i++) {
        uint8_t message[] = {3, types[i], 0, 0, 0, 0, 0, 5, 0, 1, 0, 2, 'l', 'p', 'p'};
        struct dcep_open open;
        assert_int_equal(dcep_read(message, sizeof message, &open), DCEP_OPEN);
        assert_int_equal(open.unordered, i >= 3);
        assert_int_equal(open.label_len, 1);
    }
}

static void an_open_cut_short_is_none(void **state)
{
    (void)state;
    const uint8_t message[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 'a', 'b', 'p'};
    struct dcep_open open;
    for (size_t len = 0; len < sizeof message; len++)
        assert_int_equal(dcep_read(message, len, &open), DCEP_INVALID);
    assert_int_equal(dcep_read(message, sizeof message, &open), DCEP_OPEN);
}

static void acks_and_strangers(void **state)
{
    (void)state;
    struct dcep_open open;
    assert_int_equal(dcep_read((const uint8_t *)"\2", 1, &open), DCEP_ACK);
    assert_int_equal(dcep_read((const uint8_t *)"\1", 1, &open), DCEP_INVALID);
    assert_int_equal(dcep_read(NULL, 0, &open), DCEP_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_is_written_as_rfc_8832_draws_it),
        cmocka_unit_test(every_type_of_channel_is_read),
        cmocka_unit_test(an_open_cut_short_is_none),
        cmocka_unit_test(acks_and_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
