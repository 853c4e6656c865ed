/* Generators of test signals and earcons: any number of samples at a time, fixed state, no floating point. */
#ifndef VOICE_SIGNALS_H
#define VOICE_SIGNALS_H

#include "audio.h"

#define SIGNALS_FOREVER UINT32_MAX

struct signals_note {
    uint16_t hz, hz2; /* sounded together; 0 for none */
    uint16_t ms;
};

struct signals_oscillator {
    uint32_t phase; /* of 2^32 */
    uint64_t step;  /* a sample, in 2^-16 of that */
};

/* Private. */
struct signals {
    bool active;
    enum audio_signal_kind kind;
    int32_t amplitude;                /* Q15 */
    uint32_t left;                    /* samples, or SIGNALS_FOREVER */
    const struct signals_note *notes; /* NULL: tone or sweep */
    uint8_t note_count, note;
    bool repeats;
    uint32_t position, length; /* within the note; length SIGNALS_FOREVER if it has no end */
    struct signals_oscillator oscillators[2];
    int64_t sweep; /* added to the first step each sample */
    const int16_t *clip;
    size_t clip_left;
    struct audio_reader *reader;
};

/* False: a value out of its range; what played before plays on. */
bool signals_start(struct signals *s, const struct audio_signal *signal);
void signals_stop(struct signals *s); /* fades out within 5 ms */
/* Fills `pcm`, with zeros after the end. Returns how many samples are the signal's. */
size_t signals_fill(struct signals *s, int16_t *pcm, size_t count);

int16_t signals_sine(uint32_t phase); /* of 2^32; within 4 of the true value */

#endif
