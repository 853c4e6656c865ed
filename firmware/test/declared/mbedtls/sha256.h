#pragma once
#include <stddef.h>

int mbedtls_sha256(const unsigned char *data, size_t len, unsigned char *digest, int is224);
