/* Sounds to test with, in floating point and so by another way than the code's, and what can be said of them.
 */
#ifndef TEST_VOICE_SOUND_H
#define TEST_VOICE_SOUND_H

#include "check.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SOUND_RATE 16000.0
#define SOUND_BLOCK 320
#define SOUND_PI 3.14159265358979323846

static inline int16_t sound_tone(size_t n, double hz, double amplitude)
{
    return (int16_t)lrint(amplitude * sin(2 * SOUND_PI * hz * (double)n / SOUND_RATE));
}

static inline void sound_fill_tone(int16_t *pcm, size_t from, size_t count, double hz, double amplitude)
{
    for (size_t i = 0; i < count; i++)
        pcm[i] = sound_tone(from + i, hz, amplitude);
}

/* Vowels of a low voice, four syllables a second: harmonics of 120 Hz under formants at 700 and 1200 Hz. */
static inline int16_t sound_speech(size_t n)
{
    double t = (double)n / SOUND_RATE, sum = 0;
    double syllable = fmax(0, sin(2 * SOUND_PI * 2 * t)) * (1 + 0.5 * sin(2 * SOUND_PI * 0.7 * t));
    double pitch = 120 * t + 0.8 * sin(2 * SOUND_PI * 1.3 * t);
    for (int h = 1; h <= 25; h++) {
        double hz = 120.0 * h;
        double level = exp(-pow((hz - 700) / 250, 2)) + 0.6 * exp(-pow((hz - 1200) / 300, 2)) + 0.05;
        sum += level * sin(2 * SOUND_PI * h * pitch);
    }
    return (int16_t)lrint(fmin(fmax(2500 * syllable * sum, -32000), 32000));
}

static inline void sound_fill_speech(int16_t *pcm, size_t from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pcm[i] = sound_speech(from + i);
}

static inline int16_t sound_noise(uint64_t *seed, int amplitude)
{
    return (int16_t)((int)(check_random(seed) >> 33) % (2 * amplitude + 1) - amplitude);
}

static inline double sound_rms(const int16_t *pcm, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)pcm[i] * pcm[i];
    return sqrt(sum / (double)count);
}

static inline int sound_peak(const int16_t *pcm, size_t count)
{
    int peak = 0;
    for (size_t i = 0; i < count; i++)
        peak = abs(pcm[i]) > peak ? abs(pcm[i]) : peak;
    return peak;
}

/* The greatest change from a sample to the next; `last` carries over. */
static inline int sound_step(const int16_t *pcm, size_t count, int16_t *last)
{
    int most = 0;
    for (size_t i = 0; i < count; i++) {
        most = abs(pcm[i] - *last) > most ? abs(pcm[i] - *last) : most;
        *last = pcm[i];
    }
    return most;
}

/* RMS of the part of the sound at that frequency. */
static inline double sound_rms_at(const int16_t *pcm, size_t count, double hz)
{
    double c = 0, s = 0;
    for (size_t i = 0; i < count; i++) {
        c += pcm[i] * cos(2 * SOUND_PI * hz * (double)i / SOUND_RATE);
        s += pcm[i] * sin(2 * SOUND_PI * hz * (double)i / SOUND_RATE);
    }
    return sqrt(2 * (c * c + s * s)) / (double)count;
}

#define assert_near(value, wanted, tolerance)                                                                \
    do {                                                                                                     \
        double near_value = (value), near_wanted = (wanted);                                                 \
        if (!(fabs(near_value - near_wanted) <= (tolerance))) {                                              \
            print_error("%s is %g, not %g within %g\n", #value, near_value, near_wanted,                     \
                        (double)(tolerance));                                                                \
            fail();                                                                                          \
        }                                                                                                    \
    } while (0)

#endif
