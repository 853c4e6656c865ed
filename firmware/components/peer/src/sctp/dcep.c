#include "sctp/dcep.h"

#define TYPE_RELIABLE 0x00 /* RFC 8832 8.2.2 */
#define TYPE_UNORDERED 0x80
#define PRIORITY_NORMAL 256 /* RFC 8831 6.4 */

enum dcep_type dcep_read(const uint8_t *message, size_t len, struct dcep_open *open)
{
    struct buf_reader r = buf_reader(message, len);
    uint8_t type = buf_u8(&r);
    if (type == DCEP_ACK)
        return DCEP_ACK;
    if (r.failed || type != DCEP_OPEN)
        return DCEP_INVALID;
    open->unordered = (buf_u8(&r) & TYPE_UNORDERED) != 0;
    buf_skip(&r, 2 + 4); /* priority, reliability: we send everything reliably */
    open->label_len = buf_u16(&r);
    size_t protocol = buf_u16(&r);
    open->label = buf_take(&r, open->label_len);
    buf_skip(&r, protocol);
    return r.failed ? DCEP_INVALID : DCEP_OPEN;
}

size_t dcep_write_open(uint8_t *out, const char *label, uint8_t label_len)
{
    static const uint8_t header[DCEP_OPEN_HEADER] = {DCEP_OPEN, TYPE_RELIABLE, PRIORITY_NORMAL >> 8};
    memcpy(out, header, sizeof header);
    out[9] = label_len;
    memcpy(out + DCEP_OPEN_HEADER, label, label_len);
    return DCEP_OPEN_HEADER + label_len;
}
