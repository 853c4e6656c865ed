/* Which gateway to call: the one we are paired with, else the least loaded of those that answer. And what the
 * LAN is told of us. */
#ifndef VOICE_DISCOVERY_H
#define VOICE_DISCOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"
#include "wire/http.h"

#define DISCOVERY_GATEWAYS 6

struct discovery_gateway {
    char id[17];
    struct port_addresses addresses;
    char path[48];
    bool tls;
    uint16_t load; /* thousandths */
    bool refused;  /* us */
    uint64_t heard_at;
};

struct discovery {
    uint64_t began, asked;
    uint64_t settle_at; /* until then, the one we know or none */
    uint64_t ask_interval;
    char paired[17]; /* empty: any */
    int count;
    struct discovery_gateway found[DISCOVERY_GATEWAYS];
};

/* Forgets whom it has not heard of just now, and asks. */
void discovery_start(struct discovery *d, uint64_t now, const char *paired);
/* To be called all the time: what others ask is answered to all, and not again for a second (RFC 6762 section
 * 6). True: a gateway has been heard of. */
bool discovery_listen(struct discovery *d, uint64_t now);
/* Asks before it is started: its gateway may be gone. */
void discovery_ask(void);
/* The choice once it is made, else NULL: call again when something came, or at discovery_deadline(). */
const struct discovery_gateway *discovery_step(struct discovery *d, uint64_t now);
/* That one, at that address, has refused us. One id may be at several: each front of a gateway's, and
 * whatever anyone else announces. */
void discovery_refuse(struct discovery *d, const char *id, const struct port_address *at);
/* Whether another is known by now. */
bool discovery_has_other(const struct discovery *d);
/* Who else is there? Asks again, and does not wait for the one we know. */
void discovery_go_on(struct discovery *d, uint64_t now);
/* Nobody else is. */
bool discovery_is_over(const struct discovery *d, uint64_t now);
uint64_t discovery_deadline(const struct discovery *d);

/* False: not a gateway of our version, or malformed. */
bool discovery_read(struct discovery_gateway *gateway, const struct port_service *service);
bool discovery_url(const struct discovery_gateway *gateway, struct http_url *url);

/* What the LAN is told, as TXT; `reason`, the last failure, and `fault` only where there is one. */
struct discovery_self {
    const char *name, *id, *board, *version, *state;
    const char *reason, *fault; /* "none" and empty for none */
};
void discovery_announce(const struct discovery_self *self);

#endif
