#pragma once
#include <lwip/udp.h>

#define DNS_MAX_SERVERS 3
const ip_addr_t *dns_getserver(u8_t number);
