/* The net task's rest: until a datagram, a byte of console, the audio task or the time wakes it. */
#include <sdkconfig.h>

#include "esp.h"

#if CONFIG_FREERTOS_HZ != 1000
#error "a tick has to be a millisecond: set CONFIG_FREERTOS_HZ=1000, or delete sdkconfig.BOARD"
#endif

#define STREAM_POLL_US 5000u

static TaskHandle_t net;

void port_net_wake(void)
{
    if (net != NULL)
        (void)xTaskNotifyGive(net);
}

void port_net_wait(uint64_t deadline)
{
    uint64_t now = port_clock();
    net = xTaskGetCurrentTaskHandle();
    if (stream_is_awaited() && deadline > now + STREAM_POLL_US)
        deadline = now + STREAM_POLL_US;
    uint64_t ms = deadline > now ? (deadline - now + 999) / 1000 : 0;
    (void)ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(ms < 60000 ? (uint32_t)ms : 60000));
}
