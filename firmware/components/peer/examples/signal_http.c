#define _GNU_SOURCE
#include "signal_http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Our SDP has no other character that JSON escapes. */
static void make_body(const char *sdp, char *body, size_t cap)
{
    size_t n = (size_t)snprintf(body, cap, "{\"type\":\"offer\",\"sdp\":\"");
    for (; *sdp != '\0' && n + 8 < cap; sdp++) {
        if (*sdp == '\r' || *sdp == '\n')
            body[n++] = '\\';
        body[n++] = (char)(*sdp == '\r' ? 'r' : *sdp == '\n' ? 'n' : *sdp);
    }
    snprintf(body + n, cap - n, "\"}");
}

/* The answer ends with the connection. */
static bool post(const struct sockaddr_in *gateway, const char *body, char *reply, size_t cap)
{
    size_t len = 0;
    char host[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &gateway->sin_addr, host, sizeof host);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (const struct sockaddr *)gateway, sizeof *gateway) == 0 &&
        dprintf(s,
                "POST /api/offer HTTP/1.1\r\nHost: %s:%u\r\nConnection: close\r\n"
                "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                host, (unsigned)ntohs(gateway->sin_port), strlen(body), body) > 0) {
        for (ssize_t got; len < cap - 1 && (got = read(s, reply + len, cap - 1 - len)) > 0;)
            len += (size_t)got;
    }
    reply[len] = '\0';
    close(s);
    return strncmp(reply, "HTTP/1.1 200", 12) == 0;
}

/* Unescapes, in place, the string that follows "sdp":. */
static char *find_sdp(char *json)
{
    char *from = strstr(json, "\"sdp\":");
    char *start = from != NULL ? strchr(from + 6, '"') : NULL, *to;
    if (start == NULL)
        return NULL;
    for (from = ++start, to = start; *from != '"' && *from != '\0'; from++) {
        if (*from == '\\' && from[1] != '\0')
            from++, *to++ = (char)(*from == 'r' ? '\r' : *from == 'n' ? '\n' : *from);
        else
            *to++ = *from;
    }
    *to = '\0';
    return start;
}

bool signal_offer(const struct sockaddr_in *gateway, const char *offer, char *answer, size_t cap)
{
    static char body[8192];
    make_body(offer, body, sizeof body);
    char *sdp = post(gateway, body, answer, cap) ? find_sdp(answer) : NULL;
    if (sdp != NULL)
        memmove(answer, sdp, strlen(sdp) + 1);
    return sdp != NULL;
}
