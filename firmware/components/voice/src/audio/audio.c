#include "audio.h"

#include "audio/audio_state.h"

#define DEFAULT_BITRATE 24000
#define LOUDEST_SILENCE (-450) /* Opus' DTX takes a steady tone for silence, however loud */

_Static_assert(sizeof(struct audio) <= sizeof(struct audio_storage), "raise AUDIO_STORAGE_SIZE");
_Static_assert(AUDIO_BLOCK == CODEC_FRAME && AUDIO_RATE == CODEC_RATE, "one frame a block");
_Static_assert(AUDIO_PACKET_MAX == CODEC_PACKET_MAX, "one bound");

size_t audio_codec_size(void)
{
    return codec_size();
}

struct audio *audio_at(struct audio_storage *storage)
{
    return (struct audio *)storage;
}

static enum audio_error to_audio_error(enum codec_error error)
{
    if (error == CODEC_OK)
        return AUDIO_OK;
    return error == CODEC_ERR_SPACE ? AUDIO_ERR_SPACE : AUDIO_ERR_CODEC;
}

enum audio_error audio_init(struct audio *a, const struct audio_config *config)
{
    struct codec_settings settings = {.bitrate = config->bitrate != 0 ? config->bitrate : DEFAULT_BITRATE,
                                      .complexity = config->complexity,
                                      .expected_loss = config->expected_loss};
    *a = (struct audio){.speaker_db10 = AUDIO_LEVEL_SILENT};
    enum codec_error error = codec_init(&a->codec, &settings, config->codec_memory, config->codec_size);
    capture_init(&a->capture, config);
    playout_init(&a->playout, &a->codec);
    measure_start(&a->measure, 0);
    return to_audio_error(error);
}

void audio_reset(struct audio *a)
{
    codec_reset(&a->codec);
    capture_reset(&a->capture);
    playout_reset(&a->playout);
    a->speaker_db10 = AUDIO_LEVEL_SILENT;
    a->encode_failures = 0;
}

/* ---- microphone to network ---- */

/* A far canceller wants all there is of what is heard beside the speaker; what it may leave unsent, libopus
 * makes SILK of. */
static void choose_coding(struct audio *a, uint64_t now)
{
    bool silenced = a->capture.is_silenced;
    bool fine = a->far_canceller && !silenced && capture_hears_speaker(&a->capture, now);
    bool silence = silenced || a->capture.level_db10 < LOUDEST_SILENCE;
    (void)codec_set_fine(&a->codec, fine);
    (void)codec_set_dtx(&a->codec, a->dtx && silence && !fine);
}

enum audio_error audio_capture_step(struct audio *a, uint64_t now, const int16_t mic[AUDIO_BLOCK],
                                    uint8_t packet[AUDIO_PACKET_MAX], size_t *len)
{
    int16_t pcm[AUDIO_BLOCK];
    a->now = now;
    capture_step(&a->capture, now, mic, pcm);
    measure_sent(&a->measure, now, pcm);
    choose_coding(a, now);
    enum codec_error error = codec_encode(&a->codec, pcm, packet, len);
    a->encode_failures += error != CODEC_OK;
    return to_audio_error(error);
}

void audio_set_talk(struct audio *a, enum audio_talk talk)
{
    a->capture.talk = talk;
}

void audio_set_pressed(struct audio *a, bool pressed)
{
    a->capture.pressed = pressed;
}

void audio_set_microphone_mute(struct audio *a, bool mute)
{
    a->capture.muted = mute;
}

void audio_set_expected_loss(struct audio *a, uint8_t percent)
{
    (void)codec_set_expected_loss(&a->codec, percent > 100 ? 100 : percent);
}

void audio_set_dtx(struct audio *a, bool dtx)
{
    a->dtx = dtx;
}

void audio_set_far_canceller(struct audio *a, bool cancels)
{
    a->far_canceller = cancels;
}

/* ---- network to speaker ---- */

bool audio_playout_wants(const struct audio *a)
{
    return playout_wants(&a->playout);
}

void audio_playout_push(struct audio *a, const struct peer_audio *in, int32_t spare_us)
{
    playout_push(&a->playout, in, spare_us);
}

void audio_playout_step(struct audio *a, uint64_t now, int16_t speaker[AUDIO_BLOCK])
{
    a->now = now;
    playout_step(&a->playout, speaker);
    capture_note_speaker(&a->capture, now, speaker);
    measure_heard(&a->measure, now, speaker);
    a->speaker_db10 = audio_math_decibel(audio_math_power(speaker, AUDIO_BLOCK), AUDIO_BLOCK);
}

bool audio_played(const struct audio *a, uint32_t *timestamp)
{
    return playout_played(&a->playout, timestamp);
}

void audio_set_volume(struct audio *a, uint8_t percent)
{
    playout_set_volume(&a->playout, percent);
}

void audio_set_mute(struct audio *a, bool mute)
{
    playout_set_mute(&a->playout, mute);
}

void audio_flush(struct audio *a)
{
    playout_flush(&a->playout);
}

/* ---- signals ---- */

enum audio_error audio_inject(struct audio *a, const struct audio_signal *signal)
{
    return signals_start(&a->capture.signals, signal) ? AUDIO_OK : AUDIO_ERR_ARGUMENT;
}

void audio_inject_stop(struct audio *a)
{
    signals_stop(&a->capture.signals);
}

bool audio_is_injecting(const struct audio *a)
{
    return a->capture.signals.active;
}

enum audio_error audio_play(struct audio *a, const struct audio_signal *signal)
{
    return signals_start(&a->playout.signals, signal) ? AUDIO_OK : AUDIO_ERR_ARGUMENT;
}

void audio_play_stop(struct audio *a)
{
    signals_stop(&a->playout.signals);
}

bool audio_is_playing(const struct audio *a)
{
    return a->playout.signals.active;
}

/* ---- figures ---- */

void audio_get_state(const struct audio *a, struct audio_state *state)
{
    *state = (struct audio_state){.bot_speaking = a->playout.speaking,
                                  .gated = capture_is_gated(&a->capture, a->now),
                                  .flushing = a->playout.flushing,
                                  .microphone_db10 = a->capture.level_db10,
                                  .speaker_db10 = a->speaker_db10,
                                  .playout_us = playout_delay_us(&a->playout),
                                  .underruns = a->playout.stats.underruns,
                                  .concealed = a->playout.stats.concealed,
                                  .fec = a->playout.stats.fec,
                                  .corrupt = a->playout.stats.corrupt,
                                  .stretched = a->playout.stretch.stretched,
                                  .squeezed = a->playout.stretch.squeezed,
                                  .encode_failures = a->encode_failures};
}

void audio_measure_start(struct audio *a, uint16_t hz)
{
    measure_start(&a->measure, hz);
}

void audio_measure_get(const struct audio *a, struct audio_summary *summary)
{
    measure_get(&a->measure, summary);
}
