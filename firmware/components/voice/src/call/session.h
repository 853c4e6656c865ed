/* Where the device is on its way to a call: a table of states, deadlines, and a backoff that has a ceiling.
 * Pure: time is handed in, and nothing is done here. */
#ifndef VOICE_SESSION_H
#define VOICE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "call/reason.h"

enum session_state {
    SESSION_PROVISIONING, /* settings are missing */
    SESSION_NETWORK,
    SESSION_DISCOVERY,
    SESSION_SIGNALLING,
    SESSION_CONNECTING,
    SESSION_LIVE,
    SESSION_BACKOFF,
    SESSION_STATE_COUNT,
};

enum session_event {
    SESSION_CONFIGURED,
    SESSION_UNCONFIGURED,
    SESSION_LINK_UP,
    SESSION_LINK_DOWN,
    SESSION_FOUND, /* a gateway */
    SESSION_ANSWERED,
    SESSION_CONNECTED,
    SESSION_FAILED,
    SESSION_REFUSED, /* by that gateway, in whatever way: another one may take us */
    SESSION_RETRY,   /* the backoff is over, or there is news of the gateway */
    SESSION_RESTART, /* begin anew at once */
    SESSION_EVENT_COUNT,
};

struct session {
    enum session_state state;
    uint64_t since;
    uint64_t deadline; /* session_timeout() is due then; UINT64_MAX for never */
    enum reason last_failure;
    uint32_t attempts; /* failures in a row */
    uint32_t random;
};

void session_init(struct session *s, uint64_t now, uint32_t seed);

/* False: the table has no such transition, and nothing has changed. `reason` and `retry_after_s` belong to
 * FAILED, and LINK_DOWN counts as one. */
bool session_handle(struct session *s, uint64_t now, enum session_event event, enum reason reason,
                    uint32_t retry_after_s);

/* What the clock alone brings, for session_handle(): FAILED with its reason, or RETRY. False: nothing yet. */
bool session_timeout(const struct session *s, uint64_t now, enum session_event *event, enum reason *reason);

const char *session_state_text(enum session_state state);

#endif
