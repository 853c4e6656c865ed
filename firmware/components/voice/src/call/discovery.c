#include "call/discovery.h"

#include <stdio.h>
#include <string.h>

#define MS(n) ((uint64_t)(n)*1000u)
#define COLLECT_US MS(400)   /* for others to answer, once the first has */
#define PAIRED_US MS(2500)   /* for the one we know, before another will do */
#define OTHERS_US MS(1500)   /* for others to be found, where the one we know has refused */
#define RECENT_US MS(1200)   /* an answer, maybe to somebody else, is not said again for a second */
#define ASK_FIRST_US MS(500) /* RFC 6762 section 5.2 wants a second at least between later ones, doubling */
#define VERSION "1"

void discovery_ask(void)
{
    (void)port_mdns_browse("_voicegw._tcp");
}

static void begin(struct discovery *d, uint64_t now, uint64_t settle)
{
    d->began = d->asked = now;
    d->settle_at = now + settle;
    d->ask_interval = ASK_FIRST_US;
    discovery_ask();
}

static bool is_recent(const struct discovery_gateway *g, uint64_t now)
{
    return now < g->heard_at + RECENT_US;
}

void discovery_start(struct discovery *d, uint64_t now, const char *paired)
{
    int kept = 0;
    for (int i = 0; i < d->count; i++)
        if (is_recent(&d->found[i], now)) {
            d->found[kept] = d->found[i];
            d->found[kept++].refused = false;
        }
    d->count = kept;
    (void)snprintf(d->paired, sizeof d->paired, "%s", paired);
    begin(d, now, paired[0] != '\0' ? PAIRED_US : COLLECT_US);
}

static bool is_at(const struct discovery_gateway *g, const char *id, const struct port_address *at)
{
    const struct port_address *own = &g->addresses.at[0];
    return strcmp(g->id, id) == 0 && own->family == at->family && own->port == at->port &&
           memcmp(own->ip, at->ip, sizeof own->ip) == 0;
}

void discovery_refuse(struct discovery *d, const char *id, const struct port_address *at)
{
    for (int i = 0; i < d->count; i++)
        d->found[i].refused |= is_at(&d->found[i], id, at);
}

void discovery_go_on(struct discovery *d, uint64_t now)
{
    begin(d, now, COLLECT_US);
}

bool discovery_is_over(const struct discovery *d, uint64_t now)
{
    return now >= d->began + OTHERS_US;
}

static const char *txt_value(const struct port_service *service, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < sizeof service->txt / sizeof service->txt[0]; i++)
        if (strncmp(service->txt[i], key, len) == 0 && service->txt[i][len] == '=')
            return service->txt[i] + len + 1;
    return "";
}

/* "0.25" as 250. What is not between 0 and 1 counts as full. */
static uint16_t read_load(const char *text)
{
    if (strncmp(text, "0.", 2) != 0)
        return strcmp(text, "0") == 0 ? 0 : 1000;
    uint16_t load = 0, unit = 100;
    for (const char *c = text + 2; *c >= '0' && *c <= '9' && unit > 0; c++, unit = (uint16_t)(unit / 10))
        load = (uint16_t)(load + (*c - '0') * unit);
    return load;
}

bool discovery_read(struct discovery_gateway *gateway, const struct port_service *service)
{
    const char *id = txt_value(service, "id"), *path = txt_value(service, "path");
    bool fits = strlen(id) < sizeof gateway->id && strlen(path) < sizeof gateway->path;
    bool usable = path[0] == '/' && strpbrk(path, " \r\n\t") == NULL && service->addresses.count > 0 &&
                  service->addresses.at[0].port != 0;
    if (strcmp(txt_value(service, "v"), VERSION) != 0 || id[0] == '\0' || !usable || !fits)
        return false;
    strcpy(gateway->id, id);
    strcpy(gateway->path, path);
    gateway->addresses = service->addresses;
    gateway->tls = strcmp(txt_value(service, "tls"), "1") == 0;
    gateway->load = read_load(txt_value(service, "load"));
    return true;
}

static bool is_paired(const struct discovery *d, const struct discovery_gateway *g)
{
    return strcmp(g->id, d->paired) == 0;
}

/* Where this one's is, else where one can be kept: free, or of one that has not been heard of for a while,
 * or, for the one we know, of any other. */
static int place_of(const struct discovery *d, const struct discovery_gateway *g, uint64_t now)
{
    for (int i = 0; i < d->count; i++)
        if (is_at(&d->found[i], g->id, &g->addresses.at[0]))
            return i;
    for (int i = 0; d->count == DISCOVERY_GATEWAYS && i < d->count; i++)
        if (!is_recent(&d->found[i], now) || (is_paired(d, g) && !is_paired(d, &d->found[i])))
            return i;
    return d->count;
}

static bool note(struct discovery *d, uint64_t now, const struct port_service *service)
{
    struct discovery_gateway gateway;
    if (!discovery_read(&gateway, service))
        return false;
    int i = place_of(d, &gateway, now);
    if (i == DISCOVERY_GATEWAYS)
        return false;
    bool is_known = i < d->count && is_at(&d->found[i], gateway.id, &gateway.addresses.at[0]);
    gateway.refused = is_known && d->found[i].refused;
    gateway.heard_at = now;
    d->found[i] = gateway;
    d->count += i == d->count ? 1 : 0;
    return true;
}

bool discovery_listen(struct discovery *d, uint64_t now)
{
    struct port_service service;
    bool heard = false;
    while (port_mdns_found(&service) == PORT_OK)
        heard |= note(d, now, &service);
    return heard;
}

/* Of those of that id, NULL: of all. */
static const struct discovery_gateway *least_loaded(const struct discovery *d, const char *id)
{
    const struct discovery_gateway *best = NULL;
    for (int i = 0; i < d->count; i++) {
        const struct discovery_gateway *g = &d->found[i];
        bool fits = !g->refused && (id == NULL || strcmp(g->id, id) == 0);
        if (fits && (best == NULL || g->load < best->load))
            best = g;
    }
    return best;
}

bool discovery_has_other(const struct discovery *d)
{
    return least_loaded(d, NULL) != NULL;
}

const struct discovery_gateway *discovery_step(struct discovery *d, uint64_t now)
{
    (void)discovery_listen(d, now);
    const struct discovery_gateway *best = least_loaded(d, d->paired); /* no gateway's id is empty */
    if (best == NULL && now >= d->settle_at)
        best = least_loaded(d, NULL);
    if (best == NULL && now >= d->asked + d->ask_interval) {
        d->asked = now;
        d->ask_interval *= 2;
        discovery_ask();
    }
    return best;
}

uint64_t discovery_deadline(const struct discovery *d)
{
    uint64_t ask = d->asked + d->ask_interval;
    return discovery_has_other(d) && d->settle_at < ask ? d->settle_at : ask;
}

static void write_host(const struct port_address *a, char *out, size_t cap)
{
    size_t used = 0;
    if (a->family == 4)
        (void)snprintf(out, cap, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
    for (size_t i = 0; a->family == 6 && i < 8; i++)
        used += (size_t)snprintf(out + used, cap - used, "%s%x", i > 0 ? ":" : "",
                                 (unsigned)(a->ip[2 * i] << 8 | a->ip[2 * i + 1]));
}

bool discovery_url(const struct discovery_gateway *gateway, struct http_url *url)
{
    memset(url, 0, sizeof *url);
    url->tls = gateway->tls;
    url->port = gateway->addresses.at[0].port;
    write_host(&gateway->addresses.at[0], url->host, sizeof url->host);
    int n = snprintf(url->path, sizeof url->path, "%s", gateway->path);
    return url->port != 0 && n > 0 && strpbrk(url->path, " \r\n\t") == NULL;
}

void discovery_announce(const struct discovery_self *self)
{
    const char *const values[][2] = {{"id", self->id},         {"board", self->board},
                                     {"fw", self->version},    {"state", self->state},
                                     {"reason", self->reason}, {"fault", self->fault}};
    char txt[sizeof values / sizeof values[0]][48];
    const char *list[sizeof values / sizeof values[0]];
    size_t count = 0;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (values[i][1][0] == '\0' || strcmp(values[i][1], "none") == 0)
            continue;
        (void)snprintf(txt[count], sizeof txt[0], "%s=%s", values[i][0], values[i][1]);
        list[count] = txt[count];
        count++;
    }
    (void)port_mdns_announce("_voicedev._tcp", self->name, 9, list, count); /* port 9: discard */
}
