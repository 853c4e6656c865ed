#include <stdio.h>
#include <string.h>

#include "wire/http.h"

/* Printable ASCII without spaces: nothing that could end a request line or add a header. */
static bool copy_plain(char *out, size_t cap, const char *from, size_t len)
{
    if (len >= cap)
        return false;
    for (size_t i = 0; i < len; i++)
        if (from[i] <= ' ' || from[i] > '~')
            return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

static bool read_port(const char *text, size_t len, uint16_t *port)
{
    uint32_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || n > 65535)
            return false;
        n = n * 10 + (uint32_t)(text[i] - '0');
    }
    *port = (uint16_t)n;
    return n > 0 && n <= 65535;
}

static const char *skip_scheme(struct http_url *url, const char *text)
{
    url->tls = strncmp(text, "https://", 8) == 0;
    if (url->tls)
        return text + 8;
    return strncmp(text, "http://", 7) == 0 ? text + 7 : NULL;
}

bool http_parse_url(struct http_url *url, const char *text)
{
    text = skip_scheme(url, text);
    if (text == NULL)
        return false;
    bool bracketed = *text == '[';
    text += bracketed ? 1 : 0;
    size_t len = strcspn(text, bracketed ? "]" : ":/?#");
    if (len == 0 || !copy_plain(url->host, sizeof url->host, text, len))
        return false;
    text += len;
    if (bracketed && *text++ != ']')
        return false;
    url->port = url->tls ? 443 : 80;
    if (*text == ':') {
        len = strcspn(++text, "/?#");
        if (!read_port(text, len, &url->port))
            return false;
        text += len;
    }
    bool bare = *text == '\0' || strcmp(text, "/") == 0;
    const char *path = bare ? "/api/offer" : text;
    return path[0] == '/' && copy_plain(url->path, sizeof url->path, path, strlen(path));
}

static size_t finish(int n, size_t cap)
{
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

size_t http_write_post(char *out, size_t cap, const struct http_url *url, const char *authorization,
                       size_t body_len)
{
    bool is_ipv6 = strchr(url->host, ':') != NULL;
    int n = snprintf(out, cap,
                     "POST %s HTTP/1.1\r\n"
                     "Host: %s%s%s:%u\r\n"
                     "Content-Type: application/json\r\n"
                     "Content-Length: %zu\r\n"
                     "%s%s%s"
                     "Connection: close\r\n\r\n",
                     url->path, is_ipv6 ? "[" : "", url->host, is_ipv6 ? "]" : "", (unsigned)url->port,
                     body_len, authorization[0] != '\0' ? "Authorization: " : "", authorization,
                     authorization[0] != '\0' ? "\r\n" : "");
    return finish(n, cap);
}

size_t http_write_get(char *out, size_t cap, const struct http_url *url, const char *path, bool stays)
{
    bool is_ipv6 = strchr(url->host, ':') != NULL;
    int n = snprintf(out, cap,
                     "GET %s HTTP/1.1\r\n"
                     "Host: %s%s%s:%u\r\n"
                     "Connection: %s\r\n\r\n",
                     path, is_ipv6 ? "[" : "", url->host, is_ipv6 ? "]" : "", (unsigned)url->port,
                     stays ? "keep-alive" : "close");
    return finish(n, cap);
}
