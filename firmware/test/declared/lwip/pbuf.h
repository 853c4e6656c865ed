#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8_t;
typedef uint16_t u16_t;
typedef int8_t err_t;
enum { ERR_OK = 0, ERR_MEM = -1, ERR_BUF = -2, ERR_INPROGRESS = -5 };
typedef enum { PBUF_TRANSPORT } pbuf_layer;
typedef enum { PBUF_RAM } pbuf_type;
struct pbuf {
    u16_t tot_len;
};
struct pbuf *pbuf_alloc(pbuf_layer layer, u16_t len, pbuf_type type);
u8_t pbuf_free(struct pbuf *p);
err_t pbuf_take(struct pbuf *p, const void *data, u16_t len);
u16_t pbuf_copy_partial(const struct pbuf *p, void *data, u16_t len, u16_t offset);
