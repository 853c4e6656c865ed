/* A WebRTC client for small devices: one audio stream, one SCTP association, one UDP flow, no I/O.
 *
 * Everything happens in the calls below: tell the peer what came in or what you want (a datagram, a
 * timeout, audio, a message), then call peer_poll() until it says PEER_OUT_TIMEOUT. It never blocks,
 * starts no thread, reads no clock and opens no socket. One thread at a time.
 *
 * `now` is a monotonic clock in microseconds. */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEER_NEVER UINT64_MAX
#define PEER_MTU 1200u             /* largest UDP payload sent, RFC 8261 section 5 for IPv6 paths */
#define PEER_MAX_AUDIO 1100u       /* bytes of one Opus packet */
#define PEER_MAX_LOCAL_ADDRESSES 4 /* one host candidate each */

/* How much memory a connection takes; see peer_create(). */
#ifndef PEER_STORAGE_SIZE
#define PEER_STORAGE_SIZE (24u * 1024u + (sizeof(void *) > 4 ? 2048u : 0u)) /* pointers of mbedTLS */
#endif

enum peer_error {
    PEER_OK = 0,
    PEER_ERR_ARGUMENT,        /* a length or value that no state would accept */
    PEER_ERR_STATE,           /* not now: no remote description yet, not connected, or closed */
    PEER_ERR_BUSY,            /* poll first, or try again when the channel has drained */
    PEER_ERR_SPACE,           /* does not fit the buffer, or a fixed table is full */
    PEER_ERR_CRYPTO,          /* mbedTLS or libsrtp failed, most likely for want of memory */
    PEER_ERR_SDP_SYNTAX,      /* not SDP, or a value beyond this parser's bounds */
    PEER_ERR_SDP_NO_ICE,      /* no a=ice-ufrag / a=ice-pwd */
    PEER_ERR_SDP_FINGERPRINT, /* no sha-256 fingerprint */
    PEER_ERR_SDP_SETUP,       /* a=setup missing, or not one that answers ours */
    PEER_ERR_SDP_NO_OPUS,     /* audio accepted without Opus */
    PEER_ERR_SDP_NO_RTCP_MUX, /* audio accepted without a=rtcp-mux */
    PEER_ERR_SDP_NO_BUNDLE,   /* two m-sections on two transports */
    PEER_ERR_SDP_REJECTED,    /* nothing of the offer was accepted */
    PEER_ERR_CANDIDATE,       /* not a candidate this client can use: TCP, a host name, a bad address */
};

struct peer_address {
    uint8_t family; /* 4 or 6 */
    uint8_t ip[16]; /* network order; IPv4 takes the first four bytes */
    uint16_t port;  /* host order */
};

/* "192.168.1.2" or "fe80::1", without port. False if it isn't one. */
bool peer_address_parse(struct peer_address *address, const char *ip, uint16_t port);

/* A key and its self-signed certificate. Making one is the slowest thing here (tenths of a second on
 * a small device); it can be stored and used again, and is as secret as any private key. */
struct peer_identity {
    uint8_t key[128];  /* SEC1 ECPrivateKey, DER */
    uint8_t cert[384]; /* X.509, DER */
    uint16_t key_len;
    uint16_t cert_len;
    uint8_t fingerprint[32]; /* SHA-256 of cert */
};

struct peer_random {
    void (*fill)(void *user, uint8_t *out, size_t len); /* must fill; block or stop rather than fail */
    void *user;
};

enum peer_error peer_identity_make(struct peer_identity *identity, const struct peer_random *random);

struct peer_config {
    struct peer_random random;
    const struct peer_identity *identity; /* has to outlive the peer */
    bool audio;
    bool data;
    bool fec;                        /* say in the SDP that we use Opus in-band FEC */
    bool dtx;                        /* say in the SDP that silence need not be sent to us */
    uint32_t audio_rate;             /* Opus maxplaybackrate, 0 for 16000 */
    struct peer_address stun_server; /* family 0 for none */
};

enum peer_close_reason {
    PEER_CLOSE_LOCAL,       /* peer_close() */
    PEER_CLOSE_REMOTE,      /* DTLS close_notify */
    PEER_CLOSE_ICE,         /* no candidate pair worked (RFC 8863) */
    PEER_CLOSE_DTLS,        /* handshake failed or timed out */
    PEER_CLOSE_FINGERPRINT, /* the certificate is not the one that was signalled */
};

enum peer_event_type {
    PEER_EVENT_ICE_CONNECTED,   /* a pair was selected, or another one than before */
    PEER_EVENT_CONNECTED,       /* DTLS is up, audio may flow */
    PEER_EVENT_LOCAL_CANDIDATE, /* text: a server-reflexive candidate to signal */
    PEER_EVENT_CHANNEL_OPEN,
    PEER_EVENT_CHANNEL_CLOSED,
    PEER_EVENT_MESSAGE,
    PEER_EVENT_CONSENT_LOST, /* RFC 7675: restart ICE or close; nothing is sent meanwhile */
    PEER_EVENT_DATA_CLOSED,  /* the remote ended SCTP, and all channels with it; audio goes on */
    PEER_EVENT_REMOTE_BYE,   /* RTCP BYE: the remote sender has stopped */
    PEER_EVENT_CLOSED,       /* the last event */
};

struct peer_event {
    enum peer_event_type type;
    enum peer_close_reason reason; /* CLOSED */
    uint16_t channel;              /* CHANNEL_*, MESSAGE */
    bool is_text;                  /* MESSAGE */
    const uint8_t *data;           /* MESSAGE: bytes; CHANNEL_OPEN: label; LOCAL_CANDIDATE: text */
    size_t len;
};

enum peer_out_type { PEER_OUT_TIMEOUT, PEER_OUT_TRANSMIT, PEER_OUT_EVENT };

struct peer_out {
    enum peer_out_type type;
    uint64_t timeout;          /* TIMEOUT: call peer_handle_timeout() then; may be PEER_NEVER */
    struct peer_address local; /* TRANSMIT */
    struct peer_address remote;
    const uint8_t *data; /* TRANSMIT: valid until the next call on this peer */
    size_t len;
    struct peer_event event; /* EVENT: pointers likewise */
};

enum peer_audio_kind {
    PEER_AUDIO_WAIT,    /* still filling, or no sender: play silence */
    PEER_AUDIO_PACKET,  /* decode data */
    PEER_AUDIO_FEC,     /* decode data with FEC: it is the next packet, the due one is lost */
    PEER_AUDIO_CONCEAL, /* let the decoder conceal */
};

struct peer_audio {
    enum peer_audio_kind kind;
    const uint8_t *data; /* until the next call on this peer */
    size_t len;
    uint32_t timestamp; /* RTP, 48 kHz */
};

struct peer_stats {
    uint32_t rtt_us; /* 0 until known; RTCP if there is any, else ICE */
    uint32_t sent_packets, sent_bytes;
    uint32_t received_packets, received_bytes;
    int32_t lost_packets;      /* RFC 3550: may be negative with duplicates */
    uint32_t jitter_us;        /* interarrival, ours */
    uint32_t remote_jitter_us; /* as the remote reports it */
    int32_t remote_lost_packets;
    uint8_t remote_loss;    /* of 256, the last report */
    uint32_t rejected;      /* datagrams that failed authentication or made no sense */
    uint32_t buffer_us;     /* playout delay of the jitter buffer now */
    uint32_t target_us;     /* and what it aims at; the difference is another clock's, or a burst */
    uint32_t concealed;     /* frames */
    uint32_t fec_recovered; /* frames given back by FEC, and by redundancy (RED) */
    uint32_t late;
    uint32_t duplicate;
};

struct peer;

struct peer_storage {
    uint64_t words[PEER_STORAGE_SIZE / 8];
};

/* The peer lives in `storage`, from here to peer_destroy(). This and the DTLS handshake are where
 * mbedTLS and libsrtp allocate; our own code never does. NULL: bad config or no memory. */
struct peer *peer_create(struct peer_storage *storage, const struct peer_config *config);
void peer_destroy(struct peer *p);

enum peer_error peer_add_local_address(struct peer *p, const struct peer_address *address);

/* Text in and out is NUL-terminated. As offerer: peer_offer, then peer_set_answer. As answerer:
 * peer_set_offer, then peer_answer. A second peer_offer() or peer_set_offer() with new ICE
 * credentials is an ICE restart; DTLS, SRTP and the channels live on. */
enum peer_error peer_offer(struct peer *p, char *sdp, size_t cap);
enum peer_error peer_set_answer(struct peer *p, uint64_t now, const char *sdp);
enum peer_error peer_set_offer(struct peer *p, uint64_t now, const char *sdp);
enum peer_error peer_answer(struct peer *p, char *sdp, size_t cap);
enum peer_error peer_restart_ice(struct peer *p);

/* Trickle: the value of one a=candidate line, with or without that prefix. */
enum peer_error peer_add_remote_candidate(struct peer *p, const char *candidate);

/* `data` is decrypted in place. `local` is where it arrived; NULL means the first local address of
 * the sender's family. Wrong datagrams are counted and dropped, never an error. */
void peer_handle_datagram(struct peer *p, uint64_t now, const struct peer_address *local,
                          const struct peer_address *remote, uint8_t *data, size_t len);
void peer_handle_timeout(struct peer *p, uint64_t now);
void peer_poll(struct peer *p, uint64_t now, struct peer_out *out);

/* Asks for a sign of life now, with the next poll: who is there answers within a round trip. */
void peer_ask(struct peer *p, uint64_t now);

/* One Opus packet as its encoder made it; the RTP clock follows the packet's own duration, and `now`
 * over pauses of more than 0.2 s. PEER_ERR_BUSY: the one before has not been polled. */
enum peer_error peer_send_audio(struct peer *p, uint64_t now, const uint8_t *opus, size_t len);

/* What the speaker played as the audio that is sent next was recorded, by its RTP timestamp: goes with that
 * one packet, for a remote that takes the echo out of it. */
void peer_tell_played(struct peer *p, uint32_t timestamp);

/* Whether the remote would rather be sent nothing than silence. */
bool peer_wants_dtx(const struct peer *p);

/* What to play next; call it once per 20 ms of playout, from the net task. */
enum peer_error peer_next_audio(struct peer *p, uint64_t now, struct peer_audio *audio);

/* As soon as the remote's description is set. What is sent before CHANNEL_OPEN waits for it. */
enum peer_error peer_open_channel(struct peer *p, const char *label, uint16_t *channel);
enum peer_error peer_send_message(struct peer *p, uint16_t channel, bool is_text, const uint8_t *data,
                                  size_t len);
enum peer_error peer_close_channel(struct peer *p, uint16_t channel);

/* RTCP BYE, SCTP ABORT and DTLS close_notify go out with the next polls; then CLOSED. */
void peer_close(struct peer *p);

void peer_get_stats(const struct peer *p, struct peer_stats *stats);
const char *peer_error_text(enum peer_error error);

#ifdef __cplusplus
}
#endif
#endif
