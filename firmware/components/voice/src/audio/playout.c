#include "audio/playout.h"

#include <string.h>

#define ONE AUDIO_MATH_ONE
#define BLOCK AUDIO_BLOCK

/* Concealment is credible for a syllable, and a hum after that. */
#define FULL_FRAMES 3
#define GONE_FRAMES 6
#define FADE_OUT_STEP (ONE / (int32_t)((GONE_FRAMES - FULL_FRAMES) * BLOCK) + 1)
#define FADE_IN_STEP (ONE / 80 + 1) /* 5 ms */
#define DUCK_STEP (ONE / 80 + 1)
#define GAIN_STEP (ONE / 320 + 1) /* 20 ms */

#define DUCKED (ONE / 4) /* speech under a tone */
#define QUIET_PEAK 300   /* -41 dBFS: a pause between words */
#define FLUSH_QUIET_FRAMES 2
#define FLUSH_FRAMES_MAX 25
#define SPEAKING_HANGOVER 10
#define UNHEARD_FRAMES 25
#define TICKS 3u /* of RTP's 48 kHz in a sample */

void playout_init(struct playout *p, struct codec *codec)
{
    *p = (struct playout){.codec = codec, .volume = 100};
    p->gain = (struct audio_math_ramp){ONE, ONE};
    playout_reset(p);
}

void playout_reset(struct playout *p)
{
    p->stats = (struct playout_stats){0};
    p->stretch.stretched = p->stretch.squeezed = 0;
    audio_stretch_clear(&p->stretch);
    p->fade = (struct audio_math_ramp){0, 0};
    p->duck = (struct audio_math_ramp){ONE, ONE};
    p->missing = GONE_FRAMES;
    p->unheard = UNHEARD_FRAMES;
    p->flushing = p->speaking = false;
    p->hangover = 0;
}

/* ---- frames in ---- */

static void fade_in(struct playout *p, int16_t *pcm)
{
    p->missing = 0;
    p->fade.target = ONE;
    audio_math_ramp_apply(&p->fade, FADE_IN_STEP, pcm, BLOCK);
}

static void conceal(struct playout *p, int16_t *pcm)
{
    if (p->missing >= GONE_FRAMES || codec_conceal(p->codec, pcm) != CODEC_OK) {
        memset(pcm, 0, BLOCK * sizeof *pcm);
        p->fade.value = 0;
        return;
    }
    p->stats.underruns += p->missing == 0;
    p->stats.concealed++;
    p->fade.target = p->missing++ < FULL_FRAMES ? p->fade.value : 0;
    audio_math_ramp_apply(&p->fade, FADE_OUT_STEP, pcm, BLOCK);
}

static bool recover(struct playout *p, const struct peer_audio *in, int16_t *pcm)
{
    if (!codec_has_fec(in->data, in->len) || codec_decode_fec(p->codec, in->data, in->len, pcm) != CODEC_OK)
        return false;
    p->stats.fec++;
    return true;
}

static bool decode(struct playout *p, const struct peer_audio *in, int16_t *pcm)
{
    if (in->kind == PEER_AUDIO_FEC)
        return recover(p, in, pcm);
    if (in->kind != PEER_AUDIO_PACKET)
        return false;
    if (codec_decode(p->codec, in->data, in->len, pcm) == CODEC_OK)
        return true;
    p->stats.corrupt++;
    return false;
}

static void watch_flush(struct playout *p, const int16_t *pcm)
{
    if (!p->flushing)
        return;
    p->quiet = audio_math_peak(pcm, BLOCK) < QUIET_PEAK ? (uint8_t)(p->quiet + 1) : 0;
    p->flushing = p->quiet < FLUSH_QUIET_FRAMES && ++p->flushed < FLUSH_FRAMES_MAX;
}

static void follow(struct playout *p, const struct peer_audio *in)
{
    bool packet = in->kind == PEER_AUDIO_PACKET;
    p->end = (packet ? in->timestamp : p->end) + BLOCK * TICKS;
    p->unheard = packet ? 0 : p->unheard < UNHEARD_FRAMES ? (uint8_t)(p->unheard + 1) : UNHEARD_FRAMES;
}

void playout_push(struct playout *p, const struct peer_audio *in, int32_t spare_us)
{
    int16_t *pcm = audio_stretch_space(&p->stretch);
    if (pcm == NULL)
        return;
    if (decode(p, in, pcm))
        fade_in(p, pcm);
    else
        conceal(p, pcm);
    audio_stretch_added(&p->stretch);
    follow(p, in);
    watch_flush(p, pcm);
    if (in->kind == PEER_AUDIO_PACKET) /* else the spare is that of an older frame */
        audio_stretch_steer(&p->stretch, spare_us);
}

bool playout_wants(const struct playout *p)
{
    return audio_stretch_wants(&p->stretch);
}

/* ---- blocks out ---- */

static void note_speech(struct playout *p, const int16_t *pcm)
{
    if (audio_math_peak(pcm, BLOCK) >= QUIET_PEAK)
        p->hangover = SPEAKING_HANGOVER;
    else if (p->hangover > 0)
        p->hangover--;
    p->speaking = p->hangover > 0;
}

static void mix(struct playout *p, int16_t *pcm)
{
    int16_t tone[80];
    for (size_t at = 0; at < BLOCK; at += 80) {
        signals_fill(&p->signals, tone, 80);
        for (size_t i = 0; i < 80; i++)
            pcm[at + i] = audio_math_saturate(pcm[at + i] + tone[i]);
    }
}

/* Loudness goes with sound pressure to the power of 0.6 (Stevens); a square about undoes that. */
static int32_t gain_of(uint8_t percent)
{
    return percent * percent * ONE / 10000;
}

void playout_step(struct playout *p, int16_t out[AUDIO_BLOCK])
{
    const struct peer_audio nothing = {.kind = PEER_AUDIO_CONCEAL};
    while (audio_stretch_wants(&p->stretch))
        playout_push(p, &nothing, AUDIO_SPARE_UNKNOWN);
    p->at = p->end - p->stretch.count * TICKS;
    audio_stretch_take(&p->stretch, out);
    p->duck.target = p->flushing ? 0 : p->signals.active ? DUCKED : ONE;
    audio_math_ramp_apply(&p->duck, DUCK_STEP, out, BLOCK);
    note_speech(p, out);
    if (p->signals.active)
        mix(p, out);
    p->gain.target = p->muted ? 0 : gain_of(p->volume);
    audio_math_ramp_apply(&p->gain, GAIN_STEP, out, BLOCK);
}

void playout_set_volume(struct playout *p, uint8_t percent)
{
    p->volume = percent > 100 ? 100 : percent;
}

void playout_set_mute(struct playout *p, bool mute)
{
    p->muted = mute;
}

void playout_flush(struct playout *p)
{
    p->flushing = true;
    p->flushed = p->quiet = 0;
}

bool playout_played(const struct playout *p, uint32_t *timestamp)
{
    *timestamp = p->at;
    return p->unheard < UNHEARD_FRAMES;
}

uint32_t playout_delay_us(const struct playout *p)
{
    return p->stretch.count * 1000u / (AUDIO_RATE / 1000);
}
