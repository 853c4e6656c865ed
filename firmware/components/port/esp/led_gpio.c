/* A light of one colour, or none. */
#include <driver/gpio.h>

#include "board.h"
#include "port.h"

void port_led(uint8_t red, uint8_t green, uint8_t blue)
{
    if (board.led.kind != BOARD_LED_GPIO)
        return;
    (void)gpio_set_direction((gpio_num_t)board.led.pin, GPIO_MODE_OUTPUT);
    (void)gpio_set_level((gpio_num_t)board.led.pin, ((red | green | blue) != 0) != board.led.active_low);
}
