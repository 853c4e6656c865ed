/* Addresses as values: text in, text out, equality. libc has none of it that lwIP shares. */
#ifndef PEER_ADDR_H
#define PEER_ADDR_H

#include "base/buf.h"
#include "peer.h"

#define ADDR_TEXT_MAX 46 /* RFC 4291 text, NUL included */

bool addr_equal(const struct peer_address *a, const struct peer_address *b);
bool addr_parse_ip(struct peer_address *a, const char *text, size_t len);
void addr_format_ip(const struct peer_address *a, char text[ADDR_TEXT_MAX]);
size_t addr_ip_len(const struct peer_address *a);

#endif
