/* Byte cursors over the wire: big endian, every length checked, and a failure sticks, so that a
 * parser may read a whole header and look at `failed` once. A failed read gives zero or NULL. */
#ifndef PEER_BUF_H
#define PEER_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf_reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

struct buf_writer {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed;
};

static inline struct buf_reader buf_reader(const uint8_t *data, size_t len)
{
    return (struct buf_reader){.at = data, .left = len, .failed = false};
}

/* The next n bytes, or NULL. The bytes stay those of the datagram: nothing is copied. */
static inline const uint8_t *buf_take(struct buf_reader *r, size_t n)
{
    if (r->failed || n > r->left) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *taken = r->at;
    if (n > 0) { /* NULL + 0 is undefined in C11 */
        r->at += n;
        r->left -= n;
    }
    return taken;
}

static inline bool buf_skip(struct buf_reader *r, size_t n)
{
    (void)buf_take(r, n);
    return !r->failed;
}

static inline bool buf_read(struct buf_reader *r, uint8_t *out, size_t n)
{
    const uint8_t *from = buf_take(r, n);
    if (from != NULL && n > 0)
        memcpy(out, from, n);
    return !r->failed;
}

static inline uint8_t buf_u8(struct buf_reader *r)
{
    const uint8_t *p = buf_take(r, 1);
    return p != NULL ? p[0] : 0;
}

static inline uint16_t buf_u16(struct buf_reader *r)
{
    const uint8_t *p = buf_take(r, 2);
    if (p == NULL)
        return 0;
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t buf_u24(struct buf_reader *r)
{
    const uint8_t *p = buf_take(r, 3);
    return p != NULL ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t buf_u32(struct buf_reader *r)
{
    const uint8_t *p = buf_take(r, 4);
    return p != NULL ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t buf_u64(struct buf_reader *r)
{
    uint64_t high = buf_u32(r);
    return high << 32 | buf_u32(r);
}

/* A reader of the next n bytes alone; it has failed if they aren't there. */
static inline struct buf_reader buf_sub(struct buf_reader *r, size_t n)
{
    const uint8_t *at = buf_take(r, n);
    return (struct buf_reader){.at = at, .left = r->failed ? 0 : n, .failed = r->failed};
}

static inline struct buf_writer buf_writer(uint8_t *data, size_t cap)
{
    return (struct buf_writer){.data = data, .len = 0, .cap = cap, .failed = false};
}

/* Room for n bytes that the caller fills, or NULL. */
static inline uint8_t *buf_grow(struct buf_writer *w, size_t n)
{
    if (w->failed || n > w->cap - w->len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *room = w->data + w->len;
    w->len += n;
    return room;
}

static inline void buf_put(struct buf_writer *w, const uint8_t *from, size_t n)
{
    uint8_t *to = buf_grow(w, n);
    if (to != NULL && n > 0)
        memcpy(to, from, n);
}

static inline void buf_put_zero(struct buf_writer *w, size_t n)
{
    uint8_t *to = buf_grow(w, n);
    if (to != NULL && n > 0)
        memset(to, 0, n);
}

static inline void buf_put_u8(struct buf_writer *w, uint8_t v)
{
    buf_put(w, &v, 1);
}

static inline void buf_put_u16(struct buf_writer *w, uint16_t v)
{
    uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    buf_put(w, b, sizeof b);
}

static inline void buf_put_u24(struct buf_writer *w, uint32_t v)
{
    uint8_t b[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_put(w, b, sizeof b);
}

static inline void buf_put_u32(struct buf_writer *w, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_put(w, b, sizeof b);
}

static inline void buf_put_u64(struct buf_writer *w, uint64_t v)
{
    buf_put_u32(w, (uint32_t)(v >> 32));
    buf_put_u32(w, (uint32_t)v);
}

/* Overwrites two bytes that are already written: a length or a checksum known only afterwards. */
static inline void buf_patch_u16(struct buf_writer *w, size_t at, uint16_t v)
{
    if (w->failed || w->len < 2 || at > w->len - 2) {
        w->failed = true;
        return;
    }
    w->data[at] = (uint8_t)(v >> 8);
    w->data[at + 1] = (uint8_t)v;
}

#endif
