/* What the stream over BSD sockets asks of lwIP. IPv4 only. */
#include <lwip/dns.h>
#include <mbedtls/ssl.h>
#include <netinet/in.h>
#include <sdkconfig.h>
#include <string.h>

#include "bsd.h"
#include "esp.h"

#if CONFIG_LWIP_MAX_SOCKETS < 3
#error "a stream, a look-up and mDNS take one each: set CONFIG_LWIP_MAX_SOCKETS=8, or delete sdkconfig.BOARD"
#endif
#if !CONFIG_SPIRAM && (MBEDTLS_SSL_IN_CONTENT_LEN > 4096 || MBEDTLS_SSL_OUT_CONTENT_LEN > 4096)
#error                                                                                                       \
    "TLS would take the heap of a chip without PSRAM: set CONFIG_MBEDTLS_ASYMMETRIC_CONTENT_LEN=y, CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN=4096 and CONFIG_MBEDTLS_SSL_OUT_CONTENT_LEN=4096, or delete sdkconfig.BOARD"
#endif

static bool awaited;

socklen_t bsd_from_address(const struct port_address *address, struct sockaddr_storage *out)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    if (address->family != 4)
        return 0;
    memcpy(&where.sin_addr, address->ip, sizeof where.sin_addr);
    memset(out, 0, sizeof *out);
    memcpy(out, &where, sizeof where);
    return sizeof where;
}

bool bsd_name_server(unsigned i, struct port_address *address)
{
    const ip_addr_t *server = i < DNS_MAX_SERVERS ? dns_getserver((u8_t)i) : NULL;
    *address = (struct port_address){.family = 4, .port = 53};
    if (server == NULL || ip_addr_get_ip4_u32(server) == 0)
        return false;
    uint32_t ip = ip_addr_get_ip4_u32(server);
    memcpy(address->ip, &ip, sizeof ip);
    return true;
}

void bsd_watch(int descriptor, bool room)
{
    (void)room;
    awaited = descriptor >= 0;
}

bool stream_is_awaited(void)
{
    return awaited;
}
