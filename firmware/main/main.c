/* The firmware: its tasks, and nothing else. */
#include <esp_system.h>
#include <stdatomic.h>

#include "port_esp.h"
#include "voice.h"

/* The tasks of a call. The others: Wi-Fi 23, lwIP 18 and mDNS 1 are ESP-IDF's, console 3 is port/esp/console.c.
 *
 *          core  priority  stack  because
 *   net    0     11        10 KB  before audio, for its turns are short, and what arrives has to be noted when it
 *                                 arrives: or the jitter buffer takes our own encoder for the network's jitter.
 *                                 On the radio's core. 7.7 KB measured, in an update: its signature, DTLS and TLS.
 *   audio  last  10        32 KB  a second core of its own where there is one. 23 KB measured on a C3 and 27.6 on
 *                                 an S3, which encodes at complexity 3: libopus in fixed point.
 *
 * Both stacks are of internal memory, as is all that a call touches. docs/firmware.md */
#define NET_CORE 0
#define AUDIO_CORE (portNUM_PROCESSORS - 1)

static StackType_t net_stack[VOICE_NET_STACK], audio_stack[VOICE_AUDIO_STACK];
static _Atomic bool stopping;

static void run_audio(void *unused)
{
    (void)unused;
    while (!atomic_load(&stopping)) {
        voice_audio_capture(); /* waits for the microphone */
        while (!voice_audio_play() && !atomic_load(&stopping))
            vTaskDelay(1);
    }
    vTaskDelay(portMAX_DELAY); /* the chip is about to start again */
}

static const struct port_esp_task audio = {.name = "audio",
                                           .run = run_audio,
                                           .stack = audio_stack,
                                           .stack_size = sizeof audio_stack,
                                           .priority = 10,
                                           .core = AUDIO_CORE,
                                           .watched = true};

static void run_net(void *unused)
{
    (void)unused;
    voice_start(NULL);
    port_esp_run(&audio);
    while (!port_esp_reboot_wanted())
        port_net_wait(voice_net_step());
    atomic_store(&stopping, true);
    voice_stop();
    vTaskDelay(pdMS_TO_TICKS(200)); /* for the goodbye to leave */
    esp_restart();
}

static const struct port_esp_task net = {.name = "net",
                                         .run = run_net,
                                         .stack = net_stack,
                                         .stack_size = sizeof net_stack,
                                         .priority = 11,
                                         .core = NET_CORE,
                                         .watched = true};

void app_main(void)
{
    port_esp_start();
    port_esp_run(&net);
}
