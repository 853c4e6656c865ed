#include "call/proof.h"

#include <mbedtls/md.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define HASH 32u
#define BLOCK 64u /* of SHA-256 */
#define TEXT_MAX 512u

static bool sha256(const uint8_t *a, size_t a_len, const void *b, size_t b_len, uint8_t out[HASH])
{
    mbedtls_md_context_t context;
    mbedtls_md_init(&context);
    bool done = mbedtls_md_setup(&context, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 0) == 0 &&
                mbedtls_md_starts(&context) == 0 && mbedtls_md_update(&context, a, a_len) == 0 &&
                mbedtls_md_update(&context, b, b_len) == 0 && mbedtls_md_finish(&context, out) == 0;
    mbedtls_md_free(&context);
    return done;
}

/* RFC 2104, by hand: Mbed TLS 4 has HMAC behind PSA's key store alone, the versions before it no PSA on a
 * chip. */
static bool hmac(const uint8_t key[HASH], const char *text, uint8_t out[HASH])
{
    uint8_t inner[BLOCK], outer[BLOCK];
    for (size_t i = 0; i < BLOCK; i++) {
        uint8_t k = i < HASH ? key[i] : 0;
        inner[i] = k ^ 0x36;
        outer[i] = k ^ 0x5C;
    }
    return sha256(inner, sizeof inner, text, strlen(text), out) &&
           sha256(outer, sizeof outer, out, HASH, out);
}

/* The gateway keeps a key's SHA-256 and nothing else of it, so that is what both sides know. */
static bool prove(const char *key, const char *text, char out[PROOF_HEX])
{
    uint8_t digest[HASH], proof[HASH];
    if (!sha256((const uint8_t *)key, strlen(key), "", 0, digest) || !hmac(digest, text, proof))
        return false;
    for (size_t i = 0; i < HASH; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", proof[i]);
    return true;
}

static const char *next_fingerprint(const char *sdp, char out[PROOF_FINGERPRINT_MAX])
{
    static const char mark[] = "a=fingerprint:sha-256 ";
    const char *at = strstr(sdp, mark);
    if (at == NULL)
        return NULL;
    at += sizeof mark - 1;
    size_t len = strspn(at, "0123456789abcdefABCDEF:");
    if (len != PROOF_FINGERPRINT_MAX - 1)
        return NULL;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(at[i] >= 'a' ? at[i] - 'a' + 'A' : at[i]);
    out[len] = '\0';
    return at + len;
}

bool proof_read_fingerprint(char out[PROOF_FINGERPRINT_MAX], const char *sdp)
{
    char other[PROOF_FINGERPRINT_MAX];
    const char *rest = next_fingerprint(sdp, out);
    if (rest == NULL)
        return false;
    while (strstr(rest, "a=fingerprint:") != NULL) {
        rest = next_fingerprint(rest, other);
        if (rest == NULL || strcmp(other, out) != 0)
            return false;
    }
    return strstr(sdp, "a=fingerprint:") == strstr(sdp, "a=fingerprint:sha-256 ");
}

bool proof_of_offer(const struct proof *p, const char *key, char out[PROOF_HEX])
{
    char text[TEXT_MAX];
    int n = snprintf(text, sizeof text, "voicegw offer\n%s\n%s\n%s", p->nonce, p->identity, p->fingerprint);
    return n > 0 && (size_t)n < sizeof text && prove(key, text, out);
}

bool proof_is_of_answer(const struct proof *p, const char *key, const char *answer_sdp, const char *hex)
{
    char text[TEXT_MAX], theirs[PROOF_FINGERPRINT_MAX], wanted[PROOF_HEX];
    if (strlen(hex) != PROOF_HEX - 1 || !proof_read_fingerprint(theirs, answer_sdp))
        return false;
    int n = snprintf(text, sizeof text, "voicegw answer\n%s\n%s\n%s\n%s", p->nonce, p->identity,
                     p->fingerprint, theirs);
    if (n <= 0 || (size_t)n >= sizeof text || !prove(key, text, wanted))
        return false;
    uint8_t differs = 0; /* in constant time: the answer is another's guess */
    for (size_t i = 0; i < PROOF_HEX - 1; i++)
        differs |= (uint8_t)(hex[i] ^ wanted[i]);
    return differs == 0;
}
