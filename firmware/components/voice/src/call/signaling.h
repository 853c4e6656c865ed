/* The offer over HTTP and what comes back: one POST on port.h's stream, step by step. */
#ifndef VOICE_SIGNALING_H
#define VOICE_SIGNALING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call/proof.h"
#include "call/reason.h"
#include "port.h"
#include "wire/http.h"

#define SIGNALING_ANSWER_MAX 4096u /* bytes of JSON; docs/protocol.md */
#define SIGNALING_BUFFER 5120u
#define SIGNALING_CALL_MAX 80u /* a call's id, as the gateway has it (`pc_id`); a longer one is none */

enum signaling_result {
    SIGNALING_BUSY,
    SIGNALING_CONNECTED, /* said once: signaling_send() the offer now */
    SIGNALING_ANSWERED,
    SIGNALING_FAILED,
};

struct signaling_trust {
    const char *ca_pem;  /* NULL for none */
    const uint8_t *pins; /* 32 bytes each */
    size_t pin_count;
};

struct signaling_offer {
    const char *sdp;
    const char *identity; /* of the gateway that the stream has met, hex; empty without TLS */
    const char *id, *board, *version, *reset, *last_failure;
    const char *fault;  /* empty for none */
    const char *has;    /* parts, with a space between; NULL or empty for none */
    const char *resume; /* the id of the call to go on with; empty for a new one */
};

struct signaling {
    enum {
        SIGNALING_IDLE,
        SIGNALING_CONNECTING,
        SIGNALING_ASKING, /* for a nonce, */
        SIGNALING_HEARING,
        SIGNALING_REOPENING, /* where it hangs up after the nonce, as some proxies do */
        SIGNALING_WAITING,
        SIGNALING_SENDING,
        SIGNALING_READING
    } step;
    struct http_url url;
    struct signaling_trust trust;
    struct http_reply reply;
    const char *key; /* NULL or empty: none is to be proven */
    struct proof proof;
    size_t len, sent; /* of the request */
    enum reason reason;
    uint32_t retry_after_s;
    char call[SIGNALING_CALL_MAX]; /* of the answer, empty for none */
    bool resumed;                  /* it goes on, with its bot */
    char buffer[SIGNALING_BUFFER]; /* the request, then the reply's body */
};

/* `where`: the addresses that the URL's host is known to have, NULL: it is looked up. `onwards`: to those of
 * the last start that it did not come to. `key` and what `trust` points to have to stay where they are until
 * the answer; the key never goes into the stream. */
enum signaling_result signaling_start(struct signaling *s, const struct http_url *url,
                                      const struct port_addresses *where, bool onwards,
                                      const struct signaling_trust *trust, const char *key);
enum signaling_result signaling_send(struct signaling *s, const struct signaling_offer *offer);
enum signaling_result signaling_step(struct signaling *s);
void signaling_stop(struct signaling *s);

/* After ANSWERED: the SDP, NUL-terminated, until the next start. */
const char *signaling_answer(const struct signaling *s);

/* The body of the POST; false if it doesn't fit. */
bool signaling_write_offer(char *out, size_t cap, const struct signaling_offer *offer);
/* The nonce in the body of a 200. */
bool signaling_read_nonce(const char *body, size_t len, char nonce[PROOF_NONCE_MAX]);
/* Finds the SDP in a 200's body and unescapes it in place, to the start of `body`. */
bool signaling_read_answer(char *body, size_t len);
/* What a status and a problem+json mean to us. */
enum reason signaling_read_problem(int status, const char *body, size_t len);

#endif
