/* The device itself: who it is, how it fares, how it starts again. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bsd.h"
#include "host.h"
#include "port_audio.h"

/* An application gets 320 KB of an ESP32-C3's RAM; pointers of 64 bits and libopus in floating point take
 * more. */
#define BUDGET (384u * 1024u)

static struct port_facts facts = {.board = "host",
                                  .version = HOST_VERSION,
                                  .reset = PORT_RESET_POWER_ON,
                                  .has_speaker = true,
                                  .has_microphone = true,
                                  .has_echo_canceller = true, /* no air between the two, without a room */
                                  .has_led = true,
                                  .has_button = true,
                                  .has_display = true,
                                  .chip = "Linux",
                                  .slot = "",
                                  .opus_complexity = 5};
static uint8_t light[3];
static bool reboot_wanted;
static uint32_t heap_least = BUDGET;

/* FNV-1a: as good as a MAC address where there is none. */
static uint64_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++)
        h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    return h;
}

static const char *first(const char *a, const char *b, const char *c)
{
    return a != NULL ? a : b != NULL ? b : c;
}

static void take_image(const char *version)
{
    facts.board = first(host_flash_board(), NULL, "host");
    facts.version = first(version, host_flash_version(), HOST_VERSION);
    facts.slot = host_flash_slot();
    facts.firmware_key_count = host_flash_keys(&facts.firmware_keys);
}

void host_system_init(const struct host_options *options)
{
    char host[256] = "", path[4096] = "";
    take_image(options->version);
    facts.reset = options->reset;
    facts.has_echo_canceller = !options->echoes;
    (void)gethostname(host, sizeof host - 1);
    const char *store = realpath(options->store, path) != NULL ? path : options->store;
    if (options->id != NULL)
        (void)snprintf(facts.id, sizeof facts.id, "%s", options->id);
    else
        (void)snprintf(facts.id, sizeof facts.id, "%012llx",
                       (unsigned long long)((hash(host) ^ hash(store)) & 0xffffffffffffu));
}

const struct port_facts *port_facts(void)
{
    return &facts;
}

void port_get_figures(struct port_figures *figures)
{
    struct mallinfo2 heap = mallinfo2();
    uint32_t used = heap.uordblks < BUDGET ? (uint32_t)heap.uordblks : BUDGET;
    heap_least = BUDGET - used < heap_least ? BUDGET - used : heap_least;
    *figures = (struct port_figures){.heap_free = BUDGET - used, .heap_least = heap_least};
}

void *port_memory(size_t size)
{
    return calloc(1, size);
}

void port_reboot(void)
{
    reboot_wanted = true;
}

bool host_reboot_wanted(void)
{
    return reboot_wanted;
}

bool host_restart(void)
{
    bool wanted = reboot_wanted;
    reboot_wanted = false;
    if (!wanted)
        return false;
    facts.reset = PORT_RESET_SOFTWARE;
    host_flash_reboot();
    take_image(NULL);
    return true;
}

size_t port_crash_report(char *text, size_t cap)
{
    size_t len = 0;
    if (port_kv_get("crash", (uint8_t *)text, cap - 1, &len) != PORT_OK)
        len = 0;
    text[len] = '\0';
    return len;
}

void port_crash_erase(void)
{
    (void)port_kv_erase("crash");
}

/* SIGALRM is the host's watchdog, and ends the program as a panic would. */
void port_watchdog_feed(enum port_task task)
{
    static uint64_t fed[PORT_TASK_COUNT], armed;
    uint64_t now = port_clock();
    fed[task] = now;
    if (now - armed < 1000000u)
        return;
    for (int i = 0; i < PORT_TASK_COUNT; i++)
        if (fed[i] != 0 && now - fed[i] > 5000000u)
            return;
    armed = now;
    (void)alarm(10);
}

enum port_error port_audio_speak(void)
{
    host_audio_ask();
    return host_audio_is_asking() ? PORT_OK : PORT_ERR_ABSENT;
}

/* One thread does both. */
void port_audio_lock(void)
{
}

void port_audio_unlock(void)
{
}

bool port_button_pressed(void)
{
    return false;
}

void port_led(uint8_t red, uint8_t green, uint8_t blue)
{
    light[0] = red;
    light[1] = green;
    light[2] = blue;
}

static struct port_shown display;

void port_display_state(const char *state, const char *detail)
{
    shown_put(display.state, sizeof display.state, state);
    shown_put(display.detail, sizeof display.detail, detail);
    port_log(PORT_DEBUG, "display", "%s%s%s", state, detail[0] != '\0' ? ": " : "", detail);
}

void port_display_text(enum port_speaker who, const char *text)
{
    text = shown_last_words(text, sizeof display.text[who] - 1); /* of a panel of 320 pixels */
    shown_put(display.text[who], sizeof display.text[who], text);
    port_log(PORT_DEBUG, "display", "%s %s", who == PORT_SPEAKER_USER ? "<" : ">", text);
}

bool port_display_read(struct port_shown *shown)
{
    *shown = display;
    return true;
}
