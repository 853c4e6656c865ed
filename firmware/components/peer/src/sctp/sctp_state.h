/* The state of an association, and the words of its interface: sctp.h. */
#ifndef PEER_SCTP_STATE_H
#define PEER_SCTP_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

/* Messages of ours waiting or unacknowledged. The longest that can be sent, too. */
#ifndef SCTP_TX_BYTES
#define SCTP_TX_BYTES 4096
#endif
/* Data of the peer's not yet handed out: the longest message and one chunk beside it. */
#ifndef SCTP_RX_BYTES
#define SCTP_RX_BYTES 5376
#endif
#define SCTP_RX_SPARE 1280
/* What belongs in a=max-message-size: a longer message ends the association. */
#define SCTP_MESSAGE_MAX (SCTP_RX_BYTES - SCTP_RX_SPARE)

#define SCTP_TX_CHUNKS 32
#define SCTP_RX_CHUNKS 48
#define SCTP_RX_WINDOW 128 /* TSNs beyond the cumulative one that can be held; a multiple of 32 */
#define SCTP_CHANNELS 4
#define SCTP_LABEL_MAX 32 /* of a longer label of the peer's, the beginning is kept */
#define SCTP_DUPLICATES 8 /* reported in a SACK; RFC 9260 3.3.4 allows any number */
#define SCTP_CONTROL_BYTES 256

/* RFC 8831 5: a path MTU of 1200 bytes where none is known; less IPv4 (20), UDP (8), and a DTLS 1.2
 * record of AES-GCM (13 + 8 + 16), cut to a multiple of 4. */
#define SCTP_PACKET_MAX 1132u

enum sctp_error {
    SCTP_OK,
    SCTP_ERR_PACKET,      /* not for this association, or not SCTP; nothing changed */
    SCTP_ERR_STATE,       /* no such channel, or not in this state */
    SCTP_ERR_WOULD_BLOCK, /* no room now; try again after a packet has been handled */
    SCTP_ERR_TOO_BIG,     /* will never fit, here or at the peer */
};

enum sctp_reason {
    SCTP_REASON_NONE,
    SCTP_REASON_SHUTDOWN,   /* orderly, by either side */
    SCTP_REASON_ABORTED,    /* by us */
    SCTP_REASON_PEER_ABORT, /* by the peer */
    SCTP_REASON_NO_ANSWER,  /* never connected: RFC 9260 Max.Init.Retransmits */
    SCTP_REASON_TIMEOUT,    /* gone: RFC 9260 Association.Max.Retrans */
    SCTP_REASON_PROTOCOL,   /* the peer broke a rule that can't be survived */
    SCTP_REASON_TOO_BIG,    /* a message above SCTP_MESSAGE_MAX */
    SCTP_REASON_RESTARTED,  /* the peer has lost this association and wants another */
};

enum sctp_event_type {
    SCTP_EVENT_CONNECTED,
    SCTP_EVENT_CHANNEL_OPEN,   /* channel, data/len: the label; `remote` says who opened it */
    SCTP_EVENT_MESSAGE,        /* channel, is_text, data/len (len may be 0; text isn't checked to be UTF-8) */
    SCTP_EVENT_CHANNEL_CLOSED, /* channel; its number may be used again */
    SCTP_EVENT_CLOSED,         /* reason; the last event, and every channel is closed with it */
};

struct sctp_event {
    enum sctp_event_type type;
    enum sctp_reason reason;
    uint16_t channel;
    bool is_text;
    bool remote;
    const uint8_t *data; /* valid until the next call with this association */
    size_t len;
};

struct sctp_config {
    struct rng rng;
    bool dtls_client;          /* opens even channels; the DTLS server odd ones (RFC 8832 6) */
    uint16_t local_port;       /* 0: 5000 (RFC 8841 5.1 has no default; everybody uses this one) */
    uint16_t remote_port;      /* 0: 5000 */
    uint32_t peer_message_max; /* the peer's a=max-message-size; 0: no limit */
    uint64_t heartbeat;        /* interval; 0: none is sent. RFC 9260 16 recommends 30 s */
};

/* All below is private to sctp*.c; it stands here so that the state can be embedded. */

enum sctp_state {
    SCTP_CLOSED, /* RFC 9260 4; a passive endpoint waits here */
    SCTP_COOKIE_WAIT,
    SCTP_COOKIE_ECHOED,
    SCTP_ESTABLISHED,
    SCTP_SHUTDOWN_PENDING,
    SCTP_SHUTDOWN_SENT,
    SCTP_SHUTDOWN_RECEIVED,
    SCTP_SHUTDOWN_ACK_SENT,
    SCTP_DONE, /* closed for good */
};

struct sctp_channel {
    uint16_t id;
    uint16_t in_ssn;
    uint16_t out_ssn;
    uint16_t flags;
    uint8_t state;
    uint8_t label_len;
    uint8_t label[SCTP_LABEL_MAX];
};

/* One DATA chunk of ours. Its TSN is tx.first_tsn plus its index. */
struct sctp_tx_chunk {
    uint16_t id, ssn;
    uint16_t off, len;
    uint8_t flags; /* as on the wire */
    uint8_t ppid;
    uint8_t marks;
    uint8_t misses;
};

struct sctp_tx {
    uint32_t first_tsn;
    uint32_t cwnd, ssthresh, partial_acked; /* RFC 9260 7.2 */
    uint32_t peer_rwnd;                     /* as last advertised; what is in flight counts against it */
    uint32_t recovery_exit;
    uint32_t rtt_tsn;
    uint64_t rtt_at, last_sent;
    uint32_t retransmissions; /* for statistics */
    uint16_t used;
    uint8_t count, sent, burst;
    bool in_recovery, fast_now, rtt_running;
    struct sctp_tx_chunk queue[SCTP_TX_CHUNKS];
    uint8_t bytes[SCTP_TX_BYTES];
};

/* A run of the peer's DATA chunks that belong to one message; the queue is in order of TSN, and
 * `bytes` holds the payloads in the order of the queue without gaps. */
struct sctp_rx_run {
    uint32_t first, last;
    uint16_t id, ssn;
    uint16_t off, len;
    uint8_t flags;
    uint8_t ppid; /* 0: one that we don't know */
};

struct sctp_rx {
    uint32_t cumulative;
    uint32_t seen[SCTP_RX_WINDOW / 32]; /* bit i: cumulative + 1 + i has arrived */
    uint32_t duplicate[SCTP_DUPLICATES];
    uint32_t advertised;
    uint16_t used, largest;
    uint8_t count, duplicates, unacked;
    bool sack_now, has_data; /* has_data: the packet being read carries some */
    bool held;               /* queue[held_at] is lent to the caller */
    uint8_t held_at;
    struct sctp_rx_run queue[SCTP_RX_CHUNKS];
    uint8_t bytes[SCTP_RX_BYTES];
};

/* What an INIT or INIT ACK said. */
struct sctp_peer_init {
    uint32_t tag, rwnd, tsn;
    uint16_t out_streams, in_streams;
    bool can_reconfig;
};

enum sctp_timer { /* RFC 9260: T1, T2, T3-rtx, ...; RFC 6525 5.1.1 */
                  TIMER_INIT,
                  TIMER_SHUTDOWN,
                  TIMER_RTX,
                  TIMER_SACK,
                  TIMER_HEARTBEAT,
                  TIMER_RECONFIG,
                  TIMERS,
};

struct sctp {
    struct sctp_config config;
    uint8_t state, reason;
    bool connected_due, closed_due, init_due, echo_due, abort_due;
    bool heartbeat_open, ctl_alone, peer_known;
    uint16_t abort_cause;
    uint32_t abort_tag;
    uint32_t local_tag, initial_tsn;
    struct sctp_peer_init peer, pending;
    uint8_t secret[16];
    uint64_t pending_at;
    uint64_t at[TIMERS];
    uint32_t rto, srtt, rttvar; /* microseconds; srtt 0: not measured yet */
    uint8_t errors, init_tries;
    uint32_t heartbeat_nonce;
    uint64_t heartbeat_sent;
    /* RFC 6525: one request of ours at a time */
    uint32_t reset_seq, peer_reset_seq;
    uint8_t peer_reset_result;
    bool reset_open, reset_renew;
    uint16_t ctl_len; /* finished chunks for the next packet */
    uint32_t ctl_tag;
    uint8_t ctl[SCTP_CONTROL_BYTES];
    struct sctp_channel channels[SCTP_CHANNELS + 1]; /* one more to refuse a channel with */
    struct sctp_tx tx;
    struct sctp_rx rx;
};

#endif
