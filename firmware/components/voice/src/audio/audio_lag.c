#include "audio/audio_lag.h"

#include "audio/audio_math.h"

#define FLOOR_DB10 (-600)
#define VARIANCE_MIN 4      /* square decibels; 0.1 s of silence in a minute of tone */
#define BINS_MAX (1u << 20) /* 87 minutes: products of 60 by 60 dB fill 32 bits then */

void audio_lag_start(struct audio_lag *l)
{
    *l = (struct audio_lag){0};
}

static uint8_t level(struct audio_lag_envelope *e, const int16_t *pcm)
{
    uint64_t power = 0;
    e->powers[e->at++ % AUDIO_LAG_WINDOW] = audio_math_power(pcm, AUDIO_LAG_BIN);
    for (size_t i = 0; i < AUDIO_LAG_WINDOW; i++)
        power += e->powers[i];
    int db10 = audio_math_decibel(power, AUDIO_LAG_WINDOW * AUDIO_LAG_BIN);
    return (uint8_t)(db10 <= FLOOR_DB10 ? 0 : (db10 - FLOOR_DB10) / 10);
}

static void add(struct audio_lag_sums *s, uint32_t value)
{
    s->sum += value;
    s->squares += value * value;
}

static void push(struct audio_lag *l, uint8_t value)
{
    add(&l->x, value);
    l->ring[l->sent++ % AUDIO_LAG_BINS] = value;
}

void audio_lag_sent(struct audio_lag *l, uint64_t now, const int16_t pcm[AUDIO_BLOCK])
{
    if (l->sent >= BINS_MAX)
        return;
    if (l->sent == 0)
        l->sent_at = now;
    for (uint32_t i = 0; i < AUDIO_BLOCK; i += AUDIO_LAG_BIN)
        push(l, level(&l->sent_envelope, pcm + i));
}

/* Bin `i` of what was sent; nothing before the first. */
static uint32_t sent_bin(const struct audio_lag *l, uint32_t i)
{
    return i < l->sent && l->sent - i <= AUDIO_LAG_BINS ? l->ring[i % AUDIO_LAG_BINS] : 0;
}

static void compare(struct audio_lag *l, uint32_t y)
{
    uint32_t lags = l->heard < AUDIO_LAG_BINS - 1 ? l->heard : AUDIO_LAG_BINS - 1;
    add(&l->y, y);
    for (uint32_t lag = 0; lag <= lags && y > 0; lag++)
        l->products[lag] += y * sent_bin(l, l->heard - lag);
    l->heard++;
}

void audio_lag_heard(struct audio_lag *l, uint64_t now, const int16_t pcm[AUDIO_BLOCK])
{
    if (l->sent == 0 || l->heard >= BINS_MAX)
        return;
    if (l->heard == 0)
        l->heard_at = now;
    for (uint32_t i = 0; i < AUDIO_BLOCK; i += AUDIO_LAG_BIN)
        compare(l, level(&l->heard_envelope, pcm + i));
}

/* ---- the figures ---- */

static uint64_t root(uint64_t x)
{
    uint64_t result = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1)
        if ((result | bit) * (result | bit) <= x)
            result |= bit;
    return result;
}

/* n squares - sum^2; n is at most 2^20, and a bin 60 */
static uint64_t spread(const struct audio_lag_sums *s, uint32_t n)
{
    return n * s->squares - s->sum * s->sum;
}

/* An envelope that hardly moves, a steady tone's, says nothing about time. */
static bool is_telling(const struct audio_lag *l)
{
    return spread(&l->y, l->heard) >= (uint64_t)l->heard * l->heard * VARIANCE_MIN;
}

/* Pearson's coefficient in thousandths. */
static int coefficient(const struct audio_lag *l, const struct audio_lag_sums *x, uint32_t lag)
{
    uint64_t scale = root(spread(x, l->heard)) * root(spread(&l->y, l->heard));
    int64_t covariance = (int64_t)((uint64_t)l->heard * l->products[lag]) - (int64_t)(x->sum * l->y.sum);
    return scale < 1000 ? 0 : (int)(covariance / (int64_t)(scale / 1000));
}

static void drop(const struct audio_lag *l, struct audio_lag_sums *x, uint32_t bin)
{
    uint32_t out = sent_bin(l, bin);
    x->sum -= out;
    x->squares -= out * out;
}

/* Of what was sent, as much as was heard. */
static struct audio_lag_sums sums_in_step(const struct audio_lag *l)
{
    struct audio_lag_sums x = l->x;
    for (uint32_t bin = l->heard; bin < l->sent; bin++)
        drop(l, &x, bin);
    return x;
}

/* Where a parabola through three points has its top, from the one in the middle; in microseconds. */
static int32_t refine(int before, int top, int after)
{
    int curve = before - 2 * top + after;
    return curve >= 0 ? 0 : (before - after) * (int32_t)(AUDIO_LAG_BIN_US / 2) / curve;
}

void audio_lag_get(const struct audio_lag *l, struct audio_lag_best *best)
{
    struct audio_lag_sums x = sums_in_step(l);
    int before = 0, top = 0, last = 0;
    int32_t lag_us = 0;
    uint32_t at = 0, lags = l->heard < AUDIO_LAG_BINS ? l->heard : AUDIO_LAG_BINS;
    for (uint32_t lag = 0; lag < lags && is_telling(l); lag++) {
        int now = coefficient(l, &x, lag);
        if (now > top) {
            before = last;
            top = now;
            at = lag;
            lag_us = (int32_t)(lag * AUDIO_LAG_BIN_US);
        } else if (lag == at + 1 && at > 0) {
            lag_us += refine(before, top, now);
        }
        last = now;
        drop(l, &x, l->heard - (lag + 1)); /* with a greater lag that is not heard yet */
    }
    best->percent = top / 10;
    lag_us += (int32_t)(l->heard_at - l->sent_at);
    best->lag_us = lag_us > 0 ? (uint32_t)lag_us : 0;
}
