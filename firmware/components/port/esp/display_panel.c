#include "display_panel.h"

#include <driver/gpio.h>
#include <driver/spi_master.h>
#include <esp_lcd_ili9341.h>
#include <esp_log.h>

#include "hardware.h"

#define TAG "display"
#define HOST SPI2_HOST
#define CLOCK_HZ 40000000u
#define COUNT(list) (sizeof(list) / sizeof(list)[0])
#define BYTES(...) ((const uint8_t[]){__VA_ARGS__})
#define COMMAND(number, ...)                                                                                 \
    {                                                                                                        \
        number, BYTES(__VA_ARGS__), sizeof BYTES(__VA_ARGS__), 0                                             \
    }

/* Levels and gamma of the two panels: their sources stand in the boards' files. What is the same for all,
 * sleep, format and direction, the driver sends; the GC9107 takes it in the same words as an ILI9341. */
static const ili9341_lcd_init_cmd_t box3[] = {
    COMMAND(0xC8, 0xFF, 0x93, 0x42),
    COMMAND(0xC0, 0x0E, 0x0E),
    COMMAND(0xC5, 0xD0),
    COMMAND(0xC1, 0x02),
    COMMAND(0xB4, 0x02),
    COMMAND(0xE0, 0x00, 0x03, 0x08, 0x06, 0x13, 0x09, 0x39, 0x39, 0x48, 0x02, 0x0a, 0x08, 0x17, 0x17, 0x0F),
    COMMAND(0xE1, 0x00, 0x28, 0x29, 0x01, 0x0d, 0x03, 0x3f, 0x33, 0x52, 0x04, 0x0f, 0x0e, 0x37, 0x38, 0x0F),
    COMMAND(0xB1, 0x00, 0x1B),
    COMMAND(0xB7, 0x06),
};
static const ili9341_lcd_init_cmd_t gc9107[] = {
    {0xFE, NULL, 0, 0},
    {0xEF, NULL, 0, 0},
    COMMAND(0xB0, 0xC0),
    COMMAND(0xB2, 0x2F),
    COMMAND(0xB3, 0x03),
    COMMAND(0xB6, 0x19),
    COMMAND(0xB7, 0x01),
    COMMAND(0xAC, 0xCB),
    COMMAND(0xAB, 0x0E),
    COMMAND(0xB4, 0x04),
    COMMAND(0xA8, 0x19),
    COMMAND(0xB8, 0x08),
    COMMAND(0xE8, 0x24),
    COMMAND(0xE9, 0x48),
    COMMAND(0xEA, 0x22),
    COMMAND(0xC6, 0x30),
    COMMAND(0xC7, 0x18),
    COMMAND(0xF0, 0x1F, 0x28, 0x04, 0x3E, 0x2A, 0x2E, 0x20, 0x00, 0x0C, 0x06, 0x00, 0x1C, 0x1F, 0x0F),
    COMMAND(0xF1, 0x00, 0x2D, 0x2F, 0x3C, 0x6F, 0x1C, 0x0B, 0x00, 0x00, 0x00, 0x07, 0x0D, 0x11, 0x0F),
};

static ili9341_vendor_config_t commands(void)
{
    if (board.display.kind == BOARD_DISPLAY_GC9107)
        return (ili9341_vendor_config_t){gc9107, COUNT(gc9107)};
    /* a CoreS3's panel has its reset behind the AW9523 and is content with the driver's own */
    return board.display.reset >= 0 ? (ili9341_vendor_config_t){box3, COUNT(box3)}
                                    : (ili9341_vendor_config_t){NULL, 0};
}

static esp_err_t open_bus(struct display_panel *p)
{
    spi_bus_config_t bus = {.mosi_io_num = board.display.mosi,
                            .sclk_io_num = board.display.sclk,
                            .miso_io_num = -1,
                            .quadwp_io_num = -1,
                            .quadhd_io_num = -1,
                            .max_transfer_sz = board.display.width * 40 * 2};
    esp_lcd_panel_io_spi_config_t io = {.cs_gpio_num = board.display.cs,
                                        .dc_gpio_num = board.display.dc,
                                        .pclk_hz = CLOCK_HZ,
                                        .trans_queue_depth = 10,
                                        .lcd_cmd_bits = 8,
                                        .lcd_param_bits = 8};
    esp_err_t error = spi_bus_initialize(HOST, &bus, SPI_DMA_CH_AUTO);
    return error == ESP_OK ? esp_lcd_new_panel_io_spi((esp_lcd_spi_bus_handle_t)HOST, &io, &p->io) : error;
}

static esp_err_t open_panel(struct display_panel *p)
{
    ili9341_vendor_config_t vendor = commands();
    esp_lcd_panel_dev_config_t config = {.reset_gpio_num = board.display.reset,
                                         .rgb_ele_order = LCD_RGB_ELEMENT_ORDER_BGR,
                                         .bits_per_pixel = 16,
                                         .flags.reset_active_high = board.display.reset_high,
                                         .vendor_config = vendor.init_cmds != NULL ? &vendor : NULL};
    esp_err_t error = esp_lcd_new_panel_ili9341(p->io, &config, &p->panel);
    if (error == ESP_OK)
        error = esp_lcd_panel_reset(p->panel);
    if (error == ESP_OK)
        error = esp_lcd_panel_init(p->panel);
    if (error == ESP_OK)
        error = esp_lcd_panel_invert_color(p->panel, board.display.invert);
    if (error == ESP_OK)
        error = esp_lcd_panel_mirror(p->panel, board.display.mirror_x, board.display.mirror_y);
    if (error == ESP_OK)
        error = esp_lcd_panel_set_gap(p->panel, board.display.offset_x, board.display.offset_y);
    return error == ESP_OK ? esp_lcd_panel_disp_on_off(p->panel, true) : error;
}

/* By a pin, by an LP5562 (enabled, own clock, LEDs from its registers, full), or, as the CoreS3's, on
 * already. */
static void light(void)
{
    static const struct hardware_write lp5562[] = {{0x00, 0x40}, {0x08, 0x41}, {0x70, 0x00}, {0x0E, 0xFF}};
    if (board.display.backlight >= 0) {
        (void)gpio_set_direction((gpio_num_t)board.display.backlight, GPIO_MODE_OUTPUT);
        (void)gpio_set_level((gpio_num_t)board.display.backlight, 1);
    }
    i2c_master_bus_handle_t bus = hardware_open_bus(&board.display.backlight_i2c);
    if (bus != NULL)
        (void)hardware_write_all(bus, board.display.backlight_address, lp5562, COUNT(lp5562));
}

bool display_panel_open(struct display_panel *p)
{
    (void)hardware_bus(); /* power, and resets that hang on other chips */
    esp_err_t error = open_bus(p);
    if (error == ESP_OK)
        error = open_panel(p);
    if (error != ESP_OK)
        ESP_LOGE(TAG, "%s", esp_err_to_name(error));
    else
        light();
    return error == ESP_OK;
}
