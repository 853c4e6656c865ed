/* A chip's mDNS, on a component that keeps and tells what Espressif's 1.11.3 does. */
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <mdns.h>
#include <stdio.h>

#include "bsd.h"
#include "check.h"
#include "esp.h"

static mdns_browse_notify_t notify;
static unsigned questions, waiting;
static struct port_service queued[4];
static mdns_txt_item_t txt = {"v", "1"};
static mdns_ip_addr_t address = {.addr = {.u_addr.ip4.addr = 0x0700a8c0, .type = ESP_IPADDR_TYPE_V4}};
static mdns_result_t kept; /* what the component has of one gateway */

/* ---- Espressif's ---- */

mdns_browse_t *mdns_browse_new(const char *service, const char *proto, mdns_browse_notify_t now)
{
    static char browse;
    assert_string_equal(service, "_voicegw");
    assert_string_equal(proto, "_tcp");
    notify = now;
    questions++;
    return (mdns_browse_t *)(void *)&browse;
}

static bool tells(uint32_t ttl, const char *host, uint16_t port)
{
    static char hostname[32];
    bool differs = kept.ttl != ttl;
    kept.ttl = kept.ttl != 0 && kept.ttl < ttl ? kept.ttl : ttl;
    if (kept.hostname == NULL || strcmp(kept.hostname, host) != 0) {
        (void)snprintf(hostname, sizeof hostname, "%s", host);
        kept.hostname = hostname;
        kept.port = port;
        differs = true;
    }
    return differs;
}

static void answers(uint32_t ttl, const char *host, uint16_t port)
{
    static char name[] = "gateway";
    kept.instance_name = name;
    kept.txt = &txt;
    kept.txt_count = 1;
    kept.addr = &address;
    if (!tells(ttl, host, port))
        return;
    notify(&kept);
    assert_true(kept.ttl !=
                0); /* it would be freed here, and told of once more where two answers came at once */
}

esp_err_t mdns_init(void)
{
    return ESP_OK;
}

esp_err_t mdns_hostname_set(const char *name)
{
    assert_string_equal(name, "voice-0123");
    return ESP_OK;
}

esp_err_t mdns_service_add(const char *instance, const char *service, const char *proto, uint16_t port,
                           mdns_txt_item_t items[], size_t count)
{
    return instance != NULL && service != NULL && proto != NULL && port != 0 && items != NULL && count != 0
               ? ESP_OK
               : ESP_FAIL;
}

esp_err_t mdns_service_remove(const char *service, const char *proto)
{
    return service != NULL && proto != NULL ? ESP_OK : ESP_FAIL;
}

esp_err_t mdns_service_instance_name_set(const char *service, const char *proto, const char *instance)
{
    return service != NULL && proto != NULL && instance != NULL ? ESP_OK : ESP_FAIL;
}

esp_err_t mdns_service_txt_set(const char *service, const char *proto, mdns_txt_item_t items[], uint8_t count)
{
    return service != NULL && proto != NULL && items != NULL && count != 0 ? ESP_OK : ESP_FAIL;
}

QueueHandle_t xQueueCreateStatic(UBaseType_t length, UBaseType_t size, uint8_t *slots, StaticQueue_t *memory)
{
    assert_int_equal(length, 4);
    assert_int_equal(size, sizeof queued[0]);
    (void)slots;
    return (QueueHandle_t)(void *)memory;
}

BaseType_t xQueueSend(QueueHandle_t queue, const void *item, TickType_t ticks)
{
    (void)queue;
    (void)ticks;
    if (waiting == 4)
        return pdFALSE;
    memcpy(&queued[waiting++], item, sizeof queued[0]);
    return pdTRUE;
}

BaseType_t xQueueReceive(QueueHandle_t queue, void *item, TickType_t ticks)
{
    (void)queue;
    (void)ticks;
    if (waiting == 0)
        return pdFALSE;
    memcpy(item, &queued[0], sizeof queued[0]);
    memmove(&queued[0], &queued[1], --waiting * sizeof queued[0]);
    return pdTRUE;
}

BaseType_t xQueueReset(QueueHandle_t queue)
{
    (void)queue;
    waiting = 0;
    return pdTRUE;
}

/* ---- the port's other parts ---- */

const struct port_facts *port_facts(void)
{
    static const struct port_facts facts = {.id = "0123"};
    return &facts;
}

enum port_error esp_port_error(esp_err_t error, const char *what)
{
    (void)what;
    return error == ESP_OK ? PORT_OK : PORT_ERR_IO;
}

void port_net_wake(void)
{
}

bool bsd_is_near(const struct port_address *other)
{
    (void)other;
    return true;
}

/* ---- the tests ---- */

static uint16_t port_found(void)
{
    struct port_service service;
    return port_mdns_found(&service) == PORT_OK ? service.addresses.at[0].port : 0;
}

static int begin(void **state)
{
    (void)state;
    memset(&kept, 0, sizeof kept);
    while (port_found() != 0)
        ;
    questions = 0;
    return port_mdns_browse("_voicegw._tcp") == PORT_OK ? 0 : -1;
}

static void who_answers_again_is_found_again(void **state)
{
    (void)state;
    answers(120, "host.local", 7860);
    assert_int_equal(port_found(), 7860);
    assert_int_equal(port_found(), 0);
    assert_int_equal(port_mdns_browse("_voicegw._tcp"), PORT_OK);
    assert_int_equal(questions, 2);
    answers(120, "host.local", 7860);
    assert_int_equal(port_found(), 7860);
}

static void a_gateway_on_another_port_is_found_there(void **state)
{
    (void)state;
    answers(120, "host.local", 7860);
    answers(120, "host.local", 7861);
    assert_int_equal(port_found(), 7860);
    assert_int_equal(port_found(), 7861);
}

static void one_that_left_is_not_found_and_is_when_it_is_back(void **state)
{
    (void)state;
    answers(120, "host.local", 7860);
    assert_int_equal(port_found(), 7860);
    answers(0, "host.local", 7860);
    assert_int_equal(port_found(), 0);
    answers(120, "host.local", 7860);
    assert_int_equal(port_found(), 7860);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_answers_again_is_found_again, begin),
        cmocka_unit_test_setup(a_gateway_on_another_port_is_found_there, begin),
        cmocka_unit_test_setup(one_that_left_is_not_found_and_is_when_it_is_back, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
