/* The update: ESP-IDF's app_update, a sector at a time. */
#include <esp_ota_ops.h>
#include <esp_partition.h>
#include <sdkconfig.h>

#include "esp.h"

#if !CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE
#error "an update's panic would loop: set CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y, or delete sdkconfig.BOARD"
#endif

static const esp_partition_t *target;
static esp_ota_handle_t image;
static bool open;

enum port_error port_ota_begin(size_t size)
{
    port_ota_abort();
    target = esp_ota_get_next_update_partition(NULL);
    if (target == NULL)
        return PORT_ERR_ABSENT;
    if (size > target->size)
        return PORT_ERR_SPACE;
    /* erases as it writes: the whole slot at once would stop everything for seconds */
    esp_err_t error = esp_ota_begin(target, OTA_WITH_SEQUENTIAL_WRITES, &image);
    open = error == ESP_OK;
    return esp_port_error(error, "update");
}

enum port_error port_ota_write(const uint8_t *data, size_t len)
{
    return open ? esp_port_error(esp_ota_write(image, data, len), "update") : PORT_ERR_ARGUMENT;
}

enum port_error port_ota_finish(void)
{
    if (!open)
        return PORT_ERR_ARGUMENT;
    open = false;
    esp_err_t error = esp_ota_end(image);
    if (error == ESP_ERR_OTA_VALIDATE_FAILED || error == ESP_ERR_INVALID_ARG)
        return PORT_ERR_ARGUMENT;
    return esp_port_error(error == ESP_OK ? esp_ota_set_boot_partition(target) : error, "update");
}

void port_ota_abort(void)
{
    if (open)
        (void)esp_ota_abort(image);
    open = false;
}

bool port_ota_on_trial(void)
{
    esp_ota_img_states_t state;
    return esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
           state == ESP_OTA_IMG_PENDING_VERIFY;
}

enum port_error port_ota_mark_valid(void)
{
    return esp_port_error(esp_ota_mark_app_valid_cancel_rollback(), "update");
}
