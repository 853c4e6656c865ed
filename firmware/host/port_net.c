/* The wait of the one loop, and the UDP socket of a call. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "bsd.h"
#include "host.h"
#include "port_mdns.h"

static bool woken;
static int udp = -1;

void port_net_wake(void)
{
    woken = true; /* one thread: nobody can be waiting now */
}

void port_net_wait(uint64_t deadline)
{
    uint64_t mdns = host_mdns_step(port_clock());
    deadline = mdns < deadline ? mdns : deadline;
    uint64_t now = port_clock(), left = woken || deadline <= now ? 0 : deadline - now;
    const uint64_t longest = 60u * 1000000u;
    woken = false;
    host_watch_wait(left < longest ? left : longest);
    (void)host_mdns_step(port_clock());
}

socklen_t bsd_from_address(const struct port_address *address, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (address->family == 6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(address->port);
        memcpy(&in6->sin6_addr, address->ip, 16);
        return sizeof *in6;
    }
    struct sockaddr_in *in4 = (struct sockaddr_in *)out;
    in4->sin_family = AF_INET;
    in4->sin_port = htons(address->port);
    memcpy(&in4->sin_addr, address->ip, 4);
    return sizeof *in4;
}

void host_from_sockaddr(const struct sockaddr_storage *from, struct port_address *address)
{
    memset(address, 0, sizeof *address);
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        address->family = 6;
        address->port = ntohs(in6->sin6_port);
        memcpy(address->ip, &in6->sin6_addr, 16);
    } else if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)from;
        address->family = 4;
        address->port = ntohs(in4->sin_port);
        memcpy(address->ip, &in4->sin_addr, 4);
    }
}

/* The kernel's routing decision, without sending anything. */
static bool local_toward(const struct port_address *toward, struct port_address *local)
{
    struct sockaddr_storage there, here;
    socklen_t len = sizeof here;
    struct port_address any = *toward;
    any.port = any.port != 0 ? any.port : 9;
    socklen_t there_len = bsd_from_address(&any, &there);
    int probe = socket(there.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found = probe >= 0 && connect(probe, (struct sockaddr *)&there, there_len) == 0 &&
                 getsockname(probe, (struct sockaddr *)&here, &len) == 0;
    if (probe >= 0)
        close(probe);
    if (found)
        host_from_sockaddr(&here, local);
    local->port = 0;
    return found;
}

enum port_error port_udp_open(const struct port_address *toward, struct port_address *local)
{
    struct sockaddr_storage here;
    port_udp_close();
    if (!local_toward(toward, local))
        return PORT_ERR_UNREACHABLE;
    socklen_t len = bsd_from_address(local, &here);
    udp = socket(here.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (udp < 0)
        return PORT_ERR_SPACE;
    if (bind(udp, (struct sockaddr *)&here, len) != 0 ||
        getsockname(udp, (struct sockaddr *)&here, &len) != 0) {
        port_udp_close();
        return PORT_ERR_IO;
    }
    host_from_sockaddr(&here, local);
    host_watch(HOST_WATCH_UDP, udp, false);
    return PORT_OK;
}

void port_udp_close(void)
{
    if (udp >= 0)
        close(udp);
    udp = -1;
    host_watch(HOST_WATCH_UDP, -1, false);
}

enum port_error port_udp_send(const struct port_address *remote, const uint8_t *data, size_t len)
{
    struct sockaddr_storage there;
    socklen_t there_len = bsd_from_address(remote, &there);
    if (sendto(udp, data, len, MSG_NOSIGNAL, (struct sockaddr *)&there, there_len) == (ssize_t)len)
        return PORT_OK;
    return errno == EAGAIN ? PORT_AGAIN : PORT_ERR_UNREACHABLE;
}

enum port_error port_udp_receive(struct port_address *remote, uint8_t *data, size_t cap, size_t *len)
{
    struct sockaddr_storage from;
    socklen_t from_len = sizeof from;
    ssize_t n = udp < 0 ? -1 : recvfrom(udp, data, cap, MSG_TRUNC, (struct sockaddr *)&from, &from_len);
    if (n < 0)
        return PORT_AGAIN;
    host_from_sockaddr(&from, remote);
    *len = (size_t)n <= cap ? (size_t)n : 0; /* longer than anything that speaks our protocol */
    return PORT_OK;
}
