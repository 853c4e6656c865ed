/* Tasks with static stacks, watched and measured. */
#include <esp_task_wdt.h>
#include <sdkconfig.h>
#include <stdatomic.h>

#include "esp.h"

#if !CONFIG_ESP_TASK_WDT_PANIC
#error "nothing would end a hang: set CONFIG_ESP_TASK_WDT_PANIC=y, or delete sdkconfig.BOARD"
#elif CONFIG_ESP_TASK_WDT_TIMEOUT_S < 30
#error "a slow flash is no hang: set CONFIG_ESP_TASK_WDT_TIMEOUT_S=30, or delete sdkconfig.BOARD"
#endif

#define TASKS 4

static struct {
    const struct port_esp_task *task;
    TaskHandle_t handle;
    StaticTask_t memory;
} tasks[TASKS];
static _Atomic unsigned count;

static void enter(void *task)
{
    const struct port_esp_task *self = task;
    if (self->watched)
        (void)esp_port_error(esp_task_wdt_add(NULL), "watchdog");
    self->run(NULL);
}

void port_esp_run(const struct port_esp_task *task)
{
    unsigned i = atomic_fetch_add(&count, 1); /* before the task runs: it may start others */
    configASSERT(i < TASKS);
    tasks[i].task = task;
    tasks[i].handle =
        xTaskCreateStaticPinnedToCore(enter, task->name, task->stack_size, (void *)(uintptr_t)task,
                                      task->priority, task->stack, &tasks[i].memory, task->core);
}

const char *port_esp_stack_free(unsigned i, uint32_t *bytes)
{
    if (i >= atomic_load(&count) || tasks[i].handle == NULL)
        return NULL;
    *bytes = uxTaskGetStackHighWaterMark(tasks[i].handle); /* IDF counts in bytes */
    return tasks[i].task->name;
}

uint32_t tasks_stack_least(void)
{
    uint32_t least = UINT32_MAX, bytes;
    for (unsigned i = 0; port_esp_stack_free(i, &bytes) != NULL; i++)
        least = bytes < least ? bytes : least;
    return least != UINT32_MAX ? least : 0;
}

/* Each watched task feeds for itself. */
void port_watchdog_feed(enum port_task task)
{
    (void)task;
    (void)esp_task_wdt_reset();
}
