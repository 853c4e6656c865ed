#include "dtls/dtls_hello.h"

#define HANDSHAKE 22   /* RFC 5246 section 6.2.1 */
#define CLIENT_HELLO 1 /* RFC 5246 section 7.4 */

struct record {
    uint8_t type;
    uint16_t version, epoch;
    const uint8_t *seq;
    struct buf_reader body;
};

struct fragment {
    uint8_t type;
    uint32_t total, offset, len;
    uint16_t message_seq;
    const uint8_t *data;
};

static bool read_record(struct buf_reader *r, struct record *record)
{
    record->type = buf_u8(r);
    record->version = buf_u16(r);
    record->epoch = buf_u16(r);
    record->seq = buf_take(r, 6);
    record->body = buf_sub(r, buf_u16(r));
    return !r->failed;
}

static bool read_fragment(struct buf_reader *r, struct fragment *f)
{
    f->type = buf_u8(r);
    f->total = buf_u24(r);
    f->message_seq = buf_u16(r);
    f->offset = buf_u24(r);
    f->len = buf_u24(r);
    f->data = buf_take(r, f->len);
    return !r->failed;
}

static bool is_ours(const struct record *record, const struct fragment *f)
{
    return record->type == HANDSHAKE && record->epoch == 0 && f->type == CLIENT_HELLO && f->len < f->total &&
           f->total <= DTLS_HELLO_MAX && f->offset <= f->total && f->len <= f->total - f->offset;
}

static void begin(struct dtls_hello *h, const struct fragment *f)
{
    if (h->active && h->message_seq == f->message_seq && h->total == f->total)
        return;
    h->active = true;
    h->message_seq = f->message_seq;
    h->total = (uint16_t)f->total;
    h->have = h->island_start = h->island_end = 0;
}

/* With two or three fragments, one early stretch is all that reordering can make. */
static void note(struct dtls_hello *h, uint16_t start, uint16_t end)
{
    if (start <= h->have) {
        h->have = end > h->have ? end : h->have;
    } else if (h->island_end == 0 || start > h->island_end || end < h->island_start) {
        h->island_start = start;
        h->island_end = end;
    } else {
        h->island_start = start < h->island_start ? start : h->island_start;
        h->island_end = end > h->island_end ? end : h->island_end;
    }
    if (h->island_start <= h->have && h->island_end > h->have)
        h->have = h->island_end;
}

static void write_headers(struct dtls_hello *h, const struct record *record)
{
    struct buf_writer w = buf_writer(h->record, sizeof h->record);
    buf_put_u8(&w, HANDSHAKE);
    buf_put_u16(&w, record->version);
    buf_put_u16(&w, record->epoch);
    buf_put(&w, record->seq, 6);
    buf_put_u16(&w, (uint16_t)(DTLS_MESSAGE_HEADER + h->total));
    buf_put_u8(&w, CLIENT_HELLO);
    buf_put_u24(&w, h->total);
    buf_put_u16(&w, h->message_seq);
    buf_put_u24(&w, 0);
    buf_put_u24(&w, h->total);
}

static bool add_record(struct dtls_hello *h, struct record *record)
{
    while (record->body.left > 0) {
        struct fragment f;
        if (!read_fragment(&record->body, &f) || !is_ours(record, &f))
            return false;
        begin(h, &f);
        memcpy(h->record + DTLS_RECORD_HEADER + DTLS_MESSAGE_HEADER + f.offset, f.data, f.len);
        note(h, (uint16_t)f.offset, (uint16_t)(f.offset + f.len));
    }
    return true;
}

enum dtls_hello_result dtls_hello_add(struct dtls_hello *h, const uint8_t *data, size_t len)
{
    struct buf_reader r = buf_reader(data, len);
    struct record record = {0};
    if (len == 0)
        return DTLS_HELLO_OTHER;
    while (r.left > 0) {
        if (!read_record(&r, &record) || !add_record(h, &record))
            return DTLS_HELLO_OTHER;
    }
    if (!h->active || h->have < h->total)
        return DTLS_HELLO_PENDING;
    write_headers(h, &record);
    h->active = false;
    return DTLS_HELLO_COMPLETE;
}

size_t dtls_hello_record_len(const struct dtls_hello *h)
{
    return (size_t)DTLS_RECORD_HEADER + DTLS_MESSAGE_HEADER + h->total;
}
