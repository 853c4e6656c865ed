#pragma once
#include <esp_lcd_panel_io.h>
#include <esp_lcd_panel_ops.h>

/* LVGL 9 */
typedef struct lv_obj_t lv_obj_t;
typedef struct lv_display_t lv_display_t;
typedef struct lv_timer_t lv_timer_t;
typedef struct lv_font_t {
    int32_t line_height;
} lv_font_t;
typedef struct {
    uint8_t blue, green, red;
} lv_color_t;
typedef uint32_t lv_style_selector_t;
typedef enum { LV_LABEL_LONG_MODE_WRAP } lv_label_long_mode_t;
#define LV_LABEL_LONG_WRAP LV_LABEL_LONG_MODE_WRAP
typedef enum { LV_FLEX_FLOW_COLUMN = 1 } lv_flex_flow_t;
typedef enum { LV_COLOR_FORMAT_RGB565 = 0x12 } lv_color_format_t;
extern const lv_font_t lv_font_montserrat_14, lv_font_montserrat_20;
lv_obj_t *lv_screen_active(void);
lv_obj_t *lv_label_create(lv_obj_t *parent);
void lv_label_set_text(lv_obj_t *label, const char *text);
char *lv_label_get_text(const lv_obj_t *label);
void lv_label_set_long_mode(lv_obj_t *label, lv_label_long_mode_t mode);
void lv_obj_set_width(lv_obj_t *object, int32_t width);
int32_t lv_pct(int32_t percent);
lv_color_t lv_color_hex(uint32_t rgb);
lv_color_t lv_color_black(void);
void lv_obj_set_style_text_color(lv_obj_t *object, lv_color_t colour, lv_style_selector_t selector);
void lv_obj_set_style_bg_color(lv_obj_t *object, lv_color_t colour, lv_style_selector_t selector);
void lv_obj_set_style_pad_all(lv_obj_t *object, int32_t pixels, lv_style_selector_t selector);
void lv_obj_set_style_text_font(lv_obj_t *object, const lv_font_t *font, lv_style_selector_t selector);
void lv_obj_set_flex_flow(lv_obj_t *object, lv_flex_flow_t flow);
typedef void (*lv_timer_cb_t)(lv_timer_t *timer);
lv_timer_t *lv_timer_create(lv_timer_cb_t callback, uint32_t period_ms, void *user);

/* esp_lvgl_port 2 */
typedef struct {
    int task_priority, task_stack, task_affinity, task_max_sleep_ms;
    unsigned task_stack_caps;
    int timer_period_ms;
} lvgl_port_cfg_t;
#define ESP_LVGL_PORT_INIT_CONFIG()                                                                          \
    {                                                                                                        \
        .task_priority = 4, .task_stack = 7168, .task_affinity = -1                                          \
    }
typedef struct {
    esp_lcd_panel_io_handle_t io_handle;
    esp_lcd_panel_handle_t panel_handle;
    uint32_t buffer_size;
    uint32_t hres, vres;
    struct {
        bool swap_xy, mirror_x, mirror_y;
    } rotation;
    lv_color_format_t color_format;
    struct {
        unsigned buff_dma : 1, swap_bytes : 1;
    } flags;
} lvgl_port_display_cfg_t;
esp_err_t lvgl_port_init(const lvgl_port_cfg_t *config);
lv_display_t *lvgl_port_add_disp(const lvgl_port_display_cfg_t *config);
bool lvgl_port_lock(uint32_t timeout_ms);
void lvgl_port_unlock(void);
