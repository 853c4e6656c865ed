/* Debian's mbedTLS configuration, less what needs an operating system: for sizes on a bare RISC-V. */
#include <mbedtls/config.h>

#undef MBEDTLS_THREADING_C
#undef MBEDTLS_THREADING_PTHREAD
