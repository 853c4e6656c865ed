/* By how much one signal lags another: the correlation of their envelopes, in decibels, over bins of 5 ms.
 *
 * Envelopes and not waveforms, for a speech codec keeps the one and not the other, and for 400 lags of bins
 * cost 80,000 multiplications a second where 32,000 lags of samples would cost 512 million. */
#ifndef VOICE_AUDIO_LAG_H
#define VOICE_AUDIO_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "audio.h"

#define AUDIO_LAG_BIN 80 /* samples */
#define AUDIO_LAG_BIN_US 5000u
#define AUDIO_LAG_BINS 400 /* two seconds */
#define AUDIO_LAG_WINDOW                                                                                     \
    4 /* bins that a level is taken over: two periods of a low voice, or its pitch would show */

struct audio_lag_sums {
    uint64_t sum, squares;
};

struct audio_lag_envelope {
    uint64_t powers[AUDIO_LAG_WINDOW];
    uint32_t at;
};

struct audio_lag {
    struct audio_lag_envelope sent_envelope, heard_envelope;
    uint64_t sent_at, heard_at; /* of the first block each */
    uint32_t sent, heard;       /* bins */
    struct audio_lag_sums x, y; /* of what was sent, of what was heard */
    uint32_t products[AUDIO_LAG_BINS];
    uint8_t ring[AUDIO_LAG_BINS]; /* the last bins sent: dB above -60 */
};

struct audio_lag_best {
    int percent;
    uint32_t lag_us;
};

void audio_lag_start(struct audio_lag *l);
void audio_lag_sent(struct audio_lag *l, uint64_t now, const int16_t pcm[AUDIO_BLOCK]);
void audio_lag_heard(struct audio_lag *l, uint64_t now, const int16_t pcm[AUDIO_BLOCK]);
void audio_lag_get(const struct audio_lag *l, struct audio_lag_best *best);

#endif
