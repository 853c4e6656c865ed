#pragma once
#include <esp_event.h>

typedef struct {
    uint32_t addr;
} esp_ip4_addr_t;
typedef struct {
    esp_ip4_addr_t ip, netmask, gw;
} esp_netif_ip_info_t;
typedef struct {
    struct esp_netif_obj *esp_netif;
    esp_netif_ip_info_t ip_info;
    bool ip_changed;
} ip_event_got_ip_t;
enum { IP_EVENT_STA_GOT_IP, IP_EVENT_STA_LOST_IP, IP_EVENT_ETH_GOT_IP, IP_EVENT_ETH_LOST_IP };
extern esp_event_base_t const IP_EVENT;
#define IPSTR "%d.%d.%d.%d"
#define IP2STR(ip)                                                                                           \
    (int)((ip)->addr & 255), (int)((ip)->addr >> 8 & 255), (int)((ip)->addr >> 16 & 255),                    \
        (int)((ip)->addr >> 24)
typedef struct esp_netif_obj esp_netif_t;
typedef struct {
    const void *base;
} esp_netif_config_t;
#define ESP_NETIF_DEFAULT_WIFI_STA()                                                                         \
    {                                                                                                        \
        NULL                                                                                                 \
    }
#define ESP_NETIF_DEFAULT_ETH()                                                                              \
    {                                                                                                        \
        NULL                                                                                                 \
    }
esp_err_t esp_netif_init(void);
esp_netif_t *esp_netif_new(const esp_netif_config_t *config);
esp_err_t esp_netif_attach(esp_netif_t *network, void *driver);
