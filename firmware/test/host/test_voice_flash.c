/* The simulated board's flash: what ESP-IDF's bootloader and app_update would make of the same bytes. */
#include <mbedtls/md.h>
#include <stdlib.h>

#include "check.h"
#include "flash.h"

#define SIZE 0x400000u
#define CHIP 5

static struct flash flash;

static void put_word(uint32_t at, uint32_t value)
{
    for (uint32_t i = 0; i < 4; i++)
        flash.bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static uint32_t word(uint32_t at)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4; i++)
        value |= (uint32_t)flash.bytes[at + i] << 8 * i;
    return value;
}

static void partition(int i, uint8_t type, uint8_t subtype, uint32_t offset, uint32_t size)
{
    uint32_t at = 0x8000u + 32u * (uint32_t)i;
    flash.bytes[at] = 0xAA;
    flash.bytes[at + 1] = 0x50;
    flash.bytes[at + 2] = type;
    flash.bytes[at + 3] = subtype;
    put_word(at + 4, offset);
    put_word(at + 8, size);
}

static int setup(void **state)
{
    (void)state;
    memset(&flash, 0, sizeof flash);
    flash.size = SIZE;
    flash.bytes = malloc(SIZE);
    memset(flash.bytes, 0xFF, SIZE);
    partition(0, 1, 2, 0x9000, 0x6000);
    partition(1, 1, 0, 0xF000, 0x2000);
    partition(2, 0, 0x10, 0x20000, 0x1E0000);
    partition(3, 0, 0x11, 0x200000, 0x1E0000);
    assert_true(flash_read_table(&flash));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(flash.bytes);
    return 0;
}

/* esp_ota_select_entry_t; the checksums are Python's binascii.crc32(struct.pack("<I", n), 0xFFFFFFFF), as in
 * ESP-IDF's otatool.py. */
static const uint32_t crcs[] = {0, 0x4743989A, 0x55F63774, 0xED4A5011, 0x709D68A8};

static void entry_is(int i, uint32_t sequence, uint32_t state)
{
    uint32_t at = 0xF000u + 0x1000u * (uint32_t)i;
    assert_int_equal(word(at), sequence);
    assert_int_equal(word(at + 24), state);
    assert_int_equal(word(at + 28), crcs[sequence]);
}

static void boot(int i) /* what the bootloader does to what it starts */
{
    put_word(0xF000u + 0x1000u * (uint32_t)i + 24, FLASH_PENDING);
}

static void finds_what_the_table_names(void **state)
{
    (void)state;
    assert_int_equal(flash.otadata.offset, 0xF000);
    assert_int_equal(flash.slots[1].offset, 0x200000);
    partition(3, 0, 0x11, 0x300000, 0x1E0000); /* beyond the end */
    memset(flash.slots, 0, sizeof flash.slots);
    assert_false(flash_read_table(&flash));
    flash.bytes[0x8000] = 0xFF;
    assert_false(flash_read_table(&flash));
    flash.size = 0x8000;
    assert_false(flash_read_table(&flash));
}

static void the_record_is_as_esp_idf_writes_it(void **state)
{
    (void)state;
    flash_select(&flash, 1);
    entry_is(0, 2, FLASH_NEW);
    flash_select(&flash, 0);
    entry_is(1, 3, FLASH_NEW);
    entry_is(0, 2, FLASH_NEW);
    flash_select(&flash, 1);
    entry_is(0, 4, FLASH_NEW);
}

static void a_trial_ends_when_it_is_marked_valid(void **state)
{
    (void)state;
    assert_false(flash_is_on_trial(&flash, 0));
    flash_select(&flash, 1);
    assert_false(flash_is_on_trial(&flash, 1)); /* it has not booted yet */
    boot(0);
    assert_true(flash_is_on_trial(&flash, 1));
    assert_false(flash_is_on_trial(&flash, 0));
    flash_mark_valid(&flash);
    entry_is(0, 2, FLASH_VALID);
    assert_false(flash_is_on_trial(&flash, 1));
}

static void what_was_aborted_does_not_count(void **state)
{
    (void)state;
    flash_select(&flash, 1);
    flash_mark_valid(&flash);
    flash_select(&flash, 0);
    entry_is(1, 3, FLASH_NEW);
    put_word(0x10000 + 24, FLASH_ABORTED);
    flash_select(&flash, 0); /* once more: into the entry that failed, not over the one that runs */
    entry_is(0, 2, FLASH_VALID);
    entry_is(1, 3, FLASH_NEW);
    put_word(0x10000 + 28, 0); /* nor does one with a wrong checksum */
    flash_mark_valid(&flash);
    entry_is(0, 2, FLASH_VALID);
    assert_int_equal(word(0x10000 + 24), FLASH_NEW);
}

static void an_update_that_begins_forgets_the_image_it_overwrites(void **state)
{
    (void)state;
    flash_select(&flash, 1);
    flash_mark_valid(&flash);
    flash_select(&flash, 0);
    flash_mark_valid(&flash);
    flash_forget_inactive(&flash, 0);
    assert_int_equal(word(0xF000), 0xFFFFFFFF);
    entry_is(1, 3, FLASH_VALID);
    flash_forget_inactive(&flash, 0); /* nothing more to forget */
    entry_is(1, 3, FLASH_VALID);
}

static void writing_only_clears_bits(void **state)
{
    (void)state;
    static const uint8_t a[2] = {0xF0, 0x0F}, b[2] = {0x3C, 0xFF};
    assert_true(flash_write(&flash, &flash.slots[0], 0, a, 2) &&
                flash_write(&flash, &flash.slots[0], 0, b, 2));
    assert_int_equal(flash.bytes[0x20000], 0x30);
    assert_int_equal(flash.bytes[0x20001], 0x0F);
    assert_true(flash_erase(&flash, &flash.slots[0], 0, FLASH_SECTOR));
    assert_int_equal(flash.bytes[0x20000], 0xFF);
    assert_false(flash_write(&flash, &flash.slots[0], 0x1DFFFF, a, 2));
    assert_false(flash_erase(&flash, &flash.slots[0], 0x1DF001, FLASH_SECTOR));
}

/* ---- images ---- */

#define SEGMENT 100u

/* Two segments, checksum, SHA-256. */
static uint32_t make_image(uint8_t *image, bool hashed)
{
    uint32_t len = 24;
    uint8_t checksum = 0xEF;
    memset(image, 0, 1024);
    image[0] = 0xE9;
    image[1] = 2;
    image[12] = CHIP;
    image[23] = hashed;
    for (int segment = 0; segment < 2; segment++) {
        image[len + 4] = SEGMENT;
        len += 8;
        for (uint32_t i = 0; i < SEGMENT; i++)
            checksum ^= image[len++] = (uint8_t)(7 * i + 1);
    }
    len = (len | 15) + 1;
    image[len - 1] = checksum;
    if (hashed)
        (void)mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), image, len, image + len);
    return len + (hashed ? 32 : 0);
}

static void an_image_is_checked_as_the_bootloader_does(void **state)
{
    uint8_t image[1024];
    (void)state;
    for (int hashed = 0; hashed < 2; hashed++) {
        uint32_t len = make_image(image, hashed);
        assert_int_equal(flash_image_length(image, sizeof image, CHIP), len);
        assert_int_equal(flash_image_length(image, len, CHIP), len);
        assert_int_equal(flash_image_length(image, sizeof image, 9), 0);
        for (uint32_t cut = 0; cut < len; cut++)
            assert_int_equal(flash_image_length(image, cut, CHIP), 0);
    }
}

static void any_byte_that_changes_is_noticed(void **state)
{
    uint8_t image[1024];
    uint32_t len = make_image(image, true);
    (void)state;
    for (uint32_t at = 0; at < len; at++) {
        (void)make_image(image, true);
        image[at] ^= 0x10;
        if (flash_image_length(image, sizeof image, CHIP) != 0)
            fail_msg("byte %u may change", at);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(finds_what_the_table_names),
        TEST(the_record_is_as_esp_idf_writes_it),
        TEST(a_trial_ends_when_it_is_marked_valid),
        TEST(what_was_aborted_does_not_count),
        TEST(an_update_that_begins_forgets_the_image_it_overwrites),
        TEST(writing_only_clears_bits),
        TEST(an_image_is_checked_as_the_bootloader_does),
        TEST(any_byte_that_changes_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
