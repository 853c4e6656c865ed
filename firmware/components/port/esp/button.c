/* The button, as its level: voice looks ten times a second, and what bounces has settled long before. */
#include <driver/gpio.h>

#include "board.h"
#include "port.h"

static bool ready;

static bool start(void)
{
    gpio_config_t config = {.pin_bit_mask = 1ull << board.button.pin,
                            .mode = GPIO_MODE_INPUT,
                            .pull_up_en = board.button.active_high ? GPIO_PULLUP_DISABLE : GPIO_PULLUP_ENABLE,
                            .pull_down_en =
                                board.button.active_high ? GPIO_PULLDOWN_ENABLE : GPIO_PULLDOWN_DISABLE};
    ready = gpio_config(&config) == ESP_OK;
    return ready;
}

bool port_button_pressed(void)
{
    if (board.button.pin == BOARD_NO_PIN || (!ready && !start()))
        return false;
    return gpio_get_level((gpio_num_t)board.button.pin) == board.button.active_high;
}
