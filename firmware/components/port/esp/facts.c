/* Who the device is. */
#include <esp_app_desc.h>
#include <esp_mac.h>
#include <esp_ota_ops.h>
#include <esp_partition.h>
#include <esp_system.h>
#include <stdio.h>

#include "board.h"
#include "esp.h"

static struct port_facts facts;

static enum port_reset reset_reason(void)
{
    static const enum port_reset reasons[] = {
        [ESP_RST_UNKNOWN] = PORT_RESET_UNKNOWN,      [ESP_RST_POWERON] = PORT_RESET_POWER_ON,
        [ESP_RST_EXT] = PORT_RESET_BUTTON,           [ESP_RST_SW] = PORT_RESET_SOFTWARE,
        [ESP_RST_PANIC] = PORT_RESET_PANIC,          [ESP_RST_INT_WDT] = PORT_RESET_WATCHDOG,
        [ESP_RST_TASK_WDT] = PORT_RESET_WATCHDOG,    [ESP_RST_WDT] = PORT_RESET_WATCHDOG,
        [ESP_RST_DEEPSLEEP] = PORT_RESET_DEEP_SLEEP, [ESP_RST_BROWNOUT] = PORT_RESET_BROWNOUT,
        [ESP_RST_SDIO] = PORT_RESET_UNKNOWN,         [ESP_RST_USB] = PORT_RESET_BUTTON,
        [ESP_RST_JTAG] = PORT_RESET_BUTTON,          [ESP_RST_EFUSE] = PORT_RESET_UNKNOWN,
        [ESP_RST_PWR_GLITCH] = PORT_RESET_BROWNOUT,  [ESP_RST_CPU_LOCKUP] = PORT_RESET_PANIC,
    };
    size_t reason = (size_t)esp_reset_reason();
    return reason < sizeof reasons / sizeof reasons[0] ? reasons[reason] : PORT_RESET_UNKNOWN;
}

void facts_start(void)
{
    uint8_t mac[6] = {0};
    const esp_partition_t *slot = esp_ota_get_running_partition();
    (void)esp_read_mac(mac, ESP_MAC_EFUSE_FACTORY); /* six bytes on every chip */
    (void)snprintf(facts.id, sizeof facts.id, "%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2], mac[3],
                   mac[4], mac[5]);
    facts.board = board.name;
    facts.chip = board.chip;
    facts.version = esp_app_get_description()->version;
    facts.reset = reset_reason();
    facts.firmware_keys = board_mark.keys;
    facts.firmware_key_count = board_mark.key_count;
    facts.slot = slot != NULL ? slot->label : "";
    facts.opus_complexity = board.opus_complexity;
    facts.has_echo_canceller = board.echo_canceller;
    facts.has_speaker = board.speaker.chip != BOARD_SOUND_NONE;
    facts.has_microphone = board.microphone.chip != BOARD_SOUND_NONE;
    facts.has_led = board.led.kind != BOARD_LED_NONE;
    facts.has_button = board.button.pin != BOARD_NO_PIN;
    facts.has_display = board.display.kind != BOARD_DISPLAY_NONE;
}

const struct port_facts *port_facts(void)
{
    return &facts;
}
