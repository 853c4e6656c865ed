/* Session descriptions (RFC 8866, 8839, 8842, 8843, 8841, 7587), as far as one bundled audio section
 * and one data channel need them. */
#ifndef PEER_SDP_H
#define PEER_SDP_H

#include "base/text.h"
#include "ice/ice.h"

#define SDP_MAX_LEN 16384
#define SDP_MAX_MEDIA 8
#define SDP_MID_MAX 17 /* RFC 8843 section 15.1 advises three bytes; browsers use up to 16 */
#define SDP_OPUS 111   /* what we offer, as libwebrtc does */
#define SDP_RED 63     /* likewise; RED is taken under this number alone, and of Opus under that */
#define SDP_RED_OF "fmtp:63 111/111"
#define SDP_SCTP_PORT 5000

enum sdp_kind { SDP_AUDIO, SDP_DATA, SDP_VIDEO };
enum sdp_setup { SDP_SETUP_NONE, SDP_ACTIVE, SDP_PASSIVE, SDP_ACTPASS };

struct sdp_media {
    enum sdp_kind kind;
    bool rejected;
    char mid[SDP_MID_MAX];
};

/* What the remote said. */
struct sdp_remote {
    struct ice_credentials ice;
    bool ice_lite;
    uint8_t fingerprint[32];
    enum sdp_setup setup;
    struct sdp_media media[SDP_MAX_MEDIA];
    uint8_t media_count;
    int8_t audio, data; /* which of media is in use, or -1 */
    uint8_t opus;       /* payload type */
    bool sends, receives;
    bool red;      /* redundancy of Opus may be sent either way (RFC 2198) */
    bool dtx;      /* it would rather be sent nothing than silence (RFC 7587 section 6.1) */
    uint32_t ssrc; /* of its audio; 0 if it didn't say */
    uint16_t sctp_port;
    uint32_t max_message_size; /* RFC 8841 section 6: 0 means any size */
};

enum peer_error sdp_parse(struct sdp_remote *remote, const char *sdp, bool is_answer);
/* The usable candidates one by one; `rest` starts as the whole text. */
bool sdp_next_candidate(struct text *rest, struct ice_candidate *candidate);

/* What we say. */
struct sdp_local {
    const struct ice *ice;
    const uint8_t *fingerprint;
    const struct sdp_remote *offer; /* NULL if this is an offer */
    enum sdp_setup setup;
    bool audio, data, fec, dtx;
    uint32_t audio_rate;
    uint8_t opus;
    uint32_t ssrc;
    uint32_t session, version;
    const char *cname;
    uint32_t max_message_size;
};

/* False if it doesn't fit. NUL-terminated. */
bool sdp_write(const struct sdp_local *local, char *sdp, size_t cap);
void sdp_put_candidate(struct buf_writer *w, const struct ice *ice, uint8_t local,
                       const struct peer_address *reflexive);

#endif
