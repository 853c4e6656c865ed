/* The key-value store: NVS. Text is stored as a string, so that images made by a computer and what is written
 * here are alike; what holds a zero byte, as a blob. */
#include <nvs.h>
#include <nvs_flash.h>
#include <string.h>

#include "esp.h"

#define NAMESPACE "voicegw"

static nvs_handle_t store;
static bool opened;

enum port_error kv_start(void)
{
    esp_err_t error = nvs_flash_init();
    if (error == ESP_ERR_NVS_NO_FREE_PAGES || error == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        port_log(PORT_WARNING, "kv", "settings cannot be read (%s) and are erased", esp_err_to_name(error));
        error = nvs_flash_erase();
        error = error == ESP_OK ? nvs_flash_init() : error;
    }
    if (error == ESP_OK)
        error = nvs_open(NAMESPACE, NVS_READWRITE, &store);
    opened = error == ESP_OK;
    return esp_port_error(error, "settings");
}

static enum port_error explain(esp_err_t error)
{
    switch (error) {
    case ESP_OK:
        return PORT_OK;
    case ESP_ERR_NVS_NOT_FOUND:
        return PORT_ERR_ABSENT;
    case ESP_ERR_NVS_INVALID_LENGTH:
    case ESP_ERR_NVS_NOT_ENOUGH_SPACE:
    case ESP_ERR_NVS_VALUE_TOO_LONG:
        return PORT_ERR_SPACE;
    case ESP_ERR_NVS_KEY_TOO_LONG:
    case ESP_ERR_NVS_INVALID_NAME:
        return PORT_ERR_ARGUMENT;
    default:
        return PORT_ERR_IO;
    }
}

/* NVS ends a string with a zero, for which the caller has no room: it is read by way of here. */
static char text[PORT_KV_VALUE_MAX + 1];

static enum port_error get_text(const char *name, uint8_t *value, size_t cap, size_t *len)
{
    size_t size = sizeof text;
    enum port_error error = explain(nvs_get_str(store, name, text, &size));
    if (error != PORT_OK)
        return error;
    if (size - 1 > cap)
        return PORT_ERR_SPACE;
    *len = size - 1;
    memcpy(value, text, *len);
    return PORT_OK;
}

enum port_error port_kv_get(const char *name, uint8_t *value, size_t cap, size_t *len)
{
    nvs_type_t type;
    if (!opened)
        return PORT_ERR_IO;
    enum port_error error = explain(nvs_find_key(store, name, &type));
    if (error != PORT_OK)
        return error;
    if (type == NVS_TYPE_STR)
        return get_text(name, value, cap, len);
    *len = cap;
    return explain(nvs_get_blob(store, name, value, len));
}

static esp_err_t write(const char *name, const uint8_t *value, size_t len)
{
    if (memchr(value, '\0', len) != NULL)
        return nvs_set_blob(store, name, value, len);
    memcpy(text, value, len);
    text[len] = '\0';
    return nvs_set_str(store, name, text);
}

enum port_error port_kv_set(const char *name, const uint8_t *value, size_t len)
{
    if (!opened)
        return PORT_ERR_IO;
    if (len > PORT_KV_VALUE_MAX)
        return PORT_ERR_ARGUMENT;
    /* NVS writes the new one before it erases the old, of another type too (from ESP-IDF 5.5 on) */
    enum port_error error = explain(write(name, value, len));
    return error == PORT_OK ? explain(nvs_commit(store)) : error;
}

enum port_error port_kv_erase(const char *name)
{
    enum port_error error = opened ? explain(nvs_erase_key(store, name)) : PORT_ERR_IO;
    return error == PORT_OK ? explain(nvs_commit(store)) : error;
}

/* NVS alone would erase them in the order in which they lie in flash. */
static enum port_error erase_others(const char *last)
{
    nvs_iterator_t each = NULL;
    esp_err_t error = nvs_entry_find_in_handle(store, NVS_TYPE_ANY, &each);
    while (error == ESP_OK) {
        nvs_entry_info_t item;
        (void)nvs_entry_info(each, &item);
        if (strcmp(item.key, last) != 0)
            error = nvs_erase_key(store, item.key);
        if (error == ESP_OK)
            error = nvs_entry_next(&each);
    }
    nvs_release_iterator(each);
    return error == ESP_ERR_NVS_NOT_FOUND ? PORT_OK : explain(error);
}

enum port_error port_kv_erase_all(const char *last)
{
    enum port_error error = opened ? erase_others(last) : PORT_ERR_IO;
    if (error == PORT_OK)
        error = explain(nvs_erase_all(store));
    return error == PORT_OK ? explain(nvs_commit(store)) : error;
}
