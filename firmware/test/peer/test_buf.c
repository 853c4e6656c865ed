#include "check.h"

#include "base/buf.h"

static void reads_big_endian(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
    struct buf_reader r = buf_reader(data, sizeof data);
    assert_int_equal(buf_u8(&r), 1);
    assert_int_equal(buf_u16(&r), 0x0203);
    assert_int_equal(buf_u24(&r), 0x040506);
    assert_int_equal(buf_u32(&r), 0x0708090a);
    assert_true(buf_u64(&r) == 0x0b0c0d0e0f101112u);
    assert_false(r.failed);
    assert_int_equal(r.left, 0);
}

static void a_failed_read_sticks(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3};
    struct buf_reader r = buf_reader(data, sizeof data);
    assert_int_equal(buf_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(buf_u8(&r), 0);
    assert_false(buf_skip(&r, 0));
}

static void a_sub_reader_stays_inside(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3, 4};
    uint8_t out[2];
    struct buf_reader r = buf_reader(data, sizeof data);
    struct buf_reader sub = buf_sub(&r, 3);
    assert_true(buf_read(&sub, out, 2));
    assert_int_equal(sub.left, 1);
    assert_int_equal(buf_u16(&sub), 0);
    assert_true(sub.failed);
    assert_int_equal(buf_u8(&r), 4);
    assert_true(buf_sub(&r, 1).failed);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    uint8_t data[20];
    struct buf_writer w = buf_writer(data, sizeof data);
    buf_put_u8(&w, 1);
    buf_put_u16(&w, 0x0203);
    buf_put_u24(&w, 0x040506);
    buf_put_u32(&w, 0x0708090a);
    buf_put_u64(&w, 0x0b0c0d0e0f101112u);
    buf_put_zero(&w, 2);
    assert_false(w.failed);
    assert_int_equal(w.len, 20);
    for (size_t i = 0; i < 18; i++)
        assert_int_equal(data[i], i + 1);
    buf_put_u8(&w, 1);
    assert_true(w.failed);
}

static void patches_only_what_is_written(void **state)
{
    (void)state;
    uint8_t data[4] = {0};
    struct buf_writer w = buf_writer(data, sizeof data);
    buf_put_u16(&w, 0);
    buf_patch_u16(&w, 0, 0x1234);
    assert_int_equal(data[0], 0x12);
    assert_int_equal(data[1], 0x34);
    buf_patch_u16(&w, 1, 1);
    assert_true(w.failed);
    assert_int_equal(data[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_big_endian),
        cmocka_unit_test(a_failed_read_sticks),
        cmocka_unit_test(a_sub_reader_stays_inside),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(patches_only_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
