/* A question for the IPv4 addresses of a name, and its answer (RFC 1035 section 4). Pure. */
#ifndef PORT_BSD_DNS_WIRE_H
#define PORT_BSD_DNS_WIRE_H

#include "port.h"

#define DNS_QUERY_MAX (12u + PORT_HOST_MAX + 2u + 4u)
#define DNS_ANSWER_MAX 512u /* RFC 1035 section 4.2.1 */

/* Its length; 0: no name that can be asked for. */
size_t dns_write_query(uint8_t out[DNS_QUERY_MAX], uint16_t id, const char *name);
/* PORT_AGAIN: not the answer to that question. PORT_ERR_RESOLVE: there is no such name, or none of its
 * addresses. PORT_ERR_UNREACHABLE: this server does not say, and another one may. */
enum port_error dns_read_answer(const uint8_t *message, size_t len, uint16_t id,
                                struct port_addresses *found);

#endif
