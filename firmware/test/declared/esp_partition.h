#pragma once
#include <esp_err.h>

typedef struct {
    uint32_t address, size, erase_size;
    char label[17];
} esp_partition_t;
