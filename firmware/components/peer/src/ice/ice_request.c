/* Binding requests: what ours carry (RFC 8445 sections 7.1 and 7.2.2), and what the remote's do (7.3). */
#include "base/crypto.h"
#include "ice/ice.h"

size_t ice_write_request(const struct ice *ice, const uint8_t *tid, uint8_t local, bool nominate,
                         uint8_t *data, size_t cap)
{
    struct buf_writer w = buf_writer(data, cap);
    stun_begin(&w, STUN_REQUEST, tid);
    stun_put_username(&w, ice->remote.ufrag, ice->local.ufrag);
    stun_put_priority(&w, ice_local_priority(ice, local, ICE_PRFLX));
    stun_put_role(&w, ice->controlling, ice->tie_breaker);
    if (nominate)
        stun_put_use_candidate(&w);
    return stun_finish(&w, ice->remote.pwd) ? w.len : 0;
}

/* ---- the remote's ---- */

static void answer(struct ice *ice, uint8_t local, const struct peer_address *remote,
                   const struct stun_message *m, uint16_t error)
{
    struct ice_reply *reply = &ice->reply;
    *reply = (struct ice_reply){.remote = *remote, .local = local, .pending = true, .error = error};
    memcpy(reply->tid, m->tid, sizeof reply->tid);
    if (error == STUN_UNKNOWN_ATTRIBUTE) {
        memcpy(reply->unknown, m->unknown, sizeof reply->unknown);
        reply->unknown_count = m->unknown_count;
    }
}

static bool addressed_to(const struct stun_message *m, const char *ufrag)
{
    size_t len = strlen(ufrag);
    return len > 0 && m->username_len > len && m->username[len] == ':' &&
           crypto_equal(m->username, (const uint8_t *)ufrag, len);
}

/* Does the second half of the username name the remote whose credentials we hold? */
static bool from_this_generation(const struct ice *ice, const struct stun_message *m)
{
    size_t mine = ICE_LOCAL_UFRAG_LEN + 1, len = strlen(ice->remote.ufrag);
    if (!addressed_to(m, ice->local.ufrag))
        return false;
    return !ice->remote_known ||
           (m->username_len == mine + len && memcmp(m->username + mine, ice->remote.ufrag, len) == 0);
}

/* RFC 8489 section 9.1.3. 0 if the request is authentic, else the error to answer. */
static uint16_t authenticate(const struct ice *ice, const struct stun_message *m, bool *previous)
{
    if (m->username == NULL || m->integrity == NULL)
        return STUN_BAD_REQUEST;
    *previous = !addressed_to(m, ice->local.ufrag);
    const struct ice_secret *secret = *previous ? &ice->previous : &ice->local;
    if (!addressed_to(m, secret->ufrag) || !stun_integrity_ok(m, secret->pwd))
        return STUN_UNAUTHENTICATED;
    return m->unknown_count > 0 ? STUN_UNKNOWN_ATTRIBUTE : 0;
}

/* RFC 8445 section 7.3.1.1. False: the remote is the one to switch. */
static bool settle_roles(struct ice *ice, const struct stun_message *m)
{
    if (ice->controlling && m->controlling) {
        if (ice->tie_breaker >= m->tie_breaker)
            return false;
        ice_switch_role(ice, false);
    } else if (!ice->controlling && m->controlled) {
        if (ice->tie_breaker < m->tie_breaker)
            return false;
        ice_switch_role(ice, true);
    }
    return true;
}

/* RFC 8445 section 7.3.1.3: an unknown source is a peer-reflexive candidate. */
static int learn_remote(struct ice *ice, const struct peer_address *address, uint32_t priority)
{
    int known = ice_find_remote(ice, address);
    if (known >= 0 || ice->remote_count == ICE_MAX_REMOTE)
        return known;
    ice->remotes[ice->remote_count] =
        (struct ice_candidate){.address = *address, .priority = priority, .type = ICE_PRFLX};
    return ice->remote_count++;
}

/* RFC 8445 section 7.3.1.4. For a check in progress the RFC cancels it and starts another; sending the
 * same one again right away comes to the same, and its answer is still known. */
static void check_back(struct ice *ice, uint64_t now, struct ice_pair *pair)
{
    if (pair->state == ICE_IN_PROGRESS && pair->transmissions < ICE_RC)
        pair->next_send = now;
    else if (pair->state != ICE_SUCCEEDED)
        ice_trigger(ice, pair);
}

/* RFC 8445 section 7.3.1.5. Of several (aggressive nomination, RFC 5245 section 8.1.1.2) the best stays,
 * unless it has gone quiet. */
static void accept_nomination(struct ice *ice, uint64_t now, struct ice_pair *pair)
{
    bool quiet = now - ice->consent.heard_at > 2 * ICE_CONSENT_PERIOD;
    pair->remote_nominated = true;
    if (pair->valid && (!ice->nominated || pair->priority > ice->route_priority || quiet))
        ice_select(ice, now, pair);
}

void ice_handle_request(struct ice *ice, uint64_t now, uint8_t local, const struct peer_address *remote,
                        const struct stun_message *m)
{
    bool previous = false;
    uint16_t error = authenticate(ice, m, &previous);
    if (error == 0 && !previous && !settle_roles(ice, m))
        error = STUN_ROLE_CONFLICT;
    answer(ice, local, remote, m, error);
    ice->reply.previous = previous;
    if (error != 0 || !from_this_generation(ice, m))
        return;
    int candidate = learn_remote(ice, remote, m->priority);
    struct ice_pair *pair = candidate < 0 ? NULL : ice_pair_for(ice, local, (uint8_t)candidate);
    if (pair == NULL)
        return;
    check_back(ice, now, pair);
    if (m->use_candidate && !ice->controlling)
        accept_nomination(ice, now, pair);
}
