/* A board without sound: the microphone hears silence, and the speaker plays to nobody, at the pace of the
 * clock. What is injected on the console is heard, and what would be played is measured, all the same. */
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <string.h>

#include "port.h"

#define BLOCK_MS 20

static TickType_t last;

unsigned port_audio_start(void)
{
    last = xTaskGetTickCount();
    return PORT_SPEAKER_WORKS | PORT_MICROPHONE_WORKS;
}

void port_audio_stop(void)
{
}

enum port_error port_audio_capture(int16_t pcm[PORT_AUDIO_BLOCK])
{
    memset(pcm, 0, PORT_AUDIO_BLOCK * sizeof *pcm);
    if (xTaskDelayUntil(&last, pdMS_TO_TICKS(BLOCK_MS)) == pdFALSE) {
        vTaskDelay(1); /* late: what has been missed is gone, as with a sound card */
        last = xTaskGetTickCount();
    }
    return PORT_OK;
}

enum port_error port_audio_play(const int16_t pcm[PORT_AUDIO_BLOCK])
{
    (void)pcm;
    return PORT_OK;
}

enum port_error port_audio_volume(uint8_t percent)
{
    (void)percent;
    return PORT_ERR_ABSENT;
}

uint32_t port_audio_latency_us(void)
{
    return 0;
}
