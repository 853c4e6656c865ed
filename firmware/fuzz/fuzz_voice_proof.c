/* A nonce goes into a header as it is, and a fingerprint into what is proven; what either holds is of their
 * form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/signaling.h"

static void read_nonce(const char *body, size_t len)
{
    char nonce[PROOF_NONCE_MAX];
    if (signaling_read_nonce(body, len, nonce) && (nonce[0] == '\0' || strpbrk(nonce, " ,\"\r\n") != NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char found[PROOF_FINGERPRINT_MAX], hex[PROOF_HEX];
    struct proof about = {.nonce = "n", .fingerprint = "f"};
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    read_nonce(text, size);
    if (proof_read_fingerprint(found, text) && strlen(found) != PROOF_FINGERPRINT_MAX - 1)
        abort();
    (void)snprintf(hex, sizeof hex, "%.64s", text);
    if (proof_is_of_answer(&about, "key", text, hex)) /* 256 bits are not guessed */
        abort();
    free(text);
    return 0;
}
