#pragma once
#include <stdbool.h>

typedef struct {
    unsigned bit_start;
} esp_efuse_desc_t;
bool esp_efuse_read_field_bit(const esp_efuse_desc_t *field[]);
