#pragma once
#include <stddef.h>

typedef enum { MBEDTLS_MD_SHA256 = 9 } mbedtls_md_type_t;
typedef struct mbedtls_md_info_t mbedtls_md_info_t;
const mbedtls_md_info_t *mbedtls_md_info_from_type(mbedtls_md_type_t type);
int mbedtls_md(const mbedtls_md_info_t *info, const unsigned char *data, size_t len, unsigned char *digest);
