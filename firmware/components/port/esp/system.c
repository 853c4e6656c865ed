/* The device itself: how it starts and starts again, and how it fares. */
#include <esp_heap_caps.h>

#include "esp.h"

static bool reboot_wanted;

void port_esp_start(void)
{
    facts_start();
    (void)kv_start();
    (void)console_start();
    (void)udp_start();
    (void)link_driver_start();
    (void)mdns_port_start();
}

void port_get_figures(struct port_figures *figures)
{
    const uint32_t kind = MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT;
    *figures = (struct port_figures){.heap_free = heap_caps_get_free_size(kind),
                                     .heap_least = heap_caps_get_minimum_free_size(kind),
                                     .rssi = link_driver_rssi(),
                                     .stack_least = tasks_stack_least()};
}

void *port_memory(size_t size)
{
    return heap_caps_aligned_calloc(8, 1, size, MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT); /* its own: 4 */
}

void port_reboot(void)
{
    reboot_wanted = true;
}

bool port_esp_reboot_wanted(void)
{
    return reboot_wanted;
}
