#include "hardware.h"

#include <esp_log.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#define TAG "hardware"
#define SPEED_HZ 400000u
#define TIMEOUT_MS 100
#define AXP2101 0x34
#define AW9523 0x58
#define PI4IOE 0x43
#define TCA9555 0x20
#define COUNT(writes) (sizeof(writes) / sizeof(writes)[0])

i2c_master_bus_handle_t hardware_open_bus(const struct board_i2c *pins)
{
    i2c_master_bus_handle_t bus = NULL;
    i2c_master_bus_config_t config = {.i2c_port = pins->port,
                                      .sda_io_num = (gpio_num_t)pins->sda,
                                      .scl_io_num = (gpio_num_t)pins->scl,
                                      .clk_source = I2C_CLK_SRC_DEFAULT,
                                      .glitch_ignore_cnt = 7,
                                      .flags.enable_internal_pullup = true};
    if (pins->port < 0)
        return NULL;
    esp_err_t error = i2c_new_master_bus(&config, &bus);
    if (error != ESP_OK)
        ESP_LOGE(TAG, "I2C on SDA %d, SCL %d: %s", pins->sda, pins->scl, esp_err_to_name(error));
    return error == ESP_OK ? bus : NULL;
}

static esp_err_t write_each(i2c_master_dev_handle_t device, const struct hardware_write *writes, size_t count)
{
    esp_err_t error = ESP_OK;
    for (size_t i = 0; i < count && error == ESP_OK; i++) {
        const uint8_t bytes[2] = {writes[i].reg, writes[i].value};
        error = i2c_master_transmit(device, bytes, sizeof bytes, TIMEOUT_MS);
    }
    return error;
}

esp_err_t hardware_write_all(i2c_master_bus_handle_t bus, uint8_t address,
                             const struct hardware_write *writes, size_t count)
{
    i2c_master_dev_handle_t device;
    i2c_device_config_t config = {
        .dev_addr_length = I2C_ADDR_BIT_LEN_7, .device_address = address, .scl_speed_hz = SPEED_HZ};
    esp_err_t error = i2c_master_bus_add_device(bus, &config, &device);
    if (error != ESP_OK)
        return error;
    error = write_each(device, writes, count);
    (void)i2c_master_bus_rm_device(device);
    if (error != ESP_OK)
        ESP_LOGE(TAG, "chip at 0x%02x: %s", address, esp_err_to_name(error));
    return error;
}

/* AXP2101: 1.8 V for the amplifier's logic (ALDO1), 3.3 V for the microphones (ALDO2), 3 V for the backlight
 * (DLDO1). AW9523: its own outputs as push-pull; resets of amplifier (P0_2) and display (P1_1) pulled, then
 * let go. */
static esp_err_t power_cores3(i2c_master_bus_handle_t bus)
{
    static const struct hardware_write rails[] = {{0x92, 18 - 5}, {0x93, 33 - 5}, {0x94, 33 - 5},
                                                  {0x95, 33 - 5}, {0x97, 33 - 5}, {0x99, 30 - 5},
                                                  {0x90, 0xBF}};
    static const struct hardware_write resets[] = {{0x04, 0x18}, {0x05, 0x0C}, {0x11, 0x10}, {0x12, 0xFF},
                                                   {0x13, 0xFF}, {0x02, 0x03}, {0x03, 0x81}};
    static const struct hardware_write run[] = {{0x02, 0x07}, {0x03, 0x83}};
    esp_err_t error = hardware_write_all(bus, AXP2101, rails, COUNT(rails));
    if (error == ESP_OK)
        error = hardware_write_all(bus, AW9523, resets, COUNT(resets));
    vTaskDelay(pdMS_TO_TICKS(20));
    if (error == ESP_OK)
        error = hardware_write_all(bus, AW9523, run, COUNT(run));
    vTaskDelay(pdMS_TO_TICKS(120)); /* the ILI9342 after its reset */
    return error;
}

/* Pull-ups, four outputs, all high: the amplifier is not muted. */
static esp_err_t power_echo_base(i2c_master_bus_handle_t bus)
{
    static const struct hardware_write writes[] = {{0x07, 0x00}, {0x0D, 0xFF}, {0x03, 0x6E}, {0x05, 0xFF}};
    return hardware_write_all(bus, PI4IOE, writes, COUNT(writes));
}

/* The expander's output 8 switches the amplifier on: high, and an output. */
static esp_err_t power_waveshare_audio(i2c_master_bus_handle_t bus)
{
    static const struct hardware_write writes[] = {{0x03, 0xFF}, {0x07, 0xFE}};
    return hardware_write_all(bus, TCA9555, writes, COUNT(writes));
}

static void switch_on(i2c_master_bus_handle_t bus)
{
    switch (board.power) {
    case BOARD_POWER_CORES3:
        (void)power_cores3(bus);
        break;
    case BOARD_POWER_ECHO_BASE:
        (void)power_echo_base(bus);
        break;
    case BOARD_POWER_WAVESHARE_AUDIO:
        (void)power_waveshare_audio(bus);
        break;
    case BOARD_POWER_NONE:
        break;
    }
}

static const struct board_wiring *wiring; /* NULL: not looked for yet */

/* An open drain harms nothing on the other revision's pins. */
static i2c_master_bus_handle_t open_where_it_answers(const struct board_wiring *pins)
{
    i2c_master_bus_handle_t bus = hardware_open_bus(&pins->i2c);
    if (bus == NULL || i2c_master_probe(bus, board.speaker.address, TIMEOUT_MS) == ESP_OK)
        return bus;
    (void)i2c_del_master_bus(bus);
    return NULL;
}

static i2c_master_bus_handle_t find_revision(void)
{
    const struct board_wiring *const revisions[] = {&board.wiring, &board.revision};
    for (int i = 0; i < 2; i++) {
        i2c_master_bus_handle_t bus = open_where_it_answers(revisions[i]);
        if (bus == NULL)
            continue;
        wiring = revisions[i];
        ESP_LOGI(TAG, "the codec is on SDA %d, SCL %d", wiring->i2c.sda, wiring->i2c.scl);
        return bus;
    }
    return NULL;
}

i2c_master_bus_handle_t hardware_bus(void)
{
    static i2c_master_bus_handle_t bus;
    if (wiring != NULL)
        return bus;
    wiring = &board.wiring;
    bus = board.revision.i2s.bclk > 0 ? find_revision() : hardware_open_bus(&wiring->i2c);
    if (bus != NULL)
        switch_on(bus);
    return bus;
}

const struct board_wiring *hardware_wiring(void)
{
    (void)hardware_bus();
    return wiring;
}
