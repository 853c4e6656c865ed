#pragma once
#include <stddef.h>
#include <stdint.h>

typedef int32_t psa_status_t;
typedef uint32_t psa_algorithm_t;
#define PSA_SUCCESS ((psa_status_t)0)
#define PSA_ALG_SHA_256 ((psa_algorithm_t)0x02000009)
psa_status_t psa_hash_compute(psa_algorithm_t algorithm, const uint8_t *data, size_t len, uint8_t *hash, size_t cap,
                              size_t *hash_len);
