#include "audio/measure.h"

#include "audio/audio_math.h"

#define TONE_PERCENT_MIN 50
#define CORRELATION_MIN 50
#define SAMPLES_PER_MS (AUDIO_RATE / 1000)

void measure_start(struct measure *m, uint16_t hz)
{
    m->power = 0;
    m->samples = 0;
    m->peak = 0;
    audio_tone_start(&m->tone);
    audio_flaws_start(&m->flaws, hz);
    audio_lag_start(&m->lag);
}

void measure_sent(struct measure *m, uint64_t now, const int16_t pcm[AUDIO_BLOCK])
{
    audio_lag_sent(&m->lag, now, pcm);
}

void measure_heard(struct measure *m, uint64_t now, const int16_t pcm[AUDIO_BLOCK])
{
    int32_t peak = audio_math_peak(pcm, AUDIO_BLOCK);
    m->peak = peak > m->peak ? peak : m->peak;
    m->power += audio_math_power(pcm, AUDIO_BLOCK);
    m->samples += AUDIO_BLOCK;
    audio_tone_add(&m->tone, pcm, AUDIO_BLOCK);
    audio_flaws_add(&m->flaws, pcm, AUDIO_BLOCK);
    audio_lag_heard(&m->lag, now, pcm);
}

static void get_tone(const struct measure *m, struct audio_summary *s)
{
    s->tone_percent = audio_tone_percent(&m->tone);
    s->tone_mhz = s->tone_percent >= TONE_PERCENT_MIN ? audio_tone_frequency(&m->tone) : 0;
}

static void get_flaws(const struct measure *m, struct audio_summary *s)
{
    const struct audio_flaws *f = &m->flaws;
    if (m->samples > 0)
        s->sound_percent = (uint8_t)((m->samples - f->silent) * 100 / m->samples);
    s->gaps = f->gaps;
    s->longest_gap_ms = f->longest_gap / SAMPLES_PER_MS;
    s->clicks = f->clicks;
}

static void get_lag(const struct measure *m, struct audio_summary *s)
{
    struct audio_lag_best best;
    audio_lag_get(&m->lag, &best);
    s->correlation_percent = (int8_t)best.percent;
    s->round_trip_known = best.percent >= CORRELATION_MIN;
    s->round_trip_us = s->round_trip_known ? best.lag_us : 0;
}

void measure_get(const struct measure *m, struct audio_summary *s)
{
    *s = (struct audio_summary){.ms = m->samples / SAMPLES_PER_MS};
    s->rms_db10 = audio_math_decibel(m->power, m->samples);
    s->peak_db10 = audio_math_decibel((uint64_t)((int64_t)m->peak * m->peak), 1);
    get_tone(m, s);
    get_flaws(m, s);
    get_lag(m, s);
}
