#include "audio/audio_flaws.h"

#include "audio.h"
#include "audio/audio_math.h"
#include "audio/signals.h"

#define GAP_MIN 160 /* samples: 10 ms */
#define HOLDOFF 80  /* samples: what follows within 5 ms is heard as one click */
#define RATIO 8     /* over the mean around: noise doesn't get there, speech hardly */
#define FLOOR 500   /* -36 dBFS: below that nothing is heard of it */
#define QUARTER_TURN 0x40000000u

#define AROUND AUDIO_FLAWS_AROUND
#define GUARD AUDIO_FLAWS_GUARD
#define MASK (AUDIO_FLAWS_RING - 1)

void audio_flaws_start(struct audio_flaws *f, uint16_t hz)
{
    uint32_t turn = (uint32_t)(((uint64_t)hz << 32) / AUDIO_RATE);
    *f = (struct audio_flaws){.cosine = hz == 0 ? AUDIO_MATH_ONE : signals_sine(turn + QUARTER_TURN),
                              .holdoff = HOLDOFF}; /* to begin in the middle of a sound is no click */
}

static void end_silence(struct audio_flaws *f)
{
    if (f->run >= GAP_MIN && f->begun) {
        f->gaps++;
        if (f->run > f->longest_gap)
            f->longest_gap = f->run;
    }
    f->begun = true;
    f->run = 0;
}

static void note_level(struct audio_flaws *f, int32_t sample)
{
    if (audio_math_abs(sample) >= AUDIO_FLAWS_SILENCE) {
        end_silence(f);
        return;
    }
    f->run++;
    if (f->run == GAP_MIN)
        f->silent += GAP_MIN;
    else if (f->run > GAP_MIN)
        f->silent++;
}

/* x[n] - 2 cos(w) x[n-1] + x[n-2] is zero for a tone of that w, whatever its phase and amplitude, and small
 * for what is much lower; a step leaves all its height. */
static uint32_t residual(struct audio_flaws *f, int32_t x)
{
    int32_t predicted = (f->last[0] * f->cosine >> 14) - f->last[1];
    f->last[1] = f->last[0];
    f->last[0] = x;
    return (uint32_t)audio_math_abs(x - predicted);
}

static uint32_t ago(const struct audio_flaws *f, uint32_t samples)
{
    return f->ring[(f->at - samples) & MASK];
}

/* The two sums slide along with the candidate, which is AROUND samples ago. */
static void slide(struct audio_flaws *f)
{
    f->after += ago(f, 0) - ago(f, AROUND - GUARD);
    f->before += ago(f, AROUND + GUARD) - ago(f, 2 * AROUND);
}

static bool is_click(const struct audio_flaws *f)
{
    uint32_t around = f->before > f->after ? f->before : f->after;
    return ago(f, AROUND) > RATIO * around / (AROUND - GUARD) + FLOOR;
}

static void note_step(struct audio_flaws *f, int32_t sample)
{
    f->at++;
    f->ring[f->at & MASK] = residual(f, sample);
    slide(f);
    if (f->holdoff > 0)
        f->holdoff--;
    if (f->holdoff > 0 || !is_click(f))
        return;
    f->clicks++;
    f->holdoff = HOLDOFF;
}

void audio_flaws_add(struct audio_flaws *f, const int16_t *pcm, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        note_level(f, pcm[i]);
        note_step(f, pcm[i]);
    }
}
