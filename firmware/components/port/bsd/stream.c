/* The outgoing byte stream: TCP, with TLS over it where wanted. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "bsd.h"

#define RESOLVE_US 9000000u /* the second name server is asked after 5 s by glibc, after 7 s by lwIP */

#define CONNECT_US                                                                                           \
    2000000u /* to wait for one address while there is another (RFC 8305 section 5 has 2 s at most) */

static int tcp = -1;
static uint16_t port;
static uint64_t resolve_until, connect_until;
static struct port_addresses where;
static unsigned tried; /* of them */
static bool resolving, secured, connected, shaken;
static struct port_address reached;

static enum port_error connect_to(const struct port_address *there)
{
    int on = 1;
    struct sockaddr_storage to;
    socklen_t len = bsd_from_address(there, &to);
    if (len == 0)
        return PORT_ERR_UNREACHABLE;
    tcp = socket(to.ss_family, SOCK_STREAM, 0);
    if (tcp < 0)
        return PORT_ERR_SPACE;
    if (fcntl(tcp, F_SETFL, O_NONBLOCK) != 0)
        return PORT_ERR_IO;
    if (connect(tcp, (struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS)
        return PORT_ERR_UNREACHABLE;
    (void)setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tls_use(tcp);
    reached = *there;
    connect_until = port_clock() + CONNECT_US;
    bsd_watch(tcp, true);
    return PORT_AGAIN;
}

static void hang_up(void)
{
    bsd_watch(-1, false);
    if (tcp >= 0)
        close(tcp);
    tcp = -1;
}

static enum port_error connect_next(void)
{
    enum port_error error = PORT_ERR_UNREACHABLE;
    while (error != PORT_AGAIN && tried < where.count) {
        hang_up();
        where.at[tried].port = port;
        error = connect_to(&where.at[tried++]);
    }
    return error;
}

static enum port_error set_off(const struct port_stream_target *target)
{
    port = target->port;
    tried = 0;
    if (target->addresses != NULL) {
        where = *target->addresses;
        return connect_next();
    }
    resolving = true;
    resolve_until = port_clock() + RESOLVE_US;
    return resolve_start(target->host);
}

enum port_error port_stream_open(const struct port_stream_target *target)
{
    port_stream_close();
    secured = target->tls;
    enum port_error error = secured ? tls_start(target) : PORT_OK;
    if (error == PORT_OK)
        error = set_off(target);
    if (error != PORT_AGAIN)
        port_stream_close();
    return error;
}

static enum port_error finish_resolve(void)
{
    if (!resolving)
        return PORT_OK;
    enum port_error error = resolve_result(&where);
    if (error == PORT_AGAIN)
        return port_clock() < resolve_until ? PORT_AGAIN : PORT_ERR_RESOLVE;
    resolve_stop();
    resolving = false;
    return error == PORT_OK ? connect_next() : error;
}

static enum port_error finish_connect(void)
{
    int failure = 0;
    socklen_t len = sizeof failure;
    fd_set writable;
    struct timeval at_once = {0, 0};
    if (connected)
        return PORT_OK;
    FD_ZERO(&writable);
    FD_SET(tcp, &writable);
    bool is_last = tried >= where.count;
    if (select(tcp + 1, NULL, &writable, NULL, &at_once) <= 0)
        return is_last || port_clock() < connect_until ? PORT_AGAIN : connect_next();
    if (getsockopt(tcp, SOL_SOCKET, SO_ERROR, &failure, &len) != 0 || failure != 0)
        return connect_next();
    connected = true;
    bsd_watch(tcp, false);
    return PORT_OK;
}

static enum port_error get_ready(void)
{
    bool wants_room = false;
    enum port_error error = finish_resolve();
    if (error != PORT_OK)
        return error;
    if (tcp < 0)
        return PORT_ERR_UNREACHABLE;
    error = finish_connect();
    if (error != PORT_OK || !secured || shaken)
        return error;
    error = tls_handshake(&wants_room);
    shaken = error == PORT_OK;
    bsd_watch(tcp, wants_room);
    return error;
}

static enum port_error explain(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? PORT_AGAIN : PORT_ERR_UNREACHABLE;
}

static enum port_error write_plain(const uint8_t *data, size_t len, size_t *written)
{
    ssize_t n = send(tcp, data, len, MSG_NOSIGNAL);
    *written = n > 0 ? (size_t)n : 0;
    return n < 0 ? explain() : PORT_OK;
}

enum port_error port_stream_write(const uint8_t *data, size_t len, size_t *written)
{
    *written = 0;
    enum port_error error = get_ready();
    if (error != PORT_OK || len == 0)
        return error;
    error = secured ? tls_write(data, len, written) : write_plain(data, len, written);
    bsd_watch(tcp, error == PORT_AGAIN);
    return error;
}

static enum port_error read_plain(uint8_t *data, size_t cap, size_t *len)
{
    ssize_t n = recv(tcp, data, cap, 0);
    *len = n > 0 ? (size_t)n : 0;
    return n < 0 ? explain() : n == 0 ? PORT_END : PORT_OK;
}

enum port_error port_stream_read(uint8_t *data, size_t cap, size_t *len)
{
    *len = 0;
    enum port_error error = get_ready();
    if (error != PORT_OK)
        return error;
    bsd_watch(tcp, false);
    return secured ? tls_read(data, cap, len) : read_plain(data, cap, len);
}

void port_stream_peer(struct port_address *address)
{
    *address = reached;
}

enum port_error port_stream_pin(uint8_t pin[32])
{
    return secured && shaken ? tls_pin(pin) : PORT_ERR_ABSENT;
}

void port_stream_rest(bool rest)
{
    bsd_watch(rest ? -1 : tcp, false);
}

void port_stream_close(void)
{
    if (resolving)
        resolve_stop();
    tls_stop();
    hang_up();
    resolving = secured = connected = shaken = false;
    memset(&reached, 0, sizeof reached);
}
