#include "wire/http.h"

#include <string.h>

#define DIGITS "0123456789"
#define RETRY_MAX_S 86400u /* whoever says more means as much */

void http_expect_pieces(struct http_reply *reply, char *piece, size_t cap, size_t max)
{
    memset(reply, 0, sizeof *reply);
    reply->body = piece;
    reply->body_cap = cap;
    reply->body_max = max;
}

void http_expect(struct http_reply *reply, char *body, size_t cap)
{
    http_expect_pieces(reply, body, cap, cap - 1);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool equals_ignoring_case(const char *text, const char *word)
{
    while (*word != '\0' && lower(*text) == *word) {
        text++;
        word++;
    }
    return *word == '\0' && *text == '\0';
}

/* Digits and nothing else, of that base. */
static bool read_number(const char *text, unsigned base, size_t max, size_t *value)
{
    size_t n = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        char c = lower(*text);
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 99;
        if (digit >= base || n > (max - digit) / base)
            return false;
        n = n * base + digit;
    }
    *value = n;
    return true;
}

static enum http_result fail(struct http_reply *r, enum http_result why)
{
    r->step = HTTP_OVER;
    return r->result = why;
}

static enum http_result finish(struct http_reply *r)
{
    r->body[r->body_len] = '\0';
    return fail(r, HTTP_DONE);
}

static enum http_result read_status(struct http_reply *r)
{
    const char *l = r->line; /* "HTTP/1.1 200 OK" */
    if (strncmp(l, "HTTP/1.", 7) != 0 || r->line_len < 12 || l[8] != ' ')
        return fail(r, HTTP_MALFORMED);
    for (int i = 9; i < 12; i++) {
        if (l[i] < '0' || l[i] > '9')
            return fail(r, HTTP_MALFORMED);
        r->status = r->status * 10 + (l[i] - '0');
    }
    r->closes = l[7] == '0';
    r->step = HTTP_HEADER;
    return HTTP_MORE;
}

/* Sends two lengths that differ, or a length beside chunks, to ruin: a proxy might have read the other one
 * (RFC 9112 section 6.3). */
static enum http_result read_length(struct http_reply *r, const char *value)
{
    size_t length;
    if (!read_number(value, 10, SIZE_MAX, &length) || (r->has_length && length != r->left) || r->chunked)
        return fail(r, HTTP_MALFORMED);
    r->has_length = true;
    r->left = length;
    return length > r->body_max ? fail(r, HTTP_TOO_LARGE) : HTTP_MORE;
}

static enum http_result read_header(struct http_reply *r)
{
    char *value = strchr(r->line, ':');
    if (value == NULL)
        return fail(r, HTTP_MALFORMED);
    *value++ = '\0';
    value += strspn(value, " \t");
    for (char *end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
        end[-1] = '\0';
    size_t number;
    if (equals_ignoring_case(r->line, "content-length"))
        return read_length(r, value);
    if (equals_ignoring_case(r->line, "transfer-encoding")) {
        if (!equals_ignoring_case(value, "chunked") || r->has_length)
            return fail(r, HTTP_MALFORMED);
        r->chunked = true;
    }
    if (equals_ignoring_case(r->line, "connection"))
        r->closes = equals_ignoring_case(value, "close");
    bool is_wait = equals_ignoring_case(r->line, "retry-after") && strspn(value, DIGITS) == strlen(value);
    if (is_wait && value[0] != '\0')
        r->retry_after_s = read_number(value, 10, RETRY_MAX_S, &number) ? (uint32_t)number : RETRY_MAX_S;
    return HTTP_MORE;
}

static enum http_result end_head(struct http_reply *r)
{
    if (r->status < 200) { /* 100 Continue: the real one follows */
        size_t seen = r->head_len;
        http_expect_pieces(r, r->body, r->body_cap, r->body_max);
        r->head_len = seen;
        return HTTP_MORE;
    }
    r->step = r->chunked ? HTTP_CHUNK_SIZE : r->has_length ? HTTP_BODY : HTTP_BODY_REST;
    r->closes |= r->step == HTTP_BODY_REST;
    bool is_bodiless = r->status == 204 || r->status == 304 || (r->step == HTTP_BODY && r->left == 0);
    return is_bodiless ? finish(r) : HTTP_MORE;
}

static enum http_result read_chunk_size(struct http_reply *r)
{
    r->line[strcspn(r->line, "; \t")] = '\0';
    if (!read_number(r->line, 16, SIZE_MAX, &r->left))
        return fail(r, HTTP_MALFORMED);
    if (r->left > r->body_max - r->body_seen)
        return fail(r, HTTP_TOO_LARGE);
    r->step = r->left > 0 ? HTTP_CHUNK : HTTP_TRAILER;
    return HTTP_MORE;
}

static enum http_result take_line(struct http_reply *r)
{
    if (r->step == HTTP_STATUS_LINE)
        return r->line_skipped ? fail(r, HTTP_MALFORMED) : read_status(r);
    if (r->step == HTTP_HEADER)
        return r->line_len == 0 ? end_head(r) : r->line_skipped ? HTTP_MORE : read_header(r);
    if (r->step == HTTP_CHUNK_SIZE)
        return r->line_skipped ? fail(r, HTTP_MALFORMED) : read_chunk_size(r);
    if (r->step == HTTP_CHUNK_END) {
        r->step = HTTP_CHUNK_SIZE;
        return r->line_len == 0 ? HTTP_MORE : fail(r, HTTP_MALFORMED);
    }
    return r->line_len == 0 ? finish(r) : HTTP_MORE; /* trailers are of no interest */
}

static enum http_result take_line_byte(struct http_reply *r, char c)
{
    if (++r->head_len > HTTP_HEAD_MAX)
        return fail(r, HTTP_TOO_LARGE);
    if (c == '\0')
        return fail(r, HTTP_MALFORMED);
    if (c != '\n') {
        if (r->line_len < sizeof r->line - 1)
            r->line[r->line_len++] = c;
        else
            r->line_skipped = true;
        return HTTP_MORE;
    }
    if (r->line_len > 0 && r->line[r->line_len - 1] == '\r')
        r->line_len--;
    r->line[r->line_len] = '\0';
    enum http_result result = take_line(r);
    r->line_len = 0;
    r->line_skipped = false;
    return result;
}

/* Returns how many bytes of data were body. */
static size_t take_body(struct http_reply *r, const uint8_t *data, size_t len)
{
    size_t room = r->body_cap - 1 - r->body_len, rest = r->body_max - r->body_seen;
    size_t n = r->step == HTTP_BODY_REST || len < r->left ? len : r->left;
    if (n > room || n > rest) {
        (void)fail(r, HTTP_TOO_LARGE);
        return len;
    }
    memcpy(r->body + r->body_len, data, n);
    r->body_len += n;
    r->body_seen += n;
    if (r->step == HTTP_BODY_REST)
        return n;
    r->left -= n;
    if (r->left == 0 && r->step == HTTP_BODY)
        (void)finish(r);
    else if (r->left == 0)
        r->step = HTTP_CHUNK_END;
    return n;
}

enum http_result http_take(struct http_reply *r, const uint8_t *data, size_t len)
{
    while (len > 0 && r->step != HTTP_OVER) {
        bool in_body = r->step == HTTP_BODY || r->step == HTTP_BODY_REST || r->step == HTTP_CHUNK;
        size_t used = 1;
        if (in_body)
            used = take_body(r, data, len);
        else
            (void)take_line_byte(r, (char)data[0]);
        data += used;
        len -= used;
    }
    return r->result;
}

enum http_result http_end(struct http_reply *r)
{
    if (r->step == HTTP_BODY_REST)
        return finish(r);
    return r->step == HTTP_OVER ? r->result : fail(r, HTTP_MALFORMED);
}
