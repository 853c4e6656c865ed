#pragma once
#include <lwip/udp.h>

#define LWIP_DNS_ADDRTYPE_IPV4 0
typedef void (*dns_found_callback)(const char *name, const ip_addr_t *ip, void *argument);
err_t dns_gethostbyname_addrtype(const char *name, ip_addr_t *ip, dns_found_callback found, void *argument,
                                 u8_t type);
