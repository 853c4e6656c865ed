#pragma once
#include <esp_lcd_panel_io.h>
#include <esp_lcd_panel_ops.h>

typedef enum { LCD_RGB_ELEMENT_ORDER_RGB, LCD_RGB_ELEMENT_ORDER_BGR } lcd_rgb_element_order_t;
typedef struct {
    gpio_num_t reset_gpio_num;
    lcd_rgb_element_order_t rgb_ele_order;
    uint32_t bits_per_pixel;
    struct {
        uint32_t reset_active_high : 1;
    } flags;
    void *vendor_config;
} esp_lcd_panel_dev_config_t;
typedef struct {
    int cmd;
    const void *data;
    size_t data_bytes;
    unsigned delay_ms;
} ili9341_lcd_init_cmd_t;
typedef struct {
    const ili9341_lcd_init_cmd_t *init_cmds;
    uint16_t init_cmds_size;
} ili9341_vendor_config_t;
esp_err_t esp_lcd_new_panel_ili9341(esp_lcd_panel_io_handle_t io, const esp_lcd_panel_dev_config_t *config,
                                    esp_lcd_panel_handle_t *panel);
