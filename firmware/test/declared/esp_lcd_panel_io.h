#pragma once
#include <driver/gpio.h>

typedef int esp_lcd_spi_bus_handle_t;
typedef struct esp_lcd_panel_io_t *esp_lcd_panel_io_handle_t;
typedef struct {
    gpio_num_t cs_gpio_num, dc_gpio_num;
    int spi_mode;
    unsigned pclk_hz;
    size_t trans_queue_depth;
    int lcd_cmd_bits, lcd_param_bits;
} esp_lcd_panel_io_spi_config_t;
esp_err_t esp_lcd_new_panel_io_spi(esp_lcd_spi_bus_handle_t bus, const esp_lcd_panel_io_spi_config_t *config,
                                   esp_lcd_panel_io_handle_t *io);
