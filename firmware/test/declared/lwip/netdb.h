#pragma once
#include <netdb.h>

int lwip_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **found);
void lwip_freeaddrinfo(struct addrinfo *found);
