/* Candidates, pairs and the selected route. */
#include "ice/ice.h"

/* ice-char of RFC 8839 section 5.4: 64 of them, so a random byte's low six bits pick one evenly. */
static void random_text(const struct rng *rng, char *out, size_t len)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    rng_fill(rng, (uint8_t *)out, len);
    for (size_t i = 0; i < len; i++)
        out[i] = chars[(uint8_t)out[i] & 63];
    out[len] = '\0';
}

static void make_credentials(struct ice *ice)
{
    random_text(&ice->rng, ice->local.ufrag, ICE_LOCAL_UFRAG_LEN);
    random_text(&ice->rng, ice->local.pwd, ICE_LOCAL_PWD_LEN);
}

void ice_init(struct ice *ice, const struct rng *rng, bool controlling)
{
    memset(ice, 0, sizeof *ice);
    ice->rng = *rng;
    ice->controlling = controlling;
    ice->first_valid = CLOCK_NEVER;
    ice->tie_breaker = (uint64_t)rng_u32(rng) << 32;
    ice->tie_breaker |= rng_u32(rng);
    make_credentials(ice);
}

/* RFC 8445 section 5.1.2.1, with the type preferences of section 5.1.2.2; the component is always 1. */
uint32_t ice_local_priority(const struct ice *ice, uint8_t local, enum ice_candidate_type type)
{
    static const uint8_t preference[] = {
        [ICE_HOST] = 126, [ICE_SRFLX] = 100, [ICE_PRFLX] = 110, [ICE_RELAY] = 0};
    (void)ice;
    return (uint32_t)preference[type] << 24 | (uint32_t)(65535 - local) << 8 | 255;
}

/* RFC 8445 section 6.1.2.3 */
static uint64_t pair_priority(const struct ice *ice, uint8_t local, uint8_t remote)
{
    uint64_t ours = ice_local_priority(ice, local, ICE_HOST), theirs = ice->remotes[remote].priority;
    uint64_t g = ice->controlling ? ours : theirs, d = ice->controlling ? theirs : ours;
    return ((g < d ? g : d) << 32) + 2 * (g > d ? g : d) + (g > d ? 1 : 0);
}

/* A place in a full checklist: that of a pair which failed, else of the worst that is still waiting. */
static struct ice_pair *worst_pair(struct ice *ice, uint64_t priority)
{
    struct ice_pair *worst = NULL;
    for (int i = 0; i < ice->pair_count; i++) {
        struct ice_pair *pair = &ice->pairs[i];
        if (pair->state == ICE_FAILED && !pair->valid)
            return pair;
        if (pair->state == ICE_WAITING && pair->priority < priority &&
            (!worst || pair->priority < worst->priority))
            worst = pair;
    }
    return worst;
}

struct ice_pair *ice_pair_for(struct ice *ice, uint8_t local, uint8_t remote)
{
    for (int i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].local == local && ice->pairs[i].remote == remote)
            return &ice->pairs[i];
    }
    if (ice->locals[local].family != ice->remotes[remote].address.family)
        return NULL;
    uint64_t priority = pair_priority(ice, local, remote);
    struct ice_pair *pair =
        ice->pair_count < ICE_MAX_PAIRS ? &ice->pairs[ice->pair_count++] : worst_pair(ice, priority);
    if (pair != NULL)
        *pair =
            (struct ice_pair){.priority = priority, .local = local, .remote = remote, .state = ICE_WAITING};
    return pair;
}

static void pair_remote(struct ice *ice, uint8_t remote)
{
    for (uint8_t local = 0; local < ice->local_count; local++)
        (void)ice_pair_for(ice, local, remote);
}

bool ice_add_local(struct ice *ice, const struct peer_address *address)
{
    for (int i = 0; i < ice->local_count; i++) {
        if (addr_equal(&ice->locals[i], address))
            return true;
    }
    if (ice->local_count == ICE_MAX_LOCAL)
        return false;
    uint8_t local = ice->local_count++;
    ice->locals[local] = *address;
    for (uint8_t remote = 0; remote < ice->remote_count; remote++)
        (void)ice_pair_for(ice, local, remote);
    return true;
}

int ice_find_local(const struct ice *ice, const struct peer_address *local, const struct peer_address *remote)
{
    for (int i = 0; i < ice->local_count; i++) {
        if (local != NULL ? addr_equal(&ice->locals[i], local) : ice->locals[i].family == remote->family)
            return i;
    }
    return -1;
}

int ice_find_remote(const struct ice *ice, const struct peer_address *address)
{
    for (int i = 0; i < ice->remote_count; i++) {
        if (addr_equal(&ice->remotes[i].address, address))
            return i;
    }
    return -1;
}

static bool has_local_of_family(const struct ice *ice, uint8_t family)
{
    for (int i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].family == family)
            return true;
    }
    return false;
}

/* One that we have no socket for would only take another's place. */
bool ice_add_remote(struct ice *ice, const struct ice_candidate *candidate)
{
    if (candidate->address.port == 0 || !has_local_of_family(ice, candidate->address.family))
        return false;
    int known = ice_find_remote(ice, &candidate->address);
    if (known >= 0) { /* RFC 8838 section 11.1: a signalled candidate takes over from a peer-reflexive one */
        if (ice->remotes[known].type == ICE_PRFLX)
            ice->remotes[known].type = candidate->type;
        return true;
    }
    if (ice->remote_count == ICE_MAX_REMOTE)
        return false;
    uint8_t remote = ice->remote_count++;
    ice->remotes[remote] = *candidate;
    pair_remote(ice, remote);
    return true;
}

void ice_set_remote(struct ice *ice, uint64_t now, const struct ice_credentials *remote)
{
    ice->remote = *remote;
    ice->remote_known = true;
    ice->started = now;
    ice->next_check = now;
    ice->consent.outstanding = false;
}

void ice_restart(struct ice *ice)
{
    ice->previous = ice->local;
    make_credentials(ice);
    ice->remote_known = false;
    ice->remote_count = 0;
    ice->pair_count = 0;
    ice->nominated = false;
    ice->first_valid = CLOCK_NEVER;
    ice->route_is_old = true;
}

void ice_switch_role(struct ice *ice, bool controlling)
{
    ice->controlling = controlling;
    for (int i = 0; i < ice->pair_count; i++) {
        struct ice_pair *pair = &ice->pairs[i];
        pair->priority = pair_priority(ice, pair->local, pair->remote);
        pair->nominating = false;
    }
}

void ice_trigger(struct ice *ice, struct ice_pair *pair)
{
    if (pair->trigger == 0)
        pair->trigger = ++ice->triggers;
}

void ice_raise(struct ice *ice, enum ice_event event)
{
    ice->events |= 1u << event;
}

/* RFC 8445 section 8.1.2: the other checks end. The remote may still trigger one of them. */
static void stop_other_checks(struct ice *ice, const struct ice_pair *selected)
{
    for (int i = 0; i < ice->pair_count; i++) {
        struct ice_pair *pair = &ice->pairs[i];
        if (pair != selected && (pair->state == ICE_WAITING || pair->state == ICE_IN_PROGRESS)) {
            pair->state = pair->valid ? ICE_SUCCEEDED : ICE_FROZEN;
            pair->trigger = 0;
            pair->nominating = false;
        }
    }
}

void ice_select(struct ice *ice, uint64_t now, const struct ice_pair *pair)
{
    const struct peer_address *remote = &ice->remotes[pair->remote].address;
    bool same = ice->route.usable && !ice->route_is_old && ice->route.local == pair->local &&
                addr_equal(&ice->route.remote, remote);
    ice->nominated = true;
    if (same)
        return;
    ice->route = (struct ice_route){.remote = *remote, .local = pair->local, .usable = true};
    ice->route_is_old = false;
    ice->route_priority = pair->priority;
    ice->consent = (struct ice_consent){
        .next = now + ICE_CONSENT_PERIOD, .expires = now + ICE_CONSENT_EXPIRY, .heard_at = now};
    stop_other_checks(ice, pair);
    ice_raise(ice, ICE_SELECTED);
}

enum ice_event ice_poll_event(struct ice *ice)
{
    for (enum ice_event event = ICE_SELECTED; event <= ICE_REFLEXIVE; event++) {
        if (ice->events & 1u << event) {
            ice->events &= ~(1u << event);
            return event;
        }
    }
    return ICE_NONE;
}
