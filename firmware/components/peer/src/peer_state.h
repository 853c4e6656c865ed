/* What the peer*.c files share. */
#ifndef PEER_STATE_H
#define PEER_STATE_H

#include "dtls/dtls.h"
#include "ice/ice.h"
#include "media/jitter.h"
#include "media/red.h"
#include "media/rtcp.h"
#include "media/rtp.h"
#include "media/secure_rtp.h"
#include "peer.h"
#include "sctp/sctp.h"
#include "sdp/sdp.h"

#define PEER_CNAME_LEN 12 /* RFC 7022 section 4.2: 72 bits, here of ICE characters */

enum peer_signalling { PEER_NEW, PEER_OFFERED, PEER_GOT_OFFER, PEER_STABLE };

/* peer_close() says good-bye layer by layer, one datagram a poll. */
enum peer_stage { PEER_OPEN, PEER_SAY_BYE, PEER_ABORT_SCTP, PEER_CLOSE_NOTIFY, PEER_CLOSING, PEER_GONE };

struct peer_sender {
    uint32_t ssrc, timestamp, last_duration;
    uint16_t seq;
    uint64_t last_sent; /* 0: never */
    bool tells_played;
    uint32_t played;
    uint32_t packets, bytes;
    struct red_sender red;
};

struct peer_receiver {
    struct rtp_receiver rtp;
    uint32_t last_sr;
    uint64_t last_sr_at;
    uint32_t rtt_us;
    bool has_remote_report;
    struct rtcp_block remote_report;
};

struct peer {
    struct peer_config config;
    struct rng rng;
    enum peer_signalling signalling;
    enum peer_stage stage;
    enum peer_close_reason reason;
    bool is_offerer, has_remote;
    bool connected; /* DTLS is up */
    bool box_taken; /* the caller has seen the outbox; the next call empties it */
    bool bye_heard;
    unsigned events; /* a bit per enum peer_event_type */
    uint32_t session, version;
    uint32_t rejected;
    uint64_t rtcp_due;
    char cname[PEER_CNAME_LEN + 1];
    char candidate[160];
    struct sdp_remote remote;
    struct ice ice;
    struct outbox outbox;
    struct dtls dtls;
    struct secure_rtp srtp;
    struct peer_sender sender;
    struct peer_receiver receiver;
    struct sctp sctp;
    union {
        struct dtls_hello hello; /* until `connected` */
        struct jitter jitter;    /* from then on */
    };
};

void peer_raise(struct peer *p, enum peer_event_type type);
void peer_end(struct peer *p, enum peer_close_reason reason);
void peer_release_box(struct peer *p);
/* Is there a route, and nothing on its way out? */
bool peer_can_transmit(const struct peer *p);

/* peer_media.c */
void peer_media_start(struct peer *p, uint64_t now);
void peer_media_handle(struct peer *p, uint64_t now, uint8_t *data, size_t len);
void peer_media_report(struct peer *p, uint64_t now, bool bye); /* into the outbox */

#endif
