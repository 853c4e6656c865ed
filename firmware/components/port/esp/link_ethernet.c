/* The emulator's Ethernet (OpenCores), and no radio. */
#include <bootloader_random.h>
#include <esp_eth.h>
#include <esp_idf_version.h>
#include <esp_netif.h>

#include "esp.h"

#define RX_TASK_STACK 3072

#if ESP_IDF_VERSION_MAJOR >= 6 /* each builds one PHY beside OpenCores' MAC */
#define NEW_PHY esp_eth_phy_new_generic
#else
#define NEW_PHY esp_eth_phy_new_dp83848
#endif

static esp_netif_t *network;

static esp_err_t make_network(void)
{
    esp_netif_config_t config = ESP_NETIF_DEFAULT_ETH();
    bootloader_random_enable(); /* no radio will feed the random generator, so its own noise source stays on
                                 */
    network = esp_netif_new(&config);
    return network != NULL ? ESP_OK : ESP_ERR_NO_MEM;
}

static esp_err_t attach(void)
{
    eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
    esp_eth_handle_t driver = NULL;
    mac_config.rx_task_stack_size = RX_TASK_STACK;
    phy_config.autonego_timeout_ms = 100; /* there is nobody to agree with */
    esp_eth_config_t config = ETH_DEFAULT_CONFIG(esp_eth_mac_new_openeth(&mac_config), NEW_PHY(&phy_config));
    esp_err_t error = esp_eth_driver_install(&config, &driver);
    if (error == ESP_OK)
        error = esp_netif_attach(network, esp_eth_new_netif_glue(driver));
    return error == ESP_OK ? esp_eth_start(driver) : error;
}

enum port_error link_driver_start(void)
{
    static link_step *const steps[] = {make_network, attach};
    static unsigned done;
    enum port_error error = link_start();
    return error == PORT_OK ? esp_port_error(link_take_steps(steps, 2, &done), "Ethernet") : error;
}

enum port_error port_link_join(const char *ssid, const char *password)
{
    (void)ssid;
    (void)password;
    (void)link_joins();
    return link_driver_start();
}

bool port_link_needs_ssid(void)
{
    return false;
}

void port_link_busy(bool busy)
{
    (void)busy;
}

int8_t link_driver_rssi(void)
{
    return 0;
}

enum port_error port_link_scan(void)
{
    return PORT_ERR_ABSENT;
}

enum port_error port_link_seen(struct port_network *network)
{
    (void)network;
    return PORT_END;
}
