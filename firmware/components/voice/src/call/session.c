#include "call/session.h"

#include <string.h>

#define MS(n) ((uint64_t)(n)*1000u)
#define NEVER UINT64_MAX

/* A call that has lasted this long was a good one: what follows is a first failure again. */
#define SETTLED_US MS(10000)
#define RETRY_AFTER_MAX_S 120u

/* 0 stands for "none": PROVISIONING is state 0, hence the 1. */
#define TO(state) ((uint8_t)(SESSION_##state + 1))

static const uint8_t transitions[SESSION_STATE_COUNT][SESSION_EVENT_COUNT] = {
    [SESSION_PROVISIONING] = {[SESSION_CONFIGURED] = TO(NETWORK)},
    [SESSION_NETWORK] = {[SESSION_LINK_UP] = TO(DISCOVERY),
                         [SESSION_FAILED] = TO(BACKOFF),
                         [SESSION_RESTART] = TO(NETWORK),
                         [SESSION_UNCONFIGURED] = TO(PROVISIONING)},
    [SESSION_DISCOVERY] = {[SESSION_FOUND] = TO(SIGNALLING),
                           [SESSION_FAILED] = TO(BACKOFF),
                           [SESSION_LINK_DOWN] = TO(NETWORK),
                           [SESSION_RESTART] = TO(NETWORK),
                           [SESSION_UNCONFIGURED] = TO(PROVISIONING)},
    [SESSION_SIGNALLING] = {[SESSION_ANSWERED] = TO(CONNECTING),
                            [SESSION_REFUSED] = TO(DISCOVERY),
                            [SESSION_FAILED] = TO(BACKOFF),
                            [SESSION_LINK_DOWN] = TO(NETWORK),
                            [SESSION_RESTART] = TO(NETWORK),
                            [SESSION_UNCONFIGURED] = TO(PROVISIONING)},
    [SESSION_CONNECTING] = {[SESSION_CONNECTED] = TO(LIVE),
                            [SESSION_REFUSED] = TO(DISCOVERY),
                            [SESSION_FAILED] = TO(BACKOFF),
                            [SESSION_LINK_DOWN] = TO(NETWORK),
                            [SESSION_RESTART] = TO(NETWORK),
                            [SESSION_UNCONFIGURED] = TO(PROVISIONING)},
    [SESSION_LIVE] = {[SESSION_FAILED] = TO(BACKOFF),
                      [SESSION_LINK_DOWN] = TO(NETWORK),
                      [SESSION_RESTART] = TO(NETWORK),
                      [SESSION_UNCONFIGURED] = TO(PROVISIONING)},
    [SESSION_BACKOFF] = {[SESSION_RETRY] = TO(NETWORK),
                         [SESSION_RESTART] = TO(NETWORK),
                         [SESSION_UNCONFIGURED] = TO(PROVISIONING)},
};

/* What each state may take, and what it means when that is over. */
static const struct {
    const char *text;
    uint32_t limit_ms; /* 0: none */
    enum reason overdue;
} states[SESSION_STATE_COUNT] = {
    [SESSION_PROVISIONING] = {"provisioning", 0, REASON_NONE},
    [SESSION_NETWORK] = {"network", 30000, REASON_NETWORK_TIMEOUT},
    [SESSION_DISCOVERY] = {"discovery", 5000, REASON_NO_GATEWAY},
    [SESSION_SIGNALLING] = {"signalling", 12000,
                            REASON_SIGNALLING_TIMEOUT}, /* the gateway's own limit is 10 s */
    [SESSION_CONNECTING] = {"connecting", 10000, REASON_CONNECT_TIMEOUT},
    [SESSION_LIVE] = {"live", 0, REASON_NONE},
    [SESSION_BACKOFF] = {"backoff", 0, REASON_NONE},
};

static const struct {
    uint32_t first_ms, ceiling_ms;
} paces[] = {
    [REASON_SOON] = {250, 2000},
    [REASON_STEADY] = {1000, 30000},
    [REASON_PATIENT] = {5000, 60000},
};

void session_init(struct session *s, uint64_t now, uint32_t seed)
{
    *s = (struct session){.state = SESSION_PROVISIONING, .since = now, .deadline = NEVER, .random = seed | 1};
}

static uint32_t next_random(struct session *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return s->random;
}

/* Doubles up to the ceiling, then takes between half of it and all: devices that lost the same gateway must
 * not come back in step. */
static uint64_t backoff_us(struct session *s, enum reason reason, uint32_t retry_after_s)
{
    uint32_t ms = paces[reason_pace(reason)].first_ms, ceiling = paces[reason_pace(reason)].ceiling_ms;
    for (uint32_t i = 1; i < s->attempts && ms < ceiling; i++)
        ms *= 2;
    ms = ms < ceiling ? ms : ceiling;
    ms = ms / 2 + next_random(s) % (ms / 2 + 1);
    uint32_t asked_ms = 1000 * (retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S);
    return MS(asked_ms > ms ? asked_ms + ms % 1000 : ms);
}

static void note_failure(struct session *s, uint64_t now, enum reason reason)
{
    bool was_settled = s->state == SESSION_LIVE && now - s->since >= SETTLED_US;
    s->attempts = was_settled ? 1 : s->attempts + 1;
    s->last_failure = reason;
}

bool session_handle(struct session *s, uint64_t now, enum session_event event, enum reason reason,
                    uint32_t retry_after_s)
{
    uint8_t to = transitions[s->state][event];
    if (to == 0)
        return false;
    if (event == SESSION_FAILED || event == SESSION_LINK_DOWN)
        note_failure(s, now, reason);
    if (event == SESSION_RESTART || event == SESSION_UNCONFIGURED)
        s->attempts = 0;
    s->state = (enum session_state)(to - 1);
    s->since = now;
    s->deadline = states[s->state].limit_ms == 0 ? NEVER : now + MS(states[s->state].limit_ms);
    if (s->state == SESSION_BACKOFF)
        s->deadline = now + backoff_us(s, reason, retry_after_s);
    return true;
}

bool session_timeout(const struct session *s, uint64_t now, enum session_event *event, enum reason *reason)
{
    *event = s->state == SESSION_BACKOFF ? SESSION_RETRY : SESSION_FAILED;
    *reason = states[s->state].overdue;
    return now >= s->deadline;
}

const char *session_state_text(enum session_state state)
{
    return states[state].text;
}
