#include "media/red.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct red red = {.at = data, .len = size};
    uint32_t sum = 0;
    if (!red_parse(&red))
        return 0;
    do {
        for (size_t i = 0; i < red.len; i++)
            sum += red.at[i];
    } while (red_older(&red));
    return sum == UINT32_MAX;
}
