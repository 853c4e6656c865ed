/* Data Channel Establishment Protocol, RFC 8832: its two messages. */
#ifndef PEER_DCEP_H
#define PEER_DCEP_H

#include "base/buf.h"

#define DCEP_OPEN_HEADER 12u /* RFC 8832 5.1 */

enum dcep_type { DCEP_INVALID, DCEP_ACK = 2, DCEP_OPEN = 3 }; /* RFC 8832 8.2.1 */

struct dcep_open {
    bool unordered;
    const uint8_t *label; /* in the message that was read */
    size_t label_len;
};

/* What the message is; `open` is filled if it is DCEP_OPEN. */
enum dcep_type dcep_read(const uint8_t *message, size_t len, struct dcep_open *open);

/* A reliable and ordered channel without a protocol. `out` has room for DCEP_OPEN_HEADER and the label. */
size_t dcep_write_open(uint8_t *out, const char *label, uint8_t label_len);

#endif
