/* The link below IP: a host's network is there before we are, unless --wifi plays an access point. */
#define _GNU_SOURCE
#include <string.h>

#include "host.h"

#define SIGNAL_DBM (-55)

static char ssid_in_reach[33], its_password[65];
static bool has_radio, listed;
static enum port_link state = PORT_LINK_UP;

/* "NAME:PASSWORD", of a network without a password "NAME"; empty: there is none in reach. */
bool host_wifi(const char *network)
{
    if (network == NULL)
        return true;
    size_t name = strcspn(network, ":");
    const char *password = network[name] == ':' ? network + name + 1 : "";
    if (name >= sizeof ssid_in_reach || strlen(password) >= sizeof its_password)
        return false;
    memcpy(ssid_in_reach, network, name);
    memcpy(its_password, password, strlen(password));
    has_radio = true;
    state = PORT_LINK_DOWN;
    return true;
}

enum port_error port_link_join(const char *ssid, const char *password)
{
    if (has_radio)
        state = ssid_in_reach[0] == '\0' || strcmp(ssid, ssid_in_reach) != 0 ? PORT_LINK_NO_NETWORK
                : strcmp(password, its_password) != 0                        ? PORT_LINK_REFUSED
                                                                             : PORT_LINK_UP;
    return PORT_OK;
}

enum port_link port_link_state(void)
{
    return state;
}

bool port_link_needs_ssid(void)
{
    return has_radio;
}

enum port_error port_link_scan(void)
{
    listed = false;
    return has_radio ? PORT_OK : PORT_ERR_ABSENT;
}

enum port_error port_link_seen(struct port_network *network)
{
    if (!has_radio || listed || ssid_in_reach[0] == '\0')
        return PORT_END;
    *network = (struct port_network){.rssi = SIGNAL_DBM, .open = its_password[0] == '\0'};
    memcpy(network->ssid, ssid_in_reach, sizeof network->ssid);
    listed = true;
    return PORT_OK;
}

void port_link_busy(bool busy)
{
    (void)busy;
}
