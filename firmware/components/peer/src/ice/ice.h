/* An ICE agent for one component, RFC 8445, with host candidates, and trickle, restart and consent.
 *
 * There is one checklist of at most ICE_MAX_PAIRS. With a single data stream and component, RFC 8445
 * section 6.1.2.6 freezes only pairs that share a foundation, and those differ in nothing that a check
 * could teach us: all pairs start as Waiting. */
#ifndef PEER_ICE_H
#define PEER_ICE_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/rng.h"
#include "ice/stun.h"

#define ICE_MAX_LOCAL PEER_MAX_LOCAL_ADDRESSES
#define ICE_MAX_REMOTE 12
#define ICE_MAX_PAIRS 24
#define ICE_UFRAG_MAX 65 /* RFC 8839 section 5.4 allows 256; none of the known stacks sends over 32 */
#define ICE_PWD_MAX 129
#define ICE_LOCAL_UFRAG_LEN 8
#define ICE_LOCAL_PWD_LEN 24 /* at 6 bits each 144; RFC 8445 section 5.3 wants 128 */

/* RFC 8445 section 14.2 has 50 ms by default, and lets the media decide: this is the pace of our audio. */
#define ICE_TA CLOCK_MS(20)
#define ICE_RTO_MIN CLOCK_MS(500)          /* RFC 8445 section 14.3 */
#define ICE_RC 7                           /* RFC 8489 section 6.2.1: transmissions of one request */
#define ICE_RM 16                          /* likewise: the last wait, in RTO */
#define ICE_PATIENCE CLOCK_MS(39500)       /* RFC 8863 section 4: wait this long for any pair */
#define ICE_GIVE_UP CLOCK_S(60)            /* ours: a pair works, but the remote never nominates */
#define ICE_CONSENT_PERIOD CLOCK_S(5)      /* RFC 7675 section 5.1, times 0.8 to 1.2 */
#define ICE_CONSENT_EXPIRY CLOCK_S(30)     /* likewise */
#define ICE_NOMINATION_GRACE CLOCK_MS(150) /* ours: how long a better pair may still turn up */

enum ice_candidate_type { ICE_HOST, ICE_SRFLX, ICE_PRFLX, ICE_RELAY };

struct ice_candidate {
    struct peer_address address;
    uint32_t priority;
    enum ice_candidate_type type;
};

struct ice_credentials {
    char ufrag[ICE_UFRAG_MAX];
    char pwd[ICE_PWD_MAX];
};

/* Of ours, which are shorter. */
struct ice_secret {
    char ufrag[ICE_LOCAL_UFRAG_LEN + 1];
    char pwd[ICE_LOCAL_PWD_LEN + 1];
};

enum ice_pair_state { ICE_FROZEN, ICE_WAITING, ICE_IN_PROGRESS, ICE_SUCCEEDED, ICE_FAILED };

struct ice_pair {
    uint64_t priority;
    uint64_t next_send; /* of the transaction in progress: retransmission, or the end of the last wait */
    uint64_t rto;
    uint64_t sent_at;
    uint32_t trigger; /* order in the triggered-check queue, 0 for not in it */
    uint8_t tid[STUN_TID_LEN];
    uint8_t local, remote;
    uint8_t transmissions;
    enum ice_pair_state state;
    bool valid;            /* it has succeeded once */
    bool as_controlling;   /* our role in the check in progress */
    bool nominating;       /* controlling: that check carries USE-CANDIDATE */
    bool remote_nominated; /* controlled: the remote has asked for it */
};

struct ice_route {
    struct peer_address remote;
    uint8_t local;
    bool usable; /* selected, and with consent */
};

struct ice_reply {
    struct peer_address remote;
    uint8_t tid[STUN_TID_LEN];
    uint8_t local;
    bool pending;
    bool previous; /* signed with the password of before the restart */
    uint16_t error;
    uint16_t unknown[STUN_MAX_UNKNOWN];
    size_t unknown_count;
};

struct ice_consent {
    uint8_t tid[STUN_TID_LEN];
    bool outstanding;
    uint64_t next;
    uint64_t expires;
    uint64_t sent_at;
    uint64_t heard_at;
};

struct ice_gather {
    struct peer_address server;
    struct peer_address mapped;
    uint8_t tid[STUN_TID_LEN];
    uint8_t transmissions;
    uint8_t local;
    bool active;
    uint64_t next;
};

enum ice_event { ICE_NONE, ICE_SELECTED, ICE_CONSENT_LOST, ICE_GAVE_UP, ICE_REFLEXIVE };

struct ice {
    struct rng rng;
    struct ice_secret local, previous;
    struct ice_credentials remote;
    struct peer_address locals[ICE_MAX_LOCAL];
    struct ice_candidate remotes[ICE_MAX_REMOTE];
    struct ice_pair pairs[ICE_MAX_PAIRS];
    uint8_t local_count, remote_count, pair_count;
    bool controlling;
    bool remote_known;
    bool nominated;    /* this generation has its pair */
    bool route_is_old; /* selected before the last restart */
    uint64_t tie_breaker;
    uint64_t started;     /* remote credentials are known since then */
    uint64_t next_check;  /* Ta */
    uint64_t first_valid; /* CLOCK_NEVER until then */
    uint64_t rtt;         /* microseconds, 0 if unknown */
    uint32_t triggers;
    struct ice_route route;
    uint64_t route_priority;
    struct ice_consent consent;
    struct ice_reply reply;
    struct ice_gather gather;
    unsigned events; /* a bit per enum ice_event */
};

void ice_init(struct ice *ice, const struct rng *rng, bool controlling);
bool ice_add_local(struct ice *ice, const struct peer_address *address);
uint32_t ice_local_priority(const struct ice *ice, uint8_t local, enum ice_candidate_type type);
void ice_gather_from(struct ice *ice, const struct peer_address *server);

/* Starts the checks. Credentials other than before, on an agent that had some, are a restart by the
 * remote: call ice_restart() first. */
void ice_set_remote(struct ice *ice, uint64_t now, const struct ice_credentials *remote);
bool ice_add_remote(struct ice *ice, const struct ice_candidate *candidate);
/* New credentials and an empty checklist; the route stays until another is selected, or consent ends. */
void ice_restart(struct ice *ice);

/* Which local address, or -1. */
int ice_find_local(const struct ice *ice, const struct peer_address *local,
                   const struct peer_address *remote);
/* False: not STUN, or not authentic; nothing changed. */
bool ice_handle_datagram(struct ice *ice, uint64_t now, uint8_t local, const struct peer_address *remote,
                         const uint8_t *data, size_t len);
void ice_handle_timeout(struct ice *ice, uint64_t now);
uint64_t ice_next_timeout(struct ice *ice);
/* Length of what to send, and whither; 0 if there is nothing. */
size_t ice_poll_transmit(struct ice *ice, uint64_t now, uint8_t *data, size_t cap, struct ice_route *to);
enum ice_event ice_poll_event(struct ice *ice);

/* RFC 8839 section 5.1: a candidate, with or without "a=candidate:" before it. */
bool ice_candidate_parse(struct ice_candidate *candidate, const char *text, size_t len);

/* Between the ice_*.c files. */
struct ice_pair *ice_pair_for(struct ice *ice, uint8_t local, uint8_t remote);
void ice_trigger(struct ice *ice, struct ice_pair *pair);
void ice_select(struct ice *ice, uint64_t now, const struct ice_pair *pair);
void ice_raise(struct ice *ice, enum ice_event event);
void ice_switch_role(struct ice *ice, bool controlling);
void ice_consider_nominating(struct ice *ice, uint64_t now);
void ice_handle_request(struct ice *ice, uint64_t now, uint8_t local, const struct peer_address *remote,
                        const struct stun_message *m);
int ice_find_remote(const struct ice *ice, const struct peer_address *address);
size_t ice_write_request(const struct ice *ice, const uint8_t *tid, uint8_t local, bool nominate,
                         uint8_t *data, size_t cap);
void ice_note_rtt(struct ice *ice, uint64_t sample);
/* True: the response was theirs. */
bool ice_handle_consent(struct ice *ice, uint64_t now, uint8_t local, const struct peer_address *remote,
                        const struct stun_message *m);
bool ice_handle_gather(struct ice *ice, const struct stun_message *m, const struct peer_address *remote);
size_t ice_poll_consent(struct ice *ice, uint64_t now, uint8_t *data, size_t cap, struct ice_route *to);
size_t ice_poll_gather(struct ice *ice, uint64_t now, uint8_t *data, size_t cap, struct ice_route *to);

#endif
