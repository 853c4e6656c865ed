/* mDNS of the simulated device: finds services of one kind and announces one of its own, over IPv4 on every
 * interface, loopback too. No probing (RFC 6762 section 8.1): our host name carries an id that is ours alone.
 */
#define _GNU_SOURCE
#include "port_mdns.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bsd.h"
#include "mdns_wire.h"

#define INTERFACES 8
#define SERVICES 32
#define TTL 120u
#define BETWEEN_US 1000000u /* RFC 6762 section 6: a record goes out at most once a second */

struct service {
    struct mdns_name name, host; /* host.len 0: no SRV yet */
    uint16_t port;
    struct port_service found;
    bool has_txt, asked, fresh;
};

static struct {
    int socket;
    const char *only; /* interface, NULL for all */
    int interface_count;
    struct {
        int index;
        uint8_t ip[4];
    } interfaces[INTERFACES];

    struct mdns_name wanted; /* len 0: nothing is browsed for */
    struct service services[SERVICES];

    struct mdns_name kind, own, host; /* own.len 0: nothing is announced */
    uint16_t port;
    char txt[6][48];
    size_t txt_count;
    bool due;
    uint64_t told_at;
} mdns = {.socket = -1};

void host_mdns_only(const char *interface)
{
    mdns.only = interface;
}

/* ---- sockets ---- */

static void join(const struct ifaddrs *i)
{
    const struct sockaddr_in *address = (const struct sockaddr_in *)i->ifa_addr;
    struct ip_mreqn group = {.imr_ifindex = (int)if_nametoindex(i->ifa_name)};
    inet_pton(AF_INET, "224.0.0.251", &group.imr_multiaddr);
    if (mdns.interface_count == INTERFACES)
        return;
    /* a second address of the same interface has joined already; it is still one to announce */
    (void)setsockopt(mdns.socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group);
    mdns.interfaces[mdns.interface_count].index = group.imr_ifindex;
    memcpy(mdns.interfaces[mdns.interface_count++].ip, &address->sin_addr, 4);
}

static void join_all(void)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return;
    for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        bool usable =
            i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET && (i->ifa_flags & IFF_UP) != 0;
        if (usable && (mdns.only == NULL || strcmp(mdns.only, i->ifa_name) == 0))
            join(i);
    }
    freeifaddrs(all);
}

static bool open_socket(void)
{
    int on = 1, hops = 255;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(5353)};
    if (mdns.socket >= 0)
        return true;
    mdns.socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (mdns.socket < 0)
        return false;
    (void)setsockopt(mdns.socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(mdns.socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    (void)setsockopt(mdns.socket, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof on);
    (void)setsockopt(mdns.socket, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
    if (bind(mdns.socket, (struct sockaddr *)&at, sizeof at) != 0) {
        port_log(PORT_WARNING, "mdns", "port 5353 is taken by one that does not share it");
        host_mdns_close();
        return false;
    }
    join_all();
    host_watch(HOST_WATCH_MDNS, mdns.socket, false);
    return true;
}

void host_mdns_close(void)
{
    if (mdns.socket >= 0)
        close(mdns.socket);
    mdns.socket = -1;
    mdns.interface_count = 0;
    host_watch(HOST_WATCH_MDNS, -1, false);
}

static void send_on(int interface, const struct mdns_writer *w)
{
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(5353)};
    struct ip_mreqn out = {.imr_ifindex = mdns.interfaces[interface].index};
    inet_pton(AF_INET, "224.0.0.251", &group.sin_addr);
    memcpy(&out.imr_address, mdns.interfaces[interface].ip, 4);
    if (!w->failed && setsockopt(mdns.socket, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) == 0)
        (void)sendto(mdns.socket, w->message, w->len, 0, (struct sockaddr *)&group, sizeof group);
}

/* ---- finding ---- */

static void ask(const struct mdns_name *name, enum mdns_type type)
{
    struct mdns_writer w;
    mdns_begin(&w, false);
    mdns_ask(&w, name, type);
    for (int i = 0; i < mdns.interface_count; i++)
        send_on(i, &w);
}

enum port_error port_mdns_browse(const char *service)
{
    struct mdns_name name;
    char full[80];
    (void)snprintf(full, sizeof full, "%s.local", service);
    if (!mdns_name_make(&name, NULL, full))
        return PORT_ERR_ARGUMENT;
    if (!open_socket())
        return PORT_ERR_IO;
    if (!mdns_name_equal(&name, &mdns.wanted))
        memset(mdns.services, 0, sizeof mdns.services);
    mdns.wanted = name;
    for (int i = 0; i < SERVICES; i++)
        mdns.services[i].asked = false; /* what was asked for may have been lost */
    ask(&name, MDNS_PTR);
    return PORT_OK;
}

static struct service *find(const struct mdns_name *name)
{
    for (int i = 0; i < SERVICES; i++)
        if (mdns_name_equal(&mdns.services[i].name, name))
            return &mdns.services[i];
    return NULL;
}

static void take_pointer(const struct mdns_record *record)
{
    struct service *s = find(&record->target);
    if (!mdns_name_equal(&record->name, &mdns.wanted))
        return;
    if (record->ttl == 0) {
        if (s != NULL)
            memset(s, 0, sizeof *s);
        return;
    }
    for (int i = 0; s == NULL && i < SERVICES; i++)
        s = mdns.services[i].name.len == 0 ? &mdns.services[i] : NULL;
    if (s == NULL)
        return;
    s->name = record->target;
    s->fresh = true;
    mdns_name_label(&s->name, s->found.instance, sizeof s->found.instance);
}

static void take_text(struct service *s, const struct mdns_record *record)
{
    memset(s->found.txt, 0, sizeof s->found.txt);
    for (size_t i = 0; i < sizeof s->found.txt / sizeof s->found.txt[0]; i++)
        if (!mdns_txt(record, i, s->found.txt[i], sizeof s->found.txt[i]))
            break;
    s->has_txt = s->fresh = true;
}

static void take_address(const struct mdns_record *record)
{
    for (int i = 0; i < SERVICES; i++) {
        struct service *s = &mdns.services[i];
        struct port_address address = {.family = 4, .port = s->port};
        memcpy(address.ip, record->ip, 4);
        if (record->ttl > 0 && mdns_name_equal(&s->host, &record->name))
            addresses_add(&s->found.addresses, &address);
    }
}

static void take_details(const struct mdns_record *record)
{
    struct service *s = find(&record->name);
    if (s == NULL || record->ttl == 0)
        return;
    if (record->type == MDNS_TXT)
        take_text(s, record);
    if (record->type != MDNS_SRV)
        return;
    s->found.addresses.count = 0; /* those of before may be no longer: they come with it, or are asked for */
    s->host = record->target;
    s->port = record->port;
    s->fresh = true;
}

/* Records refer to each other and come in any order: pointers first, then what they name, then addresses. */
static void take_response(const uint8_t *message, size_t len)
{
    struct mdns_reader r;
    struct mdns_record record;
    for (int pass = 0; pass < 3 && mdns_read(&r, message, len); pass++)
        while (mdns_next(&r, &record)) {
            if (record.is_question)
                continue;
            if (pass == 0 && record.type == MDNS_PTR)
                take_pointer(&record);
            else if (pass == 1)
                take_details(&record);
            else if (pass == 2 && record.type == MDNS_A)
                take_address(&record);
        }
}

static bool is_whole(struct service *s)
{
    if (s->name.len > 0 && s->host.len > 0 && s->has_txt && s->found.addresses.count > 0)
        return true;
    if (s->fresh && !s->asked) {
        s->asked = true;
        ask(s->host.len == 0 || !s->has_txt ? &s->name : &s->host,
            s->host.len == 0 || !s->has_txt ? MDNS_ANY : MDNS_A);
    }
    return false;
}

enum port_error port_mdns_found(struct port_service *found)
{
    for (int i = 0; i < SERVICES; i++) {
        struct service *s = &mdns.services[i];
        if (!s->fresh || !is_whole(s))
            continue;
        s->fresh = s->asked = false;
        *found = s->found;
        return PORT_OK;
    }
    return PORT_AGAIN;
}

/* ---- being found ---- */

static void tell(uint32_t ttl)
{
    const char *text[6];
    for (size_t i = 0; i < mdns.txt_count; i++)
        text[i] = mdns.txt[i];
    for (int i = 0; i < mdns.interface_count; i++) {
        struct mdns_writer w;
        mdns_begin(&w, true);
        mdns_put_ptr(&w, &mdns.kind, &mdns.own, ttl);
        mdns_put_srv(&w, &mdns.own, &mdns.host, mdns.port, ttl);
        mdns_put_txt(&w, &mdns.own, text, mdns.txt_count, ttl);
        mdns_put_a(&w, &mdns.host, mdns.interfaces[i].ip, ttl);
        send_on(i, &w);
    }
}

static void withdraw(void)
{
    if (mdns.own.len > 0 && mdns.socket >= 0)
        tell(0);
    mdns.own.len = 0;
    mdns.due = false;
}

static bool name_self(const char *service, const char *instance)
{
    char kind[80], host[32];
    struct mdns_name own;
    (void)snprintf(kind, sizeof kind, "%s.local", service);
    (void)snprintf(host, sizeof host, "voicesim-%s", port_facts()->id);
    if (!mdns_name_make(&mdns.kind, NULL, kind) || !mdns_name_make(&own, instance, kind) ||
        !mdns_name_make(&mdns.host, host, "local"))
        return false;
    if (mdns.own.len > 0 && !mdns_name_equal(&own, &mdns.own))
        withdraw();
    mdns.own = own;
    return true;
}

enum port_error port_mdns_announce(const char *service, const char *instance, uint16_t port,
                                   const char *const txt[], size_t txt_count)
{
    if (instance == NULL) {
        withdraw();
        return PORT_OK;
    }
    if (txt_count > sizeof mdns.txt / sizeof mdns.txt[0] || !name_self(service, instance))
        return PORT_ERR_ARGUMENT;
    mdns.port = port;
    mdns.txt_count = txt_count;
    for (size_t i = 0; i < txt_count; i++)
        (void)snprintf(mdns.txt[i], sizeof mdns.txt[i], "%s", txt[i]);
    mdns.due = true;
    return open_socket() ? PORT_OK : PORT_ERR_IO;
}

static void take_query(const uint8_t *message, size_t len)
{
    struct mdns_reader r;
    struct mdns_record q;
    if (!mdns_read(&r, message, len))
        return;
    while (mdns.own.len > 0 && mdns_next(&r, &q) && q.is_question)
        mdns.due |= mdns_name_equal(&q.name, &mdns.kind) || mdns_name_equal(&q.name, &mdns.own) ||
                    mdns_name_equal(&q.name, &mdns.host);
}

uint64_t host_mdns_step(uint64_t now)
{
    uint8_t message[9000];
    ssize_t n;
    while (mdns.socket >= 0 && (n = recv(mdns.socket, message, sizeof message, 0)) > 0) {
        if ((size_t)n > 2 && (message[2] & 0x80) != 0)
            take_response(message, (size_t)n);
        else
            take_query(message, (size_t)n);
    }
    if (!mdns.due || mdns.socket < 0)
        return PORT_NEVER;
    if (now - mdns.told_at < BETWEEN_US)
        return mdns.told_at + BETWEEN_US;
    mdns.due = false;
    mdns.told_at = now;
    tell(TTL);
    return PORT_NEVER;
}
