#define _GNU_SOURCE
#include "flash.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_OFFSET 0x8000u
#define TABLE_ENTRIES 95
#define ENTRY 32
#define ERASED 0xFFFFFFFFu

static uint32_t word(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put_word(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* ---- the file and its table ---- */

static void take_entry(struct flash *f, const uint8_t *entry)
{
    struct flash_area area = {word(entry + 4), word(entry + 8)};
    bool fits = area.offset <= f->size && area.size <= f->size - area.offset;
    uint8_t type = entry[2], subtype = entry[3];
    if (fits && type == 1 && subtype == 0)
        f->otadata = area;
    if (fits && type == 0 && subtype >= 0x10 && subtype < 0x10 + FLASH_SLOTS)
        f->slots[subtype - 0x10] = area;
}

bool flash_read_table(struct flash *f)
{
    if (f->size < TABLE_OFFSET + FLASH_SECTOR || f->size % FLASH_SECTOR != 0)
        return false;
    for (uint32_t i = 0; i < TABLE_ENTRIES; i++) {
        const uint8_t *entry = f->bytes + TABLE_OFFSET + i * ENTRY;
        if (entry[0] != 0xAA || entry[1] != 0x50)
            break;
        take_entry(f, entry);
    }
    return f->otadata.size >= 2 * FLASH_SECTOR && f->slots[0].size > 0 && f->slots[1].size > 0;
}

bool flash_open(struct flash *f, const char *path)
{
    struct stat info;
    memset(f, 0, sizeof *f);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0 || fstat(file, &info) != 0 || info.st_size <= 0) {
        if (file >= 0)
            close(file);
        return false;
    }
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (bytes == MAP_FAILED)
        return false;
    f->bytes = bytes;
    f->size = (size_t)info.st_size;
    if (flash_read_table(f))
        return true;
    flash_close(f);
    return false;
}

void flash_close(struct flash *f)
{
    if (f->bytes != NULL)
        (void)munmap(f->bytes, f->size);
    memset(f, 0, sizeof *f);
}

static bool has_power(struct flash *f)
{
    return !f->failing || (f->left > 0 && f->left-- > 0);
}

bool flash_erase(struct flash *f, const struct flash_area *area, uint32_t at, uint32_t len)
{
    if (at > area->size || len > area->size - at)
        return false;
    for (uint32_t i = 0; i < len; i++)
        if (has_power(f))
            f->bytes[area->offset + at + i] = 0xFF;
    return true;
}

bool flash_write(struct flash *f, const struct flash_area *area, uint32_t at, const uint8_t *data,
                 uint32_t len)
{
    if (at > area->size || len > area->size - at)
        return false;
    for (uint32_t i = 0; i < len; i++)
        if (has_power(f))
            f->bytes[area->offset + at + i] &= data[i];
    return true;
}

/* ---- otadata: esp_ota_select_entry_t, one in each of two sectors ---- */

struct entry {
    uint32_t sequence, state;
};

/* esp_rom_crc32_le(UINT32_MAX, …) over the sequence alone. */
static uint32_t crc_of(uint32_t sequence)
{
    uint8_t bytes[4];
    uint32_t crc = 0;
    put_word(bytes, sequence);
    for (int i = 0; i < 4; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static struct entry read_entry(const struct flash *f, int i, bool *whole)
{
    const uint8_t *at = f->bytes + f->otadata.offset + (uint32_t)i * FLASH_SECTOR;
    struct entry e = {word(at), word(at + 24)};
    *whole = e.sequence != ERASED && e.sequence != 0 && word(at + 28) == crc_of(e.sequence);
    return e;
}

static void write_entry(struct flash *f, int i, struct entry e)
{
    uint8_t bytes[ENTRY];
    uint32_t at = (uint32_t)i * FLASH_SECTOR;
    memset(bytes, 0xFF, sizeof bytes);
    put_word(bytes, e.sequence);
    put_word(bytes + 24, e.state);
    put_word(bytes + 28, crc_of(e.sequence));
    (void)flash_erase(f, &f->otadata, at, FLASH_SECTOR);
    (void)flash_write(f, &f->otadata, at, bytes, sizeof bytes);
}

/* Of those that may boot, the one with the highest sequence; -1 if none may. */
static int active(const struct flash *f, struct entry *found)
{
    int best = -1;
    for (int i = 0; i < 2; i++) {
        bool whole;
        struct entry e = read_entry(f, i, &whole);
        if (!whole || e.state == FLASH_INVALID || e.state == FLASH_ABORTED)
            continue;
        if (best < 0 || e.sequence > found->sequence) {
            best = i;
            *found = e;
        }
    }
    return best;
}

static int slot_of(struct entry e)
{
    return (int)((e.sequence - 1) % FLASH_SLOTS);
}

/* bootloader_utility_get_selected_boot_partition(), set_actual_ota_seq() */
int flash_boot(struct flash *f)
{
    struct entry e;
    bool whole[2];
    for (int i = 0; i < 2; i++) {
        e = read_entry(f, i, &whole[i]);
        if (whole[i] && e.state == FLASH_PENDING)
            write_entry(f, i, (struct entry){e.sequence, FLASH_ABORTED});
    }
    int now = active(f, &e);
    if (now < 0) {
        if (!whole[0] && !whole[1])
            write_entry(f, 0, (struct entry){1, FLASH_VALID});
        return 0;
    }
    if (e.state == FLASH_NEW)
        write_entry(f, now, (struct entry){e.sequence, FLASH_PENDING});
    return slot_of(e);
}

void flash_select(struct flash *f, int slot)
{
    struct entry e = {0, 0};
    int now = active(f, &e);
    uint32_t sequence = e.sequence + 1;
    while ((sequence - 1) % FLASH_SLOTS != (uint32_t)slot)
        sequence++;
    write_entry(f, now < 0 ? 0 : 1 - now, (struct entry){sequence, FLASH_NEW});
}

void flash_forget_inactive(struct flash *f, int running)
{
    struct entry e;
    bool whole;
    int now = active(f, &e);
    if (now < 0)
        return;
    e = read_entry(f, 1 - now, &whole);
    if (whole && slot_of(e) != running)
        (void)flash_erase(f, &f->otadata, (uint32_t)(1 - now) * FLASH_SECTOR, FLASH_SECTOR);
}

bool flash_is_on_trial(const struct flash *f, int slot)
{
    struct entry e;
    return active(f, &e) >= 0 && slot_of(e) == slot && e.state == FLASH_PENDING;
}

void flash_mark_valid(struct flash *f)
{
    struct entry e;
    int now = active(f, &e);
    if (now >= 0 && e.state != FLASH_VALID)
        write_entry(f, now, (struct entry){e.sequence, FLASH_VALID});
}
