/* Gaps and clicks in what the speaker would play. */
#ifndef VOICE_AUDIO_FLAWS_H
#define VOICE_AUDIO_FLAWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIO_FLAWS_SILENCE 33 /* -60 dBFS */
#define AUDIO_FLAWS_AROUND 32  /* samples: 2 ms on each side of what may be a click */
#define AUDIO_FLAWS_GUARD 3    /* of these next to it not looked at: a click is as long as that */
#define AUDIO_FLAWS_RING 128

struct audio_flaws {
    uint64_t longest_gap; /* in samples */
    uint64_t silent;      /* samples in silences of 10 ms and more */
    uint64_t run;         /* samples of silence until now */
    uint32_t gaps, clicks;
    bool begun;     /* there was sound */
    int32_t cosine; /* Q14, twice that of the expected tone */
    int32_t last[2];
    uint32_t at;            /* samples seen */
    uint32_t holdoff;       /* samples until there may be another click */
    uint32_t before, after; /* sums of residuals on the two sides of the candidate */
    uint32_t ring[AUDIO_FLAWS_RING];
};

/* `hz`: of a tone that is expected, or 0. */
void audio_flaws_start(struct audio_flaws *f, uint16_t hz);
void audio_flaws_add(struct audio_flaws *f, const int16_t *pcm, size_t count);

#endif
