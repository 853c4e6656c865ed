/* A board's flash in a file: what its partition table says, its images, and the record of which one boots, as
 * ESP-IDF's bootloader and app_update keep them. */
#ifndef HOST_FLASH_H
#define HOST_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLASH_SECTOR 4096u
#define FLASH_SLOTS 2

struct flash_area {
    uint32_t offset, size; /* size 0: there is none */
};

struct flash {
    uint8_t *bytes; /* the file, shared */
    size_t size;
    struct flash_area otadata, slots[FLASH_SLOTS];
    bool failing; /* the power: after so many more bytes erased or written, nothing changes any more */
    uint32_t left;
};

/* ota_state of an entry in otadata: esp_flash_partitions.h */
enum flash_state {
    FLASH_NEW = 0,
    FLASH_PENDING = 1,
    FLASH_VALID = 2,
    FLASH_INVALID = 3,
    FLASH_ABORTED = 4,
};

/* False: not a file of whole sectors, or without a table that names otadata, ota_0 and ota_1. */
bool flash_open(struct flash *f, const char *path);
/* Reads the table; flash_open() without a file. */
bool flash_read_table(struct flash *f);
void flash_close(struct flash *f);

/* As NOR flash does it: erased bytes are 0xFF, and writing only clears bits. False: beyond the area. */
bool flash_erase(struct flash *f, const struct flash_area *area, uint32_t at, uint32_t len);
bool flash_write(struct flash *f, const struct flash_area *area, uint32_t at, const uint8_t *data,
                 uint32_t len);

/* The slot that the bootloader would start, and what it notes down when it does: a trial that is over is
 * aborted, a new one begins. */
int flash_boot(struct flash *f);
/* The image boots next, on trial: esp_ota_set_boot_partition(). */
void flash_select(struct flash *f, int slot);
/* Forgets the entry that does not boot, if it is of that slot: esp_ota_begin(). */
void flash_forget_inactive(struct flash *f, int running);
bool flash_is_on_trial(const struct flash *f, int slot);
void flash_mark_valid(struct flash *f);

/* An image as esp_image_verify() takes it: magic, chip, segments, checksum, SHA-256. Returns its length, 0 if
 * it is none. */
uint32_t flash_image_length(const uint8_t *image, uint32_t room, uint16_t chip);
uint16_t flash_image_chip(const uint8_t *image);

#endif
