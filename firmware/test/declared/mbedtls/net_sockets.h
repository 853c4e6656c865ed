#pragma once
#include <stddef.h>

#define MBEDTLS_ERR_NET_CONN_RESET -0x0050
typedef struct {
    int fd;
} mbedtls_net_context;
int mbedtls_net_send(void *context, const unsigned char *data, size_t len);
int mbedtls_net_recv(void *context, unsigned char *data, size_t len);
