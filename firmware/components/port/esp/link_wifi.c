/* Wi-Fi: joins the strongest access point of a name, asks it for a better one when it gets weak (802.11k and
 * v), and says why when it cannot join. */
#include <esp_event.h>
#include <esp_wifi.h>
#include <esp_wnm.h>
#include <sdkconfig.h>
#include <stdatomic.h>
#include <string.h>

#include "esp.h"

#if !CONFIG_ESP_WIFI_11KV_SUPPORT
#error "a weak access point would be kept: set CONFIG_ESP_WIFI_11KV_SUPPORT=y, or delete sdkconfig.BOARD"
#endif

/* As many as sdkconfig.defaults.esp32c3 has. docs/firmware.md, Memory */
#define BUFFERS                                                                                              \
    (CONFIG_ESP_WIFI_STATIC_RX_BUFFER_NUM + CONFIG_ESP_WIFI_DYNAMIC_RX_BUFFER_NUM +                          \
     CONFIG_ESP_WIFI_STATIC_TX_BUFFER_NUM + CONFIG_ESP_WIFI_DYNAMIC_TX_BUFFER_NUM)
#if (CONFIG_IDF_TARGET_ESP32C3 || CONFIG_IDF_TARGET_ESP32C5) && !CONFIG_SPIRAM &&                            \
    (BUFFERS > 22 || CONFIG_ESP_WIFI_DYNAMIC_RX_BUFFER_NUM == 0)
#error                                                                                                       \
    "Wi-Fi buffers would take the heap of a call: set CONFIG_ESP_WIFI_STATIC_RX_BUFFER_NUM=6, CONFIG_ESP_WIFI_DYNAMIC_RX_BUFFER_NUM=8 and CONFIG_ESP_WIFI_DYNAMIC_TX_BUFFER_NUM=8, or delete sdkconfig.BOARD"
#endif

#define SCAN_NAMES 24
#define SCAN_MS 10000u
#define WEAK_DBM (-70) /* here speech begins to suffer */

static esp_netif_t *network;
static wifi_config_t joined; /* what the driver was told */
static _Atomic bool told;
static _Atomic bool scanned;
static bool scan_begun;
static _Atomic bool held; /* joining waits for a scan: the driver does one or the other */
static _Atomic uint32_t held_since_ms;
static char seen[SCAN_NAMES][sizeof((struct port_network *)0)->ssid];
static unsigned seen_count;

static enum port_link meaning(uint8_t reason)
{
    switch (reason) {
    case WIFI_REASON_NO_AP_FOUND:
    case WIFI_REASON_NO_AP_FOUND_IN_RSSI_THRESHOLD:
        return PORT_LINK_NO_NETWORK;
    case WIFI_REASON_AUTH_FAIL:
    case WIFI_REASON_4WAY_HANDSHAKE_TIMEOUT:
    case WIFI_REASON_HANDSHAKE_TIMEOUT:
    case WIFI_REASON_MIC_FAILURE:
    case WIFI_REASON_NO_AP_FOUND_W_COMPATIBLE_SECURITY:
    case WIFI_REASON_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD:
        return PORT_LINK_REFUSED;
    default:
        return PORT_LINK_JOINING;
    }
}

static bool is_held(void)
{
    return atomic_load(&held) && (uint32_t)(port_clock() / 1000) - atomic_load(&held_since_ms) < SCAN_MS;
}

static void on_lost(const wifi_event_sta_disconnected_t *event)
{
    enum port_link now = meaning(event->reason);
    if (event->reason == WIFI_REASON_ROAMING)
        return; /* the address comes in a moment, or is told as lost (link.c) */
    port_log(PORT_WARNING, "wifi", "lost: reason %u, %d dBm", event->reason, event->rssi);
    if (now == PORT_LINK_JOINING && !atomic_load(&told))
        return; /* the network before */
    link_is(now);
    if (now == PORT_LINK_JOINING && !is_held())
        (void)esp_wifi_connect(); /* else the session tries again when it has waited */
}

/* Which access point is better, the one that we are at knows. Said once, until the next one is joined: it is
 * no use to ask again where there is none. */
static void on_weak(void)
{
    if (esp_wnm_is_btm_supported_connection())
        (void)esp_wnm_send_bss_transition_mgmt_query(REASON_RSSI, NULL, 0);
}

static void on_wifi(void *unused, esp_event_base_t base, int32_t id, void *data)
{
    (void)unused;
    (void)base;
    if (id == WIFI_EVENT_STA_DISCONNECTED)
        on_lost(data);
    else if (id == WIFI_EVENT_STA_CONNECTED)
        (void)esp_wifi_set_rssi_threshold(WEAK_DBM);
    else if (id == WIFI_EVENT_STA_BSS_RSSI_LOW)
        on_weak();
    else if (id == WIFI_EVENT_SCAN_DONE)
        atomic_store(&scanned, true);
}

/* esp_netif_create_default_wifi_sta() in steps: it aborts where one of them fails. */
static esp_err_t make_network(void)
{
    esp_netif_config_t config = ESP_NETIF_DEFAULT_WIFI_STA();
    network = esp_netif_new(&config);
    return network != NULL ? ESP_OK : ESP_ERR_NO_MEM;
}

static esp_err_t attach(void)
{
    return esp_netif_attach_wifi_station(network);
}

static esp_err_t init(void)
{
    wifi_init_config_t config = WIFI_INIT_CONFIG_DEFAULT();
    config.nvs_enable = 0; /* our settings are the only copy */
    return esp_wifi_init(&config);
}

static esp_err_t hear(void)
{
    return esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL);
}

static esp_err_t choose(void)
{
    esp_err_t error = esp_wifi_set_mode(WIFI_MODE_STA);
    if (error == ESP_OK && esp_wifi_set_country_code(CONFIG_VOICE_WIFI_COUNTRY, true) != ESP_OK)
        port_log(PORT_WARNING, "wifi", "no such country: %s", CONFIG_VOICE_WIFI_COUNTRY); /* not in vain */
    return error;
}

enum port_error link_driver_start(void)
{
    static link_step *const steps[] = {
        make_network, attach, esp_wifi_set_default_wifi_sta_handlers, init, hear, choose, esp_wifi_start};
    static unsigned done;
    enum port_error error = link_start();
    return error == PORT_OK ? esp_port_error(link_take_steps(steps, 7, &done), "Wi-Fi") : error;
}

static void describe(wifi_config_t *config, const char *ssid, const char *password)
{
    memset(config, 0, sizeof *config);
    memcpy(config->sta.ssid, ssid, strnlen(ssid, sizeof config->sta.ssid));
    memcpy(config->sta.password, password, strnlen(password, sizeof config->sta.password));
    config->sta.scan_method = WIFI_ALL_CHANNEL_SCAN;
    config->sta.sort_method = WIFI_CONNECT_AP_BY_SIGNAL;
    /* WPA2 as the least would leave out networks of WPA and WPA2 together (esphome/esphome issue 9684) */
    config->sta.threshold.authmode = password[0] == '\0' ? WIFI_AUTH_OPEN : WIFI_AUTH_WPA_PSK;
    config->sta.owe_enabled = password[0] == '\0'; /* open, and enciphered all the same (RFC 8110) */
    config->sta.sae_pwe_h2e = WPA3_SAE_PWE_BOTH;
    config->sta.rm_enabled = 1;
    config->sta.btm_enabled = 1;
    config->sta.mbo_enabled = 1;
    config->sta.failure_retry_cnt = 2;
}

/* Told once, it keeps at it (on_lost), save where the access point has to change its mind. */
enum port_error port_link_join(const char *ssid, const char *password)
{
    enum port_link was = link_joins();
    wifi_config_t wanted;
    enum port_error started = link_driver_start();
    if (started != PORT_OK)
        return started;
    describe(&wanted, ssid, password);
    bool same = atomic_load(&told) && memcmp(&wanted, &joined, sizeof wanted) == 0;
    if (same && (was == PORT_LINK_UP || was == PORT_LINK_JOINING))
        return PORT_OK;
    if (!same)
        atomic_store(&told, false);
    if (!same || was == PORT_LINK_NO_ADDRESS)
        (void)esp_wifi_disconnect(); /* associated, or at it: anew; idle: of that nobody is told */
    joined = wanted;
    /* the same again too: of a move, the one access point to go to may still stand there (esp-idf #17686) */
    esp_err_t error = esp_wifi_set_config(WIFI_IF_STA, &wanted);
    if (same)
        error = ESP_OK;
    else
        link_is(error == ESP_ERR_WIFI_PASSWORD ? PORT_LINK_REFUSED : PORT_LINK_JOINING);
    atomic_store(&told, error == ESP_OK);
    if (error == ESP_OK && !is_held())
        error = esp_wifi_connect();
    if (error == ESP_ERR_WIFI_CONN)
        error = ESP_OK; /* at it already, or still leaving the network before: then on_lost() goes on */
    return esp_port_error(error, "Wi-Fi");
}

bool port_link_needs_ssid(void)
{
    return true;
}

void port_link_busy(bool busy)
{
    (void)esp_wifi_set_ps(busy ? WIFI_PS_NONE : WIFI_PS_MIN_MODEM);
}

int8_t link_driver_rssi(void)
{
    int rssi = 0;
    return esp_wifi_sta_get_rssi(&rssi) == ESP_OK ? (int8_t)rssi : 0;
}

static enum port_error begin_scan(void)
{
    esp_err_t error = esp_wifi_scan_start(NULL, false);
    scan_begun = error == ESP_OK;
    if (error == ESP_ERR_WIFI_STATE) /* it is still about to leave: port_link_seen() tries again */
        return PORT_OK;
    return esp_port_error(error, "Wi-Fi scan");
}

static enum port_error end_scan(void)
{
    atomic_store(&held, false);
    if (atomic_load(&told) && port_link_state() != PORT_LINK_UP)
        (void)esp_wifi_connect();
    return PORT_END;
}

enum port_error port_link_scan(void)
{
    enum port_error error = link_driver_start();
    if (error != PORT_OK)
        return error;
    (void)esp_wifi_clear_ap_list();
    atomic_store(&scanned, false);
    seen_count = 0;
    atomic_store(&held_since_ms, (uint32_t)(port_clock() / 1000));
    atomic_store(&held, true);
    if (port_link_state() != PORT_LINK_UP)
        (void)esp_wifi_disconnect();
    error = begin_scan();
    if (error != PORT_OK)
        (void)end_scan();
    return error;
}

static bool is_new(const char *ssid)
{
    for (unsigned i = 0; i < seen_count; i++)
        if (strcmp(seen[i], ssid) == 0)
            return false;
    if (ssid[0] == '\0' || seen_count == SCAN_NAMES)
        return false;
    (void)strcpy(seen[seen_count++], ssid);
    return true;
}

enum port_error port_link_seen(struct port_network *network)
{
    wifi_ap_record_t record;
    if (!scan_begun && begin_scan() != PORT_OK)
        return end_scan();
    if (!atomic_load(&scanned))
        return is_held() ? PORT_AGAIN : end_scan();
    while (esp_wifi_scan_get_ap_record(&record) == ESP_OK) {
        size_t len = strnlen((const char *)record.ssid, sizeof network->ssid - 1);
        memcpy(network->ssid, record.ssid, len);
        network->ssid[len] = '\0';
        network->rssi = record.rssi;
        network->open = record.authmode == WIFI_AUTH_OPEN || record.authmode == WIFI_AUTH_OWE;
        if (is_new(network->ssid))
            return PORT_OK;
    }
    return end_scan();
}
