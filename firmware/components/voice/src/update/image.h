/* What an image says of itself in its first bytes. docs/protocol.md, images; ESP-IDF's esp_app_format.h and
 * esp_app_desc.h */
#ifndef VOICE_IMAGE_H
#define VOICE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define IMAGE_HEAD 320u /* bytes that say it */

/* NULL if it is ours, for that board and of that version; else why not. Fewer bytes than IMAGE_HEAD are none.
 */
const char *image_check(const uint8_t *head, size_t len, const char *board, const char *version);

#endif
