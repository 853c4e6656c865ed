/* The link, whatever driver is beneath: its state, and our address. */
#include <esp_event.h>
#include <esp_netif.h>
#include <sdkconfig.h>
#include <stdatomic.h>
#include <string.h>

#include "bsd.h"
#include "esp.h"

#if CONFIG_ESP_NETIF_IP_LOST_TIMER_INTERVAL < 1 || CONFIG_ESP_NETIF_IP_LOST_TIMER_INTERVAL > 5
#error                                                                                                       \
    "a lost address would seem to be there: set CONFIG_ESP_NETIF_IP_LOST_TIMER_INTERVAL=5, or delete sdkconfig.BOARD"
#endif

#define JOIN_MS 15000u /* to an address, from the start or from its loss */

static _Atomic int state = PORT_LINK_DOWN;
static _Atomic uint32_t address, mask; /* network order, 0 for none */
static _Atomic uint32_t since_ms;      /* of that state */

/* Unless it has changed meanwhile. */
static bool turn(int from, enum port_link to)
{
    if (!atomic_compare_exchange_strong(&state, &from, (int)to))
        return false;
    atomic_store(&since_ms, (uint32_t)(port_clock() / 1000));
    return true;
}

void link_is(enum port_link now)
{
    if (atomic_exchange(&state, (int)now) != (int)now)
        atomic_store(&since_ms, (uint32_t)(port_clock() / 1000));
    port_net_wake();
}

static void on_ip(void *unused, esp_event_base_t base, int32_t id, void *data)
{
    (void)unused;
    (void)base;
    bool got = id == IP_EVENT_STA_GOT_IP || id == IP_EVENT_ETH_GOT_IP;
    if (!got && id != IP_EVENT_STA_LOST_IP && id != IP_EVENT_ETH_LOST_IP)
        return;
    const ip_event_got_ip_t *event = data;
    atomic_store(&mask, got ? event->ip_info.netmask.addr : 0);
    atomic_store(&address, got ? event->ip_info.ip.addr : 0);
    if (got) {
        port_log(PORT_INFO, "link", "address " IPSTR, IP2STR(&event->ip_info.ip));
        link_is(PORT_LINK_UP);
    } else if (turn(PORT_LINK_UP, PORT_LINK_JOINING)) { /* else the driver has said already what is wrong */
        port_net_wake();
    }
}

static esp_err_t hear_of_addresses(void)
{
    return esp_event_handler_register(IP_EVENT, ESP_EVENT_ANY_ID, on_ip, NULL);
}

esp_err_t link_take_steps(link_step *const steps[], unsigned count, unsigned *done)
{
    esp_err_t error = ESP_OK;
    while (*done < count && error == ESP_OK) {
        error = steps[*done]();
        *done += error == ESP_OK;
    }
    return error;
}

enum port_error link_start(void)
{
    static link_step *const steps[] = {esp_netif_init, esp_event_loop_create_default, hear_of_addresses};
    static unsigned done;
    return esp_port_error(link_take_steps(steps, 3, &done), "network");
}

/* Once it is up, or on its way, the driver keeps it so by itself. */
enum port_link link_joins(void)
{
    enum port_link was = port_link_state();
    int now = atomic_load(&state);
    if (was != PORT_LINK_UP)
        (void)turn(now, PORT_LINK_JOINING); /* an address may come at this very moment */
    return was;
}

enum port_link port_link_state(void)
{
    enum port_link now = (enum port_link)atomic_load(&state);
    bool late = (uint32_t)(port_clock() / 1000) - atomic_load(&since_ms) > JOIN_MS;
    return now == PORT_LINK_JOINING && late ? PORT_LINK_NO_ADDRESS : now;
}

bool bsd_is_near(const struct port_address *other)
{
    uint32_t ip, own = atomic_load(&address), ours = atomic_load(&mask);
    memcpy(&ip, other->ip, sizeof ip);
    return other->family == 4 && own != 0 && ((ip ^ own) & ours) == 0;
}

bool link_address(uint8_t ip[4])
{
    uint32_t own = atomic_load(&address);
    memcpy(ip, &own, sizeof own);
    return own != 0;
}
