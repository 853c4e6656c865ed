#include "audio/audio_stretch.h"

#include <string.h>

#include "audio.h"
#include "audio/audio_math.h"

#define BLOCK AUDIO_STRETCH_BLOCK

/* Below LOW a packet that is a little late finds nothing to be played. While a frame is being stretched in,
 * drift of 300 ppm takes those 2 ms. Above HIGH a frame can go, and LOW is still kept. The jitter buffer
 * itself drops a frame at 30 ms and more. */
#define LOW_US 2000
#define ENOUGH_US 4000
#define HIGH_US 25000

void audio_stretch_clear(struct audio_stretch *s)
{
    s->count = 0;
    s->change = 0;
}

void audio_stretch_steer(struct audio_stretch *s, int32_t spare_us)
{
    bool left_over = s->count > BLOCK;
    if (spare_us == AUDIO_SPARE_UNKNOWN)
        s->change = left_over;
    else if (spare_us < LOW_US || (s->change < 0 && spare_us < ENOUGH_US))
        s->change = -1;
    else
        s->change = left_over || spare_us > HIGH_US;
}

static size_t needed(const struct audio_stretch *s)
{
    return (size_t)(BLOCK + s->change);
}

bool audio_stretch_wants(const struct audio_stretch *s)
{
    return s->count < needed(s);
}

int16_t *audio_stretch_space(struct audio_stretch *s)
{
    return s->count + BLOCK <= AUDIO_STRETCH_CAPACITY ? s->queue + s->count : NULL;
}

void audio_stretch_added(struct audio_stretch *s)
{
    s->count = (uint16_t)(s->count + BLOCK);
}

/* Beyond the ends the sample there again: it has next to no weight, for both ends of a block fall on samples.
 */
static int32_t sample_at(const struct audio_stretch *s, int32_t i)
{
    return s->queue[i < 0 ? 0 : i < s->count ? i : s->count - 1];
}

/* Catmull-Rom through the four samples around; `t` in Q15. */
static int16_t interpolate(const struct audio_stretch *s, int32_t i, int32_t t)
{
    int32_t a = sample_at(s, i - 1), b = sample_at(s, i), c = sample_at(s, i + 1), d = sample_at(s, i + 2);
    int64_t x = 3 * (b - c) + d - a;
    x = (x * t >> 15) + 2 * a - 5 * b + 4 * c - d;
    x = (x * t >> 15) + c - a;
    x = (x * t >> 16) + b;
    return audio_math_saturate((int32_t)x);
}

static void resample(const struct audio_stretch *s, int16_t out[BLOCK])
{
    int32_t taken = (int32_t)needed(s);
    for (int32_t n = 0; n < BLOCK; n++) {
        int32_t position = n * taken;
        out[n] = interpolate(s, position / BLOCK, position % BLOCK * AUDIO_MATH_ONE / BLOCK);
    }
}

void audio_stretch_take(struct audio_stretch *s, int16_t out[BLOCK])
{
    size_t taken = needed(s);
    if (s->change == 0)
        memcpy(out, s->queue, sizeof s->queue[0] * BLOCK);
    else
        resample(s, out);
    s->stretched += s->change < 0;
    s->squeezed += s->change > 0;
    s->count = (uint16_t)(s->count - taken);
    memmove(s->queue, s->queue + taken, sizeof s->queue[0] * s->count);
}
