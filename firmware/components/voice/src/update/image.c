#include "update/image.h"

#include <stdbool.h>
#include <string.h>

#define DESCRIPTION                                                                                          \
    32u /* esp_app_desc_t: after esp_image_header_t and the first esp_image_segment_header_t */
#define VERSION (DESCRIPTION + 16u)
#define PROJECT (DESCRIPTION + 48u)
#define MARK 288u /* after esp_app_desc_t, which is 256 bytes */
#define PROJECT_NAME "voicegw"

static bool is(const uint8_t *field, size_t size, const char *text)
{
    size_t len = strlen(text);
    return len < size && memcmp(field, text, len + 1) == 0;
}

const char *image_check(const uint8_t *head, size_t len, const char *board, const char *version)
{
    static const uint8_t described[4] = {0x32, 0x54, 0xCD, 0xAB}; /* ESP_APP_DESC_MAGIC_WORD */
    if (len < IMAGE_HEAD || head[0] != 0xE9 || memcmp(head + DESCRIPTION, described, 4) != 0 ||
        !is(head + PROJECT, 32, PROJECT_NAME))
        return "update_bad_image";
    if (memcmp(head + MARK, "VGB1", 4) != 0 || !is(head + MARK + 4, 28, board))
        return "update_wrong_board";
    return is(head + VERSION, 32, version) ? NULL : "update_wrong_version";
}
