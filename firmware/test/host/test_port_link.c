/* A chip's Wi-Fi through outages and scans, on a driver that does what ESP-IDF 5.5.3 says of its own: it
 * connects when it is told to and once, tells nobody that it was idle already, and scans or connects. */
#include <esp_wifi.h>
#include <esp_wnm.h>
#include <sdkconfig.h>

#include "bsd.h"
#include "check.h"
#include "esp.h"

#define STEP_MS 50u
#define CONNECTS_MS 2500u
#define MISSES_MS 7000u
#define DHCP_MS 1000u
#define SCANS_MS 2000u
#define LOST_IP_MS (CONFIG_ESP_NETIF_IP_LOST_TIMER_INTERVAL * 1000u)
#define WAITS_MS 5000u /* the session, after a failure */

esp_event_base_t const WIFI_EVENT = "wifi", IP_EVENT = "ip";

static esp_event_handler_t on_wifi, on_ip;
static uint32_t now_ms;
static enum { IDLE, CONNECTING, CONNECTED } driver;
static bool there, dhcp, leaving, has_address;
static bool first_gone; /* of two access points of the name, the one that it moves to */
static uint8_t misses_with;
static uint32_t connects_at, address_at, scans_at, address_lost_at; /* 0: not */
static unsigned records, failing_connects, failing_networks;
static wifi_config_t told;
static wifi_auth_mode_t around; /* how the networks are that a scan sees */

uint64_t port_clock(void)
{
    return now_ms * 1000ull;
}

void port_net_wake(void)
{
}

void port_log(enum port_level level, const char *tag, const char *format, ...)
{
    (void)level;
    (void)tag;
    (void)format;
}

enum port_error esp_port_error(esp_err_t error, const char *what)
{
    (void)what;
    return error == ESP_OK ? PORT_OK : error == ESP_ERR_NO_MEM ? PORT_ERR_SPACE : PORT_ERR_IO;
}

/* ---- Espressif's ---- */

esp_err_t esp_netif_init(void)
{
    return ESP_OK;
}

esp_err_t esp_event_loop_create_default(void)
{
    return ESP_OK;
}

esp_err_t esp_event_handler_register(esp_event_base_t base, int32_t id, esp_event_handler_t handler,
                                     void *argument)
{
    (void)id;
    (void)argument;
    *(base == WIFI_EVENT ? &on_wifi : &on_ip) = handler;
    return ESP_OK;
}

esp_netif_t *esp_netif_new(const esp_netif_config_t *config)
{
    (void)config;
    static char network;
    return failing_networks > 0 && failing_networks-- ? NULL : (esp_netif_t *)(void *)&network;
}

esp_err_t esp_netif_attach_wifi_station(esp_netif_t *network)
{
    assert_non_null(network);
    return ESP_OK;
}

esp_err_t esp_wifi_set_default_wifi_sta_handlers(void)
{
    return ESP_OK;
}

esp_err_t esp_wifi_init(const wifi_init_config_t *config)
{
    (void)config;
    return ESP_OK;
}

esp_err_t esp_wifi_start(void)
{
    return ESP_OK;
}

esp_err_t esp_wifi_set_mode(wifi_mode_t mode)
{
    (void)mode;
    return ESP_OK;
}

esp_err_t esp_wifi_set_country_code(const char *country, bool ieee80211d)
{
    (void)country;
    (void)ieee80211d;
    return ESP_OK;
}

esp_err_t esp_wifi_set_config(wifi_interface_t interface, wifi_config_t *config)
{
    (void)interface;
    told = *config;
    size_t len = strnlen((const char *)config->sta.password, sizeof config->sta.password);
    return len > 0 && len < 8 ? ESP_ERR_WIFI_PASSWORD : ESP_OK;
}

esp_err_t esp_wifi_set_rssi_threshold(int32_t rssi)
{
    (void)rssi;
    return ESP_OK;
}

esp_err_t esp_wifi_set_ps(wifi_ps_type_t type)
{
    (void)type;
    return ESP_OK;
}

esp_err_t esp_wifi_sta_get_rssi(int *rssi)
{
    *rssi = -50;
    return ESP_OK;
}

bool esp_wnm_is_btm_supported_connection(void)
{
    return false;
}

int esp_wnm_send_bss_transition_mgmt_query(enum btm_query_reason reason, const char *candidates, int list)
{
    (void)reason;
    (void)candidates;
    (void)list;
    return 0;
}

static bool is_in_reach(void)
{
    return there && !(first_gone && told.sta.bssid_set);
}

esp_err_t esp_wifi_connect(void)
{
    if (failing_connects > 0 && failing_connects--)
        return ESP_ERR_NO_MEM;
    if (driver != IDLE)
        return ESP_ERR_WIFI_CONN;
    scans_at = 0;
    driver = CONNECTING;
    connects_at = now_ms + (is_in_reach() ? CONNECTS_MS : MISSES_MS);
    return ESP_OK;
}

esp_err_t esp_wifi_disconnect(void)
{
    leaving = driver != IDLE;
    return ESP_OK;
}

esp_err_t esp_wifi_clear_ap_list(void)
{
    return ESP_OK;
}

esp_err_t esp_wifi_scan_start(const wifi_scan_config_t *config, bool block)
{
    (void)config;
    (void)block;
    if (driver == CONNECTING)
        return ESP_ERR_WIFI_STATE;
    scans_at = now_ms + SCANS_MS;
    return ESP_OK;
}

esp_err_t esp_wifi_scan_get_ap_record(wifi_ap_record_t *record)
{
    if (records == 0)
        return ESP_FAIL;
    memset(record, 0, sizeof *record);
    record->ssid[0] = (uint8_t)('0' + records--);
    record->authmode = around;
    return ESP_OK;
}

static void lost(uint8_t reason)
{
    wifi_event_sta_disconnected_t event = {.reason = reason, .rssi = -60};
    if (address_lost_at == 0)
        address_lost_at = now_ms + LOST_IP_MS;
    driver = IDLE;
    has_address = leaving = false;
    address_at = 0;
    on_wifi(NULL, WIFI_EVENT, WIFI_EVENT_STA_DISCONNECTED, &event);
}

/* To another access point of that name: ESP-IDF gives the address up, and asks DHCP anew. It looks for no
 * other from then on, where what it has to undo that fails (espressif/esp-idf issue 17686). */
static void roam(void)
{
    told.sta.bssid_set = true;
    wifi_event_sta_disconnected_t event = {.reason = WIFI_REASON_ROAMING, .rssi = -75};
    address_lost_at = now_ms + LOST_IP_MS;
    has_address = false;
    address_at = now_ms + DHCP_MS;
    on_wifi(NULL, WIFI_EVENT, WIFI_EVENT_STA_DISCONNECTED, &event);
    on_wifi(NULL, WIFI_EVENT, WIFI_EVENT_STA_CONNECTED, NULL);
}

/* DHCP takes it back: it has run out, or is another's now. */
static void lose_address(void)
{
    address_lost_at = now_ms + LOST_IP_MS;
    has_address = false;
    address_at = now_ms + DHCP_MS;
}

static void step_driver(void)
{
    ip_event_got_ip_t address = {.ip_info = {.ip = {0x0701a8c0}, .netmask = {0x00ffffff}}};
    if (leaving)
        lost(8);
    if (driver == CONNECTED && !is_in_reach())
        lost(200);
    if (driver == CONNECTING && now_ms >= connects_at) {
        if (!is_in_reach())
            return lost(misses_with);
        driver = CONNECTED;
        address_at = now_ms + DHCP_MS;
        on_wifi(NULL, WIFI_EVENT, WIFI_EVENT_STA_CONNECTED, NULL);
    }
    if (driver == CONNECTED && dhcp && !has_address && now_ms >= address_at) {
        has_address = true;
        on_ip(NULL, IP_EVENT, IP_EVENT_STA_GOT_IP, &address);
    }
    if (address_lost_at != 0 && now_ms >= address_lost_at) {
        address_lost_at = 0;
        if (!has_address)
            on_ip(NULL, IP_EVENT, IP_EVENT_STA_LOST_IP, &address);
    }
    if (scans_at != 0 && now_ms >= scans_at) {
        scans_at = 0;
        records = 3;
        on_wifi(NULL, WIFI_EVENT, WIFI_EVENT_SCAN_DONE, NULL);
    }
}

/* ---- what the device does ---- */

/* Joins anew some time after each failure, as the session does; for so long, or until it is up. */
static bool comes_up(uint32_t within_ms)
{
    uint32_t over = now_ms + within_ms, again = 0;
    for (; (int32_t)(over - now_ms) > 0; now_ms += STEP_MS) {
        step_driver();
        enum port_link link = port_link_state();
        if (link == PORT_LINK_UP)
            return true;
        if (link >= PORT_LINK_NO_NETWORK && again == 0)
            again = now_ms + WAITS_MS;
        if (again != 0 && now_ms >= again) {
            again = 0;
            (void)port_link_join("home", "password");
        }
    }
    return false;
}

static bool stays_up(uint32_t for_ms)
{
    for (uint32_t over = now_ms + for_ms; now_ms < over; now_ms += STEP_MS) {
        step_driver();
        if (port_link_state() != PORT_LINK_UP)
            return false;
    }
    return true;
}

static unsigned scanned_within(uint32_t within_ms)
{
    struct port_network network;
    unsigned seen = 0;
    for (uint32_t over = now_ms + within_ms; now_ms < over; now_ms += STEP_MS) {
        enum port_error error = PORT_OK;
        step_driver();
        while ((error = port_link_seen(&network)) == PORT_OK)
            seen++;
        if (error == PORT_END)
            return seen;
    }
    return seen;
}

static int setup(void **state)
{
    (void)state;
    now_ms += 1000000;
    there = dhcp = true;
    first_gone = false;
    misses_with = WIFI_REASON_NO_AP_FOUND;
    failing_connects = 0;
    (void)port_link_join("home", "password");
    return comes_up(30000) ? 0 : -1;
}

/* ---- tests; the first one finds a board that has just begun ---- */

static void test_what_fails_at_the_first_start_is_tried_again(void **state)
{
    (void)state;
    failing_networks = 1;
    assert_int_equal(port_link_join("home", "password"), PORT_ERR_SPACE);
    assert_int_equal(port_link_scan(), PORT_OK);
    assert_int_equal(scanned_within(5000), 3);
}

static void test_it_joins_again_after_any_outage(void **state)
{
    (void)state;
    for (uint32_t seconds = 1; seconds < 700; seconds += seconds < 10 ? 3 : 17) {
        there = false;
        assert_false(comes_up(0));
        uint32_t over = now_ms + seconds * 1000;
        while (now_ms < over && !comes_up(1000))
            ;
        there = true;
        assert_true(comes_up(40000));
    }
}

static void test_it_joins_again_where_connecting_failed(void **state)
{
    (void)state;
    there = false;
    (void)comes_up(3000);
    there = true;
    failing_connects = 1;
    assert_true(comes_up(60000));
}

static void test_it_joins_where_an_address_came_late(void **state)
{
    (void)state;
    there = dhcp = false;
    (void)comes_up(3000);
    there = true;
    assert_false(comes_up(60000));
    assert_int_equal(port_link_join("home", "password"), PORT_OK);
    dhcp = true;
    assert_true(comes_up(40000));
}

static void test_it_scans_while_it_tries_to_join_and_joins_afterwards(void **state)
{
    (void)state;
    there = false;
    misses_with = 203; /* no association, say: it goes on trying by itself */
    (void)comes_up(4000);
    for (uint32_t wait = 0; wait < 8000; wait += 1000) {
        (void)comes_up(wait);
        assert_int_equal(port_link_scan(), PORT_OK);
        assert_int_equal(scanned_within(12000), 3);
    }
    there = true;
    assert_true(comes_up(40000));
}

static void test_a_scan_that_nobody_reads_holds_nothing_up(void **state)
{
    (void)state;
    there = false;
    (void)comes_up(4000);
    assert_int_equal(port_link_scan(), PORT_OK);
    there = true;
    assert_true(comes_up(60000));
}

static void test_where_it_moves_to_without_an_address_it_joins_anew(void **state)
{
    (void)state;
    roam();
    assert_true(stays_up(60000)); /* the call goes on: the address comes in a moment */
    dhcp = false;
    roam();
    assert_false(stays_up(20000));
    assert_false(comes_up(16000));
    assert_int_equal(port_link_state(), PORT_LINK_NO_ADDRESS);
    dhcp = true;
    assert_true(comes_up(40000));
    assert_true(stays_up(60000));
}

static void test_where_it_moved_to_is_not_all_that_it_looks_for(void **state)
{
    (void)state;
    roam();
    assert_true(stays_up(5000));
    first_gone = true;
    assert_false(stays_up(1000));
    assert_true(comes_up(60000));
}

static void test_an_address_that_runs_out_is_missed_soon(void **state)
{
    (void)state;
    lose_address();
    assert_true(stays_up(60000)); /* given anew at once */
    dhcp = false;
    lose_address();
    assert_false(stays_up(10000));
    assert_false(comes_up(16000));
    assert_int_equal(port_link_state(), PORT_LINK_NO_ADDRESS);
    dhcp = true;
    assert_true(comes_up(40000));
}

static void test_an_open_network_may_be_enciphered(void **state)
{
    struct port_network network;
    (void)state;
    assert_int_equal(told.sta.owe_enabled, 0);
    (void)port_link_join("cafe", "");
    assert_int_equal(told.sta.owe_enabled, 1);
    assert_int_equal(told.sta.threshold.authmode, WIFI_AUTH_OPEN);
    assert_true(comes_up(40000));
    around = WIFI_AUTH_OWE;
    assert_int_equal(port_link_scan(), PORT_OK);
    for (uint32_t over = now_ms + SCANS_MS; now_ms <= over; now_ms += STEP_MS)
        step_driver();
    assert_int_equal(port_link_seen(&network), PORT_OK);
    assert_true(network.open);
}

static void test_a_password_that_none_has_is_refused_at_once(void **state)
{
    (void)state;
    (void)port_link_join("home", "1234567");
    assert_int_equal(port_link_state(), PORT_LINK_REFUSED);
    step_driver(); /* has left the network before */
    assert_int_equal(port_link_state(), PORT_LINK_REFUSED);
    (void)port_link_join("home", "12345678");
    assert_int_equal(port_link_state(), PORT_LINK_JOINING);
    assert_true(comes_up(40000));
}

/* 25 days: half of what 32 bits of milliseconds count. */
static void test_it_joins_again_however_long_it_was_up(void **state)
{
    (void)state;
    assert_int_equal(port_link_scan(), PORT_OK);
    assert_int_equal(scanned_within(12000), 3);
    now_ms = 0x80000000u + 20000u;
    there = false;
    assert_false(stays_up(1000));
    there = true;
    assert_true(comes_up(60000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fails_at_the_first_start_is_tried_again),
        cmocka_unit_test_setup(test_it_joins_again_after_any_outage, setup),
        cmocka_unit_test_setup(test_it_joins_again_where_connecting_failed, setup),
        cmocka_unit_test_setup(test_it_joins_where_an_address_came_late, setup),
        cmocka_unit_test_setup(test_it_scans_while_it_tries_to_join_and_joins_afterwards, setup),
        cmocka_unit_test_setup(test_a_scan_that_nobody_reads_holds_nothing_up, setup),
        cmocka_unit_test_setup(test_where_it_moves_to_without_an_address_it_joins_anew, setup),
        cmocka_unit_test_setup(test_where_it_moved_to_is_not_all_that_it_looks_for, setup),
        cmocka_unit_test_setup(test_an_address_that_runs_out_is_missed_soon, setup),
        cmocka_unit_test_setup(test_an_open_network_may_be_enciphered, setup),
        cmocka_unit_test_setup(test_a_password_that_none_has_is_refused_at_once, setup),
        cmocka_unit_test_setup(test_it_joins_again_however_long_it_was_up, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
