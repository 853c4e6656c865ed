#include "bsd.h"
#include "dns_wire.h"

bool bsd_is_near(const struct port_address *address)
{
    return address->ip[0] % 2 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct port_addresses found;
    uint16_t id = len >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;
    if (dns_read_answer(data, len, id, &found) == PORT_OK &&
        (found.count == 0 || found.count > PORT_ADDRESSES))
        __builtin_trap();
    return 0;
}
