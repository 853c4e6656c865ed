/* Looking up a name: all of its IPv4 addresses, of which lwIP's own resolver gives the first. One name server
 * after the other is asked, over and over, until whoever waits gives up or all have said that they do not
 * know; a name in .local is asked of the LAN (RFC 6762 section 5.1). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "bsd.h"
#include "dns_wire.h"

#define AGAIN_US 1500000u /* without an answer: the next one */

static struct {
    int socket;
    char host[PORT_HOST_MAX];
    uint16_t id;
    unsigned asked;  /* times */
    unsigned failed; /* servers in a row that had an answer, and it says nothing of the name */
    uint64_t next;
    struct port_addresses found;
} lookup = {.socket = -1};

/* Of any case, with or without the root's dot (RFC 6762 section 16, RFC 1034 section 3.1). */
static bool is_of_the_lan(const char *host)
{
    size_t len = strlen(host);
    len -= len > 0 && host[len - 1] == '.';
    return len > 6 && strncasecmp(host + len - 6, ".local", 6) == 0;
}

static bool server(unsigned i, struct port_address *address)
{
    if (!is_of_the_lan(lookup.host))
        return bsd_name_server(i, address);
    *address = (struct port_address){.family = 4, .ip = {224, 0, 0, 251}, .port = 5353};
    return i == 0;
}

/* Each question on a socket of its own: an answer finds its way only to the port that asked, and by the
 * number. */
static enum port_error ask(void)
{
    uint8_t query[DNS_QUERY_MAX];
    struct port_address address;
    struct sockaddr_storage to;
    if (!server(lookup.asked, &address)) {
        lookup.asked = 0;
        if (!server(0, &address))
            return PORT_ERR_RESOLVE;
    }
    resolve_stop();
    lookup.asked++;
    lookup.next = port_clock() + AGAIN_US;
    port_random((uint8_t *)&lookup.id, sizeof lookup.id);
    size_t len = dns_write_query(query, lookup.id, lookup.host);
    lookup.socket = len > 0 ? socket(AF_INET, SOCK_DGRAM, 0) : -1;
    if (lookup.socket < 0 || fcntl(lookup.socket, F_SETFL, O_NONBLOCK) != 0)
        return len > 0 ? PORT_ERR_SPACE : PORT_ERR_RESOLVE;
    (void)sendto(lookup.socket, query, len, 0, (struct sockaddr *)&to, bsd_from_address(&address, &to));
    bsd_watch(lookup.socket, false);
    return PORT_AGAIN;
}

static enum port_error ask_another(void)
{
    struct port_address address;
    return server(++lookup.failed, &address) ? ask() : PORT_ERR_RESOLVE;
}

static enum port_error ask_again(void)
{
    lookup.failed = 0;
    return ask();
}

enum port_error resolve_start(const char *host)
{
    struct in_addr digits;
    resolve_stop();
    lookup.asked = lookup.failed = 0;
    lookup.found.count = 0;
    if (snprintf(lookup.host, sizeof lookup.host, "%s", host) >= (int)sizeof lookup.host)
        return PORT_ERR_RESOLVE;
    if (inet_pton(AF_INET, host, &digits) != 1)
        return ask();
    lookup.found = (struct port_addresses){1, {{.family = 4}}};
    memcpy(lookup.found.at[0].ip, &digits, 4);
    return PORT_AGAIN;
}

enum port_error resolve_result(struct port_addresses *found)
{
    uint8_t message[DNS_ANSWER_MAX];
    enum port_error error = lookup.found.count > 0 ? PORT_OK : PORT_AGAIN;
    ssize_t len;
    while (error == PORT_AGAIN && lookup.socket >= 0 &&
           (len = recv(lookup.socket, message, sizeof message, 0)) >= 0)
        error = dns_read_answer(message, (size_t)len, lookup.id, &lookup.found);
    *found = lookup.found;
    if (error == PORT_ERR_UNREACHABLE)
        return ask_another();
    return error == PORT_AGAIN && port_clock() >= lookup.next ? ask_again() : error;
}

void resolve_stop(void)
{
    if (lookup.socket < 0)
        return;
    bsd_watch(-1, false);
    close(lookup.socket);
    lookup.socket = -1;
}
