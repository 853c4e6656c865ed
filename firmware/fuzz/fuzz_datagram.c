/* A peer in the middle of its life: it has offered and was answered. The input is a series of commands:
 * a datagram (as it is, or made an authentic STUN message), the passing of time, a call. */
#include "peer_state.h"
#include "random.h"

static const char answer[] =
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:active\r\n"
    "a=fingerprint:sha-256 "
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=candidate:1 1 udp 5 10.0.0.2 2 typ host\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n";

static struct peer_identity identity;
static struct peer_storage storage;
static uint64_t seed;

static struct peer *start(uint64_t now)
{
    static const struct peer_address local = {.family = 4, .ip = {10, 0, 0, 1}, .port = 1};
    struct peer_config config = {
        .random = {fuzz_random, &seed}, .identity = &identity, .audio = true, .data = true};
    char sdp[4096];
    struct peer *p = peer_create(&storage, &config);
    (void)peer_add_local_address(p, &local);
    if (peer_offer(p, sdp, sizeof sdp) != PEER_OK || peer_set_answer(p, now, answer) != PEER_OK)
        __builtin_trap();
    return p;
}

static void drain(struct peer *p, uint64_t now, uint8_t last_tid[STUN_TID_LEN])
{
    struct peer_out out;
    for (int turns = 0; turns < 1000; turns++) {
        peer_poll(p, now, &out);
        if (out.type == PEER_OUT_TIMEOUT)
            return;
        if (out.type == PEER_OUT_TRANSMIT && out.len >= 20)
            memcpy(last_tid, out.data + 8, STUN_TID_LEN);
    }
    __builtin_trap(); /* it has to end */
}

/* Its attributes stand; username, transaction, integrity and fingerprint become right. */
static size_t make_authentic(struct peer *p, uint8_t *data, size_t cap, const uint8_t *body, size_t len,
                             uint8_t kind, const uint8_t *tid)
{
    struct buf_writer w = buf_writer(data, cap);
    bool request = (kind & 1) == 0;
    stun_begin(&w, request ? STUN_REQUEST : (kind & 2) ? STUN_SUCCESS : STUN_ERROR, tid);
    if (request)
        stun_put_username(&w, p->ice.local.ufrag, p->ice.remote.ufrag);
    buf_put(&w, body, len / 4 * 4);
    return stun_finish(&w, request ? p->ice.local.pwd : p->ice.remote.pwd) ? w.len : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer_random random = {fuzz_random, &seed};
    uint64_t now = CLOCK_S(1);
    uint8_t tid[STUN_TID_LEN] = {0};
    if (identity.cert_len == 0) {
        seed = 1;
        (void)peer_identity_make(&identity, &random);
    }
    seed = 7;
    struct peer *p = start(now);
    struct buf_reader r = buf_reader(data, size);
    while (r.left >= 2 && r.left < 4096) {
        uint8_t command = buf_u8(&r);
        size_t len = buf_u8(&r) * (command & 0x40 ? 8u : 1u);
        len = len < r.left ? len : r.left;
        const uint8_t *body = buf_take(&r, len);
        struct peer_address from = {
            .family = 4, .ip = {10, 0, 0, (uint8_t)(2 + (command >> 4 & 3))}, .port = 2};
        uint8_t datagram[2200];
        memcpy(datagram, body, len);
        if (command & 8)
            len = make_authentic(p, datagram, sizeof datagram, body, len, command, tid);
        if (command & 0x80) {
            now += CLOCK_MS(1) << (command & 15);
            peer_handle_timeout(p, now);
        } else {
            peer_handle_datagram(p, now, NULL, &from, datagram, len);
        }
        drain(p, now, tid);
    }
    peer_destroy(p);
    return 0;
}
