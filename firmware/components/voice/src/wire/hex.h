/* Hex, as it stands in a command. */
#ifndef VOICE_HEX_H
#define VOICE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 2 * len digits; false, and what is in `out` is of no use, if `text` does not begin with so many. */
bool hex_read(uint8_t *out, size_t len, const char *text);

#endif
