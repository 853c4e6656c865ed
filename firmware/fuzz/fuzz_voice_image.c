/* Images as they come from the network, and as they lie in flash. */
#include <stdlib.h>
#include <string.h>

#include "flash.h"
#include "update/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = image_check(data, size, "xmini-c3", "0.2.0");
    if (why == NULL && size < IMAGE_HEAD)
        abort();
    uint8_t *copy = malloc(size + 1); /* of exactly that size, for ASan */
    memcpy(copy, data, size);
    if (flash_image_length(copy, (uint32_t)size, 5) > size)
        abort();
    free(copy);
    return 0;
}
