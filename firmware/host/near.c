/* Which addresses are on a subnet of this machine's. */
#define _GNU_SOURCE
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "bsd.h"

bool bsd_is_near(const struct port_address *address)
{
    struct ifaddrs *all = NULL;
    uint32_t ip, own, mask;
    bool near = false;
    if (address->family != 4 || getifaddrs(&all) != 0)
        return false;
    memcpy(&ip, address->ip, sizeof ip);
    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET || i->ifa_netmask == NULL)
            continue;
        own = ((const struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr;
        mask = ((const struct sockaddr_in *)i->ifa_netmask)->sin_addr.s_addr;
        near |= ((ip ^ own) & mask) == 0;
    }
    freeifaddrs(all);
    return near;
}
