#include "base/buf.h"

const uint8_t *buf_take(struct buf_reader *r, size_t n)
{
    if (r->failed || n > r->left) {
        r->failed = true;
        r->left = 0; /* so that no loop over what is left goes on */
        return NULL;
    }
    const uint8_t *taken = r->at;
    if (n > 0) { /* NULL + 0 is undefined in C11 */
        r->at += n;
        r->left -= n;
    }
    return taken;
}

bool buf_skip(struct buf_reader *r, size_t n)
{
    (void)buf_take(r, n);
    return !r->failed;
}

bool buf_read(struct buf_reader *r, uint8_t *out, size_t n)
{
    const uint8_t *from = buf_take(r, n);
    if (from != NULL && n > 0)
        memcpy(out, from, n);
    return !r->failed;
}

uint8_t buf_u8(struct buf_reader *r)
{
    const uint8_t *p = buf_take(r, 1);
    return p != NULL ? p[0] : 0;
}

uint16_t buf_u16(struct buf_reader *r)
{
    const uint8_t *p = buf_take(r, 2);
    if (p == NULL)
        return 0;
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t buf_u24(struct buf_reader *r)
{
    const uint8_t *p = buf_take(r, 3);
    return p != NULL ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

uint32_t buf_u32(struct buf_reader *r)
{
    const uint8_t *p = buf_take(r, 4);
    return p != NULL ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

uint64_t buf_u64(struct buf_reader *r)
{
    uint64_t high = buf_u32(r);
    return high << 32 | buf_u32(r);
}

struct buf_reader buf_sub(struct buf_reader *r, size_t n)
{
    const uint8_t *at = buf_take(r, n);
    return (struct buf_reader){.at = at, .left = r->failed ? 0 : n, .failed = r->failed};
}

uint8_t *buf_grow(struct buf_writer *w, size_t n)
{
    if (w->failed || n > w->cap - w->len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *room = w->data + w->len;
    w->len += n;
    return room;
}

void buf_put(struct buf_writer *w, const uint8_t *from, size_t n)
{
    uint8_t *to = buf_grow(w, n);
    if (to != NULL && n > 0)
        memcpy(to, from, n);
}

void buf_put_zero(struct buf_writer *w, size_t n)
{
    uint8_t *to = buf_grow(w, n);
    if (to != NULL && n > 0)
        memset(to, 0, n);
}

void buf_put_u8(struct buf_writer *w, uint8_t v)
{
    buf_put(w, &v, 1);
}

void buf_put_u16(struct buf_writer *w, uint16_t v)
{
    uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    buf_put(w, b, sizeof b);
}

void buf_put_u24(struct buf_writer *w, uint32_t v)
{
    uint8_t b[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_put(w, b, sizeof b);
}

void buf_put_u32(struct buf_writer *w, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_put(w, b, sizeof b);
}

void buf_put_u64(struct buf_writer *w, uint64_t v)
{
    buf_put_u32(w, (uint32_t)(v >> 32));
    buf_put_u32(w, (uint32_t)v);
}

void buf_patch_u16(struct buf_writer *w, size_t at, uint16_t v)
{
    if (w->failed || w->len < 2 || at > w->len - 2) {
        w->failed = true;
        return;
    }
    w->data[at] = (uint8_t)(v >> 8);
    w->data[at + 1] = (uint8_t)v;
}
