/* The first byte is the size of the pieces that the rest comes in; whatever that is, the outcome is one. */
#include <stdlib.h>
#include <string.h>

#include "call/signaling.h"

static enum http_result run(struct http_reply *r, char *body, const uint8_t *data, size_t size, size_t piece)
{
    http_expect(r, body, SIGNALING_ANSWER_MAX);
    for (size_t at = 0; at < size; at += piece)
        (void)http_take(r, data + at, size - at < piece ? size - at : piece);
    return http_end(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char one[SIGNALING_ANSWER_MAX], other[SIGNALING_ANSWER_MAX];
    struct http_reply a, b;
    if (size == 0)
        return 0;
    enum http_result first = run(&a, one, data, size, 1u + data[0]);
    enum http_result second = run(&b, other, data, size, size);
    if (first != second || (first == HTTP_DONE && (a.body_len != b.body_len || strcmp(one, other) != 0)))
        abort();
    if (first == HTTP_DONE && !signaling_read_answer(one, a.body_len))
        (void)signaling_read_problem(b.status, other, b.body_len);
    struct http_url url;
    memcpy(one, data, size < sizeof one ? size : sizeof one - 1);
    one[size < sizeof one ? size : sizeof one - 1] = '\0';
    (void)http_parse_url(&url, one);
    return 0;
}
