/* Wi-Fi set up over Improv: what is asked for, and the answers that take a while. */
#include "device/device_improv.h"

#include <stdio.h>
#include <string.h>

#define JOIN_US 28000000u /* clients give up at 30 s */
#define SCAN_US 15000000u
#define FLAG_ONLINE 1u
#define FLAG_WIFI 2u
#define FLAG_ETHERNET 4u

static void send(const struct improv_writer *w)
{
    port_console_write((const char *)w->bytes, w->len);
}

static void send_state(enum improv_state state)
{
    struct improv_writer w;
    improv_write_state(&w, state);
    send(&w);
}

static void send_error(enum improv_error error)
{
    struct improv_writer w;
    improv_write_error(&w, error);
    send(&w);
}

/* The gateway's page, once there is a gateway. */
static void add_url(struct improv_writer *w, const struct device *d)
{
    char url[160];
    bool is_ipv6 = strchr(d->url.host, ':') != NULL;
    if (d->url.host[0] == '\0')
        return;
    (void)snprintf(url, sizeof url, "%s://%s%s%s:%u/", d->url.tls ? "https" : "http", is_ipv6 ? "[" : "",
                   d->url.host, is_ipv6 ? "]" : "", (unsigned)d->url.port);
    improv_add_text(w, url);
}

static void send_url(const struct device *d, enum improv_command command)
{
    struct improv_writer w;
    improv_begin_result(&w, command);
    add_url(&w, d);
    improv_end_result(&w);
    send(&w);
}

static enum improv_state state_of(const struct device *d)
{
    if (d->improv.joining)
        return IMPROV_PROVISIONING;
    return device_is_configured(d) && port_link_state() == PORT_LINK_UP ? IMPROV_PROVISIONED : IMPROV_READY;
}

static void tell_state(const struct device *d)
{
    enum improv_state state = state_of(d);
    send_state(state);
    if (state == IMPROV_PROVISIONED)
        send_url(d, IMPROV_GET_STATE);
}

static void tell_info(const struct device *d)
{
    const struct port_facts *facts = port_facts();
    struct improv_writer w;
    improv_begin_result(&w, IMPROV_GET_INFO);
    improv_add_text(&w, "voicegw");
    improv_add_text(&w, facts->version);
    improv_add_text(&w, facts->chip);
    improv_add_text(&w, device_name(d));
    improv_add_text(&w, facts->board);
    improv_end_result(&w);
    send(&w);
}

static void tell_name(struct device *d, const struct improv_request *request)
{
    struct improv_writer w;
    if (request->has_name && settings_set(&d->settings, "name", request->name) != SETTINGS_OK) {
        send_error(IMPROV_BAD_HOSTNAME);
        return;
    }
    improv_begin_result(&w, IMPROV_DEVICE_NAME);
    improv_add_text(&w, device_name(d));
    improv_end_result(&w);
    send(&w);
}

static void tell_network_state(const struct device *d)
{
    struct improv_writer w;
    bool online = port_link_state() == PORT_LINK_UP;
    char flags[4];
    unsigned kind = port_link_needs_ssid() ? FLAG_WIFI : FLAG_ETHERNET;
    (void)snprintf(flags, sizeof flags, "%u", (online ? FLAG_ONLINE : 0u) | kind);
    improv_begin_result(&w, IMPROV_GET_NETWORK_STATE);
    improv_add_text(&w, flags);
    if (online)
        add_url(&w, d);
    improv_end_result(&w);
    send(&w);
}

/* ---- what takes a while ---- */

static bool join(struct device *d, uint64_t now, const struct improv_request *request)
{
    enum settings_error error = settings_set_wifi(&d->settings, request->ssid, request->password);
    /* a store that fails is no reason to stay alone: the network is joined until the next start */
    if (error != SETTINGS_OK && error != SETTINGS_STORE) {
        send_error(error == SETTINGS_REFUSED ? IMPROV_UNABLE_TO_CONNECT : IMPROV_UNKNOWN);
        return false;
    }
    d->improv.joining = true;
    d->improv.until = now + JOIN_US;
    send_state(IMPROV_PROVISIONING);
    return true;
}

static bool is_of_link(enum reason reason)
{
    return reason == REASON_NO_WIFI || reason == REASON_WIFI_REFUSED || reason == REASON_NO_ADDRESS ||
           reason == REASON_NETWORK_TIMEOUT;
}

/* Joined is not enough: a moment later the gateway is known, and with it the page to go on to. */
static void step_join(struct device *d, uint64_t now)
{
    enum session_state state = d->session.state;
    bool failed = (state == SESSION_BACKOFF && is_of_link(d->session.last_failure)) || now >= d->improv.until;
    bool found = state == SESSION_SIGNALLING || state == SESSION_CONNECTING || state == SESSION_LIVE;
    if (!failed && !found && state != SESSION_BACKOFF)
        return;
    d->improv.joining = false;
    if (failed) {
        send_error(IMPROV_UNABLE_TO_CONNECT);
        send_state(IMPROV_READY);
        return;
    }
    send_state(IMPROV_PROVISIONED);
    send_url(d, IMPROV_SET_WIFI);
}

static void send_network(const struct port_network *network)
{
    struct improv_writer w;
    char rssi[5];
    (void)snprintf(rssi, sizeof rssi, "%d", network->rssi);
    improv_begin_result(&w, IMPROV_GET_NETWORKS);
    improv_add_text(&w, network->ssid);
    improv_add_text(&w, rssi);
    improv_add_text(&w, network->open ? "NO" : "YES");
    improv_end_result(&w);
    send(&w);
}

static void end_scan(struct device *d)
{
    struct improv_writer w;
    d->improv.scanning = false;
    improv_begin_result(&w, IMPROV_GET_NETWORKS);
    improv_end_result(&w);
    send(&w);
}

static void scan(struct device *d, uint64_t now)
{
    d->improv.scanning = true;
    d->improv.until = now + SCAN_US;
    if (port_link_scan() != PORT_OK)
        end_scan(d);
}

static void step_scan(struct device *d, uint64_t now)
{
    struct port_network network;
    enum port_error error = PORT_OK;
    while (error == PORT_OK) {
        error = port_link_seen(&network);
        if (error == PORT_OK)
            send_network(&network);
    }
    if (error != PORT_AGAIN || now >= d->improv.until)
        end_scan(d);
}

void device_improv_step(struct device *d, uint64_t now)
{
    if (d->improv.joining)
        step_join(d, now);
    if (d->improv.scanning)
        step_scan(d, now);
}

bool device_improv_take(struct device *d, uint64_t now, const char *frame, size_t len)
{
    struct improv_request request;
    if (!improv_read(&request, frame, len))
        return false;
    if (request.error != IMPROV_OK) {
        send_error(request.error);
        return false;
    }
    send_error(IMPROV_OK);
    switch (request.command) {
    case IMPROV_SET_WIFI:
        return join(d, now, &request);
    case IMPROV_GET_STATE:
        tell_state(d);
        break;
    case IMPROV_GET_INFO:
        tell_info(d);
        break;
    case IMPROV_GET_NETWORKS:
        scan(d, now);
        break;
    case IMPROV_DEVICE_NAME:
        tell_name(d, &request);
        break;
    case IMPROV_GET_NETWORK_STATE:
        tell_network_state(d);
        break;
    }
    return false;
}
