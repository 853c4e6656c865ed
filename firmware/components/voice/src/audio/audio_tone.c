#include "audio/audio_tone.h"

#include "audio.h"
#include "audio/audio_math.h"
#include "audio/signals.h"

#define QUARTER_TURN 0x40000000u
#define SILENT_PEAK 33 /* -60 dBFS */
#define SCALE 15       /* bits: the sum of 320 products of 31 bits, squared, fits into 64 then */

void audio_tone_start(struct audio_tone *t)
{
    *t = (struct audio_tone){.threshold = INT32_MAX};
}

/* ---- frequency ---- */

/* Where something is faded, lost or concealed, a period is unlike the one before. */
static bool is_regular(uint64_t period, uint64_t before)
{
    return period > before - before / 4 && period < before + before / 4;
}

static void end_period(struct audio_tone *t)
{
    uint64_t period = t->rising - t->crossed;
    if (t->following && is_regular(period, t->period)) {
        t->periods++;
        t->time += period;
    }
    t->period = t->following ? period : 0;
    t->following = true;
    t->crossed = t->rising;
}

/* A rise counts when it goes from below the one threshold to above the other; its time is that of its last
 * zero crossing, between samples. */
static void follow(struct audio_tone *t, int32_t x)
{
    if (t->last < 0 && x >= 0)
        t->rising = (t->now << 8) - (uint64_t)(x * 256 / (x - t->last));
    if (x < -t->threshold)
        t->low = true;
    if (t->low && x > t->threshold) {
        t->low = false;
        end_period(t);
    }
    t->last = x;
    t->now++;
}

uint32_t audio_tone_frequency(const struct audio_tone *t)
{
    return t->time == 0 ? 0 : (uint32_t)((uint64_t)t->periods * AUDIO_RATE * 1000 * 256 / t->time);
}

/* ---- share ---- */

/* Power of the tone within a block, in the unit of a sum of squares: 2 |sum x e^-jwn|^2 / N. */
static uint64_t correlate(struct audio_tone *t, const int16_t *pcm, size_t count)
{
    int64_t in_phase = 0, quadrature = 0;
    uint32_t step = (uint32_t)(((uint64_t)audio_tone_frequency(t) << 32) / (AUDIO_RATE * 1000));
    for (size_t i = 0; i < count; i++, t->phase += step) {
        in_phase += pcm[i] * signals_sine(t->phase + QUARTER_TURN);
        quadrature += pcm[i] * signals_sine(t->phase);
    }
    in_phase >>= SCALE;
    quadrature >>= SCALE;
    return 2 * (uint64_t)(in_phase * in_phase + quadrature * quadrature) / count;
}

void audio_tone_add(struct audio_tone *t, const int16_t *pcm, size_t count)
{
    int32_t peak = audio_math_peak(pcm, count);
    if (peak < SILENT_PEAK || t->threshold == INT32_MAX) {
        t->following = t->low = false; /* a gap is no period */
    } else if (t->periods > 0) {
        t->power += audio_math_power(pcm, count);
        t->tone_power += correlate(t, pcm, count);
    }
    for (size_t i = 0; i < count; i++)
        follow(t, pcm[i]);
    t->threshold = peak < SILENT_PEAK ? INT32_MAX : peak / 4;
}

uint8_t audio_tone_percent(const struct audio_tone *t)
{
    uint64_t percent = t->power < 100 ? 0 : t->tone_power / (t->power / 100);
    return (uint8_t)(percent > 100 ? 100 : percent);
}
