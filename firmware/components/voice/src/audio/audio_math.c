#include "audio/audio_math.h"

#include "audio.h"

uint64_t audio_math_power(const int16_t *pcm, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint32_t)(pcm[i] * pcm[i]);
    return sum;
}

int32_t audio_math_peak(const int16_t *pcm, size_t count)
{
    int32_t peak = 0;
    for (size_t i = 0; i < count; i++)
        if (audio_math_abs(pcm[i]) > peak)
            peak = audio_math_abs(pcm[i]);
    return peak;
}

/* Q10. A parabola through log2 of 1 and 2 that is off by 0.008 at most. */
static int32_t log2_q10(uint64_t x)
{
    int32_t exponent = 0;
    while (x >> (exponent + 1) != 0)
        exponent++;
    uint32_t mantissa = (uint32_t)(exponent >= 16 ? x >> (exponent - 16) : x << (16 - exponent)) - 65536;
    int32_t f = (int32_t)mantissa >> 6;
    return exponent * 1024 + f + (f * (1024 - f) / 1024 * 351) / 1024;
}

int16_t audio_math_decibel(uint64_t sum, uint64_t count)
{
    if (sum == 0 || count == 0)
        return AUDIO_LEVEL_SILENT;
    int32_t octaves = log2_q10(sum) - log2_q10(count) - 30 * 1024; /* full scale is 2^15, squared */
    int32_t db10 = octaves * 301 / 10240;                          /* 10 log10 2 = 3.01 */
    return (int16_t)(db10 < AUDIO_LEVEL_SILENT ? AUDIO_LEVEL_SILENT : db10);
}

int32_t audio_math_amplitude(int db)
{
    int64_t q30 = (int64_t)AUDIO_MATH_ONE << 15;
    for (; db < 0; db++)
        q30 = q30 * 934544 >> 20; /* 10^(-1/20) */
    return (int32_t)(q30 >> 15);
}

void audio_math_ramp_apply(struct audio_math_ramp *r, int32_t step, int16_t *pcm, size_t count)
{
    if (r->value == AUDIO_MATH_ONE && r->target == AUDIO_MATH_ONE)
        return;
    for (size_t i = 0; i < count; i++) {
        if (r->value < r->target)
            r->value = r->target - r->value < step ? r->target : r->value + step;
        else if (r->value > r->target)
            r->value = r->value - r->target < step ? r->target : r->value - step;
        pcm[i] = (int16_t)audio_math_scale(pcm[i], r->value);
    }
}
