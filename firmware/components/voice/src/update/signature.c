#include "update/signature.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "wire/hex.h"

#define TEXT 320u /* its lines: 16 + 28 + 32 + 11 + 65 + 65 at most */
#define HASH_HEX 65u

static void write_hash(const uint8_t hash[32], char out[HASH_HEX])
{
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* The same lines as ground/signed.py. */
static size_t write_statement(char out[TEXT], const struct signature_statement *s)
{
    char image[HASH_HEX], manifest[HASH_HEX];
    write_hash(s->image, image);
    write_hash(s->manifest, manifest);
    int len = snprintf(out, TEXT, "voicegw firmware\n%s\n%s\n%u\n%s\n%s\n", s->board, s->version,
                       (unsigned)s->size, image, manifest);
    return len > 0 && (size_t)len < TEXT ? (size_t)len : 0;
}

static bool parse_one(struct signature *out, const char *text)
{
    return hex_read(out->hint, SIGNATURE_HINT, text) && text[2 * SIGNATURE_HINT] == ':' &&
           hex_read(out->bytes, SIGNATURE, text + 2 * SIGNATURE_HINT + 1);
}

size_t signature_parse(struct signature out[SIGNATURES], const char *text)
{
    const size_t length = 2 * (SIGNATURE_HINT + SIGNATURE) + 1;
    size_t count = 0;
    for (; count < SIGNATURES && parse_one(&out[count], text); text++) {
        count++;
        text += length;
        if (*text == '\0')
            return count;
        if (*text != ',')
            return 0;
    }
    return 0;
}

enum signature_result signature_check(const struct signature *given, size_t count,
                                      const struct signature_keys *keys,
                                      const struct signature_statement *statement)
{
    char text[TEXT];
    size_t len = write_statement(text, statement);
    enum signature_result result = SIGNATURE_NOBODYS;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < keys->count; k++) {
            if (memcmp(given[i].hint, keys->at[k], SIGNATURE_HINT) != 0)
                continue;
            if (len > 0 && crypto_sign_ed25519_verify_detached(given[i].bytes, (const uint8_t *)text, len,
                                                               keys->at[k]) == 0)
                return SIGNATURE_GOOD;
            result = SIGNATURE_BAD;
        }
    return result;
}
