/* SRTP and SRTCP over libsrtp. Not called srtp.h, since libsrtp's own header is. */
#ifndef PEER_SECURE_RTP_H
#define PEER_SECURE_RTP_H

#include <srtp2/srtp.h>

#include "base/buf.h"
#include "dtls/dtls.h"

#define SECURE_RTP_OVERHEAD (16 + 4) /* GCM tag and SRTCP index, RFC 7714 section 17 */
#define SECURE_RTP_SOURCES 4         /* senders whose state we keep; with each more the oldest goes */

struct secure_rtp {
    srtp_t in, out;
    uint32_t sources[SECURE_RTP_SOURCES];
    uint8_t source_count, oldest;
};

/* libsrtp has one state for the whole program, and tests itself when it starts: better not in a handshake.
 * Cheap to repeat. */
bool secure_rtp_start(void);

/* `material` as the exporter of RFC 5764 section 4.2 gives it. libsrtp allocates here, and once for
 * each new sender. */
bool secure_rtp_init(struct secure_rtp *s, enum dtls_profile profile,
                     const uint8_t material[CRYPTO_KEYING_MATERIAL], bool is_client);
void secure_rtp_free(struct secure_rtp *s);

/* In place; `data` has SECURE_RTP_OVERHEAD of room behind `len`. The new length, 0 on failure. */
size_t secure_rtp_protect(struct secure_rtp *s, uint8_t *data, size_t len);
size_t secure_rtp_protect_rtcp(struct secure_rtp *s, uint8_t *data, size_t len);
size_t secure_rtp_unprotect(struct secure_rtp *s, uint8_t *data, size_t len);
size_t secure_rtp_unprotect_rtcp(struct secure_rtp *s, uint8_t *data, size_t len);

#endif
