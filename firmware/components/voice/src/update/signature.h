/* Who made a firmware: Ed25519 over what is said of it. docs/protocol.md, firmware */
#ifndef VOICE_SIGNATURE_H
#define VOICE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_KEY 32u
#define SIGNATURE_HINT 8u /* the first bytes of the key that made it */
#define SIGNATURE 64u
#define SIGNATURES 2u /* of one firmware: while a key is replaced, the old and the new */

/* What is signed; the hashes are SHA-256. */
struct signature_statement {
    const char *board, *version;
    uint32_t size;           /* of the image */
    const uint8_t *image;    /* its hash */
    const uint8_t *manifest; /* that of all that the release says */
};

struct signature {
    uint8_t hint[SIGNATURE_HINT];
    uint8_t bytes[SIGNATURE];
};

struct signature_keys {
    const uint8_t (*at)[SIGNATURE_KEY];
    size_t count;
};

/* "HINT:SIGNATURE" in hex, or several with commas between; how many there are, 0 if it is none. */
size_t signature_parse(struct signature out[SIGNATURES], const char *text);

enum signature_result { SIGNATURE_GOOD, SIGNATURE_NOBODYS, SIGNATURE_BAD };

/* NOBODYS: none is by one of these keys. BAD: one claims to be, and is not. */
enum signature_result signature_check(const struct signature *given, size_t count,
                                      const struct signature_keys *keys,
                                      const struct signature_statement *statement);

#endif
