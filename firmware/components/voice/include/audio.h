/* The audio half of a voice device: microphone to Opus, Opus to speaker, and signals to test both with.
 *
 * Pure: blocks of 20 ms of 16 kHz mono go in and out, time is handed in, nothing blocks or allocates.
 * One task at a time. `now` is port_clock(), in microseconds.
 *
 *     audio_capture_step(a, now, mic, packet, &len);       then peer_send_audio()
 *
 *     while (audio_playout_wants(a)) {
 *         peer_next_audio(p, now, &in);                    WAIT if it fails
 *         audio_playout_push(a, &in, spare_us);
 *     }
 *     audio_playout_step(a, now, speaker);                 then port_audio_play()
 */
#ifndef AUDIO_H
#define AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AUDIO_RATE 16000u
#define AUDIO_BLOCK 320u
#define AUDIO_BLOCK_US 20000u
#define AUDIO_PACKET_MAX 320u /* 128 kbit/s; 96 kbit/s are 240 */
#define AUDIO_STORAGE_SIZE (5u * 1024u)

enum audio_error {
    AUDIO_OK = 0,
    AUDIO_ERR_ARGUMENT,
    AUDIO_ERR_SPACE, /* codec_memory is too small or not aligned to 8 */
    AUDIO_ERR_CODEC, /* libopus refused */
};

enum audio_talk {
    AUDIO_TALK_ALWAYS,
    AUDIO_TALK_PUSH,        /* while audio_set_pressed() */
    AUDIO_TALK_HALF_DUPLEX, /* not while the speaker plays: for boards without echo cancellation */
};

/* A filter between microphone and encoder that knows what was played. Embed it as the first member. */
struct audio_echo_canceller {
    void (*play)(struct audio_echo_canceller *self, const int16_t pcm[AUDIO_BLOCK]);
    void (*capture)(struct audio_echo_canceller *self, int16_t pcm[AUDIO_BLOCK]); /* in place */
};

struct audio_config {
    uint32_t bitrate;      /* bit/s; 0 for 24000 */
    uint8_t complexity;    /* 0 to 10 */
    uint8_t expected_loss; /* percent; libopus 1.3 spends bits on FEC at 24 kbit/s from about 10 on */
    enum audio_talk talk;
    uint32_t hangover_us; /* half duplex: how long the room rings on, and port_audio_latency_us() */
    struct audio_echo_canceller *echo; /* NULL for none */
    uint64_t *codec_memory;            /* audio_codec_size() bytes, for as long as the audio is in use */
    size_t codec_size;
};

struct audio;

struct audio_storage {
    uint64_t words[AUDIO_STORAGE_SIZE / 8];
};

/* Depends on the libopus that is linked in: 33 KB in fixed point on 32 bits, 60 KB in floating point on 64.
 */
size_t audio_codec_size(void);
/* Lives in `storage`. Error: there is no Opus, so that nothing is sent, and what comes is silence. Signals
 * and figures are as ever. */
enum audio_error audio_init(struct audio *a, const struct audio_config *config);
struct audio *audio_at(struct audio_storage *storage);
/* For a new call: codec, playout and figures as after audio_init(); settings and signals stay. */
void audio_reset(struct audio *a);

/* ---- microphone to network ---- */

/* One Opus packet a block, silence too, unless the far end would rather be sent nothing then: `*len` 0. `mic`
 * NULL: silence. */
enum audio_error audio_capture_step(struct audio *a, uint64_t now, const int16_t mic[AUDIO_BLOCK],
                                    uint8_t packet[AUDIO_PACKET_MAX], size_t *len);

void audio_set_talk(struct audio *a, enum audio_talk talk);
void audio_set_pressed(struct audio *a, bool pressed);
void audio_set_microphone_mute(struct audio *a, bool mute);
void audio_set_expected_loss(struct audio *a, uint8_t percent);
void audio_set_dtx(struct audio *a, bool dtx); /* silence need not be sent */
/* The far end takes our own voice out of what we send: while the speaker plays, that is sent as it is, and
 * not as it sounds, or the codec's own noise would hide who speaks over it. */
void audio_set_far_canceller(struct audio *a, bool cancels);

/* ---- network to speaker ---- */

#define AUDIO_SPARE_UNKNOWN INT32_MIN

/* A frame is needed for the next step. Mostly one a step; now and then none or two: that is how the two
 * clocks are kept together. */
bool audio_playout_wants(const struct audio *a);
/* `spare_us`: how much longer frames wait in the jitter buffer than the network's jitter asks for, its delay
 * less its target. AUDIO_SPARE_UNKNOWN: no clock correction. */
void audio_playout_push(struct audio *a, const struct peer_audio *in, int32_t spare_us);
/* The block to play. What was wanted and not pushed is concealed. */
void audio_playout_step(struct audio *a, uint64_t now, int16_t speaker[AUDIO_BLOCK]);

/* What the block of the last step begins with, by the RTP timestamp of what was pushed. False: nothing has
 * come for half a second. */
bool audio_played(const struct audio *a, uint32_t *timestamp);

void audio_set_volume(struct audio *a, uint8_t percent); /* of the samples; 100 leaves them alone */
void audio_set_mute(struct audio *a, bool mute);
/* Barge-in: the bot's speech fades out at once, and stays out until it has paused or half a second is over.
 */
void audio_flush(struct audio *a);

/* ---- signals ---- */

enum audio_signal_kind {
    AUDIO_SIGNAL_SILENCE,
    AUDIO_SIGNAL_TONE,  /* hz */
    AUDIO_SIGNAL_SWEEP, /* hz to hz_end, linear */
    AUDIO_SIGNAL_RING,
    AUDIO_SIGNAL_READY, /* earcons: two notes up, */
    AUDIO_SIGNAL_ENDED, /* two down, */
    AUDIO_SIGNAL_ERROR, /* and three low */
    AUDIO_SIGNAL_CLIP,
};

/* Gives up to `count` samples; less than that ends the clip. Embed it as the first member. */
struct audio_reader {
    size_t (*read)(struct audio_reader *self, int16_t *pcm, size_t count);
};

struct audio_signal {
    enum audio_signal_kind kind;
    uint16_t hz, hz_end; /* 20 to 7900 */
    uint32_t ms;         /* 0: until stopped, or its natural end; a sweep needs it, at most 600000 */
    int8_t level_db;     /* peak, dB of full scale: -90 to 0; not of a clip */
    const int16_t *clip; /* from memory, */
    size_t clip_len;
    struct audio_reader *reader; /* or, if not NULL, from here */
};

/* In place of the microphone, whatever the talk mode says. Then the microphone is back. */
enum audio_error audio_inject(struct audio *a, const struct audio_signal *signal);
void audio_inject_stop(struct audio *a);
bool audio_is_injecting(const struct audio *a);
/* On the speaker, over quieter speech. */
enum audio_error audio_play(struct audio *a, const struct audio_signal *signal);
void audio_play_stop(struct audio *a);
bool audio_is_playing(const struct audio *a);

/* ---- figures ---- */

/* Levels are tenths of a dB of full scale (a sine of full scale has an RMS of -30); -999 for silence. */
#define AUDIO_LEVEL_SILENT (-999)

struct audio_state {
    bool bot_speaking; /* speech was heard from the network in the last 0.2 s */
    bool gated;        /* the microphone is not being sent */
    bool flushing;
    int16_t microphone_db10, speaker_db10; /* RMS of the last block */
    uint32_t playout_us; /* decoded and not yet played; the jitter buffer's delay comes before that */
    uint32_t underruns;  /* times that speech had to be concealed for want of a packet */
    uint32_t concealed, fec, corrupt; /* frames */
    uint32_t stretched, squeezed;     /* blocks that clock correction made longer or shorter by a sample */
    uint32_t encode_failures;
};

void audio_get_state(const struct audio *a, struct audio_state *state);

/* What the speaker would play, since audio_measure_start(); beside it what was sent, whether injected or
 * spoken. For the correlation, something must begin or end in the meantime. */
struct audio_summary {
    uint64_t ms;
    int16_t rms_db10, peak_db10;
    uint32_t tone_mhz;     /* dominant tone, thousandths of a hertz; 0 if there is none */
    uint8_t tone_percent;  /* share of it in the power of what is not silent */
    uint8_t sound_percent; /* share of the time that is not silent (-60 dBFS) */
    uint32_t gaps;         /* silences of 10 ms and more with sound before and after */
    uint64_t longest_gap_ms;
    uint32_t clicks;            /* steps in the waveform; a voice makes one in half a minute by itself */
    int8_t correlation_percent; /* of the two envelopes, at the best lag */
    bool round_trip_known;      /* correlation of 50 % and more */
    uint32_t round_trip_us;     /* from audio_capture_step() to audio_playout_step(), up to 2 s */
};

/* `hz`: the tone to expect, which makes clicks in it easier to tell from it; 0 if unknown. */
void audio_measure_start(struct audio *a, uint16_t hz);
void audio_measure_get(const struct audio *a, struct audio_summary *summary);

#ifdef __cplusplus
}
#endif
#endif
