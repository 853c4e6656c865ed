/* What the speaker would play, in figures, and how it compares with what was sent. Streaming, fixed state. */
#ifndef VOICE_MEASURE_H
#define VOICE_MEASURE_H

#include "audio.h"
#include "audio/audio_flaws.h"
#include "audio/audio_lag.h"
#include "audio/audio_tone.h"

/* Private. */
struct measure {
    uint64_t power;
    uint64_t samples;
    int32_t peak;
    struct audio_tone tone;
    struct audio_flaws flaws;
    struct audio_lag lag;
};

/* `hz`: of a tone that is expected, or 0. */
void measure_start(struct measure *m, uint16_t hz);
void measure_sent(struct measure *m, uint64_t now, const int16_t pcm[AUDIO_BLOCK]);
void measure_heard(struct measure *m, uint64_t now, const int16_t pcm[AUDIO_BLOCK]);
void measure_get(const struct measure *m, struct audio_summary *summary);

#endif
