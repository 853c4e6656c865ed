/* From the microphone, or a test signal in its place, to what is encoded: echo cancellation, talk modes,
 * level. */
#ifndef VOICE_CAPTURE_H
#define VOICE_CAPTURE_H

#include "audio.h"
#include "audio/audio_math.h"
#include "audio/signals.h"

/* Private, but for `level_db10` and `is_silenced`. */
struct capture {
    int16_t level_db10; /* of what is heard */
    bool is_silenced;   /* none of it goes out */
    enum audio_talk talk;
    bool pressed, muted;
    uint32_t hangover_us;
    uint64_t pressed_until; /* speech goes on for a moment after the button is let go */
    uint64_t speaker_until; /* the speaker is heard until then */
    struct audio_math_ramp gate;
    struct signals signals;
    struct audio_echo_canceller *echo;
};

void capture_init(struct capture *c, const struct audio_config *config);
void capture_reset(struct capture *c);

/* `mic` NULL: silence. */
void capture_step(struct capture *c, uint64_t now, const int16_t *mic, int16_t out[AUDIO_BLOCK]);
/* What goes to the speaker now. */
void capture_note_speaker(struct capture *c, uint64_t now, const int16_t pcm[AUDIO_BLOCK]);
bool capture_hears_speaker(const struct capture *c, uint64_t now);
bool capture_is_gated(const struct capture *c, uint64_t now);

#endif
