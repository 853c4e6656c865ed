/* The console on a UART. */
#include <driver/uart.h>
#include <driver/uart_vfs.h>
#include <sdkconfig.h>

#include "esp.h"

#define UART ((uart_port_t)CONFIG_ESP_CONSOLE_UART_NUM)
#define RX 512
#define TX 2048 /* what leaves within 180 ms at 115,200 baud */

enum port_error console_driver_start(void)
{
    esp_err_t error = uart_driver_install(UART, RX, TX, 0, NULL, 0);
    if (error == ESP_OK)
        uart_vfs_dev_use_driver(
            CONFIG_ESP_CONSOLE_UART_NUM); /* log lines wait their turn, and mix with nothing */
    return esp_port_error(error, "console");
}

size_t console_driver_read(char *text, size_t cap)
{
    for (;;) {
        int n = uart_read_bytes(UART, text, 1, portMAX_DELAY);
        size_t more = 0;
        if (n < 1)
            continue;
        (void)uart_get_buffered_data_len(UART, &more);
        if (more > cap - 1)
            more = cap - 1;
        n = more > 0 ? uart_read_bytes(UART, text + 1, (uint32_t)more, 0) : 0;
        return n > 0 ? 1 + (size_t)n : 1;
    }
}

void console_driver_write(const char *text, size_t len)
{
    size_t room = 0;
    if (uart_get_tx_buffer_free_size(UART, &room) == ESP_OK && room > len)
        (void)uart_write_bytes(UART, text,
                               len); /* else it would block; a line is lost rather than the audio late */
}
