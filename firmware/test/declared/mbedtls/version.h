#pragma once
#define MBEDTLS_VERSION_NUMBER 0x03060000 /* what ESP-IDF 5.5 has */
