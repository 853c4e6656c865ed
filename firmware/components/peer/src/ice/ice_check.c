/* The checks that we send, RFC 8445 section 7.2, and the timers. */
#include "ice/ice.h"

/* ---- what comes back ---- */

static struct ice_pair *pair_of(struct ice *ice, const uint8_t *tid)
{
    for (int i = 0; i < ice->pair_count; i++) {
        struct ice_pair *pair = &ice->pairs[i];
        if (pair->state == ICE_IN_PROGRESS && memcmp(pair->tid, tid, STUN_TID_LEN) == 0)
            return pair;
    }
    return NULL;
}

static void succeed(struct ice *ice, uint64_t now, struct ice_pair *pair)
{
    if (pair->transmissions == 1)
        ice_note_rtt(ice, now - pair->sent_at);
    pair->state = ICE_SUCCEEDED;
    pair->valid = true;
    if (ice->first_valid == CLOCK_NEVER)
        ice->first_valid = now;
    bool wanted = ice->controlling ? pair->nominating : pair->remote_nominated;
    if (wanted && (!ice->nominated || pair->priority > ice->route_priority))
        ice_select(ice, now, pair);
    pair->nominating = false;
    ice_consider_nominating(ice, now);
}

static void fail(struct ice *ice, uint64_t now, struct ice_pair *pair)
{
    pair->state = ICE_FAILED;
    pair->valid = false;
    pair->nominating = false;
    ice_consider_nominating(ice, now);
}

/* RFC 8445 section 7.2.5.1: we switch, unless the role in the request is no longer ours anyway. */
static void yield_role(struct ice *ice, struct ice_pair *pair)
{
    if (pair->as_controlling == ice->controlling)
        ice_switch_role(ice, !ice->controlling);
    pair->state = ICE_WAITING;
    ice_trigger(ice, pair);
}

/* RFC 8445 section 7.2.5.2.1: the answer has to come from where the check went. */
static bool is_symmetric(const struct ice *ice, const struct ice_pair *pair, uint8_t local,
                         const struct peer_address *remote)
{
    return local == pair->local && addr_equal(remote, &ice->remotes[pair->remote].address);
}

static bool handle_response(struct ice *ice, uint64_t now, uint8_t local, const struct peer_address *remote,
                            const struct stun_message *m)
{
    if (ice_handle_gather(ice, m, remote))
        return true;
    if (ice->remote.pwd[0] == '\0' || !stun_integrity_ok(m, ice->remote.pwd) || m->unknown_count > 0)
        return false;
    if (ice_handle_consent(ice, now, local, remote, m))
        return true;
    struct ice_pair *pair = pair_of(ice, m->tid);
    if (pair == NULL)
        return false;
    if (m->class_ == STUN_SUCCESS && is_symmetric(ice, pair, local, remote))
        succeed(ice, now, pair);
    else if (m->class_ == STUN_ERROR && m->error_code == STUN_ROLE_CONFLICT)
        yield_role(ice, pair);
    else
        fail(ice, now, pair);
    return true;
}

bool ice_handle_datagram(struct ice *ice, uint64_t now, uint8_t local, const struct peer_address *remote,
                         const uint8_t *data, size_t len)
{
    struct stun_message m;
    if (!stun_parse(&m, data, len) || m.method != STUN_BINDING)
        return false;
    if (m.class_ == STUN_SUCCESS || m.class_ == STUN_ERROR)
        return handle_response(ice, now, local, remote, &m);
    if (m.class_ != STUN_REQUEST || !m.has_fingerprint) /* an indication is a keepalive: nothing to do */
        return m.class_ == STUN_INDICATION;
    ice_handle_request(ice, now, local, remote, &m);
    return ice->reply.error == 0;
}

/* ---- what goes out ---- */

/* The best valid pair; NULL if there is none, or one is being nominated already. */
static struct ice_pair *nominee(struct ice *ice)
{
    struct ice_pair *best = NULL;
    if (!ice->controlling || ice->nominated)
        return NULL;
    for (int i = 0; i < ice->pair_count; i++) {
        struct ice_pair *pair = &ice->pairs[i];
        if (pair->nominating)
            return NULL;
        if (pair->valid && (best == NULL || pair->priority > best->priority))
            best = pair;
    }
    return best;
}

/* Until when to wait for a better pair; in the past if none can come. */
static uint64_t nomination_due(const struct ice *ice, const struct ice_pair *best)
{
    for (int i = 0; i < ice->pair_count; i++) {
        const struct ice_pair *pair = &ice->pairs[i];
        if ((pair->state == ICE_WAITING || pair->state == ICE_IN_PROGRESS) && pair->priority > best->priority)
            return ice->first_valid + ICE_NOMINATION_GRACE;
    }
    return 0;
}

/* Regular nomination, RFC 8445 section 8.1.1: the best valid pair, once nothing better is pending. */
void ice_consider_nominating(struct ice *ice, uint64_t now)
{
    struct ice_pair *best = nominee(ice);
    if (best == NULL || now < nomination_due(ice, best))
        return;
    best->nominating = true;
    ice_trigger(ice, best);
}

/* RFC 8445 section 14.3 */
static uint64_t initial_rto(const struct ice *ice)
{
    unsigned active = 0;
    for (int i = 0; i < ice->pair_count; i++)
        active += ice->pairs[i].state == ICE_WAITING || ice->pairs[i].state == ICE_IN_PROGRESS;
    return ICE_TA * active > ICE_RTO_MIN ? ICE_TA * active : ICE_RTO_MIN;
}

static size_t send_check(struct ice *ice, uint64_t now, struct ice_pair *pair, uint8_t *data, size_t cap,
                         struct ice_route *to)
{
    pair->transmissions++;
    /* RFC 8489 section 6.2.1: doubling, and Rm times the first RTO after the last one. */
    pair->next_send =
        now + (pair->transmissions < ICE_RC ? pair->rto << (pair->transmissions - 1) : ICE_RM * pair->rto);
    pair->sent_at = now;
    pair->as_controlling = ice->controlling;
    *to = (struct ice_route){
        .remote = ice->remotes[pair->remote].address, .local = pair->local, .usable = true};
    return ice_write_request(ice, pair->tid, pair->local, pair->nominating, data, cap);
}

static size_t start_check(struct ice *ice, uint64_t now, struct ice_pair *pair, uint8_t *data, size_t cap,
                          struct ice_route *to)
{
    pair->trigger = 0;
    pair->state = ICE_IN_PROGRESS;
    pair->rto = initial_rto(ice);
    pair->transmissions = 0;
    rng_fill(&ice->rng, pair->tid, sizeof pair->tid);
    ice->next_check = now + ICE_TA;
    return send_check(ice, now, pair, data, cap, to);
}

/* RFC 8445 section 6.1.4.2: the triggered queue first, then the best that waits. */
static struct ice_pair *next_pair(struct ice *ice)
{
    struct ice_pair *next = NULL;
    for (int i = 0; i < ice->pair_count; i++) {
        struct ice_pair *pair = &ice->pairs[i];
        if (pair->trigger != 0 && (next == NULL || next->trigger == 0 || pair->trigger < next->trigger))
            next = pair;
        else if (pair->state == ICE_WAITING && !ice->nominated &&
                 (next == NULL || (next->trigger == 0 && pair->priority > next->priority)))
            next = pair;
    }
    return next;
}

static size_t poll_checks(struct ice *ice, uint64_t now, uint8_t *data, size_t cap, struct ice_route *to)
{
    for (int i = 0; i < ice->pair_count; i++) {
        struct ice_pair *pair = &ice->pairs[i];
        if (pair->state == ICE_IN_PROGRESS && now >= pair->next_send && pair->transmissions < ICE_RC)
            return send_check(ice, now, pair, data, cap, to);
    }
    struct ice_pair *pair = now >= ice->next_check ? next_pair(ice) : NULL;
    return pair != NULL ? start_check(ice, now, pair, data, cap, to) : 0;
}

static size_t poll_reply(struct ice *ice, uint8_t *data, size_t cap, struct ice_route *to)
{
    struct ice_reply *reply = &ice->reply;
    struct buf_writer w = buf_writer(data, cap);
    const char *pwd = reply->previous ? ice->previous.pwd : ice->local.pwd;
    if (!reply->pending)
        return 0;
    reply->pending = false;
    *to = (struct ice_route){.remote = reply->remote, .local = reply->local, .usable = true};
    stun_begin(&w, reply->error != 0 ? STUN_ERROR : STUN_SUCCESS, reply->tid);
    if (reply->error == 0)
        stun_put_mapped(&w, &reply->remote);
    else
        stun_put_error(&w, reply->error);
    if (reply->error == STUN_UNKNOWN_ATTRIBUTE)
        stun_put_unknown(&w, reply->unknown, reply->unknown_count);
    bool is_known = reply->error != STUN_BAD_REQUEST && reply->error != STUN_UNAUTHENTICATED;
    return stun_finish(&w, is_known ? pwd : NULL) ? w.len : 0;
}

size_t ice_poll_transmit(struct ice *ice, uint64_t now, uint8_t *data, size_t cap, struct ice_route *to)
{
    size_t len = poll_reply(ice, data, cap, to);
    if (len == 0 && ice->remote_known)
        len = poll_checks(ice, now, data, cap, to);
    if (len == 0)
        len = ice_poll_consent(ice, now, data, cap, to);
    return len > 0 ? len : ice_poll_gather(ice, now, data, cap, to);
}

/* ---- timers ---- */

static void expire_checks(struct ice *ice, uint64_t now)
{
    for (int i = 0; i < ice->pair_count; i++) {
        struct ice_pair *pair = &ice->pairs[i];
        if (pair->state == ICE_IN_PROGRESS && pair->transmissions >= ICE_RC && now >= pair->next_send)
            fail(ice, now, pair);
    }
}

static bool has_hope(const struct ice *ice)
{
    for (int i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].state != ICE_FAILED)
            return true;
    }
    return false;
}

/* When to give up, if nothing is nominated until then. */
static uint64_t deadline(const struct ice *ice)
{
    if (!ice->remote_known || ice->nominated)
        return CLOCK_NEVER;
    return ice->started + (has_hope(ice) ? ICE_GIVE_UP : ICE_PATIENCE);
}

void ice_handle_timeout(struct ice *ice, uint64_t now)
{
    expire_checks(ice, now);
    ice_consider_nominating(ice, now);
    if (ice->route.usable && now >= ice->consent.expires) {
        ice->route.usable = false;
        ice_raise(ice, ICE_CONSENT_LOST);
    }
    if (now >= deadline(ice)) {
        ice->remote_known = false;
        ice_raise(ice, ICE_GAVE_UP);
    }
}

static uint64_t next_check_timeout(struct ice *ice)
{
    uint64_t next = CLOCK_NEVER;
    const struct ice_pair *best = nominee(ice);
    for (int i = 0; i < ice->pair_count; i++) {
        const struct ice_pair *pair = &ice->pairs[i];
        if (pair->state == ICE_IN_PROGRESS)
            next = clock_min(next, pair->next_send);
        if (pair->trigger != 0 || (pair->state == ICE_WAITING && !ice->nominated))
            next = clock_min(next, ice->next_check);
    }
    return best != NULL ? clock_min(next, nomination_due(ice, best)) : next;
}

uint64_t ice_next_timeout(struct ice *ice)
{
    uint64_t next = deadline(ice);
    if (ice->remote_known)
        next = clock_min(next, next_check_timeout(ice));
    if (ice->route.usable)
        next = clock_min(next, ice->consent.expires);
    if (ice->route.usable && !ice->route_is_old)
        next = clock_min(next, ice->consent.next);
    return ice->gather.active ? clock_min(next, ice->gather.next) : next;
}
