/* The console on the chip's USB-Serial-JTAG. */
#include <driver/usb_serial_jtag.h>
#include <driver/usb_serial_jtag_vfs.h>

#include "esp.h"

#define RX 512
#define TX 2048

enum port_error console_driver_start(void)
{
    usb_serial_jtag_driver_config_t config = {.rx_buffer_size = RX, .tx_buffer_size = TX};
    esp_err_t error = usb_serial_jtag_driver_install(&config);
    if (error == ESP_OK)
        usb_serial_jtag_vfs_use_driver();
    return esp_port_error(error, "console");
}

size_t console_driver_read(char *text, size_t cap)
{
    for (;;) {
        int n = usb_serial_jtag_read_bytes(text, (uint32_t)cap, portMAX_DELAY);
        if (n > 0)
            return (size_t)n;
    }
}

void console_driver_write(const char *text, size_t len)
{
    if (usb_serial_jtag_is_connected())
        (void)usb_serial_jtag_write_bytes(text, len,
                                          0); /* waits for nobody: a line is lost if it does not fit */
}
