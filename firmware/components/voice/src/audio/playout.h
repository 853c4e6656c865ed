/* From what the jitter buffer gives to what the speaker plays: decoding, concealment, fades, clock, volume.
 */
#ifndef VOICE_PLAYOUT_H
#define VOICE_PLAYOUT_H

#include "audio.h"
#include "audio/audio_math.h"
#include "audio/audio_stretch.h"
#include "audio/codec.h"
#include "audio/signals.h"

struct playout_stats {
    uint32_t underruns, concealed, fec, corrupt;
};

/* Private, but for `stats` and `speaking`. */
struct playout {
    struct playout_stats stats;
    bool speaking;
    struct codec *codec;
    struct audio_stretch stretch;
    struct signals signals;      /* tones and earcons, mixed in */
    struct audio_math_ramp fade; /* of each frame: concealment and its end */
    struct audio_math_ramp duck; /* of speech: flushed, or under a tone */
    struct audio_math_ramp gain; /* of everything */
    uint16_t missing;            /* frames in a row */
    uint8_t volume;              /* percent */
    bool muted;
    bool flushing;
    uint8_t flushed, quiet; /* frames since the flush; of them quiet ones in a row */
    uint8_t hangover;       /* blocks until `speaking` ends */
    uint8_t unheard;        /* frames since a packet came */
    uint32_t end, at;       /* RTP time after the last frame, and of the last block's first sample */
};

void playout_init(struct playout *p, struct codec *codec);
void playout_reset(struct playout *p);

bool playout_wants(const struct playout *p);
void playout_push(struct playout *p, const struct peer_audio *in, int32_t spare_us);
void playout_step(struct playout *p, int16_t out[AUDIO_BLOCK]);

void playout_set_volume(struct playout *p, uint8_t percent);
void playout_set_mute(struct playout *p, bool mute);
void playout_flush(struct playout *p);

bool playout_played(const struct playout *p, uint32_t *timestamp);
uint32_t playout_delay_us(const struct playout *p);

#endif
