/* The panel behind the display, and its backlight. */
#ifndef PORT_ESP_DISPLAY_PANEL_H
#define PORT_ESP_DISPLAY_PANEL_H

#include <esp_lcd_panel_io.h>
#include <esp_lcd_panel_ops.h>
#include <stdbool.h>

struct display_panel {
    esp_lcd_panel_io_handle_t io;
    esp_lcd_panel_handle_t panel;
};

/* On, cleared by nobody yet, lit. False: logged. */
bool display_panel_open(struct display_panel *p);

#endif
