#pragma once
#include <esp_netif.h>

#define ESP_IPADDR_TYPE_V4 0u
typedef struct {
    union {
        uint32_t ip6[5];
        esp_ip4_addr_t ip4;
    } u_addr;
    uint8_t type;
} esp_ip_addr_t;
typedef struct mdns_ip_addr_s {
    esp_ip_addr_t addr;
    struct mdns_ip_addr_s *next;
} mdns_ip_addr_t;
typedef struct {
    const char *key, *value;
} mdns_txt_item_t;
typedef struct mdns_result_s {
    struct mdns_result_s *next;
    uint32_t ttl;
    char *instance_name, *service_type, *proto, *hostname;
    uint16_t port;
    mdns_txt_item_t *txt;
    size_t txt_count;
    mdns_ip_addr_t *addr;
} mdns_result_t;
typedef struct mdns_browse_s mdns_browse_t;
typedef void (*mdns_browse_notify_t)(mdns_result_t *result);
esp_err_t mdns_init(void);
esp_err_t mdns_hostname_set(const char *name);
mdns_browse_t *mdns_browse_new(const char *service, const char *proto, mdns_browse_notify_t notify);
esp_err_t mdns_service_add(const char *instance, const char *service, const char *proto, uint16_t port,
                           mdns_txt_item_t txt[], size_t count);
esp_err_t mdns_service_remove(const char *service, const char *proto);
esp_err_t mdns_service_instance_name_set(const char *service, const char *proto, const char *instance);
esp_err_t mdns_service_txt_set(const char *service, const char *proto, mdns_txt_item_t txt[], uint8_t count);
