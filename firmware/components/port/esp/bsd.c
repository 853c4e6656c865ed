/* What the stream over BSD sockets asks of lwIP. IPv4 only. */
#include <netinet/in.h>
#include <string.h>

#include "bsd.h"
#include "esp.h"

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

void bsd_watch(int descriptor, bool room)
{
    (void)room;
    awaited = descriptor >= 0;
}

bool stream_is_awaited(void)
{
    return awaited;
}
