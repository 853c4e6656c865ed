/* The console's bytes: a task waits for them, for drivers cannot wake ours. Log lines go out the same way. */
#include <freertos/FreeRTOS.h>
#include <freertos/stream_buffer.h>

#include "esp.h"

#define TYPED 512 /* bytes: two lines, and what a hurried tool sends ahead */
#define STACK 2048
#define PRIORITY 3 /* a person types */

static StreamBufferHandle_t typed;

static void listen(void *unused)
{
    char text[64];
    (void)unused;
    for (;;) {
        size_t len = console_driver_read(text, sizeof text);
        (void)xStreamBufferSend(typed, text, len, portMAX_DELAY);
        port_net_wake();
    }
}

enum port_error console_start(void)
{
    static StaticStreamBuffer_t memory;
    static uint8_t bytes[TYPED + 1];
    static StackType_t stack[STACK];
    static const struct port_esp_task task = {.name = "console",
                                              .run = listen,
                                              .stack = stack,
                                              .stack_size = sizeof stack,
                                              .priority = PRIORITY,
                                              .core = tskNO_AFFINITY};
    typed = xStreamBufferCreateStatic(TYPED, 1, bytes, &memory);
    enum port_error error = console_driver_start();
    if (error == PORT_OK)
        port_esp_run(&task);
    return error;
}

size_t port_console_read(char *text, size_t cap)
{
    return typed != NULL ? xStreamBufferReceive(typed, text, cap, 0) : 0;
}

void port_console_write(const char *text, size_t len)
{
    console_driver_write(text, len);
}
