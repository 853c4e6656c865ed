#include "call/call.h"

#include <string.h>

/* A gateway sends audio every 20 ms and RTCP at least every 1.5 s. RFC 7675's consent would take 30 s to
 * notice that it is gone. So who is silent is asked, four times, which takes 1.5 s, and longer after a time
 * in which the device itself was away; and a call that was given up too early goes on.
 */
#define DOUBT_US 500000u
#define ASK_US 250000u
#define ASKS 4
#define CHECK_US 125000u
#define BURST 64 /* datagrams in one go: the watchdog is fed between them */
#define GOODBYE_EVENTS 16
/* What arrives is dated `now`. A handshake's arithmetic takes a chip half a second: sound dated by its
 * beginning would seem to have been that fast, and all that follows too late to be played. */
#define STALE_US 10000u

static void to_peer(const struct port_address *from, struct peer_address *to)
{
    to->family = from->family;
    to->port = from->port;
    memcpy(to->ip, from->ip, sizeof to->ip);
}

static void to_port(const struct peer_address *from, struct port_address *to)
{
    to->family = from->family;
    to->port = from->port;
    memcpy(to->ip, from->ip, sizeof to->ip);
}

static void fill_random(void *user, uint8_t *out, size_t len)
{
    (void)user;
    port_random(out, len);
}

struct peer_random call_random(void)
{
    return (struct peer_random){fill_random, NULL};
}

static bool create_peer(struct call *c, const struct peer_identity *identity,
                        const struct port_address *local)
{
    struct peer_config config = {.random = call_random(),
                                 .identity = identity,
                                 .audio = true,
                                 .data = true,
                                 .fec = true,
                                 .dtx = true,
                                 .audio_rate = 16000};
    c->peer = peer_create(&c->storage, &config);
    to_peer(local, &c->local);
    return c->peer != NULL && peer_add_local_address(c->peer, &c->local) == PEER_OK;
}

bool call_takes(struct call *c, const struct peer_identity *identity)
{
    struct peer_config config = {.random = call_random(), .identity = identity, .data = true};
    struct peer *peer = peer_create(&c->storage, &config);
    if (peer != NULL)
        peer_destroy(peer);
    return peer != NULL;
}

enum reason call_start(struct call *c, uint64_t now, const struct peer_identity *identity,
                       const struct port_address *toward, char *sdp, size_t cap)
{
    struct port_address local;
    memset(c, 0, sizeof *c);
    c->timeout = PEER_NEVER;
    c->heard_at = c->checked_at = c->asked_at = now;
    if (port_udp_open(toward, &local) != PORT_OK)
        return REASON_UNREACHABLE;
    if (!create_peer(c, identity, &local) || peer_offer(c->peer, sdp, cap) != PEER_OK) {
        call_end(c, now);
        return REASON_NO_MEMORY;
    }
    return REASON_NONE;
}

enum reason call_accept(struct call *c, uint64_t now, const char *answer)
{
    enum peer_error error = peer_set_answer(c->peer, now, answer);
    if (error == PEER_OK)
        error = peer_open_channel(c->peer, "rtvi-ai", &c->channel);
    c->heard_at = now;
    if (error != PEER_OK)
        port_log(PORT_WARNING, "call", "answer: %s", peer_error_text(error));
    return error == PEER_OK ? REASON_NONE : REASON_ANSWER_UNUSABLE;
}

static enum reason reason_of(enum peer_close_reason reason)
{
    switch (reason) {
    case PEER_CLOSE_ICE:
        return REASON_ICE_FAILED;
    case PEER_CLOSE_DTLS:
        return REASON_DTLS_FAILED;
    case PEER_CLOSE_FINGERPRINT:
        return REASON_FINGERPRINT;
    default:
        return REASON_GATEWAY_LEFT;
    }
}

static bool over(struct call_event *event, enum reason reason)
{
    *event = (struct call_event){.type = CALL_OVER, .reason = reason};
    return true;
}

/* False: of no interest to a device. */
static bool translate(struct call *c, const struct peer_event *e, struct call_event *event)
{
    switch (e->type) {
    case PEER_EVENT_CONNECTED:
        c->connected = true;
        *event = (struct call_event){.type = CALL_CONNECTED};
        return true;
    case PEER_EVENT_CHANNEL_OPEN:
        c->channel_open |= e->channel == c->channel;
        *event = (struct call_event){.type = CALL_CHANNEL_OPEN};
        return e->channel == c->channel;
    case PEER_EVENT_MESSAGE:
        *event =
            (struct call_event){.type = CALL_MESSAGE, .is_text = e->is_text, .data = e->data, .len = e->len};
        return true;
    case PEER_EVENT_CHANNEL_CLOSED:
        c->channel_open &= e->channel != c->channel;
        return false;
    case PEER_EVENT_DATA_CLOSED:
    case PEER_EVENT_REMOTE_BYE:
        return over(event, REASON_GATEWAY_LEFT);
    case PEER_EVENT_CONSENT_LOST:
        return over(event, REASON_GATEWAY_SILENT);
    case PEER_EVENT_CLOSED:
        return over(event, reason_of(e->reason));
    default:
        return false;
    }
}

static bool drain(struct call *c, uint64_t now, struct call_event *event)
{
    struct peer_out out;
    struct port_address remote;
    for (;;) {
        peer_poll(c->peer, now, &out);
        if (out.type == PEER_OUT_TIMEOUT) {
            c->timeout = out.timeout;
            return false;
        }
        if (out.type == PEER_OUT_TRANSMIT) {
            to_port(&out.remote, &remote);
            (void)port_udp_send(&remote, out.data, out.len);
        } else if (translate(c, &out.event, event)) {
            return true;
        }
    }
}

static bool receive(struct call *c, uint64_t now)
{
    uint8_t data[1500];
    size_t len = 0;
    struct port_address from;
    struct peer_address remote;
    if (port_udp_receive(&from, data, sizeof data, &len) != PORT_OK)
        return false;
    c->received++;
    to_peer(&from, &remote);
    peer_handle_datagram(c->peer, now, &c->local, &remote, data, len);
    return true;
}

/* Whether the other side has been silent for too long. What failed authentication doesn't count. */
static bool is_silent(struct call *c, uint64_t now)
{
    struct peer_stats stats;
    if (now - c->checked_at >= CHECK_US) {
        peer_get_stats(c->peer, &stats);
        if (c->received - c->received_then != stats.rejected - c->rejected) {
            c->heard_at = now;
            c->asks = 0;
        }
        c->received_then = c->received;
        c->rejected = stats.rejected;
        c->checked_at = now;
    }
    if (c->connected && now - c->heard_at >= DOUBT_US && now - c->asked_at >= ASK_US) {
        if (c->asks == ASKS)
            return true;
        c->asks++;
        c->asked_at = now;
        c->timeout = now;
        peer_ask(c->peer, now);
    }
    return false;
}

bool call_next(struct call *c, uint64_t now, struct call_event *event)
{
    if (c->peer == NULL)
        return false;
    if (now >= c->timeout)
        peer_handle_timeout(c->peer, now);
    int left = BURST;
    do {
        if (drain(c, now, event))
            return true;
        c->stale = port_clock() - now > STALE_US;
    } while (!c->stale && left-- > 0 && receive(c, now));
    return is_silent(c, now) && over(event, REASON_GATEWAY_SILENT);
}

uint64_t call_deadline(const struct call *c)
{
    if (c->peer == NULL)
        return PORT_NEVER;
    if (c->stale)
        return c->checked_at; /* there may be more, and no one will say so again */
    uint64_t check = c->checked_at + CHECK_US;
    return c->timeout < check ? c->timeout : check;
}

bool call_say(struct call *c, const char *text, size_t len)
{
    return c->peer != NULL && c->channel_open &&
           peer_send_message(c->peer, c->channel, true, (const uint8_t *)text, len) == PEER_OK;
}

bool call_wants_dtx(const struct call *c)
{
    return peer_wants_dtx(c->peer);
}

void call_send_audio(struct call *c, uint64_t now, const uint8_t *opus, size_t len, const uint32_t *played)
{
    if (c->peer == NULL || !c->connected)
        return;
    if (played != NULL)
        peer_tell_played(c->peer, *played);
    (void)peer_send_audio(c->peer, now, opus, len);
}

void call_next_audio(struct call *c, uint64_t now, struct peer_audio *audio)
{
    *audio = (struct peer_audio){.kind = PEER_AUDIO_WAIT};
    if (c->peer != NULL && c->connected && peer_next_audio(c->peer, now, audio) != PEER_OK)
        audio->kind = PEER_AUDIO_WAIT;
}

void call_end(struct call *c, uint64_t now)
{
    struct call_event event;
    if (c->peer != NULL) {
        peer_close(c->peer);
        for (int i = 0; i < GOODBYE_EVENTS && drain(c, now, &event); i++)
            ;
    }
    call_drop(c);
}

void call_drop(struct call *c)
{
    if (c->peer != NULL)
        peer_destroy(c->peer);
    c->peer = NULL;
    c->connected = c->channel_open = false;
    port_udp_close();
}
