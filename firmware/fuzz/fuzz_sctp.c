/* SCTP under a script of bytes. The first byte picks the beginning: 0 a raw packet for a new endpoint, 1 an
 * endpoint that waits, 2 one that connects, 3 an established association with a channel. Then come
 * operations; packets among them get the tag and the checksum that let them in. */
#include "sctp/sctp.h"
#include "sctp/sctp_wire.h"

#include <stdlib.h>

#define CHECK(x)                                                                                             \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

struct play {
    struct sctp s;
    uint64_t now;
    bool hold;
    uint8_t cookie[64];
    size_t cookie_len;
};

static void fill(void *user, uint8_t *out, size_t len)
{
    (void)user;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(0x11 * (i + 1));
}

static void check_rx(const struct sctp_rx *rx)
{
    size_t off = 0;
    CHECK(rx->count <= SCTP_RX_CHUNKS);
    for (size_t i = 0; i < rx->count; i++) {
        const struct sctp_rx_run *run = &rx->queue[i];
        CHECK(run->off == off && run->len > 0 && run->len <= SCTP_MESSAGE_MAX);
        CHECK(!tsn_before(run->last, run->first));
        CHECK(i == 0 || tsn_before(rx->queue[i - 1].last, run->first));
        off += run->len;
    }
    CHECK(off == rx->used && off <= SCTP_RX_BYTES);
}

static void check_tx(const struct sctp_tx *tx)
{
    size_t off = 0;
    CHECK(tx->sent <= tx->count && tx->count <= SCTP_TX_CHUNKS);
    for (size_t i = 0; i < tx->count; i++) {
        CHECK(tx->queue[i].off == off && (tx->queue[i].marks & 0x08) == 0);
        off += tx->queue[i].len;
    }
    CHECK(off == tx->used && off <= SCTP_TX_BYTES);
}

static void check_packet(const uint8_t *data, size_t len)
{
    struct buf_reader r = buf_reader(data, len);
    CHECK(len <= SCTP_PACKET_MAX && len % 4 == 0);
    buf_skip(&r, SCTP_HEADER);
    while (r.left > 0) {
        buf_skip(&r, 2);
        size_t size = buf_u16(&r);
        CHECK(size >= 4);
        CHECK(buf_skip(&r, size - 4 + pad4(size)));
    }
}

static void keep_cookie(struct play *p, const uint8_t *data, size_t len)
{
    struct buf_reader r = buf_reader(data, len);
    struct param param;
    if (len < 32 || data[12] != CHUNK_INIT_ACK)
        return;
    buf_skip(&r, 32);
    while (param_next(&r, &param))
        if (param.type == PARAM_STATE_COOKIE && param.value.left <= sizeof p->cookie) {
            memcpy(p->cookie, param.value.at, param.value.left);
            p->cookie_len = param.value.left;
        }
}

static void drain(struct play *p)
{
    static uint8_t buf[SCTP_PACKET_MAX];
    struct sctp_event e;
    uint8_t sum = 0;
    unsigned n = 0;
    while (!p->hold && sctp_poll_event(&p->s, &e)) {
        CHECK(n++ < 200);
        for (size_t i = 0; i < e.len; i++) /* so that ASan sees the bytes touched */
            sum = (uint8_t)(sum + e.data[i]);
    }
    volatile uint8_t sink = sum;
    (void)sink;
    for (size_t len; (len = sctp_poll_transmit(&p->s, p->now, buf, sizeof buf)) > 0;) {
        CHECK(n++ < 200);
        check_packet(buf, len);
        keep_cookie(p, buf, len);
    }
    if (p->s.state >= SCTP_ESTABLISHED)
        check_rx(&p->s.rx);
    check_tx(&p->s.tx);
}

static void deliver(struct play *p, uint32_t tag, const uint8_t *chunks, size_t len)
{
    uint8_t *packet = malloc(SCTP_HEADER + len); /* of the exact size, for ASan */
    CHECK(packet != NULL);
    struct buf_writer w = buf_writer(packet, SCTP_HEADER + len);
    buf_put_u16(&w, 5000);
    buf_put_u16(&w, 5000);
    buf_put_u32(&w, tag);
    buf_put_u32(&w, 0);
    buf_put(&w, chunks, len);
    uint32_t crc = sctp_crc32c(packet, w.len);
    for (size_t i = 0; i < 4; i++)
        packet[8 + i] = (uint8_t)(crc >> (8 * i));
    (void)sctp_handle_packet(&p->s, p->now, packet, w.len);
    free(packet);
}

static void deliver_chunk(struct play *p, uint8_t type, uint8_t flags, const uint8_t *body, size_t len)
{
    static uint8_t chunk[2048];
    struct buf_writer w = buf_writer(chunk, sizeof chunk);
    size_t at = chunk_begin(&w, type, flags);
    buf_put(&w, body, len);
    chunk_end(&w, at);
    deliver(p, p->s.local_tag, chunk, w.len);
}

static void deliver_init(struct play *p)
{
    static const uint8_t init[] = {CHUNK_INIT, 0,   0, 28, 1, 2, 3,    4,    0, 1, 0,   0,   0, 100,
                                   0,          100, 0, 0,  0, 9, 0x80, 0x08, 0, 6, 130, 192, 0, 0};
    deliver(p, 0, init, sizeof init);
}

/* DATA whose TSN lies near what is expected; the length is real, the bytes are the script's or zeros. */
static void deliver_data(struct play *p, struct buf_reader *script)
{
    static uint8_t body[12 + 1400];
    struct buf_writer w = buf_writer(body, sizeof body);
    int8_t ahead = (int8_t)buf_u8(script);
    uint8_t flags = buf_u8(script);
    uint8_t id = buf_u8(script);
    uint8_t ssn = buf_u8(script);
    uint8_t ppid = buf_u8(script);
    size_t len = buf_u16(script) % 1400;
    buf_put_u32(&w, p->s.rx.cumulative + 1 + (uint32_t)(int32_t)ahead);
    buf_put_u16(&w, id);
    buf_put_u16(&w, ssn);
    buf_put_u32(&w, ppid);
    size_t given = len < script->left ? len : script->left;
    buf_put(&w, buf_take(script, given), given);
    buf_put_zero(&w, len - given);
    deliver_chunk(p, CHUNK_DATA, flags, body, w.len);
}

static void deliver_sack(struct play *p, struct buf_reader *script)
{
    uint8_t body[12 + 32];
    struct buf_writer w = buf_writer(body, sizeof body);
    int8_t n = (int8_t)buf_u8(script);
    uint16_t gaps = buf_u8(script) % 8;
    buf_put_u32(&w, p->s.tx.first_tsn - 1 + (uint32_t)(int32_t)n);
    buf_put_u32(&w, (uint32_t)buf_u8(script) * 64);
    buf_put_u16(&w, gaps);
    buf_put_u16(&w, 0);
    for (size_t i = 0; i < 2u * gaps; i++)
        buf_put_u16(&w, buf_u8(script));
    deliver_chunk(p, CHUNK_SACK, 0, body, w.len);
}

static void deliver_forward(struct play *p, struct buf_reader *script)
{
    uint8_t body[4];
    struct buf_writer w = buf_writer(body, sizeof body);
    buf_put_u32(&w, p->s.rx.cumulative + buf_u8(script));
    deliver_chunk(p, CHUNK_FORWARD_TSN, 0, body, w.len);
}

static void deliver_reset(struct play *p, struct buf_reader *script)
{
    uint8_t body[18];
    struct buf_writer w = buf_writer(body, sizeof body);
    bool response = (buf_u8(script) & 1) != 0;
    buf_put_u16(&w, response ? PARAM_RESET_RESPONSE : PARAM_RESET_OUT);
    buf_put_u16(&w, response ? 12 : 18);
    buf_put_u32(&w, (response ? p->s.reset_seq : p->s.peer_reset_seq) + buf_u8(script) % 3);
    buf_put_u32(&w, buf_u8(script) % 8);
    if (!response) {
        buf_put_u32(&w, p->s.rx.cumulative + (uint32_t)(int8_t)buf_u8(script));
        buf_put_u16(&w, buf_u8(script));
    }
    deliver_chunk(p, CHUNK_RECONFIG, 0, body, w.len);
}

static void deliver_raw(struct play *p, struct buf_reader *script)
{
    uint8_t choice = buf_u8(script);
    size_t len = buf_u8(script);
    len = len < script->left ? len : script->left;
    uint32_t tag = choice == 0 ? 0 : choice == 1 ? p->s.peer.tag : p->s.local_tag;
    deliver(p, tag, buf_take(script, len), len);
}

static void call(struct play *p, uint8_t op, struct buf_reader *script)
{
    static const uint8_t data[SCTP_TX_BYTES];
    uint16_t id = buf_u8(script);
    switch (op % 5) {
    case 0:
        (void)sctp_send(&p->s, id, (id & 1) != 0, data, (size_t)buf_u16(script) % sizeof data);
        break;
    case 1:
        (void)sctp_open_channel(&p->s, "label", &id);
        break;
    case 2:
        (void)sctp_close_channel(&p->s, id);
        break;
    case 3:
        p->hold = !p->hold;
        break;
    default:
        sctp_shutdown(&p->s, p->now);
    }
}

static void step(struct play *p, struct buf_reader *script)
{
    uint8_t op = buf_u8(script);
    switch (op % 16) {
    case 0:
        deliver_raw(p, script);
        break;
    case 1:
    case 2:
    case 3:
        deliver_data(p, script);
        break;
    case 4:
    case 5:
        deliver_sack(p, script);
        break;
    case 6:
        deliver_forward(p, script);
        break;
    case 7:
        deliver_reset(p, script);
        break;
    case 8:
        deliver_init(p);
        drain(p);
        deliver_chunk(p, CHUNK_COOKIE_ECHO, 0, p->cookie, p->cookie_len);
        break;
    case 9:
        p->now = sctp_next_timeout(&p->s) == CLOCK_NEVER ? p->now : sctp_next_timeout(&p->s);
        sctp_handle_timeout(&p->s, p->now);
        break;
    case 10:
        p->now += CLOCK_MS(1) * buf_u16(script);
        sctp_handle_timeout(&p->s, p->now);
        break;
    default:
        call(p, op, script);
    }
    drain(p);
}

static void begin(struct play *p, uint8_t how)
{
    static const uint8_t open[] = {0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 50, 3,
                                   0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'c'};
    struct sctp_config c = {.rng = {fill, NULL}, .dtls_client = true, .heartbeat = CLOCK_S(30)};
    sctp_init(&p->s, &c);
    if (how == 2)
        (void)sctp_connect(&p->s, p->now);
    if (how != 3)
        return;
    deliver_init(p);
    drain(p);
    deliver_chunk(p, CHUNK_COOKIE_ECHO, 0, p->cookie, p->cookie_len);
    deliver_chunk(p, CHUNK_DATA, DATA_BEGIN | DATA_END, open, sizeof open);
    drain(p);
    CHECK(p->s.state == SCTP_ESTABLISHED && channel_find(&p->s, 1) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct play p;
    struct buf_reader script = buf_reader(data, size);
    uint8_t how = buf_u8(&script) % 4;
    p = (struct play){.now = CLOCK_S(10)};
    begin(&p, how);
    if (how == 0) {
        (void)sctp_handle_packet(&p.s, p.now, script.at, script.left);
        drain(&p);
        return 0;
    }
    drain(&p);
    for (unsigned n = 0; n < 2000 && script.left > 0; n++)
        step(&p, &script);
    return 0;
}
