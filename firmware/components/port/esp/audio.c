/* What sound is on any board: one task of its own, and a lock for the length of a command. */
#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>

#include "port.h"

static StaticSemaphore_t memory;
static SemaphoreHandle_t lock;

/* The audio task waits for the microphone, and needs no clock. */
uint64_t port_audio_due(void)
{
    return PORT_NEVER;
}

enum port_error port_audio_speak(void)
{
    return PORT_ERR_ABSENT;
}

/* First taken by the net task, in voice_start(), before there is another one. It inherits priorities: a
 * command of the net task must not wait behind everything that lies between the two. */
void port_audio_lock(void)
{
    if (lock == NULL)
        lock = xSemaphoreCreateMutexStatic(&memory);
    (void)xSemaphoreTake(lock, portMAX_DELAY);
}

void port_audio_unlock(void)
{
    (void)xSemaphoreGive(lock);
}
