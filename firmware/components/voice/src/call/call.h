/* One call: a peer on port.h's UDP socket. */
#ifndef VOICE_CALL_H
#define VOICE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call/reason.h"
#include "peer.h"
#include "port.h"

#define CALL_SDP_MAX 2048u

enum call_event_type {
    CALL_CONNECTED,
    CALL_CHANNEL_OPEN,
    CALL_MESSAGE,
    CALL_OVER, /* reason; call_end() it */
};

struct call_event {
    enum call_event_type type;
    enum reason reason;
    bool is_text;
    const uint8_t *data; /* until the next call_ function */
    size_t len;
};

struct call {
    struct peer_storage storage;
    struct peer *peer; /* NULL: no call */
    struct peer_address local;
    uint16_t channel;
    bool connected, channel_open;
    bool stale;        /* `now` was too old to take all that had arrived */
    uint64_t timeout;  /* the peer's next */
    uint64_t heard_at; /* something authentic */
    uint64_t checked_at, asked_at;
    unsigned asks;               /* since then */
    uint32_t received, rejected; /* datagrams; those rejected when last looked */
    uint32_t received_then;
};

/* port_random() in peer.h's form. */
struct peer_random call_random(void);

/* Whether a call can be made with it. Where there is no call. */
bool call_takes(struct call *c, const struct peer_identity *identity);

/* Opens the socket toward the gateway and writes the offer. REASON_NONE if that went well. */
enum reason call_start(struct call *c, uint64_t now, const struct peer_identity *identity,
                       const struct port_address *toward, char *sdp, size_t cap);
enum reason call_accept(struct call *c, uint64_t now, const char *answer);
/* Sends, receives and keeps time. True if there is an event to look at; call again until false. */
bool call_next(struct call *c, uint64_t now, struct call_event *event);
uint64_t call_deadline(const struct call *c);
bool call_say(struct call *c, const char *text, size_t len);
bool call_wants_dtx(const struct call *c); /* the gateway would rather be sent nothing than silence */
/* `played`: what the speaker was at meanwhile, see peer_tell_played(); NULL for nothing. */
void call_send_audio(struct call *c, uint64_t now, const uint8_t *opus, size_t len, const uint32_t *played);
/* What to play now; WAIT if there is no call. */
void call_next_audio(struct call *c, uint64_t now, struct peer_audio *audio);
void call_end(struct call *c, uint64_t now);
/* Without a word to the gateway, which then waits for us. */
void call_drop(struct call *c);

#endif
