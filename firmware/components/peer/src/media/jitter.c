#include "media/jitter.h"

#include <string.h>

_Static_assert(JITTER_SLOTS >= 6 && JITTER_SLOTS <= 127, "a slot's number is an int8_t");

#define SECOND (50 * JITTER_FRAME)

/* RFC 3550 A.1 */
#define MAX_DROPOUT 3000
#define MAX_MISORDER 100

#define BUCKET (4u * SECOND)
#define DISCONTINUITY (2 * SECOND) /* no network does that, so the sender's clock has jumped */
#define STARVED_POPS 25            /* half a second */
#define PATIENCE_POPS 100
#define PATIENCE_AGAIN 75

static uint32_t to_ticks(uint64_t us)
{
    return (uint32_t)(us * 6 / 125); /* 48 kHz */
}

/* a - b on a circle */
static int32_t diff32(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static int32_t diff16(uint16_t a, uint16_t b)
{
    return (int16_t)(uint16_t)(a - b);
}

void jitter_init(struct jitter *j)
{
    *j = (struct jitter){.lent = -1};
}

static uint32_t base(const struct jitter *j)
{
    return diff32(j->least[0], j->least[1]) < 0 ? j->least[0] : j->least[1];
}

static void measure_least(struct jitter *j, uint32_t arrival, uint32_t transit)
{
    if (arrival - j->bucket_at >= BUCKET) {
        j->bucket_at = arrival;
        j->least[1] = j->least[0];
        j->least[0] = transit;
    } else if (diff32(transit, j->least[0]) < 0) {
        j->least[0] = transit;
    }
}

/* Of a copy all, as by its FEC the frame before may come as well, and half a frame, by which settle() may
 * fall short of the target. */
static void measure_lateness(struct jitter *j, int32_t late, bool is_copy)
{
    if (is_copy)
        late += JITTER_FRAME * 3 / 2;
    if (late > JITTER_DELAY_MAX)
        return;
    int32_t above = late * 256 - (int32_t)j->target256;
    int32_t step = above > 0 ? above / (is_copy ? 1 : 4) : above / 256;
    j->target256 = (uint32_t)((int32_t)j->target256 + step);
    j->stats.target = j->target256 / 256;
}

/* False: a timestamp from nowhere, or so old that it doesn't matter. */
static bool measure(struct jitter *j, const struct jitter_packet *p, uint32_t arrival)
{
    uint32_t transit = arrival - p->timestamp;
    int32_t late = diff32(transit, base(j));
    if (late >= DISCONTINUITY || late <= -DISCONTINUITY)
        return false;
    if (!p->is_copy) {
        j->transit = transit;
        measure_least(j, arrival, transit);
    }
    measure_lateness(j, diff32(transit, base(j)), p->is_copy);
    return true;
}

static void restart(struct jitter *j, const struct jitter_packet *p, uint32_t arrival)
{
    if (j->synced)
        j->stats.restarts++;
    for (size_t i = 0; i < JITTER_SLOTS; i++)
        j->slots[i].used = false;
    j->synced = true;
    j->started = j->positioned = false;
    j->ssrc = p->ssrc;
    j->highest = (uint16_t)(p->sequence - 1);
    j->received = 0;
    j->bucket_at = arrival;
    j->transit = j->least[0] = j->least[1] = arrival - p->timestamp;
    j->held = j->starved = j->patience = 0;
}

/* The stream goes on, or a sender has begun anew: another SSRC, numbers from nowhere, or after a rest, by
 * which no bucket says anything of now and `next` may seem to be ahead. */
static bool continues(const struct jitter *j, const struct jitter_packet *p, uint32_t arrival)
{
    if (!j->synced || p->ssrc != j->ssrc || arrival - j->bucket_at >= 2 * BUCKET)
        return false;
    int32_t ahead = diff16(p->sequence, j->highest);
    if (ahead <= 0)
        return ahead > -MAX_MISORDER;
    int32_t late = diff32(arrival - p->timestamp, base(j));
    return ahead < MAX_DROPOUT && late < DISCONTINUITY && late > -DISCONTINUITY;
}

static bool note_sequence(struct jitter *j, uint16_t sequence)
{
    int32_t ahead = diff16(sequence, j->highest);
    if (ahead > 0) {
        j->received = ahead < 64 ? j->received << ahead : 0;
        j->highest = sequence;
        ahead = 0;
    }
    if (ahead <= -64)
        return true; /* too old to know; it will be late anyway */
    uint64_t bit = (uint64_t)1 << -ahead;
    bool is_new = (j->received & bit) == 0;
    j->received |= bit;
    return is_new;
}

static struct jitter_slot *oldest(struct jitter *j)
{
    struct jitter_slot *first = NULL;
    for (size_t i = 0; i < JITTER_SLOTS; i++) {
        struct jitter_slot *s = &j->slots[i];
        if (s->used && (first == NULL || diff32(s->timestamp, first->timestamp) < 0))
            first = s;
    }
    return first;
}

static void skip_frame(struct jitter *j, struct jitter_slot *slot)
{
    slot->used = false;
    j->stats.dropped++;
    j->next = slot->timestamp + JITTER_FRAME;
    j->expected = (uint16_t)(slot->sequence + 1);
}

static struct jitter_slot *free_slot(struct jitter *j)
{
    for (size_t i = 0; i < JITTER_SLOTS; i++)
        if (!j->slots[i].used)
            return &j->slots[i];
    struct jitter_slot *first = oldest(j);
    skip_frame(j, first);
    return first;
}

static void store(struct jitter *j, const struct jitter_packet *p)
{
    struct jitter_slot *s = free_slot(j);
    s->used = true;
    s->timestamp = p->timestamp;
    s->sequence = p->sequence;
    s->len = (uint16_t)p->len;
    memcpy(s->payload, p->payload, p->len);
    j->usual16 += (uint32_t)p->len - ((j->usual16 + 8) >> 4);
}

static void release(struct jitter *j)
{
    if (j->lent >= 0)
        j->slots[j->lent].used = false;
    j->lent = -1;
}

enum jitter_push jitter_push(struct jitter *j, uint64_t now, const struct jitter_packet *p)
{
    if (p->len == 0 || p->len > JITTER_PAYLOAD_MAX)
        return JITTER_TOO_BIG;
    uint32_t arrival = to_ticks(now);
    release(j);
    if (!p->is_copy && !continues(j, p, arrival))
        restart(j, p, arrival);
    if (!note_sequence(j, p->sequence)) {
        j->stats.duplicates += !p->is_copy;
        return JITTER_DUPLICATE;
    }
    j->stats.received += !p->is_copy;
    if (!measure(j, p, arrival) || (j->positioned && diff32(p->timestamp, j->next) < 0)) {
        j->stats.late += !p->is_copy;
        return JITTER_LATE;
    }
    j->stats.restored += p->is_copy;
    store(j, p);
    return JITTER_STORED;
}

/* Of the frame at `timestamp`, were it played now. */
static int32_t delay_of(const struct jitter *j, uint32_t timestamp, uint32_t ticks)
{
    return diff32(ticks - timestamp, base(j));
}

static bool is_quiet(const struct jitter *j, const struct jitter_slot *s)
{
    return s->len * 32u < j->usual16;
}

static bool must_shrink(struct jitter *j, const struct jitter_slot *first, uint32_t ticks)
{
    int32_t delay = delay_of(j, first->timestamp, ticks);
    if (delay > JITTER_DELAY_MAX + JITTER_FRAME)
        return true;
    if (delay <= (int32_t)j->stats.target + JITTER_FRAME * 3 / 2) {
        j->patience = 0;
        return false;
    }
    if (++j->patience < PATIENCE_POPS && !is_quiet(j, first))
        return false;
    j->patience = PATIENCE_AGAIN;
    return true;
}

static void play(struct jitter *j, struct jitter_slot *s, uint32_t ticks, struct jitter_out *out)
{
    int32_t delay = delay_of(j, s->timestamp, ticks);
    *out = (struct jitter_out){JITTER_PACKET, s->timestamp, s->payload, s->len};
    j->stats.played++;
    j->stats.delay = delay > 0 ? (uint32_t)delay : 0;
    j->next = s->timestamp + JITTER_FRAME;
    j->expected = (uint16_t)(s->sequence + 1);
    j->held = j->starved = 0;
    j->lent = (int8_t)(s - j->slots);
}

/* Nothing to play: conceal, and stay where we are while the delay may grow. In the end begin anew, from the
 * last packet: if all of them came too late, the path has become longer. */
static void hold(struct jitter *j, uint32_t ticks, struct jitter_out *out)
{
    if (++j->starved > STARVED_POPS) {
        j->started = false;
        j->least[0] = j->least[1] = j->transit;
        return;
    }
    *out = (struct jitter_out){.kind = JITTER_CONCEAL, .timestamp = j->next};
    j->stats.concealed++;
    if (delay_of(j, j->next, ticks) >= JITTER_DELAY_MAX) {
        j->next += JITTER_FRAME;
        j->expected++;
    } else {
        j->held++;
    }
}

/* Nothing was sent. The position is the clock's, so that a gap neither adds delay nor keeps it. */
static void play_dtx(struct jitter *j, struct jitter_slot *first, uint32_t ticks, struct jitter_out *out)
{
    j->stats.concealed -= j->starved; /* it was silence after all */
    j->stats.dtx += j->starved;
    j->held = j->starved = 0;
    if (delay_of(j, first->timestamp, ticks) >= (int32_t)j->stats.target) {
        play(j, first, ticks, out);
        return;
    }
    *out = (struct jitter_out){.kind = JITTER_CONCEAL, .timestamp = j->next};
    j->stats.dtx++;
    if (diff32(first->timestamp, j->next) >= 2 * JITTER_FRAME)
        j->next += JITTER_FRAME;
}

/* The frame at `next` is missing while a later one is there. */
static void play_lost(struct jitter *j, const struct jitter_slot *first, struct jitter_out *out)
{
    bool next_is_here = diff32(first->timestamp, j->next) < 2 * JITTER_FRAME;
    *out = (struct jitter_out){.kind = JITTER_CONCEAL, .timestamp = j->next};
    j->stats.lost++;
    j->next += JITTER_FRAME;
    j->expected++;
    if (!next_is_here) {
        j->stats.concealed++;
        return;
    }
    j->stats.recovered++;
    out->kind = JITTER_FEC;
    out->payload = first->payload;
    out->len = first->len;
}

/* What was held is paid back: those frames have been concealed already. Unless the delay should grow. */
static void settle(struct jitter *j, const struct jitter_slot *first, uint32_t ticks)
{
    if (diff16(first->sequence, j->expected) > 0)
        j->starved = 0;
    while (j->held > 0 && diff16(first->sequence, j->expected) > 0 &&
           diff32(first->timestamp, j->next) >= JITTER_FRAME &&
           delay_of(j, j->next, ticks) - JITTER_FRAME / 2 >= (int32_t)j->stats.target) {
        j->held--;
        j->stats.lost++;
        j->next += JITTER_FRAME;
        j->expected++;
    }
}

static bool start(struct jitter *j, const struct jitter_slot *first, uint32_t ticks)
{
    if (first == NULL || delay_of(j, first->timestamp, ticks) < (int32_t)j->stats.target)
        return false;
    j->started = j->positioned = true;
    j->next = first->timestamp;
    j->expected = first->sequence;
    j->held = j->starved = 0;
    return true;
}

static void decide(struct jitter *j, uint32_t ticks, struct jitter_out *out)
{
    struct jitter_slot *first = oldest(j);
    if (!j->started && !start(j, first, ticks))
        return;
    while (first != NULL && must_shrink(j, first, ticks)) {
        skip_frame(j, first);
        first = oldest(j);
    }
    if (first == NULL) {
        hold(j, ticks, out);
        return;
    }
    settle(j, first, ticks);
    bool due = diff32(first->timestamp, j->next) < JITTER_FRAME;
    if (due)
        play(j, first, ticks, out);
    else if (diff16(first->sequence, j->expected) <= 0)
        play_dtx(j, first, ticks, out);
    else if (delay_of(j, j->next, ticks) + JITTER_FRAME / 2 < (int32_t)j->stats.target)
        hold(j, ticks, out); /* reordered, perhaps */
    else
        play_lost(j, first, out);
}

void jitter_pop(struct jitter *j, uint64_t now, struct jitter_out *out)
{
    *out = (struct jitter_out){.kind = JITTER_WAIT};
    release(j);
    decide(j, to_ticks(now), out);
}
