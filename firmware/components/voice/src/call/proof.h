/* That we have our key, and the gateway too, without either saying it (docs/protocol.md, the key stays).
 * Pure. */
#ifndef VOICE_PROOF_H
#define VOICE_PROOF_H

#include <stdbool.h>
#include <stddef.h>

#define PROOF_NONCE_MAX 97u
#define PROOF_HEX 65u
#define PROOF_FINGERPRINT_MAX 96u /* "AB:CD…" of a SHA-256 */

/* What one exchange is about. */
struct proof {
    char nonce[PROOF_NONCE_MAX];
    char identity[PROOF_HEX];                /* of the gateway that we met over TLS, hex; empty without TLS */
    char fingerprint[PROOF_FINGERPRINT_MAX]; /* our own certificate's, as the offer has it */
};

/* The fingerprint of a description, upper case. False if there is none, or if its sections differ. */
bool proof_read_fingerprint(char out[PROOF_FINGERPRINT_MAX], const char *sdp);
/* What goes with the offer, as hex. */
bool proof_of_offer(const struct proof *p, const char *key, char out[PROOF_HEX]);
/* Whether what came with the answer was made by someone who has the key, for this answer. */
bool proof_is_of_answer(const struct proof *p, const char *key, const char *answer_sdp, const char *hex);

#endif
