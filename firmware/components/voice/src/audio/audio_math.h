/* Fixed-point arithmetic that more than one part of the audio needs. */
#ifndef VOICE_AUDIO_MATH_H
#define VOICE_AUDIO_MATH_H

#include <stddef.h>
#include <stdint.h>

#define AUDIO_MATH_ONE 32768 /* 1.0 in Q15 */

static inline int16_t audio_math_saturate(int32_t x)
{
    return (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

static inline int32_t audio_math_abs(int32_t x)
{
    return x < 0 ? -x : x;
}

/* Q15 factor */
static inline int32_t audio_math_scale(int32_t x, int32_t factor)
{
    return (x * factor) / AUDIO_MATH_ONE;
}

uint64_t audio_math_power(const int16_t *pcm, size_t count); /* sum of squares */
int32_t audio_math_peak(const int16_t *pcm, size_t count);
/* Tenths of a dB of full scale of a mean square; AUDIO_LEVEL_SILENT for nothing. Off by 0.1 dB at most. */
int16_t audio_math_decibel(uint64_t sum_of_squares, uint64_t count);
/* Q15 amplitude of -90 to 0 dB. */
int32_t audio_math_amplitude(int db);

/* A factor that goes from one value to another without a step in between. */
struct audio_math_ramp {
    int32_t value, target; /* Q15 */
};

/* Multiplies in place, moving by `step` (Q15) a sample. */
void audio_math_ramp_apply(struct audio_math_ramp *r, int32_t step, int16_t *pcm, size_t count);

#endif
