#include "audio/signals.h"

#include "audio/audio_math.h"

#define EDGE 80 /* samples: 5 ms of rise and fall, so that nothing clicks */
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* North American ringback, ITU-T E.180 supplement 2: 440 and 480 Hz, 2 s on, 4 s off. */
static const struct signals_note ring[] = {{440, 480, 2000}, {0, 0, 4000}};
static const struct signals_note ready[] = {{660, 0, 90}, {880, 0, 140}};
static const struct signals_note ended[] = {{880, 0, 90}, {660, 0, 140}};
static const struct signals_note failed[] = {
    {330, 0, 120}, {0, 0, 60}, {330, 0, 120}, {0, 0, 60}, {220, 0, 260}};

static const struct {
    const struct signals_note *notes;
    uint8_t count;
} melodies[] = {
    [AUDIO_SIGNAL_RING] = {ring, COUNT_OF(ring)},
    [AUDIO_SIGNAL_READY] = {ready, COUNT_OF(ready)},
    [AUDIO_SIGNAL_ENDED] = {ended, COUNT_OF(ended)},
    [AUDIO_SIGNAL_ERROR] = {failed, COUNT_OF(failed)},
    [AUDIO_SIGNAL_CLIP] = {NULL, 0},
};

/* round(32767 sin(i pi / 128)) */
static const int16_t quarter[65] = {
    0,     804,   1608,  2410,  3212,  4011,  4808,  5602,  6393,  7179,  7962,  8739,  9512,
    10278, 11039, 11793, 12539, 13279, 14010, 14732, 15446, 16151, 16846, 17530, 18204, 18868,
    19519, 20159, 20787, 21403, 22005, 22594, 23170, 23731, 24279, 24811, 25329, 25832, 26319,
    26790, 27245, 27683, 28105, 28510, 28898, 29268, 29621, 29956, 30273, 30571, 30852, 31113,
    31356, 31580, 31785, 31971, 32137, 32285, 32412, 32521, 32609, 32678, 32728, 32757, 32767};

int16_t signals_sine(uint32_t phase)
{
    uint32_t within = phase & 0x3fffffffu;
    if (phase & 0x40000000u)
        within = 0x40000000u - within;
    uint32_t i = within >> 24;
    int32_t fraction = (int32_t)(within >> 8 & 0xffff);
    int32_t next = i < 64 ? quarter[i + 1] : quarter[64];
    int32_t value = quarter[i] + ((next - quarter[i]) * fraction + 0x8000) / 0x10000;
    return (int16_t)(phase & 0x80000000u ? -value : value);
}

static uint64_t step_of(uint32_t hz)
{
    return ((uint64_t)hz << 48) / AUDIO_RATE;
}

static uint32_t samples_of(uint32_t ms)
{
    return ms == 0 ? SIGNALS_FOREVER : ms * (AUDIO_RATE / 1000);
}

static bool is_audible(uint16_t hz)
{
    return hz >= 20 && hz <= 7900;
}

static bool is_valid(const struct audio_signal *g)
{
    if (g->ms > 600000 || g->level_db > 0 || g->level_db < -90)
        return false;
    switch (g->kind) {
    case AUDIO_SIGNAL_TONE:
        return is_audible(g->hz);
    case AUDIO_SIGNAL_SWEEP:
        return is_audible(g->hz) && is_audible(g->hz_end) && g->ms > 0;
    case AUDIO_SIGNAL_CLIP:
        return g->reader != NULL || (g->clip != NULL && g->clip_len > 0);
    case AUDIO_SIGNAL_SILENCE:
    case AUDIO_SIGNAL_RING:
    case AUDIO_SIGNAL_READY:
    case AUDIO_SIGNAL_ENDED:
    case AUDIO_SIGNAL_ERROR:
        return true;
    }
    return false;
}

static void begin_note(struct signals *s)
{
    const struct signals_note *n = &s->notes[s->note];
    s->position = 0;
    s->length = samples_of(n->ms);
    s->oscillators[0] = (struct signals_oscillator){.step = step_of(n->hz)};
    s->oscillators[1] = (struct signals_oscillator){.step = step_of(n->hz2)};
}

static void begin_tone(struct signals *s, const struct audio_signal *g)
{
    s->length = samples_of(g->ms);
    s->oscillators[0].step = step_of(g->hz);
    if (g->kind != AUDIO_SIGNAL_SWEEP)
        return;
    s->sweep = ((int64_t)step_of(g->hz_end) - (int64_t)step_of(g->hz)) / (int64_t)s->length;
    s->oscillators[0].step += (uint64_t)(s->sweep / 2); /* a sample's mean frequency is that of its middle */
}

bool signals_start(struct signals *s, const struct audio_signal *g)
{
    if (!is_valid(g))
        return false;
    *s = (struct signals){.active = true,
                          .kind = g->kind,
                          .amplitude = audio_math_amplitude(g->level_db),
                          .left = samples_of(g->ms),
                          .notes = melodies[g->kind].notes,
                          .note_count = melodies[g->kind].count,
                          .repeats = g->kind == AUDIO_SIGNAL_RING,
                          .clip = g->clip,
                          .clip_left = g->clip_len,
                          .reader = g->reader};
    if (s->notes != NULL)
        begin_note(s);
    else
        begin_tone(s, g);
    return true;
}

void signals_stop(struct signals *s)
{
    if (s->active && s->left > EDGE)
        s->left = EDGE;
}

/* ---- oscillators ---- */

static int32_t oscillate(struct signals_oscillator *o)
{
    if (o->step == 0)
        return 0;
    int32_t value = signals_sine(o->phase);
    o->phase += (uint32_t)(o->step >> 16);
    return value;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Q15, but for the two voices of a note. */
static int32_t edge(const struct signals *s)
{
    uint32_t near = least(s->left, least(s->position, s->length - s->position));
    return near >= EDGE ? s->amplitude : s->amplitude * (int32_t)near / EDGE;
}

static int16_t next_sample(struct signals *s)
{
    int32_t value = oscillate(&s->oscillators[0]);
    if (s->oscillators[1].step != 0)
        value = (value + oscillate(&s->oscillators[1])) / 2;
    s->oscillators[0].step += (uint64_t)s->sweep;
    return (int16_t)audio_math_scale(value, edge(s));
}

/* False: that was the last one. */
static bool advance(struct signals *s)
{
    if (s->left != SIGNALS_FOREVER && --s->left == 0)
        return false;
    if (s->length == SIGNALS_FOREVER) {
        s->position += s->position < EDGE;
        return true;
    }
    if (++s->position < s->length)
        return true;
    if (s->notes == NULL || (++s->note == s->note_count && !s->repeats))
        return false;
    s->note %= s->note_count;
    begin_note(s);
    return true;
}

static size_t fill_tone(struct signals *s, int16_t *pcm, size_t count)
{
    size_t n = 0;
    while (n < count && s->active) {
        pcm[n++] = s->kind == AUDIO_SIGNAL_SILENCE ? 0 : next_sample(s);
        s->active = advance(s);
    }
    return n;
}

/* ---- clips ---- */

static size_t read_clip(struct signals *s, int16_t *pcm, size_t count)
{
    if (s->reader != NULL) {
        size_t n = s->reader->read(s->reader, pcm, count);
        return n < count ? n : count;
    }
    size_t n = s->clip_left < count ? s->clip_left : count;
    for (size_t i = 0; i < n; i++)
        pcm[i] = s->clip[i];
    s->clip += n;
    s->clip_left -= n;
    return n;
}

static size_t fill_clip(struct signals *s, int16_t *pcm, size_t count)
{
    size_t most = s->left < count ? s->left : count;
    size_t n = read_clip(s, pcm, most);
    for (size_t i = 0; i < n && s->left != SIGNALS_FOREVER; i++) {
        if (s->left < EDGE)
            pcm[i] = (int16_t)(pcm[i] * (int32_t)s->left / EDGE);
        s->left--;
    }
    s->active = n == most && s->left > 0 && (s->reader != NULL || s->clip_left > 0);
    return n;
}

size_t signals_fill(struct signals *s, int16_t *pcm, size_t count)
{
    size_t n = 0;
    if (s->active)
        n = s->kind == AUDIO_SIGNAL_CLIP ? fill_clip(s, pcm, count) : fill_tone(s, pcm, count);
    for (size_t i = n; i < count; i++)
        pcm[i] = 0;
    return n;
}
