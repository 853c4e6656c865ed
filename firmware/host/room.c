#include "room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE 16000
#define RING (2u * RATE)
#define TAPS_MAX (RATE / 2)
#define FULL 32768.0f
#define GONE_DB 60.0

struct room {
    float taps[TAPS_MAX]; /* the impulse response, from the delay on */
    int count, delay;
    float clip;
    double pace; /* samples played for each that is recorded */
    float ring[RING];
    uint64_t played, recorded;
};

static const struct {
    const char *name;
    long least, most;
} known[] = {
    {"level", -60, 20}, {"delay", 0, 500}, {"decay", 0, 500}, {"clip", 1, 100}, {"drift", -1000, 1000}};

enum { LEVEL, DELAY, DECAY, CLIP, DRIFT, COUNT };

static bool take(long values[COUNT], const char *word, size_t len)
{
    for (int i = 0; i < COUNT; i++) {
        size_t name = strlen(known[i].name);
        if (len <= name || word[name] != '=' || strncmp(word, known[i].name, name) != 0)
            continue;
        char *end;
        values[i] = strtol(word + name + 1, &end, 10);
        return end == word + len && values[i] >= known[i].least && values[i] <= known[i].most;
    }
    return false;
}

static bool read_values(long values[COUNT], const char *what)
{
    while (*what != '\0') {
        size_t len = strcspn(what, ",");
        if (!take(values, what, len))
            return false;
        what += len + (what[len] == ',');
    }
    return true;
}

/* The direct sound, and noise behind it that fades: what many reflections are. */
static void respond(struct room *r, double level_db, long decay_ms)
{
    uint32_t seed = 17;
    double whole = 0.0;
    r->count = (int)(decay_ms * RATE / 1000);
    r->count = r->count < 1 ? 1 : r->count > TAPS_MAX ? TAPS_MAX : r->count;
    r->taps[0] = 1.0f;
    for (int i = 1; i < r->count; i++) {
        seed = seed * 1664525u + 1013904223u;
        double noise = (double)(seed >> 8) / (1u << 23) - 1.0;
        r->taps[i] = (float)(0.2 * noise * pow(10.0, -GONE_DB / 20.0 * i / r->count));
    }
    for (int i = 0; i < r->count; i++)
        whole += (double)r->taps[i] * (double)r->taps[i];
    double gain = pow(10.0, level_db / 20.0) / sqrt(whole);
    for (int i = 0; i < r->count; i++)
        r->taps[i] = (float)((double)r->taps[i] * gain);
}

struct room *room_open(const char *what)
{
    long values[COUNT] = {[LEVEL] = -10, [DELAY] = 20, [DECAY] = 150, [CLIP] = 100, [DRIFT] = 0};
    if (!read_values(values, what))
        return NULL;
    struct room *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->delay = (int)(values[DELAY] * RATE / 1000);
    r->clip = (float)values[CLIP] / 100.0f * FULL;
    r->pace = 1.0 + (double)values[DRIFT] / 1e6;
    respond(r, (double)values[LEVEL], values[DECAY]);
    return r;
}

void room_close(struct room *r)
{
    free(r);
}

void room_play(struct room *r, const int16_t pcm[PORT_AUDIO_BLOCK])
{
    for (unsigned i = 0; i < PORT_AUDIO_BLOCK; i++, r->played++) {
        float sample = pcm[i];
        r->ring[r->played % RING] = sample > r->clip ? r->clip : sample < -r->clip ? -r->clip : sample;
    }
}

static float at(const struct room *r, int64_t n)
{
    bool there = n >= 0 && (uint64_t)n < r->played && r->played - (uint64_t)n <= RING;
    return there ? r->ring[(uint64_t)n % RING] : 0.0f;
}

/* Of what was played at a place between two samples. */
static float echo(const struct room *r, double place)
{
    int64_t whole = (int64_t)floor(place);
    float part = (float)(place - (double)whole), sum = 0.0f;
    for (int i = 0; i < r->count; i++) {
        float here = at(r, whole - i);
        sum += r->taps[i] * (part == 0.0f ? here : here + part * (at(r, whole + 1 - i) - here));
    }
    return sum;
}

void room_hear(struct room *r, int16_t pcm[PORT_AUDIO_BLOCK])
{
    for (unsigned i = 0; i < PORT_AUDIO_BLOCK; i++, r->recorded++) {
        /* a block is played while the next one is recorded */
        double place = ((double)r->recorded - PORT_AUDIO_BLOCK) * r->pace - r->delay;
        float heard = (float)pcm[i] + echo(r, place);
        pcm[i] = (int16_t)lrintf(heard > FULL - 1 ? FULL - 1 : heard < -FULL ? -FULL : heard);
    }
}
