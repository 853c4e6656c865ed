/* The outgoing byte stream: TCP, with TLS over it where wanted. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

#define RESOLVE_US 9000000u /* glibc turns to its second name server after 5 s */

static int tcp = -1;
static uint16_t port;
static uint64_t resolve_until;
static bool resolving, secured, connected, shaken;
static struct port_address reached;

static enum port_error connect_to(const struct port_address *there)
{
    struct sockaddr_storage where;
    socklen_t len = host_to_sockaddr(there, &where);
    tcp = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (tcp < 0)
        return PORT_ERR_SPACE;
    if (connect(tcp, (struct sockaddr *)&where, len) != 0 && errno != EINPROGRESS)
        return PORT_ERR_UNREACHABLE;
    host_tls_use(tcp);
    reached = *there;
    int on = 1;
    (void)setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    host_watch(HOST_WATCH_STREAM, tcp, true);
    return PORT_AGAIN;
}

static enum port_error set_off(const struct port_stream_target *target)
{
    port = target->port;
    if (target->address != NULL) {
        struct port_address there = *target->address;
        there.port = port;
        return connect_to(&there);
    }
    resolving = true;
    resolve_until = port_clock() + RESOLVE_US;
    return resolve_start(target->host);
}

enum port_error port_stream_open(const struct port_stream_target *target)
{
    port_stream_close();
    secured = target->tls;
    enum port_error error = secured ? host_tls_start(target) : PORT_OK;
    if (error == PORT_OK)
        error = set_off(target);
    if (error != PORT_AGAIN)
        port_stream_close();
    return error;
}

static enum port_error finish_resolve(void)
{
    struct port_address there;
    if (!resolving)
        return PORT_OK;
    enum port_error error = resolve_result(&there);
    if (error == PORT_AGAIN)
        return port_clock() < resolve_until ? PORT_AGAIN : PORT_ERR_RESOLVE;
    resolve_stop();
    resolving = false;
    there.port = port;
    return error == PORT_OK ? connect_to(&there) : error;
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
    enum port_error error = finish_resolve();
    if (error != PORT_OK)
        return error;
    if (tcp < 0)
        return PORT_ERR_UNREACHABLE;
    error = finish_connect();
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
    if (resolving)
        resolve_stop();
    host_tls_stop();
    if (tcp >= 0)
        close(tcp);
    tcp = -1;
    resolving = secured = connected = shaken = false;
    memset(&reached, 0, sizeof reached);
    host_watch(HOST_WATCH_STREAM, -1, false);
}
