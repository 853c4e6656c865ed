#pragma once
#include <esp_netif.h>

#define ESP_ERR_WIFI_STATE 0x3006
#define ESP_ERR_WIFI_CONN 0x3007
#define ESP_ERR_WIFI_PASSWORD 0x300b

typedef enum { WIFI_MODE_NULL, WIFI_MODE_STA } wifi_mode_t;
typedef enum { WIFI_IF_STA } wifi_interface_t;
typedef enum { WIFI_PS_NONE, WIFI_PS_MIN_MODEM } wifi_ps_type_t;
typedef enum { WIFI_AUTH_OPEN, WIFI_AUTH_WPA_PSK = 2, WIFI_AUTH_WPA2_PSK = 3, WIFI_AUTH_OWE = 9 } wifi_auth_mode_t;
typedef enum { WIFI_FAST_SCAN, WIFI_ALL_CHANNEL_SCAN } wifi_scan_method_t;
typedef enum { WIFI_CONNECT_AP_BY_SIGNAL } wifi_sort_method_t;
typedef enum { WPA3_SAE_PWE_BOTH = 2 } wifi_sae_pwe_method_t;
enum {
    WIFI_REASON_MIC_FAILURE = 14,
    WIFI_REASON_4WAY_HANDSHAKE_TIMEOUT = 15,
    WIFI_REASON_NO_AP_FOUND = 201,
    WIFI_REASON_AUTH_FAIL = 202,
    WIFI_REASON_HANDSHAKE_TIMEOUT = 204,
    WIFI_REASON_ROAMING = 207,
    WIFI_REASON_NO_AP_FOUND_W_COMPATIBLE_SECURITY = 210,
    WIFI_REASON_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD = 211,
    WIFI_REASON_NO_AP_FOUND_IN_RSSI_THRESHOLD = 212
};
enum {
    WIFI_EVENT_SCAN_DONE = 1,
    WIFI_EVENT_STA_CONNECTED = 4,
    WIFI_EVENT_STA_DISCONNECTED = 5,
    WIFI_EVENT_STA_BSS_RSSI_LOW = 20
};
extern esp_event_base_t const WIFI_EVENT;
typedef struct {
    uint8_t ssid[32], ssid_len, bssid[6], reason;
    int8_t rssi;
} wifi_event_sta_disconnected_t;
typedef struct {
    uint8_t bssid[6], ssid[33];
    int8_t rssi;
    wifi_auth_mode_t authmode;
} wifi_ap_record_t;
typedef struct {
    int nvs_enable;
} wifi_init_config_t;
#define WIFI_INIT_CONFIG_DEFAULT()                                                                           \
    {                                                                                                        \
        1                                                                                                    \
    }
typedef union {
    struct {
        uint8_t ssid[32], password[64];
        wifi_scan_method_t scan_method;
        wifi_sort_method_t sort_method;
        bool bssid_set;
        struct {
            int8_t rssi;
            wifi_auth_mode_t authmode;
        } threshold;
        uint32_t rm_enabled : 1, btm_enabled : 1, mbo_enabled : 1, owe_enabled : 1;
        wifi_sae_pwe_method_t sae_pwe_h2e;
        uint8_t failure_retry_cnt;
    } sta;
} wifi_config_t;
typedef struct wifi_scan_config_t wifi_scan_config_t;
esp_err_t esp_netif_attach_wifi_station(esp_netif_t *network);
esp_err_t esp_wifi_set_default_wifi_sta_handlers(void);
esp_err_t esp_wifi_init(const wifi_init_config_t *config);
esp_err_t esp_wifi_start(void);
esp_err_t esp_wifi_connect(void);
esp_err_t esp_wifi_disconnect(void);
esp_err_t esp_wifi_set_mode(wifi_mode_t mode);
esp_err_t esp_wifi_set_config(wifi_interface_t interface, wifi_config_t *config);
esp_err_t esp_wifi_set_country_code(const char *country, bool ieee80211d);
esp_err_t esp_wifi_set_rssi_threshold(int32_t rssi);
esp_err_t esp_wifi_set_ps(wifi_ps_type_t type);
esp_err_t esp_wifi_sta_get_rssi(int *rssi);
esp_err_t esp_wifi_clear_ap_list(void);
esp_err_t esp_wifi_scan_start(const wifi_scan_config_t *config, bool block);
esp_err_t esp_wifi_scan_get_ap_record(wifi_ap_record_t *record);
