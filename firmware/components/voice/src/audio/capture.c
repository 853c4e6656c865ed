#include "audio/capture.h"

#include <string.h>

#define ONE AUDIO_MATH_ONE
#define GATE_STEP (ONE / 160 + 1) /* 10 ms */
#define AUDIBLE_PEAK 100          /* -50 dBFS */
#define RELEASE_US 150000         /* a finger is quicker than the end of a word */

void capture_init(struct capture *c, const struct audio_config *config)
{
    *c = (struct capture){.level_db10 = AUDIO_LEVEL_SILENT,
                          .talk = config->talk,
                          .hangover_us = config->hangover_us,
                          .echo = config->echo};
}

void capture_reset(struct capture *c)
{
    c->level_db10 = AUDIO_LEVEL_SILENT;
    c->gate = (struct audio_math_ramp){0, 0};
    c->speaker_until = c->pressed_until = 0;
}

void capture_note_speaker(struct capture *c, uint64_t now, const int16_t pcm[AUDIO_BLOCK])
{
    if (c->echo != NULL)
        c->echo->play(c->echo, pcm);
    if (audio_math_peak(pcm, AUDIO_BLOCK) >= AUDIBLE_PEAK)
        c->speaker_until = now + AUDIO_BLOCK_US + c->hangover_us;
}

bool capture_hears_speaker(const struct capture *c, uint64_t now)
{
    return now < c->speaker_until;
}

bool capture_is_gated(const struct capture *c, uint64_t now)
{
    if (c->muted)
        return true;
    if (c->talk == AUDIO_TALK_PUSH)
        return !c->pressed && now >= c->pressed_until;
    return c->talk == AUDIO_TALK_HALF_DUPLEX && capture_hears_speaker(c, now);
}

static void hear(struct capture *c, const int16_t *mic, int16_t out[AUDIO_BLOCK])
{
    if (mic != NULL)
        memcpy(out, mic, AUDIO_BLOCK * sizeof *out);
    else
        memset(out, 0, AUDIO_BLOCK * sizeof *out);
    if (c->echo != NULL)
        c->echo->capture(c->echo, out);
}

static void gate(struct capture *c, uint64_t now, int16_t out[AUDIO_BLOCK])
{
    if (c->pressed)
        c->pressed_until = now + RELEASE_US;
    c->gate.target = capture_is_gated(c, now) ? 0 : ONE;
    audio_math_ramp_apply(&c->gate, GATE_STEP, out, AUDIO_BLOCK);
}

void capture_step(struct capture *c, uint64_t now, const int16_t *mic, int16_t out[AUDIO_BLOCK])
{
    bool injecting = c->signals.active;
    hear(c, mic, out);
    if (injecting)
        signals_fill(&c->signals, out, AUDIO_BLOCK);
    c->level_db10 = audio_math_decibel(audio_math_power(out, AUDIO_BLOCK), AUDIO_BLOCK);
    c->is_silenced = !injecting && capture_is_gated(c, now);
    if (!injecting)
        gate(c, now, out);
}
