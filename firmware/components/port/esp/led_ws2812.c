/* A light of three colours on one wire. */
#include <led_strip.h>
#include <string.h>

#include "board.h"
#include "port.h"

static led_strip_handle_t strip;
static bool tried;

static void start(void)
{
    led_strip_config_t light = {.strip_gpio_num = board.led.pin,
                                .max_leds = 1,
                                .led_model = LED_MODEL_WS2812,
                                .color_component_format = LED_STRIP_COLOR_COMPONENT_FMT_GRB};
    led_strip_rmt_config_t remote = {.resolution_hz = 10000000u};
    tried = true;
    if (board.led.pin == BOARD_NO_PIN || led_strip_new_rmt_device(&light, &remote, &strip) != ESP_OK)
        strip = NULL;
}

void port_led(uint8_t red, uint8_t green, uint8_t blue)
{
    static uint8_t shown[3];
    const uint8_t wanted[3] = {red, green, blue};
    if (!tried)
        start();
    if (strip == NULL || memcmp(shown, wanted, sizeof shown) == 0)
        return;
    memcpy(shown, wanted, sizeof shown);
    if (led_strip_set_pixel(strip, 0, red, green, blue) == ESP_OK)
        (void)led_strip_refresh(strip);
}
