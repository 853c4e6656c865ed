#include "ice/ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ice_candidate candidate;
    char text[ADDR_TEXT_MAX];
    struct peer_address again = {0};
    if (!ice_candidate_parse(&candidate, (const char *)data, size))
        return 0;
    addr_format_ip(&candidate.address, text);
    if (!peer_address_parse(&again, text, candidate.address.port) || !addr_equal(&again, &candidate.address))
        __builtin_trap(); /* what is read can be written and read again */
    return 0;
}
