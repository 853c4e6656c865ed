#pragma once
#include <stdint.h>

uint16_t lwip_htons(uint16_t n);
uint16_t lwip_ntohs(uint16_t n);
