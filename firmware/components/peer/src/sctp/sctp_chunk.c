#include "sctp/sctp_wire.h"

size_t chunk_begin(struct buf_writer *w, uint8_t type, uint8_t flags)
{
    size_t at = w->len;
    buf_put_u8(w, type);
    buf_put_u8(w, flags);
    buf_put_u16(w, 0);
    return at;
}

void chunk_end(struct buf_writer *w, size_t at)
{
    size_t len = w->len - at;
    buf_patch_u16(w, at + 2, (uint16_t)len);
    buf_put_zero(w, pad4(len));
}

/* Padding comes before a parameter: that of the last one isn't part of the chunk's length (RFC 9260 3.2). */
static void put_param(struct buf_writer *w, uint16_t type, const uint8_t *value, size_t len)
{
    buf_put_zero(w, pad4(w->len));
    buf_put_u16(w, type);
    buf_put_u16(w, (uint16_t)(len + 4));
    buf_put(w, value, len);
}

/* RFC 9260 3.2.1: what we skipped and were asked to tell of, as far as there is room. */
static void put_unrecognized(struct buf_writer *w, struct buf_reader params)
{
    struct param p;
    while (param_next(&params, &p)) {
        bool report = (p.type >> 8 & UNKNOWN_REPORT) != 0 && p.type != PARAM_FORWARD_TSN;
        if (report && p.value.left + 8 <= (w->cap - w->len) / 2) {
            put_param(w, PARAM_UNRECOGNIZED, NULL, 0);
            buf_patch_u16(w, w->len - 2, (uint16_t)(p.value.left + 8));
            put_param(w, p.type, p.value.at, p.value.left);
        }
        if (!param_go_on(p.type))
            return;
    }
}

void chunk_put_init(const struct sctp *s, struct buf_writer *w, uint8_t type, const uint8_t *cookie,
                    size_t cookie_len, struct buf_reader params)
{
    static const uint8_t extensions[] = {CHUNK_RECONFIG, CHUNK_FORWARD_TSN};
    size_t at = chunk_begin(w, type, 0);
    buf_put_u32(w, s->local_tag);
    buf_put_u32(w, SCTP_RX_BYTES);
    buf_put_u16(w, 65535); /* streams out and in: RFC 8831 6.2 */
    buf_put_u16(w, 65535);
    buf_put_u32(w, s->initial_tsn);
    put_param(w, PARAM_SUPPORTED_CHUNKS, extensions, sizeof extensions);
    put_param(w, PARAM_FORWARD_TSN, NULL, 0);
    if (cookie_len > 0) {
        put_param(w, PARAM_STATE_COOKIE, cookie, cookie_len);
        put_unrecognized(w, params);
    }
    chunk_end(w, at);
}

bool param_next(struct buf_reader *r, struct param *p)
{
    if (r->left < 4)
        return false;
    p->type = buf_u16(r);
    size_t len = buf_u16(r);
    if (len < 4)
        return false;
    p->value = buf_sub(r, len - 4);
    if (p->value.failed)
        return false;
    size_t pad = pad4(len);
    buf_skip(r, pad < r->left ? pad : r->left);
    return true;
}

bool param_go_on(uint16_t type)
{
    switch (type) {
    case PARAM_HEARTBEAT_INFO:
    case PARAM_STATE_COOKIE:
    case PARAM_UNRECOGNIZED:
    case 5: /* addresses, cookie life, host name, address types: RFC 9260 3.3.2.1; no use over DTLS */
    case 6:
    case 9:
    case 11:
    case 12:
        return true;
    default:
        return (type >> 8 & UNKNOWN_SKIP) != 0;
    }
}

struct buf_writer ctl_open(struct sctp *s)
{
    struct buf_writer w = buf_writer(s->ctl, sizeof s->ctl);
    w.len = s->ctl_len;
    w.failed = s->ctl_alone || !s->peer_known; /* an INIT ACK travels by itself: RFC 9260 6.10 */
    return w;
}

void ctl_close(struct sctp *s, const struct buf_writer *w)
{
    if (!w->failed)
        s->ctl_len = (uint16_t)w->len;
}

void ctl_put(struct sctp *s, uint8_t type, uint8_t flags, const uint8_t *body, size_t len)
{
    struct buf_writer w = ctl_open(s);
    size_t at = chunk_begin(&w, type, flags);
    buf_put(&w, body, len);
    chunk_end(&w, at);
    ctl_close(s, &w);
}

void ctl_put_error(struct sctp *s, uint16_t cause, const uint8_t *info, size_t len)
{
    struct buf_writer w = ctl_open(s);
    size_t at = chunk_begin(&w, CHUNK_ERROR, 0);
    put_param(&w, cause, info, len);
    chunk_end(&w, at);
    ctl_close(s, &w);
}
