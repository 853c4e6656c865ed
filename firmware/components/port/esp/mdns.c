/* mDNS, by Espressif's component. */
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <mdns.h>
#include <stdio.h>
#include <string.h>

#include "bsd.h"
#include "esp.h"

#define FOUND 4
#define PROTO "_tcp"

static QueueHandle_t found;
static bool running, announced;

enum port_error mdns_port_start(void)
{
    static StaticQueue_t memory;
    static uint8_t slots[FOUND * sizeof(struct port_service)];
    char host[sizeof "voice-" + sizeof((struct port_facts *)0)->id];
    if (running)
        return PORT_OK;
    if (found == NULL)
        found = xQueueCreateStatic(FOUND, sizeof(struct port_service), slots, &memory);
    (void)snprintf(host, sizeof host, "voice-%s", port_facts()->id);
    esp_err_t error = mdns_init();
    if (error == ESP_OK)
        error = mdns_hostname_set(host);
    running = error == ESP_OK;
    return esp_port_error(error, "mDNS");
}

/* "_voicegw._tcp" as the component has it: "_voicegw". */
static bool type_of(const char *service, char type[32])
{
    size_t len = strcspn(service, ".");
    if (len >= 32 || strcmp(service + len, "." PROTO) != 0)
        return false;
    memcpy(type, service, len);
    type[len] = '\0';
    return true;
}

/* ---- finding ---- */

static bool take_addresses(struct port_addresses *list, const mdns_result_t *result)
{
    for (const mdns_ip_addr_t *a = result->addr; a != NULL; a = a->next) {
        struct port_address address = {.family = 4, .port = result->port};
        if (a->addr.type != ESP_IPADDR_TYPE_V4)
            continue;
        memcpy(address.ip, &a->addr.u_addr.ip4.addr, 4);
        addresses_add(list, &address);
    }
    return list->count > 0;
}

static bool take(struct port_service *service, const mdns_result_t *result)
{
    memset(service, 0, sizeof *service);
    if (result->ttl == 0 || result->instance_name == NULL || result->port == 0 || result->txt_count == 0 ||
        !take_addresses(&service->addresses, result))
        return false; /* a part of an answer comes here too; what is whole is wanted */
    (void)snprintf(service->instance, sizeof service->instance, "%s", result->instance_name);
    for (size_t i = 0; i < result->txt_count && i < sizeof service->txt / sizeof service->txt[0]; i++)
        (void)snprintf(service->txt[i], sizeof service->txt[i], "%s=%s", result->txt[i].key,
                       result->txt[i].value != NULL ? result->txt[i].value : "");
    return true;
}

/* The component tells only what differs from what it keeps, and takes a new port only with a new host: so
 * what it keeps is made to differ. Nor may it free this, as it does after a goodbye: what it has yet to tell
 * may point here. */
static void have_told_again(mdns_result_t *result)
{
    result->ttl = UINT32_MAX;
    if (result->hostname != NULL)
        result->hostname[0] = '\0';
}

/* In mDNS's task. */
static void on_result(mdns_result_t *result)
{
    static struct port_service service; /* too much for its stack */
    bool whole = take(&service, result);
    have_told_again(result);
    if (whole && xQueueSend(found, &service, 0) == pdTRUE)
        port_net_wake();
}

/* To begin again is to ask again: the component keeps the first. It is never ended, for what an answer that
 * is on its way through the component's queue points to would be freed before it is told (1.11.3). */
enum port_error port_mdns_browse(const char *service)
{
    char type[32];
    if (!type_of(service, type))
        return PORT_ERR_ARGUMENT;
    if (mdns_port_start() != PORT_OK)
        return PORT_ERR_IO;
    return mdns_browse_new(type, PROTO, on_result) != NULL ? PORT_OK : PORT_ERR_SPACE;
}

enum port_error port_mdns_found(struct port_service *service)
{
    return found != NULL && xQueueReceive(found, service, 0) == pdTRUE ? PORT_OK : PORT_AGAIN;
}

/* ---- being found ---- */

static size_t split(const char *const txt[], size_t count, mdns_txt_item_t items[6], char text[6][48])
{
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(text[i], 48, "%s", txt[i]);
        char *equals = strchr(text[i], '=');
        items[i] = (mdns_txt_item_t){text[i], equals != NULL ? equals + 1 : ""};
        if (equals != NULL)
            *equals = '\0';
    }
    return count;
}

enum port_error port_mdns_announce(const char *service, const char *instance, uint16_t port,
                                   const char *const txt[], size_t txt_count)
{
    char type[32], text[6][48];
    mdns_txt_item_t items[6];
    if (!type_of(service, type) || txt_count > 6)
        return PORT_ERR_ARGUMENT;
    if (mdns_port_start() != PORT_OK)
        return PORT_ERR_IO;
    if (instance == NULL) {
        announced = false;
        return mdns_service_remove(type, PROTO) == ESP_OK ? PORT_OK : PORT_ERR_ABSENT;
    }
    size_t count = split(txt, txt_count, items, text);
    if (!announced) {
        announced = mdns_service_add(instance, type, PROTO, port, items, count) == ESP_OK;
        return announced ? PORT_OK : PORT_ERR_SPACE;
    }
    esp_err_t error = mdns_service_instance_name_set(type, PROTO, instance);
    if (error == ESP_OK)
        error = mdns_service_txt_set(type, PROTO, items, (uint8_t)count);
    return error == ESP_OK ? PORT_OK : PORT_ERR_SPACE;
}
