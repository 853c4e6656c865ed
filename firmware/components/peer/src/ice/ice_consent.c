/* What goes on beside the checks: consent, and the search for our server-reflexive address. */
#include "ice/ice.h"

void ice_note_rtt(struct ice *ice, uint64_t sample)
{
    ice->rtt = ice->rtt == 0 ? sample : (7 * ice->rtt + sample) / 8;
}

bool ice_handle_consent(struct ice *ice, uint64_t now, uint8_t local, const struct peer_address *remote,
                        const struct stun_message *m)
{
    struct ice_consent *c = &ice->consent;
    if (!c->outstanding || memcmp(c->tid, m->tid, STUN_TID_LEN) != 0)
        return false;
    if (m->class_ != STUN_SUCCESS || local != ice->route.local || !addr_equal(remote, &ice->route.remote))
        return true;
    c->outstanding = false;
    c->expires = now + ICE_CONSENT_EXPIRY;
    c->heard_at = now;
    ice_note_rtt(ice, now - c->sent_at);
    return true;
}

bool ice_handle_gather(struct ice *ice, const struct stun_message *m, const struct peer_address *remote)
{
    struct ice_gather *g = &ice->gather;
    if (!g->active || memcmp(g->tid, m->tid, STUN_TID_LEN) != 0 || !addr_equal(remote, &g->server))
        return false;
    g->active = false;
    if (m->class_ == STUN_SUCCESS && m->mapped.family != 0 &&
        !addr_equal(&m->mapped, &ice->locals[g->local])) {
        g->mapped = m->mapped;
        ice_raise(ice, ICE_REFLEXIVE);
    }
    return true;
}

/* RFC 7675 section 5.1: a new transaction each time, never sent twice, at 0.8 to 1.2 of the period. */
size_t ice_poll_consent(struct ice *ice, uint64_t now, uint8_t *data, size_t cap, struct ice_route *to)
{
    struct ice_consent *c = &ice->consent;
    if (!ice->route.usable || ice->route_is_old || now < c->next)
        return 0;
    c->next = now + ICE_CONSENT_PERIOD * 4 / 5 + rng_u32(&ice->rng) % (uint32_t)(ICE_CONSENT_PERIOD * 2 / 5);
    c->outstanding = true;
    c->sent_at = now;
    rng_fill(&ice->rng, c->tid, sizeof c->tid);
    *to = ice->route;
    return ice_write_request(ice, c->tid, ice->route.local, false, data, cap);
}

void ice_gather_from(struct ice *ice, const struct peer_address *server)
{
    int local = ice_find_local(ice, NULL, server);
    if (local < 0)
        return;
    ice->gather = (struct ice_gather){.server = *server, .local = (uint8_t)local, .active = true};
    rng_fill(&ice->rng, ice->gather.tid, STUN_TID_LEN);
}

size_t ice_poll_gather(struct ice *ice, uint64_t now, uint8_t *data, size_t cap, struct ice_route *to)
{
    struct ice_gather *g = &ice->gather;
    struct buf_writer w = buf_writer(data, cap);
    if (!g->active || now < g->next)
        return 0;
    if (g->transmissions == ICE_RC) {
        g->active = false;
        return 0;
    }
    g->next = now + (ICE_RTO_MIN << g->transmissions++);
    *to = (struct ice_route){.remote = g->server, .local = g->local, .usable = true};
    stun_begin(&w, STUN_REQUEST, g->tid);
    return stun_finish(&w, NULL) ? w.len : 0;
}
