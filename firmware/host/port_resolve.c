/* Looking up a name without waiting for it: getaddrinfo() in a thread of its own, which takes as long as the
 * system lets it. The answer comes by a pair of sockets: who has hung up by then does not hear it. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bsd.h"
#include "host.h"

#define AT_ONCE 4 /* those that nobody waits for any more count too */

struct lookup {
    int to; /* whom to tell */
    char host[PORT_HOST_MAX];
};

static int answer = -1;
static atomic_int running;

static void add_all(struct port_addresses *list, const struct addrinfo *found, int family)
{
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        struct sockaddr_storage there = {0};
        struct port_address address;
        if (a->ai_family != family)
            continue;
        memcpy(&there, a->ai_addr, a->ai_addrlen);
        host_from_sockaddr(&there, &address);
        addresses_add(list, &address);
    }
}

/* IPv4 first: one of our candidates has to be of the family that the gateway answers in. */
static struct port_addresses find(const char *host, int flags)
{
    struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM}, *found = NULL;
    struct port_addresses list = {0};
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return list;
    add_all(&list, found, AF_INET);
    add_all(&list, found, AF_INET6);
    freeaddrinfo(found);
    return list;
}

static void tell(int to, const struct port_addresses *list)
{
    (void)send(to, list, sizeof *list, MSG_NOSIGNAL);
    close(to);
}

static void *look_up(void *argument)
{
    struct lookup *lookup = argument;
    struct port_addresses list = find(lookup->host, 0);
    tell(lookup->to, &list);
    free(lookup);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static bool start_thread(struct lookup *lookup)
{
    pthread_t thread;
    if (atomic_fetch_add(&running, 1) < AT_ONCE && pthread_create(&thread, NULL, look_up, lookup) == 0)
        return pthread_detach(thread) == 0;
    atomic_fetch_sub(&running, 1);
    return false;
}

static enum port_error ask(const char *host, int to)
{
    struct port_addresses known = find(host, AI_NUMERICHOST);
    if (known.count > 0) {
        tell(to, &known);
        return PORT_AGAIN;
    }
    struct lookup *lookup = malloc(sizeof *lookup);
    if (lookup == NULL)
        return PORT_ERR_SPACE;
    lookup->to = to;
    (void)snprintf(lookup->host, sizeof lookup->host, "%s", host);
    if (start_thread(lookup))
        return PORT_AGAIN;
    free(lookup);
    return PORT_ERR_RESOLVE;
}

enum port_error resolve_start(const char *host)
{
    int pair[2];
    resolve_stop();
    if (strlen(host) >= PORT_HOST_MAX)
        return PORT_ERR_RESOLVE;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return PORT_ERR_SPACE;
    answer = pair[0];
    bsd_watch(answer, false);
    enum port_error error = ask(host, pair[1]);
    if (error != PORT_AGAIN)
        close(pair[1]);
    return error;
}

enum port_error resolve_result(struct port_addresses *found)
{
    ssize_t len = recv(answer, found, sizeof *found, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return PORT_AGAIN;
    return len == sizeof *found && found->count > 0 ? PORT_OK : PORT_ERR_RESOLVE;
}

void resolve_stop(void)
{
    if (answer < 0)
        return;
    close(answer);
    answer = -1;
    bsd_watch(-1, false);
}
