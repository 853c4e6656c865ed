/* The network of the board in memory: link, sockets, streams, mDNS. */
#include "voice/fake.h"

#include <stdio.h>
#include <string.h>

#include "peer.h"

enum port_error port_link_join(const char *ssid, const char *password)
{
    (void)ssid;
    (void)password;
    fake.joins++;
    return PORT_OK;
}

enum port_link port_link_state(void)
{
    return fake.link;
}

bool port_link_needs_ssid(void)
{
    return fake.needs_ssid;
}

enum port_error port_link_scan(void)
{
    fake.network_at = 0;
    return fake.scan_fails ? PORT_ERR_ABSENT : PORT_OK;
}

enum port_error port_link_seen(struct port_network *network)
{
    if (fake.network_at == fake.network_count)
        return fake.scan_result;
    *network = fake.networks[fake.network_at++];
    return PORT_OK;
}

void port_link_busy(bool busy)
{
    fake.busy = busy;
}

void port_net_wait(uint64_t deadline)
{
    fake.now = deadline;
}

void port_net_wake(void)
{
    fake.woken = true;
}

enum port_error port_udp_open(const struct port_address *toward, struct port_address *local)
{
    *local = *toward;
    local->port = 40000;
    fake.udp_open = fake.udp_result == PORT_OK;
    return fake.udp_result;
}

void port_udp_close(void)
{
    fake.udp_open = false;
}

enum port_error port_udp_send(const struct port_address *remote, const uint8_t *data, size_t len)
{
    (void)remote;
    (void)data;
    (void)len;
    fake.udp_sent++;
    return PORT_OK;
}

enum port_error port_udp_receive(struct port_address *remote, uint8_t *data, size_t cap, size_t *len)
{
    *len = 0;
    if (fake.udp_waiting == 0 || cap == 0)
        return PORT_AGAIN;
    fake.udp_waiting--;
    fake.now += fake.udp_takes;
    *remote = (struct port_address){.family = 4, .ip = {127, 0, 0, 1}, .port = 9};
    data[0] = 0xFF;
    *len = 1;
    return PORT_OK;
}

enum port_error port_stream_open(const struct port_stream_target *target)
{
    fake.streams_opened++;
    fake.stream_open = fake.open_result == PORT_OK;
    fake.stream_rests = false;
    fake.reply_at = 0;
    fake.sent_len = 0;
    (void)snprintf(fake.target_host, sizeof fake.target_host, "%s", target->host);
    fake.target_port = target->port;
    fake.target_addresses = target->addresses != NULL ? *target->addresses : (struct port_addresses){0};
    fake.target_address = fake.target_addresses.at[0];
    fake.target_tls = target->tls;
    fake.target_again = target->again;
    fake.target_onwards = target->onwards;
    fake.more -= target->onwards && fake.more > 0;
    fake.target_has_ca = target->ca_pem != NULL;
    fake.target_has_fingerprint = target->pin_count > 0;
    return fake.open_result;
}

enum port_error port_stream_pin(uint8_t pin[32])
{
    memset(pin, 0xA5, 32);
    return fake.target_tls ? PORT_OK : PORT_ERR_ABSENT;
}

enum port_error port_stream_write(const uint8_t *data, size_t len, size_t *written)
{
    *written = 0;
    if (!fake.stream_open)
        return PORT_ERR_UNREACHABLE;
    bool is_odd = fake.odd != NULL && strcmp(fake.odd, fake.target_host) == 0;
    enum port_error result = is_odd ? fake.odd_result : fake.connect_result;
    if (result != PORT_OK || len == 0)
        return result;
    size_t n = fake.write_limit != 0 && len > fake.write_limit ? fake.write_limit : len;
    if (n > sizeof fake.sent - 1 - fake.sent_len)
        return PORT_ERR_SPACE;
    memcpy(fake.sent + fake.sent_len, data, n);
    fake.sent_len += n;
    fake.sent[fake.sent_len] = '\0';
    *written = n;
    return PORT_OK;
}

enum port_error port_stream_read(uint8_t *data, size_t cap, size_t *len)
{
    *len = 0;
    if (!fake.stream_open)
        return PORT_ERR_UNREACHABLE;
    size_t left = fake.reply_len - fake.reply_at;
    if (left == 0)
        return fake.after;
    size_t n = left < fake.piece ? left : fake.piece;
    n = n < cap ? n : cap;
    memcpy(data, fake.reply + fake.reply_at, n);
    fake.reply_at += n;
    *len = n;
    return PORT_OK;
}

bool port_stream_has_more(void)
{
    return fake.more > 0;
}

void port_stream_peer(struct port_address *address)
{
    *address = (struct port_address){.family = 4, .ip = {127, 0, 0, 1}, .port = fake.target_port};
}

void port_stream_rest(bool rest)
{
    fake.stream_rests = rest;
}

void port_stream_close(void)
{
    fake.stream_open = false;
}

void fake_reply(const char *text)
{
    fake.reply = text;
    fake.reply_len = strlen(text);
    fake.reply_at = 0;
}

/* ---- mDNS ---- */

enum port_error port_mdns_browse(const char *service)
{
    (void)service;
    fake.browses++;
    fake.browsing = true;
    return PORT_OK;
}

enum port_error port_mdns_found(struct port_service *found)
{
    if (!fake.browsing || fake.service_at == fake.service_count)
        return PORT_AGAIN;
    *found = fake.services[fake.service_at++];
    return PORT_OK;
}

enum port_error port_mdns_announce(const char *service, const char *instance, uint16_t port,
                                   const char *const txt[], size_t txt_count)
{
    (void)service;
    (void)port;
    memset(fake.announced, 0, sizeof fake.announced);
    (void)snprintf(fake.announced_name, sizeof fake.announced_name, "%s", instance != NULL ? instance : "");
    for (size_t i = 0; i < txt_count; i++)
        (void)snprintf(fake.announced[i], sizeof fake.announced[i], "%s", txt[i]);
    return PORT_OK;
}

void fake_serve(const char *id, const char *load, const char *ip, uint16_t port)
{
    struct port_service *s = &fake.services[fake.service_count++];
    struct peer_address address = {0};
    (void)peer_address_parse(&address, ip, port);
    memset(s, 0, sizeof *s);
    (void)snprintf(s->instance, sizeof s->instance, "gateway %s", id);
    s->addresses.count = 1;
    s->addresses.at[0] = (struct port_address){.family = address.family, .port = port};
    memcpy(s->addresses.at[0].ip, address.ip, sizeof address.ip);
    (void)snprintf(s->txt[0], sizeof s->txt[0], "v=1");
    (void)snprintf(s->txt[1], sizeof s->txt[1], "id=%s", id);
    (void)snprintf(s->txt[2], sizeof s->txt[2], "path=/api/offer");
    (void)snprintf(s->txt[3], sizeof s->txt[3], "tls=0");
    (void)snprintf(s->txt[4], sizeof s->txt[4], "load=%s", load);
}
