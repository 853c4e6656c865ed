/* The stream over BSD sockets, which lwIP and Linux both have, and what each of the two does in its own way;
 * and a display's text, which is the same on both. */
#ifndef PORT_BSD_H
#define PORT_BSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "port.h"

/* ---- asked of the system: esp/, host/ ---- */

/* One name at a time: dns.c on a chip, host/port_resolve.c on Linux. PORT_AGAIN until there are addresses,
 * without a port, or PORT_ERR_RESOLVE. */
enum port_error resolve_start(const char *host);
enum port_error resolve_result(struct port_addresses *found);
void resolve_stop(void);
/* dns.c: the i-th name server; false beyond the last. */
bool bsd_name_server(unsigned i, struct port_address *address);
/* On a subnet of ours: it is reached without a router. */
bool bsd_is_near(const struct port_address *address);

/* Length of the socket address; 0 if there is none of that family. */
socklen_t bsd_from_address(const struct port_address *address, struct sockaddr_storage *out);
/* port_net_wait() has to wake for it: when there are bytes, or room for some. -1: for none. */
void bsd_watch(int descriptor, bool room);

/* ---- addresses.c ---- */

bool addresses_equal(const struct port_address *a, const struct port_address *b); /* but for the port */
/* Puts it where it belongs. What there is no room for is left out, the farthest first. */
void addresses_add(struct port_addresses *list, const struct port_address *address);

/* ---- shown.c ---- */

/* Cut where it does not fit, and not within a letter. */
void shown_put(char *to, size_t cap, const char *text);
/* From the first word, or letter, that begins in the last `room` bytes. */
const char *shown_last_words(const char *text, size_t room);

/* ---- tls.c: over the stream's socket, once there is one ---- */

enum port_error tls_start(const struct port_stream_target *target);
void tls_use(int socket);
bool tls_restart(void); /* with another socket: nothing is kept of the peer before; false: no memory */
enum port_error tls_handshake(bool *wants_room);
enum port_error tls_pin(uint8_t pin[32]);
enum port_error tls_write(const uint8_t *data, size_t len, size_t *written);
enum port_error tls_read(uint8_t *data, size_t cap, size_t *len);
void tls_stop(void);

#endif
