#include "voice/fake.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS 24

struct fake fake;

static struct {
    char name[PORT_KV_NAME_MAX + 1];
    uint8_t value[PORT_KV_VALUE_MAX];
    size_t len;
} store[SETTINGS];

void fake_restart(void)
{
    memset(&fake, 0, sizeof fake);
    fake.now = 1000000;
    fake.random = 0x9E3779B97F4A7C15u;
    fake.link = PORT_LINK_UP;
    fake.piece = 100;
    fake.after = PORT_AGAIN;
    fake.facts = (struct port_facts){.board = "fake",
                                     .version = "1.2.3",
                                     .chip = "ESP32-C3",
                                     .id = "0123456789ab",
                                     .slot = "",
                                     .has_led = true};
    fake.scan_result = PORT_END;
}

void fake_reset(void)
{
    memset(store, 0, sizeof store);
    fake_restart();
}

uint64_t port_clock(void)
{
    return fake.now;
}

void port_random(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        fake.random ^= fake.random >> 12;
        fake.random ^= fake.random << 25;
        fake.random ^= fake.random >> 27;
        out[i] = (uint8_t)(fake.random >> 32);
    }
}

void port_log(enum port_level level, const char *tag, const char *format, ...)
{
    char text[512];
    va_list arguments;
    (void)level;
    (void)tag;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); /* for the sanitizers to look at */
    va_end(arguments);
}

void port_log_level(enum port_level most)
{
    (void)most;
}

const struct port_facts *port_facts(void)
{
    return &fake.facts;
}

void port_get_figures(struct port_figures *figures)
{
    *figures = (struct port_figures){.heap_free = 100000, .heap_least = 90000, .rssi = -60};
}

void *port_memory(size_t size)
{
    return fake.no_memory ? NULL : calloc(1, size);
}

void port_reboot(void)
{
    fake.rebooted = true;
}

size_t port_crash_report(char *text, size_t cap)
{
    (void)snprintf(text, cap, "%s", fake.crash != NULL ? fake.crash : "");
    return strlen(text);
}

void port_crash_erase(void)
{
    fake.crash = NULL;
}

void port_watchdog_feed(enum port_task task)
{
    fake.fed[task]++;
}

/* ---- the other slot ---- */

enum port_error port_ota_begin(size_t size)
{
    fake.ota_open = fake.ota_room >= size && fake.ota_room > 0;
    fake.ota_len = 0;
    fake.ota_size = size;
    fake.ota_finished = false;
    if (fake.ota_open)
        return PORT_OK;
    return fake.ota_room == 0 ? PORT_ERR_ABSENT : PORT_ERR_SPACE;
}

enum port_error port_ota_write(const uint8_t *data, size_t len)
{
    assert(fake.ota_open && len <= PORT_OTA_PIECE && len <= sizeof fake.ota - fake.ota_len);
    memcpy(fake.ota + fake.ota_len, data, len);
    fake.ota_len += len;
    return fake.ota_write_result;
}

enum port_error port_ota_finish(void)
{
    assert(fake.ota_open);
    fake.ota_open = false;
    fake.ota_finished = fake.ota_finish_result == PORT_OK;
    return fake.ota_finish_result;
}

void port_ota_abort(void)
{
    fake.ota_open = false;
}

bool port_ota_on_trial(void)
{
    return fake.on_trial;
}

enum port_error port_ota_mark_valid(void)
{
    fake.marked_valid = fake.ota_mark_result == PORT_OK;
    fake.on_trial = fake.on_trial && !fake.marked_valid;
    return fake.ota_mark_result;
}

/* ---- store ---- */

static int find(const char *name)
{
    for (int i = 0; i < SETTINGS; i++)
        if (strcmp(store[i].name, name) == 0)
            return i;
    return -1;
}

enum port_error port_kv_get(const char *name, uint8_t *value, size_t cap, size_t *len)
{
    int i = find(name);
    if (i < 0)
        return PORT_ERR_ABSENT;
    if (store[i].len > cap)
        return PORT_ERR_SPACE;
    memcpy(value, store[i].value, store[i].len);
    *len = store[i].len;
    return PORT_OK;
}

static bool has_power(void)
{
    return !fake.kv_cut || (fake.kv_left > 0 && fake.kv_left-- > 0);
}

enum port_error port_kv_set(const char *name, const uint8_t *value, size_t len)
{
    int i = find(name) >= 0 ? find(name) : find("");
    if (!has_power())
        return PORT_ERR_IO;
    if (fake.kv_fails || i < 0 || len > sizeof store[0].value || strlen(name) > PORT_KV_NAME_MAX)
        return PORT_ERR_IO;
    strcpy(store[i].name, name);
    memcpy(store[i].value, value, len);
    store[i].len = len;
    fake.kv_writes++;
    return PORT_OK;
}

enum port_error port_kv_erase(const char *name)
{
    int i = find(name);
    if (fake.kv_fails || !has_power())
        return PORT_ERR_IO;
    if (i < 0)
        return PORT_ERR_ABSENT;
    memset(&store[i], 0, sizeof store[i]);
    return PORT_OK;
}

enum port_error port_kv_erase_all(const char *last)
{
    for (int i = 0; i < SETTINGS; i++)
        if (store[i].name[0] != '\0' && strcmp(store[i].name, last) != 0 &&
            port_kv_erase(store[i].name) != PORT_OK)
            return PORT_ERR_IO;
    return port_kv_erase(last) == PORT_ERR_IO ? PORT_ERR_IO : PORT_OK;
}

void fake_kv_put(const char *name, const char *value)
{
    (void)port_kv_set(name, (const uint8_t *)value, strlen(value));
}

bool fake_kv_is(const char *name, const char *value)
{
    int i = find(name);
    return i >= 0 && store[i].len == strlen(value) && memcmp(store[i].value, value, store[i].len) == 0;
}

/* ---- console ---- */

size_t port_console_read(char *text, size_t cap)
{
    bool binary = fake.typed_len > 0;
    size_t n = binary ? fake.typed_len : fake.typed != NULL ? strlen(fake.typed) : 0;
    n = n < cap ? n : cap;
    if (n > 0)
        memcpy(text, fake.typed, n);
    fake.typed_len -= binary ? n : 0;
    fake.typed = fake.typed != NULL && !(binary && fake.typed_len == 0) ? fake.typed + n : NULL;
    return n;
}

void port_console_write(const char *text, size_t len)
{
    if (len >= sizeof fake.printed - fake.printed_len)
        fake_forget();
    memcpy(fake.printed + fake.printed_len, text, len);
    fake.printed_len += len;
    fake.printed[fake.printed_len] = '\0';
}

bool fake_printed(const char *text)
{
    return strstr(fake.printed, text) != NULL;
}

void fake_forget(void)
{
    fake.printed_len = 0;
    fake.printed[0] = '\0';
}

/* ---- audio, button, light ---- */

unsigned port_audio_start(void)
{
    fake.audio_runs = true;
    return (PORT_SPEAKER_WORKS | PORT_MICROPHONE_WORKS) & ~fake.dead;
}

void port_audio_stop(void)
{
}

uint64_t port_audio_due(void)
{
    return fake.audio_due;
}

enum port_error port_audio_capture(int16_t pcm[PORT_AUDIO_BLOCK])
{
    memset(pcm, 0, PORT_AUDIO_BLOCK * sizeof *pcm);
    fake.captured++;
    return PORT_OK;
}

enum port_error port_audio_play(const int16_t pcm[PORT_AUDIO_BLOCK])
{
    memcpy(fake.speaker, pcm, sizeof fake.speaker);
    fake.played++;
    return PORT_OK;
}

enum port_error port_audio_volume(uint8_t percent)
{
    if (!fake.has_codec || !fake.audio_runs)
        return PORT_ERR_ABSENT;
    fake.codec_volume = percent;
    return PORT_OK;
}

enum port_error port_audio_speak(void)
{
    return PORT_ERR_ABSENT;
}

void port_audio_lock(void)
{
    fake.locked++;
    assert(fake.locked == 1); /* neither twice nor nested */
}

void port_audio_unlock(void)
{
    fake.locked--;
    assert(fake.locked == 0);
}

uint32_t port_audio_latency_us(void)
{
    return 0;
}

bool port_button_pressed(void)
{
    return fake.button;
}

void port_led(uint8_t red, uint8_t green, uint8_t blue)
{
    fake.led[0] = red;
    fake.led[1] = green;
    fake.led[2] = blue;
}

/* ---- display ---- */

void port_display_state(const char *state, const char *detail)
{
    (void)snprintf(fake.shown.state, sizeof fake.shown.state, "%s", state);
    (void)snprintf(fake.shown.detail, sizeof fake.shown.detail, "%s", detail);
}

void port_display_text(enum port_speaker who, const char *text)
{
    (void)snprintf(fake.shown.text[who], sizeof fake.shown.text[who], "%s", text);
}

bool port_display_read(struct port_shown *shown)
{
    *shown = fake.shown;
    return port_facts()->has_display;
}
