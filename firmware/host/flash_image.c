/* Whether bytes are an image that a chip would boot: esp_image_format.h, esp_app_format.h. */
#include <mbedtls/md.h>
#include <string.h>

#include "flash.h"

#define HEADER 24
#define SEGMENT_HEADER 8
#define SEGMENTS_MAX 16
#define CHECKSUM_SEED 0xEFu
#define HASH 32

uint16_t flash_image_chip(const uint8_t *image)
{
    return (uint16_t)(image[12] | image[13] << 8);
}

/* Past the last segment; 0 if one does not fit. The bytes of all of them go into the checksum. */
static uint32_t walk_segments(const uint8_t *image, uint32_t room, uint8_t *checksum)
{
    uint32_t at = HEADER;
    *checksum = CHECKSUM_SEED;
    for (int left = image[1]; left > 0; left--) {
        if (room - at < SEGMENT_HEADER)
            return 0;
        const uint8_t *l = image + at + 4;
        uint32_t len = (uint32_t)l[0] | (uint32_t)l[1] << 8 | (uint32_t)l[2] << 16 | (uint32_t)l[3] << 24;
        at += SEGMENT_HEADER;
        if (len % 4 != 0 || len > room - at)
            return 0;
        for (uint32_t i = 0; i < len; i++)
            *checksum ^= image[at + i];
        at += len;
    }
    return at;
}

static bool hash_matches(const uint8_t *image, uint32_t len)
{
    uint8_t hash[HASH];
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), image, len, hash) == 0 &&
           memcmp(hash, image + len, HASH) == 0;
}

uint32_t flash_image_length(const uint8_t *image, uint32_t room, uint16_t chip)
{
    uint8_t checksum;
    if (room < HEADER || image[0] != 0xE9 || image[1] == 0 || image[1] > SEGMENTS_MAX ||
        flash_image_chip(image) != chip)
        return 0;
    uint32_t len = walk_segments(image, room, &checksum);
    uint32_t padded = (len | 15) + 1; /* the checksum is the last of 16 bytes */
    if (len == 0 || padded > room || image[padded - 1] != checksum)
        return 0;
    if (image[23] == 0)
        return padded;
    return padded + HASH <= room && hash_matches(image, padded) ? padded + HASH : 0;
}
