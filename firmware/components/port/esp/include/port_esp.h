/* What main/ needs of this port beyond port.h. */
#ifndef PORT_ESP_H
#define PORT_ESP_H

#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <stdbool.h>
#include <stdint.h>

#include "port.h"

/* Settings, network and console, before voice_start(). What fails is logged, and the rest goes on: a device
 * that can still be talked to on its console is better than one that starts over. */
void port_esp_start(void);

/* port_reboot() was called. */
bool port_esp_reboot_wanted(void);

struct port_esp_task {
    const char *name;
    TaskFunction_t run;
    StackType_t *stack;
    uint32_t stack_size; /* bytes */
    UBaseType_t priority;
    BaseType_t core; /* or tskNO_AFFINITY */
    bool watched;    /* by the task watchdog: has to feed it */
};

/* At most 4. */
void port_esp_run(const struct port_esp_task *task);
/* Bytes of the i-th task's stack that were never used; NULL beyond the last. */
const char *port_esp_stack_free(unsigned i, uint32_t *bytes);

#endif
