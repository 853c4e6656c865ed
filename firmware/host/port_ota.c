/* Updates into the flash image that --flash names; without it, the board has one slot and takes none. */
#include <stdio.h>
#include <string.h>

#include "flash.h"
#include "host.h"

#define TAG "ota"
#define APP_DESCRIPTION 32u    /* esp_app_desc_t: after the headers of image and first segment */
#define BOARD_DESCRIPTION 288u /* ours, after that: docs/protocol.md, images */
#define BOARD_KEYS 320u        /* and those that may sign what comes after it */

static struct flash flash;
static int running;
static struct {
    bool open;
    uint32_t size, written;
} update;

static const struct flash_area *other(void)
{
    return &flash.slots[1 - running];
}

static const uint8_t *own_image(void)
{
    return flash.bytes + flash.slots[running].offset;
}

bool host_flash_open(const char *path, int slot)
{
    if (path == NULL)
        return true;
    if (flash_open(&flash, path)) {
        running = slot >= 0 ? slot : flash_boot(&flash);
        return true;
    }
    fprintf(stderr, "voicesim: %s is no flash image with otadata, ota_0 and ota_1\n", path);
    return false;
}

void host_flash_reboot(void)
{
    if (flash.bytes != NULL)
        running = flash_boot(&flash);
}

void host_flash_close(void)
{
    flash_close(&flash);
}

void host_flash_fail_after(uint32_t bytes)
{
    flash.failing = true;
    flash.left = bytes;
}

bool host_flash_has_power(void)
{
    return !flash.failing || flash.left > 0;
}

const char *host_flash_slot(void)
{
    return flash.bytes == NULL ? "" : running == 0 ? "ota_0" : "ota_1";
}

/* What the image in the slot that runs says of itself; NULL if it doesn't. */
static const char *described(uint32_t at, const char magic[4], uint32_t text_at, size_t cap)
{
    if (flash.bytes == NULL || flash.slots[running].size < FLASH_SECTOR)
        return NULL;
    const char *text = (const char *)own_image() + at + text_at;
    bool whole = memcmp(own_image() + at, magic, 4) == 0 && memchr(text, 0, cap) != NULL;
    return whole && text[0] != '\0' ? text : NULL;
}

const char *host_flash_version(void)
{
    return described(APP_DESCRIPTION, "\x32\x54\xCD\xAB", 16, 32);
}

const char *host_flash_board(void)
{
    return described(BOARD_DESCRIPTION, "VGB1", 4, 28);
}

size_t host_flash_keys(const uint8_t (**keys)[32])
{
    if (host_flash_board() == NULL || memcmp(own_image() + BOARD_KEYS, "VGK1", 4) != 0)
        return 0;
    *keys = (const uint8_t(*)[32])(own_image() + BOARD_KEYS + 8);
    uint8_t count = own_image()[BOARD_KEYS + 4];
    return count <= PORT_FIRMWARE_KEYS ? count : 0;
}

enum port_error port_ota_begin(size_t size)
{
    update.open = false;
    if (flash.bytes == NULL)
        return PORT_ERR_ABSENT;
    if (size > other()->size)
        return PORT_ERR_SPACE;
    if (port_ota_on_trial())
        return PORT_ERR_IO;
    flash_forget_inactive(&flash, running);
    update.open = true;
    update.size = (uint32_t)size;
    update.written = 0;
    return PORT_OK;
}

enum port_error port_ota_write(const uint8_t *data, size_t len)
{
    if (!update.open || len > PORT_OTA_PIECE || len > update.size - update.written)
        return PORT_ERR_ARGUMENT;
    for (uint32_t i = 0; i < len; i++) { /* erases what it comes to, as esp_ota_write() does */
        uint32_t at = update.written + i;
        bool written = at % FLASH_SECTOR != 0 || flash_erase(&flash, other(), at, FLASH_SECTOR);
        if (!written || !flash_write(&flash, other(), at, data + i, 1))
            return PORT_ERR_IO;
    }
    update.written += (uint32_t)len;
    return PORT_OK;
}

enum port_error port_ota_finish(void)
{
    const uint8_t *image = flash.bytes + other()->offset;
    bool whole = update.open && update.written == update.size;
    update.open = false;
    if (!whole || flash_image_length(image, update.size, flash_image_chip(own_image())) != update.size)
        return PORT_ERR_ARGUMENT;
    flash_select(&flash, 1 - running);
    port_log(PORT_INFO, TAG, "ota_%d boots next, on trial", 1 - running);
    return PORT_OK;
}

void port_ota_abort(void)
{
    update.open = false;
}

bool port_ota_on_trial(void)
{
    return flash.bytes != NULL && flash_is_on_trial(&flash, running);
}

enum port_error port_ota_mark_valid(void)
{
    if (flash.bytes == NULL)
        return PORT_ERR_ABSENT;
    flash_mark_valid(&flash);
    return PORT_OK;
}
