#include "measure.h"

#include "audio_math.h"

void measure_start(struct measure *m, uint16_t hz)
{
    (void)hz;
    *m = (struct measure){0};
}

void measure_sent(struct measure *m, uint64_t now, const int16_t pcm[AUDIO_BLOCK])
{
    (void)m;
    (void)now;
    (void)pcm;
}

void measure_heard(struct measure *m, uint64_t now, const int16_t pcm[AUDIO_BLOCK])
{
    (void)now;
    int32_t peak = audio_math_peak(pcm, AUDIO_BLOCK);
    m->power += audio_math_power(pcm, AUDIO_BLOCK);
    m->samples += AUDIO_BLOCK;
    m->peak = peak > m->peak ? peak : m->peak;
}

void measure_get(const struct measure *m, struct audio_summary *s)
{
    *s = (struct audio_summary){.ms = m->samples / (AUDIO_RATE / 1000)};
    s->rms_db10 = audio_math_decibel(m->power, m->samples);
    s->peak_db10 = audio_math_decibel((uint64_t)((int64_t)m->peak * m->peak), 1);
}
