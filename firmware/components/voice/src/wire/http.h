/* One HTTP/1.1 exchange, without I/O: bytes of the reply in, a status and a bounded body out. RFC 9112. */
#ifndef VOICE_HTTP_H
#define VOICE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_LINE_MAX 256   /* longer header lines are skipped */
#define HTTP_HEAD_MAX 8192u /* all header lines of a reply together, trailers and chunk sizes too */

enum http_result {
    HTTP_MORE,
    HTTP_DONE,
    HTTP_MALFORMED, /* or cut short */
    HTTP_TOO_LARGE, /* the body, or the head */
};

enum http_step {
    HTTP_STATUS_LINE,
    HTTP_HEADER,
    HTTP_BODY,      /* of known length */
    HTTP_BODY_REST, /* until the stream ends */
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK,
    HTTP_CHUNK_END,
    HTTP_TRAILER,
    HTTP_OVER,
};

/* The body grows in the caller's buffer; the rest is http.c's own. */
struct http_reply {
    int status;
    uint32_t retry_after_s; /* 0: not said, or as a date */
    char *body;             /* NUL-terminated when done */
    size_t body_len;
    size_t body_cap;
    size_t body_max;  /* of the whole body, which may come in pieces */
    size_t body_seen; /* of it */

    enum http_step step;
    enum http_result result;
    bool chunked, has_length, line_skipped;
    bool closes; /* nothing else comes on this stream */
    size_t left; /* of body or chunk */
    size_t head_len;
    size_t line_len;
    char line[HTTP_LINE_MAX];
};

void http_expect(struct http_reply *reply, char *body, size_t cap);
/* For a body of up to `max` bytes that is taken in pieces: hand in no more than `cap` - 1 - body_len bytes at
 * once, and set body_len to 0 when the piece has been taken. */
void http_expect_pieces(struct http_reply *reply, char *piece, size_t cap, size_t max);
enum http_result http_take(struct http_reply *reply, const uint8_t *data, size_t len);
enum http_result http_end(struct http_reply *reply); /* the stream has ended */

/* "http://host[:port][/path]" or https, with [::1] for IPv6. */
struct http_url {
    bool tls;
    char host[128];
    uint16_t port;
    char path[128];
};

bool http_parse_url(struct http_url *url, const char *text);

/* POST with a JSON body of that length to follow; 0 if it doesn't fit. `authorization` is the header's value,
 * and may be empty. */
size_t http_write_post(char *out, size_t cap, const struct http_url *url, const char *authorization,
                       size_t body_len);
/* `stays`: another request follows on the same stream. */
size_t http_write_get(char *out, size_t cap, const struct http_url *url, const char *path, bool stays);

#endif
