#include "ice/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stun_message m;
    if (stun_parse(&m, data, size))
        (void)stun_integrity_ok(&m, "VOkJxbRl1RmTxUk/WvJxBt");
    return 0;
}
