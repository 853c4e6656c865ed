/* A series of datagrams, each behind its length, into one ClientHello. */
#include "dtls/dtls_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dtls_hello hello = {0};
    struct buf_reader r = buf_reader(data, size);
    while (r.left > 0) {
        size_t len = buf_u16(&r);
        len = len < r.left ? len : r.left;
        const uint8_t *datagram = buf_take(&r, len);
        if (datagram != NULL && dtls_hello_add(&hello, datagram, len) == DTLS_HELLO_COMPLETE &&
            dtls_hello_record_len(&hello) > sizeof hello.record)
            __builtin_trap();
    }
    return 0;
}
