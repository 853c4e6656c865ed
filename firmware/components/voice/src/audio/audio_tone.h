/* The dominant tone: its frequency from zero crossings, its share of the power from a correlation with it.
 * Up to 5 kHz: beyond that some periods have no sample near their top. */
#ifndef VOICE_AUDIO_TONE_H
#define VOICE_AUDIO_TONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audio_tone {
    int32_t last;      /* sample */
    int32_t threshold; /* of hysteresis: a quarter of the last block's peak */
    bool low;          /* has been below it since the last crossing */
    bool following;    /* `crossed` is the end of a period */
    uint64_t now;      /* samples */
    uint64_t rising;   /* the last time it rose through zero, in 1/256 samples */
    uint64_t crossed;
    uint64_t period; /* the last one */
    uint32_t periods;
    uint64_t time; /* that they took, in 1/256 samples */
    uint32_t phase;
    uint64_t tone_power, power; /* of blocks with sound, from the second on */
};

void audio_tone_start(struct audio_tone *t);
void audio_tone_add(struct audio_tone *t, const int16_t *pcm, size_t count); /* at most a block */
/* Thousandths of a hertz, 0 while unknown. */
uint32_t audio_tone_frequency(const struct audio_tone *t);
uint8_t audio_tone_percent(const struct audio_tone *t);

#endif
