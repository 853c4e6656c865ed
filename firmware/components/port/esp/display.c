/* State and conversation on a panel, by LVGL. The net task leaves what is to be shown in a tray; LVGL's own
 * task, below every task of a call, looks into it. */
#include <esp_lvgl_port.h>
#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>
#include <string.h>

#include "board.h"
#include "bsd.h"
#include "display_panel.h"
#include "port.h"

#define LOOK_MS 100
#define LINES 20 /* that are drawn at once: 12.5 KiB of internal memory on a 320-pixel panel */
#define TEXT_SMALL                                                                                           \
    50 /* bytes of one side; port_shown has room for three or four lines of a 320-pixel panel */

static struct tray {
    bool changed;
    struct port_shown what;
} tray;
static StaticSemaphore_t memory;
static SemaphoreHandle_t lock;
static struct {
    lv_obj_t *state, *detail, *text[2];
} labels;

static bool take(struct port_shown *copy)
{
    (void)xSemaphoreTake(lock, portMAX_DELAY);
    bool changed = tray.changed;
    tray.changed = false;
    if (changed)
        *copy = tray.what;
    (void)xSemaphoreGive(lock);
    return changed;
}

static void look(lv_timer_t *timer)
{
    static struct port_shown copy;
    (void)timer;
    if (!take(&copy))
        return;
    lv_label_set_text(labels.state, copy.state);
    lv_label_set_text(labels.detail, copy.detail);
    for (int i = 0; i < 2; i++)
        lv_label_set_text(labels.text[i], copy.text[i]);
}

static lv_obj_t *add_label(lv_obj_t *parent, uint32_t colour)
{
    lv_obj_t *label = lv_label_create(parent);
    lv_label_set_long_mode(label, LV_LABEL_LONG_WRAP);
    lv_obj_set_width(label, lv_pct(100));
    lv_obj_set_style_text_color(label, lv_color_hex(colour), 0);
    lv_label_set_text(label, "");
    return label;
}

static void build(void)
{
    lv_obj_t *screen = lv_screen_active();
    lv_obj_set_style_bg_color(screen, lv_color_black(), 0);
    lv_obj_set_style_pad_all(screen, 4, 0);
    lv_obj_set_style_text_font(
        screen, board.display.width >= 240 ? &lv_font_montserrat_20 : &lv_font_montserrat_14, 0);
    lv_obj_set_flex_flow(screen, LV_FLEX_FLOW_COLUMN);
    labels.state = add_label(screen, 0xFFFFFF);
    labels.detail = add_label(screen, 0xFF8060);
    labels.text[PORT_SPEAKER_USER] = add_label(screen, 0x80C0FF);
    labels.text[PORT_SPEAKER_BOT] = add_label(screen, 0xC0FFC0);
    (void)lv_timer_create(look, LOOK_MS, NULL);
}

static bool start_lvgl(const struct display_panel *p)
{
    lvgl_port_cfg_t task = ESP_LVGL_PORT_INIT_CONFIG();
    lvgl_port_display_cfg_t screen = {
        .io_handle = p->io,
        .panel_handle = p->panel,
        .buffer_size = (uint32_t)board.display.width * LINES,
        .hres = board.display.width,
        .vres = board.display.height,
        .rotation = {.mirror_x = board.display.mirror_x, .mirror_y = board.display.mirror_y},
        .color_format = LV_COLOR_FORMAT_RGB565,
        .flags = {.buff_dma = true, .swap_bytes = true}};
    task.task_priority = 2;
    task.task_max_sleep_ms = LOOK_MS;
    if (lvgl_port_init(&task) != ESP_OK || lvgl_port_add_disp(&screen) == NULL || !lvgl_port_lock(0))
        return false;
    build();
    lvgl_port_unlock();
    return true;
}

/* The first word starts the display: after the power, and after what matters more. */
static bool is_on(void)
{
    static struct display_panel panel;
    static bool tried, on;
    if (tried)
        return on;
    tried = true;
    lock = xSemaphoreCreateMutexStatic(&memory);
    on = display_panel_open(&panel) && start_lvgl(&panel);
    return on;
}

void port_display_state(const char *state, const char *detail)
{
    if (!is_on())
        return;
    (void)xSemaphoreTake(lock, portMAX_DELAY); /* held for as long as copying takes */
    shown_put(tray.what.state, sizeof tray.what.state, state);
    shown_put(tray.what.detail, sizeof tray.what.detail, detail);
    tray.changed = true;
    (void)xSemaphoreGive(lock);
}

void port_display_text(enum port_speaker who, const char *text)
{
    if (!is_on())
        return;
    /* where all of them would push the other side's off the panel */
    size_t room = board.display.width >= 240 ? sizeof tray.what.text[0] - 1 : TEXT_SMALL;
    text = shown_last_words(text, room);
    (void)xSemaphoreTake(lock, portMAX_DELAY);
    shown_put(tray.what.text[who], sizeof tray.what.text[who], text);
    tray.changed = true;
    (void)xSemaphoreGive(lock);
}

bool port_display_read(struct port_shown *shown)
{
    if (board.display.kind == BOARD_DISPLAY_NONE || !is_on() || !lvgl_port_lock(LOOK_MS))
        return false;
    shown_put(shown->state, sizeof shown->state, lv_label_get_text(labels.state));
    shown_put(shown->detail, sizeof shown->detail, lv_label_get_text(labels.detail));
    for (int i = 0; i < 2; i++)
        shown_put(shown->text[i], sizeof shown->text[i], lv_label_get_text(labels.text[i]));
    lvgl_port_unlock();
    return true;
}
