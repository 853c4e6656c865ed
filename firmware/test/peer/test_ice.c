#include "peer/link.h"

#include "base/crypto.h"
#include "ice/ice.h"

struct agent {
    struct ice ice;
    uint64_t seed;
    struct rng rng;
    unsigned raised[ICE_REFLEXIVE + 1];
    unsigned requests, nominations;
};

struct world {
    struct link link;
    struct agent a, b;
    uint64_t now;
};

static struct peer_address address(const char *ip, uint16_t port)
{
    struct peer_address a;
    assert_true(peer_address_parse(&a, ip, port));
    return a;
}

static void agent_init(struct agent *g, uint64_t seed, bool controlling, const char *ip)
{
    struct peer_address local = address(ip, 1000);
    memset(g, 0, sizeof *g);
    g->seed = seed;
    g->rng = (struct rng){link_random, &g->seed};
    ice_init(&g->ice, &g->rng, controlling);
    assert_true(ice_add_local(&g->ice, &local));
}

static void introduce(struct world *w, struct agent *to, const struct agent *who, bool with_candidates)
{
    struct ice_credentials c = {0};
    memcpy(c.ufrag, who->ice.local.ufrag, sizeof who->ice.local.ufrag);
    memcpy(c.pwd, who->ice.local.pwd, sizeof who->ice.local.pwd);
    ice_set_remote(&to->ice, w->now, &c);
    for (uint8_t i = 0; with_candidates && i < who->ice.local_count; i++) {
        struct ice_candidate candidate = {.address = who->ice.locals[i],
                                          .priority = ice_local_priority(&who->ice, i, ICE_HOST)};
        assert_true(ice_add_remote(&to->ice, &candidate));
    }
}

static struct world *world_new(bool a_controls, bool b_controls)
{
    struct world *w = test_calloc(1, sizeof *w);
    w->now = CLOCK_S(1000);
    w->link.seed = 7;
    w->link.delay = CLOCK_MS(1);
    agent_init(&w->a, 11, a_controls, "10.0.0.1");
    agent_init(&w->b, 22, b_controls, "10.0.0.2");
    return w;
}

static void drain(struct world *w, struct agent *g)
{
    uint8_t data[1200];
    struct ice_route to;
    size_t len;
    enum ice_event event;
    while ((len = ice_poll_transmit(&g->ice, w->now, data, sizeof data, &to)) > 0) {
        struct stun_message m;
        assert_true(stun_parse(&m, data, len));
        g->requests += m.class_ == STUN_REQUEST;
        g->nominations += m.use_candidate;
        link_send(&w->link, w->now, &g->ice.locals[to.local], &to.remote, data, len);
    }
    while ((event = ice_poll_event(&g->ice)) != ICE_NONE)
        g->raised[event]++;
}

static struct agent *owner(struct world *w, const struct peer_address *address_)
{
    if (ice_find_local(&w->a.ice, address_, address_) >= 0)
        return &w->a;
    return ice_find_local(&w->b.ice, address_, address_) >= 0 ? &w->b : NULL;
}

/* Runs until `until`, from event to event. */
static void run(struct world *w, uint64_t until)
{
    while (w->now < until) {
        struct link_packet packet;
        drain(w, &w->a);
        drain(w, &w->b);
        uint64_t next = clock_min(ice_next_timeout(&w->a.ice), ice_next_timeout(&w->b.ice));
        next = clock_min(next, link_next(&w->link));
        assert_true(next == CLOCK_NEVER || next + CLOCK_S(1) > w->now); /* no timer lies behind */
        w->now = next < w->now ? w->now : clock_min(next, until);
        while (link_take(&w->link, w->now, &packet)) {
            struct agent *g = owner(w, &packet.to);
            if (g != NULL) {
                int at = ice_find_local(&g->ice, &packet.to, &packet.from);
                (void)ice_handle_datagram(&g->ice, w->now, (uint8_t)at, &packet.from, packet.data,
                                          packet.len);
            }
            drain(w, &w->a);
            drain(w, &w->b);
        }
        ice_handle_timeout(&w->a.ice, w->now);
        ice_handle_timeout(&w->b.ice, w->now);
    }
    drain(w, &w->a);
    drain(w, &w->b);
}

static void assert_connected(const struct world *w)
{
    assert_true(w->a.ice.route.usable && w->b.ice.route.usable);
    assert_true(addr_equal(&w->a.ice.route.remote, &w->b.ice.locals[w->b.ice.route.local]));
    assert_true(addr_equal(&w->b.ice.route.remote, &w->a.ice.locals[w->a.ice.route.local]));
    assert_true(w->a.ice.controlling != w->b.ice.controlling);
}

static void connects(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    introduce(w, &w->a, &w->b, true);
    introduce(w, &w->b, &w->a, true);
    run(w, w->now + CLOCK_MS(300));
    assert_connected(w);
    assert_int_equal(w->a.raised[ICE_SELECTED], 1);
    assert_int_equal(w->b.raised[ICE_SELECTED], 1);
    assert_int_equal(w->a.nominations, 1);
    assert_true(w->a.ice.rtt == CLOCK_MS(2));
    test_free(w);
}

static void settles_a_role_conflict(void **state)
{
    (void)state;
    for (int both_control = 0; both_control < 2; both_control++) {
        struct world *w = world_new(both_control, both_control);
        introduce(w, &w->a, &w->b, true);
        introduce(w, &w->b, &w->a, true);
        run(w, w->now + CLOCK_S(3));
        assert_connected(w);
        assert_true(w->a.ice.controlling == (w->a.ice.tie_breaker > w->b.ice.tie_breaker));
        test_free(w);
    }
}

static void learns_a_peer_reflexive_remote(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    introduce(w, &w->a, &w->b, true);
    introduce(w, &w->b, &w->a, false);
    run(w, w->now + CLOCK_MS(500));
    assert_connected(w);
    assert_int_equal(w->b.ice.remotes[0].type, ICE_PRFLX);
    struct ice_candidate late = {.address = w->a.ice.locals[0], .priority = 1, .type = ICE_HOST};
    assert_true(ice_add_remote(&w->b.ice, &late));
    assert_int_equal(w->b.ice.remote_count, 1);
    assert_int_equal(w->b.ice.remotes[0].type, ICE_HOST);
    test_free(w);
}

static void checks_may_come_before_the_answer(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    introduce(w, &w->b, &w->a, true);
    run(w, w->now + CLOCK_MS(400));
    assert_false(w->a.ice.route.usable);
    introduce(w, &w->a, &w->b, false); /* its candidates are known from its checks */
    run(w, w->now + CLOCK_S(1));
    assert_connected(w);
    test_free(w);
}

/* With 30 % lost each way a check fails in 51 of 100 cases; all seven of one, in 1 of 100. */
static void connects_over_a_bad_link(void **state)
{
    (void)state;
    unsigned connected = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world *w = world_new(true, false);
        w->link.seed = seed;
        w->link.loss = 30;
        w->link.duplicates = 5;
        w->link.delay = CLOCK_MS(200);
        w->link.spread = CLOCK_MS(100);
        introduce(w, &w->a, &w->b, true);
        introduce(w, &w->b, &w->a, true);
        uint64_t start = w->now;
        while (w->now < start + CLOCK_S(40) && !(w->a.ice.route.usable && w->b.ice.route.usable))
            run(w, w->now + CLOCK_MS(10));
        connected += w->a.ice.route.usable && w->b.ice.route.usable;
        test_free(w);
    }
    assert_in_range(connected, 28, 30);
}

/* RFC 8489 section 6.2.1 with Rc 7 and Rm 16; RFC 8445 section 14.3. */
static void retransmits_with_doubling_and_gives_up(void **state)
{
    (void)state;
    static const uint64_t at_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    struct world *w = world_new(true, false);
    uint64_t start = w->now;
    unsigned seen = 0;
    introduce(w, &w->a, &w->b, true);
    while (w->now < start + CLOCK_S(60) && w->a.raised[ICE_GAVE_UP] == 0) {
        drain(w, &w->a);
        if (w->a.requests > seen) {
            assert_true(seen < 7);
            assert_true(w->now == start + CLOCK_MS(at_ms[seen]));
            seen++;
        }
        assert_int_equal(w->a.requests, seen);
        uint64_t next = ice_next_timeout(&w->a.ice);
        assert_true(next > w->now);
        w->now = next;
        ice_handle_timeout(&w->a.ice, w->now);
        drain(w, &w->a);
    }
    assert_int_equal(seen, 7);
    assert_int_equal(w->a.raised[ICE_GAVE_UP], 1);
    assert_true(w->now == start + ICE_PATIENCE);
    assert_true(ice_next_timeout(&w->a.ice) == CLOCK_NEVER);
    test_free(w);
}

/* RFC 8445 section 14.2: one new transaction per Ta. RFC 8445 section 14.3: RTO grows with the pairs. */
static void paces_its_checks(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    uint64_t start = w->now;
    introduce(w, &w->a, &w->b, false);
    for (uint8_t i = 0; i < ICE_MAX_REMOTE; i++) {
        struct ice_candidate c = {.address = address("10.9.9.9", (uint16_t)(100 + i)), .priority = 100u + i};
        assert_true(ice_add_remote(&w->a.ice, &c));
    }
    struct ice_candidate more = {.address = address("10.9.9.8", 1)};
    assert_false(ice_add_remote(&w->a.ice, &more));
    for (unsigned i = 0; i < ICE_MAX_REMOTE; i++) {
        drain(w, &w->a);
        assert_int_equal(w->a.requests, i + 1);
        assert_true(ice_next_timeout(&w->a.ice) == start + (i + 1) * ICE_TA || i + 1 == ICE_MAX_REMOTE);
        w->now = start + (i + 1) * ICE_TA;
    }
    assert_true(w->a.ice.pairs[0].rto == ICE_RTO_MIN); /* 24 pairs of 20 ms are still less */
    test_free(w);
}

static void refuses_candidates_it_cannot_reach(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    struct ice_candidate v6 = {.address = address("fe80::1", 5)},
                         no_port = {.address = address("10.0.0.9", 0)};
    assert_false(ice_add_remote(&w->a.ice, &v6));
    assert_false(ice_add_remote(&w->a.ice, &no_port));
    for (uint8_t i = 1; i < ICE_MAX_LOCAL; i++) {
        struct peer_address local = address("fe80::2", i);
        assert_true(ice_add_local(&w->a.ice, &local));
        assert_true(ice_add_local(&w->a.ice, &local)); /* twice is once */
    }
    struct peer_address one_more = address("10.0.0.77", 1);
    assert_false(ice_add_local(&w->a.ice, &one_more));
    assert_true(ice_add_remote(&w->a.ice, &v6));
    assert_int_equal(w->a.ice.pair_count, ICE_MAX_LOCAL - 1);
    test_free(w);
}

/* RFC 7675 section 5.1 */
static void keeps_consent_fresh_and_loses_it(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    introduce(w, &w->a, &w->b, true);
    introduce(w, &w->b, &w->a, true);
    run(w, w->now + CLOCK_S(1));
    unsigned before = w->a.requests;
    run(w, w->now + CLOCK_S(300));
    unsigned checks = w->a.requests - before;
    assert_in_range(checks, 300 / 6, 300 / 4 + 1);
    assert_connected(w);
    uint64_t heard = w->a.ice.consent.heard_at;
    w->link.cut = true;
    run(w, heard + ICE_CONSENT_EXPIRY - 1);
    assert_true(w->a.ice.route.usable);
    run(w, heard + ICE_CONSENT_EXPIRY + CLOCK_S(6));
    assert_false(w->a.ice.route.usable);
    assert_int_equal(w->a.raised[ICE_CONSENT_LOST], 1);
    test_free(w);
}

static void consent_intervals_stay_within_their_bounds(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    introduce(w, &w->a, &w->b, true);
    introduce(w, &w->b, &w->a, true);
    run(w, w->now + CLOCK_S(6));
    for (int i = 0; i < 50; i++) {
        uint64_t last = w->a.ice.consent.sent_at;
        uint64_t gap = w->a.ice.consent.next - last;
        assert_in_range(gap, CLOCK_S(4), CLOCK_S(6));
        run(w, w->a.ice.consent.next + CLOCK_MS(10));
        assert_true(w->a.ice.consent.sent_at == last + gap);
    }
    test_free(w);
}

static void restarts(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    introduce(w, &w->a, &w->b, true);
    introduce(w, &w->b, &w->a, true);
    run(w, w->now + CLOCK_S(1));
    char old[ICE_LOCAL_UFRAG_LEN + 1];
    memcpy(old, w->a.ice.local.ufrag, sizeof old);
    ice_restart(&w->a.ice);
    assert_string_not_equal(old, w->a.ice.local.ufrag);
    assert_true(w->a.ice.route.usable); /* the old route serves meanwhile */
    run(w, w->now + CLOCK_S(6));        /* and answers the old generation's consent */
    assert_true(w->b.ice.consent.heard_at + CLOCK_S(6) > w->now);
    ice_restart(&w->b.ice);
    introduce(w, &w->b, &w->a, true);
    introduce(w, &w->a, &w->b, true);
    run(w, w->now + CLOCK_S(1));
    assert_connected(w);
    assert_false(w->a.ice.route_is_old);
    assert_int_equal(w->a.raised[ICE_SELECTED], 2);
    test_free(w);
}

static void prefers_the_better_of_two_paths(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    struct peer_address second = address("10.1.0.1", 1000), its = address("10.1.0.2", 1000);
    assert_true(ice_add_local(&w->a.ice, &second));
    assert_true(ice_add_local(&w->b.ice, &its));
    introduce(w, &w->a, &w->b, true);
    introduce(w, &w->b, &w->a, true);
    run(w, w->now + CLOCK_S(1));
    assert_connected(w);
    assert_int_equal(w->a.ice.route.local, 0);
    assert_true(addr_equal(&w->a.ice.route.remote, &w->b.ice.locals[0]));
    test_free(w);
}

/* A request as the remote of `g` would send it. */
static size_t request(struct agent *g, uint8_t *data, size_t cap, const char *to, const char *pwd,
                      bool use_candidate, uint32_t extra)
{
    static const uint8_t tid[STUN_TID_LEN] = {9};
    struct buf_writer w = buf_writer(data, cap);
    stun_begin(&w, STUN_REQUEST, tid);
    if (to != NULL)
        stun_put_username(&w, to, g->ice.remote.ufrag);
    stun_put_priority(&w, 5);
    stun_put_role(&w, !g->ice.controlling, 1);
    if (use_candidate)
        stun_put_use_candidate(&w);
    if (extra != 0)
        buf_put_u32(&w, extra);
    assert_true(stun_finish(&w, pwd));
    return w.len;
}

static uint16_t error_for(struct world *w, const char *to, const char *pwd, uint32_t extra)
{
    uint8_t data[512];
    struct ice_route route;
    struct stun_message m;
    struct peer_address from = address("10.0.0.66", 6);
    size_t len = request(&w->a, data, sizeof data, to, pwd, false, extra);
    (void)ice_handle_datagram(&w->a.ice, w->now, 0, &from, data, len);
    len = ice_poll_transmit(&w->a.ice, w->now, data, sizeof data, &route);
    assert_true(stun_parse(&m, data, len));
    assert_true(addr_equal(&route.remote, &from));
    return m.class_ == STUN_ERROR ? m.error_code : 0;
}

static void answers_wrong_requests_with_their_errors(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    struct ice *ice = &w->a.ice;
    introduce(w, &w->a, &w->b, false);
    assert_int_equal(error_for(w, NULL, ice->local.pwd, 0), STUN_BAD_REQUEST);
    assert_int_equal(error_for(w, ice->local.ufrag, NULL, 0), STUN_BAD_REQUEST);
    assert_int_equal(error_for(w, ice->local.ufrag, "wrong", 0), STUN_UNAUTHENTICATED);
    assert_int_equal(error_for(w, "nobody", ice->local.pwd, 0), STUN_UNAUTHENTICATED);
    assert_int_equal(ice->remote_count, 0); /* none of them left a trace */
    assert_int_equal(error_for(w, ice->local.ufrag, ice->local.pwd, 0x7f000000), STUN_UNKNOWN_ATTRIBUTE);
    assert_int_equal(ice->remote_count, 0);
    assert_int_equal(error_for(w, ice->local.ufrag, ice->local.pwd, 0), 0);
    assert_int_equal(ice->remote_count, 1);
    test_free(w);
}

/* RFC 5245 section 8.1.1.2: USE-CANDIDATE on every check; the best nominated pair wins, at last. */
static void bears_aggressive_nomination(void **state)
{
    (void)state;
    struct world *w = world_new(false, true);
    uint8_t data[512];
    struct ice_route route;
    introduce(w, &w->a, &w->b, false);
    for (uint16_t port = 1; port <= 2; port++) {
        struct peer_address from = address("10.0.0.2", port);
        struct ice_candidate c = {.address = from, .priority = 1000u * port};
        assert_true(ice_add_remote(&w->a.ice, &c));
    }
    for (uint16_t port = 1; port <= 2; port++) {
        struct peer_address from = address("10.0.0.2", port);
        size_t len = request(&w->a, data, sizeof data, w->a.ice.local.ufrag, w->a.ice.local.pwd, true, 0);
        assert_true(ice_handle_datagram(&w->a.ice, w->now, 0, &from, data, len));
        struct stun_message m;
        bool answered = false;
        while ((len = ice_poll_transmit(&w->a.ice, w->now, data, sizeof data, &route)) > 0 || !answered) {
            w->now += len == 0 ? ICE_TA : 0;
            if (len == 0 || !stun_parse(&m, data, len) || m.class_ != STUN_REQUEST ||
                route.remote.port != port)
                continue;
            uint8_t reply[256], tid[STUN_TID_LEN];
            memcpy(tid, m.tid, sizeof tid);
            struct buf_writer out = buf_writer(reply, sizeof reply);
            stun_begin(&out, STUN_SUCCESS, tid);
            stun_put_mapped(&out, &w->a.ice.locals[0]);
            assert_true(stun_finish(&out, w->b.ice.local.pwd));
            assert_true(ice_handle_datagram(&w->a.ice, w->now, 0, &from, reply, out.len));
            answered = true;
        }
        assert_int_equal(w->a.ice.route.remote.port, port);
    }
    test_free(w);
}

static void believes_only_symmetric_and_authentic_answers(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    uint8_t data[512], reply[256];
    struct ice_route route;
    struct stun_message m;
    introduce(w, &w->a, &w->b, true);
    assert_true(ice_poll_transmit(&w->a.ice, w->now, data, sizeof data, &route) > 0);
    assert_true(stun_parse(&m, data, sizeof data) ||
                stun_parse(&m, data, 20u + (size_t)(data[2] << 8 | data[3])));
    struct buf_writer out = buf_writer(reply, sizeof reply);
    stun_begin(&out, STUN_SUCCESS, m.tid);
    assert_true(stun_finish(&out, "not the password"));
    assert_false(ice_handle_datagram(&w->a.ice, w->now, 0, &route.remote, reply, out.len));
    assert_int_equal(w->a.ice.pairs[0].state, ICE_IN_PROGRESS);
    struct peer_address elsewhere = address("10.0.0.3", 3);
    out = buf_writer(reply, sizeof reply);
    stun_begin(&out, STUN_SUCCESS, m.tid);
    assert_true(stun_finish(&out, w->b.ice.local.pwd));
    assert_true(ice_handle_datagram(&w->a.ice, w->now, 0, &elsewhere, reply, out.len));
    assert_int_equal(w->a.ice.pairs[0].state, ICE_FAILED); /* RFC 8445 section 7.2.5.2.1 */
    test_free(w);
}

static void finds_its_reflexive_address(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    uint8_t data[512], reply[256];
    struct ice_route route;
    struct stun_message m;
    struct peer_address server = address("10.0.0.53", 3478), seen = address("203.0.113.5", 777);
    ice_gather_from(&w->a.ice, &server);
    size_t len = ice_poll_transmit(&w->a.ice, w->now, data, sizeof data, &route);
    assert_true(stun_parse(&m, data, len));
    assert_true(addr_equal(&route.remote, &server));
    assert_true(ice_next_timeout(&w->a.ice) == w->now + ICE_RTO_MIN);
    struct buf_writer out = buf_writer(reply, sizeof reply);
    stun_begin(&out, STUN_SUCCESS, m.tid);
    stun_put_mapped(&out, &seen);
    assert_true(stun_finish(&out, NULL));
    assert_true(ice_handle_datagram(&w->a.ice, w->now, 0, &server, reply, out.len));
    assert_int_equal(ice_poll_event(&w->a.ice), ICE_REFLEXIVE);
    assert_true(addr_equal(&w->a.ice.gather.mapped, &seen));
    test_free(w);
}

static void gives_a_silent_stun_server_up(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    struct peer_address server = address("10.0.0.53", 3478), v6 = address("::1", 3478);
    ice_gather_from(&w->a.ice, &v6);
    assert_false(w->a.ice.gather.active);
    ice_gather_from(&w->a.ice, &server);
    for (int i = 0; i < 20 && w->a.ice.gather.active; i++) {
        drain(w, &w->a);
        w->now = clock_min(ice_next_timeout(&w->a.ice), w->now + CLOCK_S(60));
    }
    assert_false(w->a.ice.gather.active);
    assert_int_equal(w->a.requests, ICE_RC);
    test_free(w);
}

static void reads_candidates(void **state)
{
    (void)state;
    struct ice_candidate c;
    static const char good[] = "a=candidate:1 1 UDP 2130706431 192.168.1.7 50000 typ host generation 0";
    static const char srflx[] =
        "candidate:842163049 1 udp 1677729535 2001:db8::9 9 typ srflx raddr 0.0.0.0 rport 0";
    static const char *const bad[] = {
        "",
        "1 2 udp 1 10.0.0.1 5 typ host",
        "1 1 tcp 1 10.0.0.1 5 typ host",
        "1 1 udp x 10.0.0.1 5 typ host",
        "1 1 udp 1 4fe9c3a0.local 5 typ host",
        "1 1 udp 1 10.0.0.1 0 typ host",
        "1 1 udp 1 10.0.0.1 65536 typ host",
        "1 1 udp 1 10.0.0.1 5 host",
        "1 1 udp 1 10.0.0.1 5 typ other",
        "1 1 udp 99999999999 10.0.0.1 5 typ host",
    };
    assert_true(ice_candidate_parse(&c, good, strlen(good)));
    assert_int_equal(c.priority, 2130706431);
    assert_int_equal(c.address.port, 50000);
    assert_true(ice_candidate_parse(&c, srflx, strlen(srflx)));
    assert_int_equal(c.type, ICE_SRFLX);
    assert_int_equal(c.address.family, 6);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(ice_candidate_parse(&c, bad[i], strlen(bad[i])));
}

static void works_with_full_tables(void **state)
{
    (void)state;
    struct world *w = world_new(true, false);
    introduce(w, &w->a, &w->b, false);
    for (uint8_t i = 1; i < ICE_MAX_LOCAL; i++) {
        struct peer_address local = address("10.0.1.1", i);
        assert_true(ice_add_local(&w->a.ice, &local));
    }
    for (uint8_t i = 0; i < ICE_MAX_REMOTE; i++) {
        struct ice_candidate c = {.address = address("10.9.9.9", (uint16_t)(1 + i)), .priority = 10u * i};
        assert_true(ice_add_remote(&w->a.ice, &c));
    }
    assert_int_equal(w->a.ice.pair_count, ICE_MAX_PAIRS);
    uint64_t best = 0;
    for (int i = 0; i < ICE_MAX_PAIRS; i++)
        best = w->a.ice.pairs[i].priority > best ? w->a.ice.pairs[i].priority : best;
    assert_true(best >> 32 == 10u * (ICE_MAX_REMOTE - 1)); /* the last and best has found a place */
    uint8_t data[512];
    struct peer_address from = address("10.0.0.66", 6);
    size_t len = request(&w->a, data, sizeof data, w->a.ice.local.ufrag, w->a.ice.local.pwd, false, 0);
    assert_true(ice_handle_datagram(&w->a.ice, w->now, 0, &from, data, len));
    assert_true(w->a.ice.reply.pending); /* no room to learn it, but it is answered */
    test_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects),
        cmocka_unit_test(settles_a_role_conflict),
        cmocka_unit_test(learns_a_peer_reflexive_remote),
        cmocka_unit_test(checks_may_come_before_the_answer),
        cmocka_unit_test(connects_over_a_bad_link),
        cmocka_unit_test(retransmits_with_doubling_and_gives_up),
        cmocka_unit_test(paces_its_checks),
        cmocka_unit_test(refuses_candidates_it_cannot_reach),
        cmocka_unit_test(keeps_consent_fresh_and_loses_it),
        cmocka_unit_test(consent_intervals_stay_within_their_bounds),
        cmocka_unit_test(restarts),
        cmocka_unit_test(prefers_the_better_of_two_paths),
        cmocka_unit_test(answers_wrong_requests_with_their_errors),
        cmocka_unit_test(bears_aggressive_nomination),
        cmocka_unit_test(believes_only_symmetric_and_authentic_answers),
        cmocka_unit_test(finds_its_reflexive_address),
        cmocka_unit_test(gives_a_silent_stun_server_up),
        cmocka_unit_test(reads_candidates),
        cmocka_unit_test(works_with_full_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
