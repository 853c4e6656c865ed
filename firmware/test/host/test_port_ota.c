/* An update as the simulated board writes it, whose power fails at each step: what boots is the old or the
 * new, and whole. */
#define _GNU_SOURCE
#include <mbedtls/md.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "flash.h"
#include "host.h"

#define SIZE 0x400000u
#define CHIP 5
#define IMAGE 9000u /* over three sectors */
#define SEGMENT 8000u

static struct flash seen; /* the same bytes as the board's, to lay out and to look at */
static char path[32];
static uint8_t images[2][IMAGE];
static uint32_t lens[2];

void port_log(enum port_level level, const char *tag, const char *format, ...)
{
    (void)level;
    (void)tag;
    (void)format;
}

/* Two images of one segment, which their filling tells apart. */
static void make_image(int n)
{
    uint8_t checksum = 0xEF, *image = images[n];
    uint32_t at = 32;
    memset(image, 0, IMAGE);
    image[0] = 0xE9;
    image[1] = 1;
    image[12] = CHIP;
    image[23] = 1;
    image[28] = (uint8_t)SEGMENT;
    image[29] = (uint8_t)(SEGMENT >> 8);
    for (uint32_t i = 0; i < SEGMENT; i++)
        checksum ^= image[at++] = (uint8_t)(i * 7 + (uint32_t)n);
    at = (at | 15) + 1;
    image[at - 1] = checksum;
    (void)mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), image, at, image + at);
    lens[n] = at + 32;
}

static void partition(int i, uint8_t type, uint8_t subtype, uint32_t offset, uint32_t size)
{
    uint8_t *at = seen.bytes + 0x8000 + 32 * i;
    at[0] = 0xAA;
    at[1] = 0x50;
    at[2] = type;
    at[3] = subtype;
    for (int byte = 0; byte < 4; byte++) {
        at[4 + byte] = (uint8_t)(offset >> 8 * byte);
        at[8 + byte] = (uint8_t)(size >> 8 * byte);
    }
}

static int setup(void **state)
{
    (void)state;
    int file = memfd_create("flash", MFD_CLOEXEC);
    assert_return_code(ftruncate(file, SIZE), 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    seen.size = SIZE;
    seen.bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    assert_ptr_not_equal(seen.bytes, MAP_FAILED);
    partition(0, 1, 0, 0xF000, 0x2000);
    partition(1, 0, 0x10, 0x20000, 0x1E0000);
    partition(2, 0, 0x11, 0x200000, 0x1E0000);
    assert_true(flash_read_table(&seen));
    make_image(0);
    make_image(1);
    return 0;
}

static void start(void)
{
    assert_true(host_flash_open(path, -1)); /* and the bootloader chooses */
}

static void lose_power(void)
{
    host_flash_close();
    start();
}

static int running(void)
{
    return strcmp(host_flash_slot(), "ota_1") == 0;
}

/* A board that has been updated before: the old image runs from `slot`, proven. */
static void start_with_old(int slot)
{
    memset(seen.bytes + seen.otadata.offset, 0xFF, seen.otadata.size);
    for (int i = 0; i < 2; i++)
        memset(seen.bytes + seen.slots[i].offset, 0xFF, 4 * FLASH_SECTOR);
    memcpy(seen.bytes + seen.slots[slot].offset, images[0], lens[0]);
    flash_select(&seen, 1 - slot);
    flash_select(&seen, slot);
    start();
    assert_int_equal(running(), slot);
    assert_int_equal(port_ota_mark_valid(), PORT_OK);
}

/* True if it boots next. */
static bool update(void)
{
    if (port_ota_begin(lens[1]) != PORT_OK)
        return false;
    for (uint32_t at = 0; at < lens[1]; at += PORT_OTA_PIECE) {
        uint32_t len = lens[1] - at < PORT_OTA_PIECE ? lens[1] - at : PORT_OTA_PIECE;
        if (port_ota_write(images[1] + at, len) != PORT_OK)
            return false;
    }
    return port_ota_finish() == PORT_OK;
}

static bool holds(int slot, int n)
{
    return memcmp(seen.bytes + seen.slots[slot].offset, images[n], lens[n]) == 0;
}

/* A byte a step would be 30,000 runs: each 97th of what is erased or is of the image, and each one of a
 * record, which is written last. */
static uint32_t next_cut(uint32_t cut, uint32_t record)
{
    return cut + 97 < record ? cut + 97 : cut + 1;
}

static void what_boots_is_the_old_or_the_new(int old)
{
    bool has_power = false;
    uint32_t news = 0,
             image = 5 * FLASH_SECTOR + lens[1]; /* with what is erased: its sectors and two of the record */
    for (uint32_t cut = 0; !has_power; cut = next_cut(cut, image)) {
        start_with_old(old);
        host_flash_fail_after(cut);
        (void)update();
        has_power = host_flash_has_power();
        lose_power();
        assert_true(holds(running(), running() != old));
        news += running() != old;
        assert_true(running() != old || !has_power);
        host_flash_close();
    }
    assert_in_range(news, 1, 10000);
}

static void an_update_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++)
        what_boots_is_the_old_or_the_new(old);
}

static void a_trial_that_is_passed_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    for (uint32_t cut = 0; cut < FLASH_SECTOR + 40; cut = next_cut(cut, FLASH_SECTOR)) {
        start_with_old(0);
        assert_true(update());
        lose_power();
        assert_int_equal(running(), 1);
        assert_true(port_ota_on_trial());
        host_flash_fail_after(cut);
        assert_int_equal(port_ota_mark_valid(), PORT_OK);
        lose_power();
        assert_true(holds(running(), running() != 0));
        host_flash_close();
    }
}

/* The bootloader's note that a trial begins, and, at `boots` 2, that it is over. */
static void the_bootloaders_notes_leave_the_old_or_the_new(void **state)
{
    (void)state;
    for (int boots = 1; boots <= 2; boots++)
        for (uint32_t cut = 0; cut < FLASH_SECTOR + 40; cut = next_cut(cut, FLASH_SECTOR)) {
            start_with_old(0);
            assert_true(update());
            host_flash_close();
            for (int boot = 1; boot < boots; boot++)
                assert_int_equal(flash_boot(&seen), 1);
            seen.failing = true;
            seen.left = cut;
            (void)flash_boot(&seen);
            seen.failing = false;
            start();
            assert_true(holds(running(), running() != 0));
            host_flash_close();
        }
}

static void an_update_that_was_cut_is_made_again(void **state)
{
    (void)state;
    for (uint32_t cut = 0; cut < 20000; cut += 997) {
        start_with_old(0);
        host_flash_fail_after(cut);
        (void)update();
        lose_power();
        assert_int_equal(running(), 0);
        assert_true(update());
        lose_power();
        assert_int_equal(running(), 1);
        assert_true(holds(1, 1));
        host_flash_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_leaves_the_old_or_the_new),
        cmocka_unit_test(a_trial_that_is_passed_leaves_the_old_or_the_new),
        cmocka_unit_test(the_bootloaders_notes_leave_the_old_or_the_new),
        cmocka_unit_test(an_update_that_was_cut_is_made_again),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
