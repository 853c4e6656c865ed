/* mDNS within the one loop. */
#ifndef HOST_PORT_MDNS_H
#define HOST_PORT_MDNS_H

#include "host.h"

void host_mdns_only(const char *interface); /* NULL: all; before the first use */
void host_mdns_close(void);
/* Receives, answers, announces. Returns when it wants to be called again. */
uint64_t host_mdns_step(uint64_t now);

#endif
