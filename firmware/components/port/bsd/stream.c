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

/* To wait for one address while there is another: for a connection (RFC 8305 section 5 has 2 s at most), then
 * for TLS, then for the first byte of a reply. */
#define CONNECT_US 2000000u
#define REPLY_US 3000000u

static int tcp = -1;
static uint16_t port;
static uint64_t resolve_until, until;
static struct port_addresses where;
static unsigned start, tried;   /* of them */
static enum port_error gravest; /* of those that failed */
static bool resolving, secured, connected, shaken, heard;
static struct port_address reached;
static struct port_address first; /* to be tried by the next open: the one before it was no good */

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
    until = port_clock() + CONNECT_US;
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

static bool is_last(void)
{
    return tried >= where.count;
}

static bool is_overdue(void)
{
    return !is_last() && port_clock() >= until;
}

static struct port_address *next(void)
{
    return &where.at[(start + tried) % where.count];
}

/* `why`: what became of the one before. An identity that is not the pinned one says more than silence. */
static enum port_error connect_next(enum port_error why)
{
    while (why != PORT_AGAIN && !is_last()) {
        struct port_address *there = next();
        hang_up();
        gravest = why > gravest ? why : gravest;
        there->port = port;
        tried++;
        why = connect_to(there);
    }
    return why == PORT_AGAIN || why > gravest ? why : gravest;
}

static enum port_error connect_first(void)
{
    start = tried = 0;
    gravest = PORT_OK;
    for (unsigned i = 0; i < where.count; i++)
        if (addresses_equal(&where.at[i], &first))
            start = i;
    return connect_next(PORT_OK);
}

/* It took the connection, and is another machine, a proxy or frozen: it comes last at the next open, and then
 * has all the time there is, should it be no more than slow. */
static void put_off(void)
{
    if (!heard && !is_last())
        first = *next();
}

static enum port_error set_off(const struct port_stream_target *target)
{
    port = target->port;
    if (target->again && tried > 0) {
        heard = true;
        tried--;
        return connect_next(PORT_OK);
    }
    if (target->onwards)
        return connect_next(PORT_ERR_UNREACHABLE);
    tried = where.count = 0;
    if (target->addresses != NULL) {
        where = *target->addresses;
        return connect_first();
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
    return error == PORT_OK ? connect_first() : error;
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
    if (select(tcp + 1, NULL, &writable, NULL, &at_once) <= 0)
        return is_overdue() ? connect_next(PORT_ERR_UNREACHABLE) : PORT_AGAIN;
    if (getsockopt(tcp, SOL_SOCKET, SO_ERROR, &failure, &len) != 0 || failure != 0)
        return connect_next(PORT_ERR_UNREACHABLE);
    connected = true;
    until = port_clock() + REPLY_US;
    bsd_watch(tcp, false);
    return PORT_OK;
}

/* Nothing of ours has been sent yet: the next may be tried at once. */
static enum port_error pass_over(enum port_error why)
{
    put_off();
    connected = false;
    if (!is_last() && !tls_restart())
        return PORT_ERR_SPACE;
    return connect_next(why);
}

static enum port_error finish_tls(void)
{
    bool wants_room = false;
    if (!secured || shaken)
        return PORT_OK;
    enum port_error error = tls_handshake(&wants_room);
    if (error == PORT_AGAIN && is_overdue())
        error = PORT_ERR_UNREACHABLE;
    if (error != PORT_OK && error != PORT_AGAIN)
        return pass_over(error);
    shaken = error == PORT_OK;
    if (shaken)
        until = port_clock() + REPLY_US;
    bsd_watch(tcp, wants_room);
    return error;
}

static enum port_error get_ready(void)
{
    enum port_error error = finish_resolve();
    if (error != PORT_OK)
        return error;
    if (tcp < 0)
        return PORT_ERR_UNREACHABLE;
    error = finish_connect();
    return error == PORT_OK ? finish_tls() : error;
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
    if (error == PORT_OK)
        until = port_clock() + REPLY_US;
    else if (error != PORT_AGAIN)
        put_off();
    return error;
}

static enum port_error read_plain(uint8_t *data, size_t cap, size_t *len)
{
    ssize_t n = recv(tcp, data, cap, 0);
    *len = n > 0 ? (size_t)n : 0;
    return n < 0 ? explain() : n == 0 ? PORT_END : PORT_OK;
}

/* What was sent may have been acted on: whether it is sent again, to the next, is for whoever opens again. */
static enum port_error expect_reply(enum port_error error)
{
    if (error == PORT_AGAIN && !is_overdue())
        return error;
    put_off();
    return error > PORT_ERR_UNREACHABLE ? error : PORT_ERR_UNREACHABLE;
}

enum port_error port_stream_read(uint8_t *data, size_t cap, size_t *len)
{
    *len = 0;
    enum port_error error = get_ready();
    if (error != PORT_OK)
        return error;
    bsd_watch(tcp, false);
    error = secured ? tls_read(data, cap, len) : read_plain(data, cap, len);
    heard |= error == PORT_OK;
    return heard || is_last() ? error : expect_reply(error);
}

bool port_stream_has_more(void)
{
    return !is_last();
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
    resolving = secured = connected = shaken = heard = false;
    memset(&reached, 0, sizeof reached);
}
