/* A queue of samples that gives blocks of 320 from 319, 320 or 321: how two clocks are kept together.
 *
 * The DAC takes a block every 20 ms of its clock, the sender makes a frame every 20 ms of his. What the
 * jitter buffer holds therefore creeps. Where it runs low, blocks are stretched until one frame less is
 * needed; where it holds a frame too many, one is taken at once and squeezed away. A sample in 320 moves the
 * pitch by 5 cents, for the 6.4 s that a frame takes. */
#ifndef VOICE_AUDIO_STRETCH_H
#define VOICE_AUDIO_STRETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIO_STRETCH_BLOCK 320
#define AUDIO_STRETCH_CAPACITY (2 * AUDIO_STRETCH_BLOCK)

struct audio_stretch {
    int8_t change; /* of the samples the next block takes: -1, 0, 1 */
    uint16_t count;
    uint32_t stretched, squeezed; /* blocks */
    int16_t queue[AUDIO_STRETCH_CAPACITY];
};

void audio_stretch_clear(struct audio_stretch *s);
/* Decides the change by what the jitter buffer has to spare; after each frame that it gave. */
void audio_stretch_steer(struct audio_stretch *s, int32_t spare_us);
bool audio_stretch_wants(const struct audio_stretch *s);
/* Where the next 320 samples go; NULL if there is no room. */
int16_t *audio_stretch_space(struct audio_stretch *s);
void audio_stretch_added(struct audio_stretch *s);
void audio_stretch_take(struct audio_stretch *s, int16_t out[AUDIO_STRETCH_BLOCK]);

#endif
