/* A command `update` as someone writes it: nothing but what is whole is taken, and no chance signature is
 * good. */
#include <stdlib.h>
#include <string.h>

#include "update/update.h"
#include "update/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t keys[1][SIGNATURE_KEY] = {{0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7}};
    const struct signature_keys known = {keys, 1};
    struct update_request request;
    struct json value;
    char text[2000];
    size_t len = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, len);
    text[len] = '\0';
    if (version_compare(text, "1.2.3") + version_compare("1.2.3", text) != 0 ||
        version_compare(text, text) != 0)
        abort();
    if (!json_parse(&value, text, len) || !update_parse(&request, value))
        return 0;
    const struct signature_statement statement = {.board = "xmini-c3",
                                                  .version = request.version,
                                                  .size = request.size,
                                                  .image = request.sha256,
                                                  .manifest = request.manifest};
    if (request.size == 0 || request.signature_count > SIGNATURES ||
        signature_check(request.signatures, request.signature_count, &known, &statement) == SIGNATURE_GOOD)
        abort();
    return 0;
}
