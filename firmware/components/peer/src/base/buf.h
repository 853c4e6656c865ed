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
const uint8_t *buf_take(struct buf_reader *r, size_t n);
bool buf_skip(struct buf_reader *r, size_t n);
bool buf_read(struct buf_reader *r, uint8_t *out, size_t n);
uint8_t buf_u8(struct buf_reader *r);
uint16_t buf_u16(struct buf_reader *r);
uint32_t buf_u24(struct buf_reader *r);
uint32_t buf_u32(struct buf_reader *r);
uint64_t buf_u64(struct buf_reader *r);

/* A reader of the next n bytes alone; it has failed if they aren't there. */
struct buf_reader buf_sub(struct buf_reader *r, size_t n);

static inline struct buf_writer buf_writer(uint8_t *data, size_t cap)
{
    return (struct buf_writer){.data = data, .len = 0, .cap = cap, .failed = false};
}

/* Room for n bytes that the caller fills, or NULL. */
uint8_t *buf_grow(struct buf_writer *w, size_t n);
void buf_put(struct buf_writer *w, const uint8_t *from, size_t n);
void buf_put_zero(struct buf_writer *w, size_t n);
void buf_put_u8(struct buf_writer *w, uint8_t v);
void buf_put_u16(struct buf_writer *w, uint16_t v);
void buf_put_u24(struct buf_writer *w, uint32_t v);
void buf_put_u32(struct buf_writer *w, uint32_t v);
void buf_put_u64(struct buf_writer *w, uint64_t v);

/* Overwrites two bytes that are already written: a length or a checksum known only afterwards. */
void buf_patch_u16(struct buf_writer *w, size_t at, uint16_t v);

#endif
