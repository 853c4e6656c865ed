/* The outgoing byte stream: TCP, with TLS over it where wanted. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

static int tcp = -1;
static bool secured, connected, shaken;
static struct port_address reached;

static enum port_error connect_to(const struct sockaddr *where, socklen_t len)
{
    struct sockaddr_storage there = {0};
    tcp = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (tcp < 0)
        return PORT_ERR_SPACE;
    if (connect(tcp, where, len) != 0 && errno != EINPROGRESS)
        return PORT_ERR_UNREACHABLE;
    memcpy(&there, where, len);
    host_from_sockaddr(&there, &reached);
    int on = 1;
    (void)setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    host_watch(HOST_WATCH_STREAM, tcp, true);
    return PORT_AGAIN;
}

static enum port_error resolve_and_connect(const struct port_stream_target *target)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char service[8];
    (void)snprintf(service, sizeof service, "%u", target->port);
    if (getaddrinfo(target->host, service, &hints, &found) != 0)
        return PORT_ERR_RESOLVE;
    /* IPv4 first: one of our candidates has to be of the family that the gateway answers in */
    struct addrinfo *best = found;
    for (struct addrinfo *a = found; a != NULL && best->ai_family != AF_INET; a = a->ai_next)
        best = a->ai_family == AF_INET ? a : best;
    enum port_error error = connect_to(best->ai_addr, best->ai_addrlen);
    freeaddrinfo(found);
    return error;
}

static enum port_error connect_known(const struct port_stream_target *target)
{
    struct sockaddr_storage there;
    struct port_address address = *target->address;
    address.port = target->port;
    socklen_t len = host_to_sockaddr(&address, &there);
    return connect_to((struct sockaddr *)&there, len);
}

enum port_error port_stream_open(const struct port_stream_target *target)
{
    port_stream_close();
    enum port_error error = target->address != NULL ? connect_known(target) : resolve_and_connect(target);
    secured = target->tls;
    if (error == PORT_AGAIN && secured) {
        enum port_error started = host_tls_start(tcp, target);
        error = started == PORT_OK ? PORT_AGAIN : started;
    }
    if (error != PORT_AGAIN)
        port_stream_close();
    return error;
}

static enum port_error finish_connect(void)
{
    int failure = 0;
    socklen_t len = sizeof failure;
    struct sockaddr_storage there;
    socklen_t there_len = sizeof there;
    if (connected)
        return PORT_OK;
    if (getsockopt(tcp, SOL_SOCKET, SO_ERROR, &failure, &len) != 0 || failure != 0)
        return PORT_ERR_UNREACHABLE;
    if (getpeername(tcp, (struct sockaddr *)&there, &there_len) != 0)
        return PORT_AGAIN;
    connected = true;
    host_watch(HOST_WATCH_STREAM, tcp, false);
    return PORT_OK;
}

static enum port_error get_ready(void)
{
    bool wants_write = false;
    if (tcp < 0)
        return PORT_ERR_UNREACHABLE;
    enum port_error error = finish_connect();
    if (error != PORT_OK || !secured || shaken)
        return error;
    error = host_tls_handshake(&wants_write);
    shaken = error == PORT_OK;
    host_watch(HOST_WATCH_STREAM, tcp, wants_write);
    return error;
}

static enum port_error explain(void)
{
    return errno == EAGAIN ? PORT_AGAIN : PORT_ERR_UNREACHABLE;
}

enum port_error port_stream_write(const uint8_t *data, size_t len, size_t *written)
{
    *written = 0;
    enum port_error error = get_ready();
    if (error != PORT_OK || len == 0)
        return error;
    if (secured)
        return host_tls_write(data, len, written);
    ssize_t n = send(tcp, data, len, MSG_NOSIGNAL);
    *written = n > 0 ? (size_t)n : 0;
    host_watch(HOST_WATCH_STREAM, tcp, n < 0);
    return n < 0 ? explain() : PORT_OK;
}

enum port_error port_stream_read(uint8_t *data, size_t cap, size_t *len)
{
    *len = 0;
    enum port_error error = get_ready();
    if (error != PORT_OK)
        return error;
    host_watch(HOST_WATCH_STREAM, tcp, false);
    if (secured)
        return host_tls_read(data, cap, len);
    ssize_t n = recv(tcp, data, cap, 0);
    *len = n > 0 ? (size_t)n : 0;
    return n < 0 ? explain() : n == 0 ? PORT_END : PORT_OK;
}

void port_stream_peer(struct port_address *address)
{
    *address = reached;
}

void port_stream_rest(bool rest)
{
    host_watch(HOST_WATCH_STREAM, rest ? -1 : tcp, false);
}

void port_stream_close(void)
{
    host_tls_stop();
    if (tcp >= 0)
        close(tcp);
    tcp = -1;
    secured = connected = shaken = false;
    memset(&reached, 0, sizeof reached);
    host_watch(HOST_WATCH_STREAM, -1, false);
}
