/* Which of several addresses first: the same on a chip and on Linux, for what mDNS found and for what a name
 * has. */
#include <string.h>

#include "bsd.h"

bool addresses_equal(const struct port_address *a, const struct port_address *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

/* Where it goes: behind those that are as near. */
static unsigned place_of(const struct port_addresses *list, bool near)
{
    unsigned i = 0;
    while (i < list->count && (!near || bsd_is_near(&list->at[i])))
        i++;
    return i;
}

void addresses_add(struct port_addresses *list, const struct port_address *address)
{
    for (unsigned i = 0; i < list->count; i++)
        if (addresses_equal(&list->at[i], address))
            return;
    unsigned at = place_of(list, bsd_is_near(address));
    if (at == PORT_ADDRESSES)
        return;
    list->count += list->count < PORT_ADDRESSES ? 1 : 0;
    memmove(&list->at[at + 1], &list->at[at], (list->count - at - 1) * sizeof list->at[0]);
    list->at[at] = *address;
}
