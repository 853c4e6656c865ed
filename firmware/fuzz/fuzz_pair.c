/* Two peers that connect and talk, while the input spoils the datagrams between them: for each one, a byte
 * says whether it passes, is lost, is doubled, is changed or is cut. Slow, but it reaches DTLS, SRTP and
 * SCTP. */
#include "peer_state.h"
#include "random.h"

struct side {
    struct peer_storage storage;
    struct peer_identity identity;
    struct peer *peer;
    struct peer_address address;
    uint64_t seed, timeout;
    uint16_t channel;
};

static struct side sides[2];
static uint64_t now;
static struct buf_reader script;

static void begin(struct side *s, uint8_t host)
{
    struct peer_random random = {fuzz_random, &s->seed};
    s->seed = host;
    s->address = (struct peer_address){.family = 4, .ip = {10, 0, 0, host}, .port = 9};
    if (s->identity.cert_len == 0)
        (void)peer_identity_make(&s->identity, &random);
    struct peer_config config = {.random = random, .identity = &s->identity, .audio = true, .data = true};
    s->peer = peer_create(&s->storage, &config);
    (void)peer_add_local_address(s->peer, &s->address);
}

static void spoil(struct side *from, struct side *to, const uint8_t *data, size_t len)
{
    uint8_t copy[PEER_MTU];
    uint8_t what = buf_u8(&script);
    memcpy(copy, data, len);
    if (what >= 0xf0)
        return;
    if ((what & 0x0f) == 0x0f)
        copy[(what >> 4) * 7u % len] ^= (uint8_t)(1 + buf_u8(&script) % 255);
    if ((what & 0x0f) == 0x0e)
        len = len * (1u + (what >> 4)) / 17u;
    for (int times = (what & 0x0f) == 0x0d ? 2 : 1; times > 0; times--) {
        uint8_t again[PEER_MTU];
        memcpy(again, copy, len);
        peer_handle_datagram(to->peer, now, &to->address, &from->address, again, len);
    }
}

static bool drain(struct side *from, struct side *to)
{
    struct peer_out out;
    bool sent = false;
    for (int turns = 0; turns < 1000; turns++) {
        peer_poll(from->peer, now, &out);
        if (out.type == PEER_OUT_TIMEOUT) {
            from->timeout = out.timeout;
            return sent;
        }
        if (out.type == PEER_OUT_TRANSMIT) {
            spoil(from, to, out.data, out.len);
            sent = true;
        }
    }
    __builtin_trap();
}

static void talk(struct side *s)
{
    static const uint8_t opus[30] = {9 << 3};
    static const uint8_t text[1500];
    struct peer_audio audio;
    (void)peer_send_audio(s->peer, now, opus, sizeof opus);
    (void)peer_next_audio(s->peer, now, &audio);
    (void)peer_send_message(s->peer, s->channel, true, text, buf_u8(&script) * 5u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char sdp[4096];
    now = CLOCK_S(1);
    script = buf_reader(data, size);
    begin(&sides[0], 1);
    begin(&sides[1], 2);
    (void)peer_offer(sides[0].peer, sdp, sizeof sdp);
    (void)peer_set_offer(sides[1].peer, now, sdp);
    (void)peer_answer(sides[1].peer, sdp, sizeof sdp);
    (void)peer_set_answer(sides[0].peer, now, sdp);
    (void)peer_open_channel(sides[0].peer, "x", &sides[0].channel);
    sides[1].channel = sides[0].channel;
    for (int turns = 0; turns < 400 && (script.left > 0 || turns < 60); turns++) {
        for (bool busy = true; busy;) {
            busy = drain(&sides[0], &sides[1]);
            busy = drain(&sides[1], &sides[0]) || busy;
        }
        now = clock_min(clock_min(sides[0].timeout, sides[1].timeout), now + CLOCK_MS(20)) + 1;
        peer_handle_timeout(sides[0].peer, now);
        peer_handle_timeout(sides[1].peer, now);
        if (turns % 4 == 3)
            talk(&sides[turns / 4 & 1]);
    }
    peer_destroy(sides[0].peer);
    peer_destroy(sides[1].peer);
    return 0;
}
