/* The console's commands about sound: test signals in, and what the speaker would have played. */
#include <stdlib.h>
#include <string.h>

#include "console/console_commands.h"
#include "port.h"

static const char usage[] = "inject tone HZ [MS] | sweep [MS] | ring | clip | silence [MS] | off";

static bool start(struct audio *a, const struct audio_signal *signal)
{
    port_audio_lock();
    audio_measure_start(a, signal->kind == AUDIO_SIGNAL_TONE ? signal->hz : 0);
    bool started = audio_inject(a, signal) == AUDIO_OK;
    port_audio_unlock();
    return started;
}

static void stop(struct audio *a)
{
    port_audio_lock();
    audio_inject_stop(a);
    port_audio_unlock();
}

static long number(const struct console_words *words, int i, long preset)
{
    char *end;
    if (i >= words->count)
        return preset;
    long n = strtol(words->at[i], &end, 10);
    return *end == '\0' && n >= 0 && n <= 600000 ? n : -1;
}

static bool read_signal(const struct console_words *words, struct audio_signal *signal)
{
    static const struct {
        const char *name;
        enum audio_signal_kind kind;
        long ms;
    } kinds[] = {
        {"tone", AUDIO_SIGNAL_TONE, 0},
        {"sweep", AUDIO_SIGNAL_SWEEP, 2000},
        {"ring", AUDIO_SIGNAL_RING, 0},
        {"silence", AUDIO_SIGNAL_SILENCE, 0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (words->count < 2 || strcmp(words->at[1], kinds[i].name) != 0)
            continue;
        bool is_tone = kinds[i].kind == AUDIO_SIGNAL_TONE;
        long hz = is_tone ? number(words, 2, 440) : 300, ms = number(words, is_tone ? 3 : 2, kinds[i].ms);
        *signal = (struct audio_signal){.kind = kinds[i].kind,
                                        .hz = (uint16_t)(hz <= 7900 ? hz : 0),
                                        .hz_end = 3400,
                                        .ms = (uint32_t)ms,
                                        .level_db = -10};
        return hz >= 0 && ms >= 0;
    }
    return false;
}

/* The board's own recording, which the measurement takes for what was spoken. */
static void speak(struct audio *a)
{
    stop(a);
    if (port_audio_speak() == PORT_OK) {
        port_audio_lock();
        audio_measure_start(a, 0);
        port_audio_unlock();
        console_done();
    } else {
        console_refuse("no_clip", "");
    }
}

void console_inject(struct audio *a, const struct console_words *words)
{
    struct audio_signal signal;
    if (words->count == 2 && strcmp(words->at[1], "clip") == 0) {
        speak(a);
        return;
    }
    if (words->count == 2 && strcmp(words->at[1], "off") == 0)
        stop(a);
    else if (!read_signal(words, &signal) || !start(a, &signal)) {
        console_refuse("usage", usage);
        return;
    }
    console_done();
}

void console_capture(struct audio *a, const struct console_words *words)
{
    struct console_reply reply;
    struct audio_summary s;
    port_audio_lock();
    audio_measure_get(a, &s);
    if (words->count == 2 && strcmp(words->at[1], "start") == 0)
        audio_measure_start(a, 0);
    port_audio_unlock();
    console_begin(&reply, "@ok ");
    json_add_integer(&reply.json, "ms", (int64_t)s.ms);
    json_add_integer(&reply.json, "rms_db10", s.rms_db10);
    json_add_integer(&reply.json, "peak_db10", s.peak_db10);
    json_add_integer(&reply.json, "tone_mhz", s.tone_mhz);
    json_add_integer(&reply.json, "tone_percent", s.tone_percent);
    json_add_integer(&reply.json, "sound_percent", s.sound_percent);
    json_add_integer(&reply.json, "gaps", s.gaps);
    json_add_integer(&reply.json, "longest_gap_ms", (int64_t)s.longest_gap_ms);
    json_add_integer(&reply.json, "clicks", s.clicks);
    json_add_integer(&reply.json, "correlation_percent", s.correlation_percent);
    json_add_bool(&reply.json, "round_trip_known", s.round_trip_known);
    json_add_integer(&reply.json, "round_trip_us", s.round_trip_us);
    console_send(&reply);
}
