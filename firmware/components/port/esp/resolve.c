/* Looking up a name by lwIP's own resolver, in lwIP's task: a call from another one, even with its lock held,
 * sets the timer of the retries without waking the task that has to keep it. IPv4 only. */
#include <lwip/dns.h>
#include <lwip/tcpip.h>
#include <stdio.h>
#include <string.h>

#include "bsd.h"

/* Under lwIP's lock, which its task holds while it works. */
static struct {
    uintptr_t number; /* of the look-up: an answer to an earlier one comes too late */
    enum port_error state;
    char host[PORT_HOST_MAX];
    uint32_t ip; /* network order */
} lookup;

static void found(const char *host, const ip_addr_t *ip, void *number)
{
    (void)host;
    if ((uintptr_t)number != lookup.number)
        return;
    lookup.state = ip != NULL ? PORT_OK : PORT_ERR_RESOLVE;
    lookup.ip = ip != NULL ? ip_addr_get_ip4_u32(ip) : 0;
    port_net_wake();
}

/* An address in digits, a name that is cached, and no name server at all are answered at once. */
static void ask(void *number)
{
    ip_addr_t ip;
    if ((uintptr_t)number != lookup.number)
        return;
    err_t error = dns_gethostbyname_addrtype(lookup.host, &ip, found, number, LWIP_DNS_ADDRTYPE_IPV4);
    if (error != ERR_INPROGRESS)
        found(lookup.host, error == ERR_OK ? &ip : NULL, number);
}

enum port_error resolve_start(const char *host)
{
    LOCK_TCPIP_CORE();
    uintptr_t number = ++lookup.number;
    lookup.state = PORT_AGAIN;
    int len = snprintf(lookup.host, sizeof lookup.host, "%s", host);
    UNLOCK_TCPIP_CORE();
    if (len >= (int)sizeof lookup.host)
        return PORT_ERR_RESOLVE;
    return tcpip_try_callback(ask, (void *)number) == ERR_OK ? PORT_AGAIN : PORT_ERR_SPACE;
}

enum port_error resolve_result(struct port_address *address)
{
    LOCK_TCPIP_CORE();
    enum port_error state = lookup.state;
    *address = (struct port_address){.family = 4};
    memcpy(address->ip, &lookup.ip, sizeof lookup.ip);
    UNLOCK_TCPIP_CORE();
    return state;
}

void resolve_stop(void)
{
    LOCK_TCPIP_CORE();
    lookup.number++;
    UNLOCK_TCPIP_CORE();
}
