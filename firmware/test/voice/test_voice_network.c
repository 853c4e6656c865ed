/* The jitter buffer and the playout together: two clocks, loss, jitter. */
#include "voice/test_voice_sound.h"

#include "audio/measure.h"
#include "audio/playout.h"
#include "base/clock.h"
#include "media/jitter.h"

#define BEGIN CLOCK_S(100)
#define SETTLED 1000 /* blocks until figures count */

struct network {
    double hz;          /* of a tone, 0 for speech */
    int32_t ppm;        /* how much faster the sender's clock is */
    uint32_t jitter_us; /* evenly spread */
    unsigned loss;      /* percent */
    unsigned minutes;
    bool uncorrected;
};

struct outcome {
    uint32_t concealed, dropped, fec, underruns; /* since settled */
    uint32_t least_us, most_us;                  /* delay of jitter buffer and playout */
    uint32_t stretched, squeezed;
    struct audio_summary heard;
};

struct rig {
    struct network network;
    struct codec codec;
    struct playout playout;
    struct jitter jitter;
    struct measure measure;
    uint64_t seed, now;
    uint32_t sent;
    struct { /* on its way */
        uint64_t at;
        uint8_t bytes[CODEC_PACKET_MAX];
        size_t len;
        uint32_t number;
        bool used;
    } packets[16];
    uint64_t memory[10000];
};

static uint64_t sent_at(const struct rig *r, uint32_t number)
{
    return BEGIN + 7000 + number * (uint64_t)(20000000000 - (int64_t)r->network.ppm * 20000) / 1000000;
}

static void send(struct rig *r)
{
    int16_t pcm[AUDIO_BLOCK];
    if (r->network.hz > 0)
        sound_fill_tone(pcm, (size_t)r->sent * AUDIO_BLOCK, AUDIO_BLOCK, r->network.hz, 10000);
    else
        sound_fill_speech(pcm, (size_t)r->sent * AUDIO_BLOCK, AUDIO_BLOCK);
    size_t slot = r->sent % 16;
    measure_sent(&r->measure, sent_at(r, r->sent), pcm);
    assert_int_equal(codec_encode(&r->codec, pcm, r->packets[slot].bytes, &r->packets[slot].len), CODEC_OK);
    r->packets[slot].number = r->sent;
    r->packets[slot].at =
        sent_at(r, r->sent) + (r->network.jitter_us > 0 ? check_random(&r->seed) % r->network.jitter_us : 0);
    r->packets[slot].used = check_random(&r->seed) % 100 >= r->network.loss;
    r->sent++;
}

static void arrive(struct rig *r)
{
    while (sent_at(r, r->sent) <= r->now)
        send(r);
    for (size_t i = 0; i < 16; i++) {
        if (!r->packets[i].used || r->packets[i].at > r->now)
            continue;
        struct jitter_packet p = {.ssrc = 1,
                                  .sequence = (uint16_t)r->packets[i].number,
                                  .timestamp = r->packets[i].number * JITTER_FRAME,
                                  .payload = r->packets[i].bytes,
                                  .len = r->packets[i].len};
        jitter_push(&r->jitter, r->packets[i].at, &p);
        r->packets[i].used = false;
    }
}

static uint32_t to_us(uint32_t ticks)
{
    return ticks * 125 / 6; /* of 48 kHz */
}

static void play(struct rig *r, int16_t out[AUDIO_BLOCK])
{
    while (playout_wants(&r->playout)) {
        struct jitter_out from;
        jitter_pop(&r->jitter, r->now, &from);
        struct peer_audio in = {
            .kind = (enum peer_audio_kind)from.kind, .data = from.payload, .len = from.len};
        int32_t spare = (int32_t)to_us(r->jitter.stats.delay) - (int32_t)to_us(r->jitter.stats.target);
        playout_push(&r->playout, &in, r->network.uncorrected ? AUDIO_SPARE_UNKNOWN : spare);
    }
    playout_step(&r->playout, out);
    measure_heard(&r->measure, r->now, out);
}

static void note(struct rig *r, struct outcome *o)
{
    uint32_t delay = to_us(r->jitter.stats.delay) + playout_delay_us(&r->playout);
    o->least_us = delay < o->least_us ? delay : o->least_us;
    o->most_us = delay > o->most_us ? delay : o->most_us;
}

static struct outcome finish(struct rig *r, struct outcome o)
{
    o.concealed = r->playout.stats.concealed - o.concealed;
    o.dropped = r->jitter.stats.dropped - o.dropped;
    o.fec = r->playout.stats.fec;
    o.underruns = r->playout.stats.underruns;
    o.stretched = r->playout.stretch.stretched;
    o.squeezed = r->playout.stretch.squeezed;
    measure_get(&r->measure, &o.heard);
    free(r);
    return o;
}

static struct outcome run(struct network network)
{
    struct codec_settings settings = {.bitrate = 24000, .complexity = 2, .expected_loss = 10};
    struct rig *r = calloc(1, sizeof *r);
    struct outcome o = {.least_us = UINT32_MAX};
    int16_t out[AUDIO_BLOCK];
    r->network = network;
    r->seed = 5;
    assert_int_equal(codec_init(&r->codec, &settings, r->memory, sizeof r->memory), CODEC_OK);
    playout_init(&r->playout, &r->codec);
    jitter_init(&r->jitter);
    for (unsigned n = 0; n < network.minutes * 3000; n++) {
        r->now =
            BEGIN + (uint64_t)n * 20000 + check_random(&r->seed) % 500; /* a task is never quite on time */
        arrive(r);
        if (n == SETTLED) {
            o.concealed = r->playout.stats.concealed;
            o.dropped = r->jitter.stats.dropped;
            measure_start(&r->measure, 0);
        }
        play(r, out);
        if (n >= SETTLED)
            note(r, &o);
    }
    return finish(r, o);
}

static void report(const char *what, struct outcome o)
{
    print_message("%s: concealed %u, dropped %u, fec %u, delay %u to %u us, stretched %u, squeezed %u, "
                  "clicks %u, gaps %u, "
                  "correlation %d %%, round trip %u us, tone %u mHz\n",
                  what, o.concealed, o.dropped, o.fec, o.least_us, o.most_us, o.stretched, o.squeezed,
                  o.heard.clicks, o.heard.gaps, o.heard.correlation_percent, o.heard.round_trip_us,
                  o.heard.tone_mhz);
}

static void drift_is_followed_unheard(int32_t ppm)
{
    struct outcome o = run((struct network){.hz = 440, .ppm = ppm, .jitter_us = 2000, .minutes = 4});
    report("drift", o);
    assert_int_equal(o.concealed + o.dropped, 0);
    assert_int_equal(o.heard.gaps + o.heard.clicks, 0);
    assert_true(o.most_us < 45000 && o.most_us - o.least_us < 25000);
    assert_near(o.heard.tone_mhz / 1000.0, 440 * (1 + ppm / 1e6), 0.05);
}

static void a_faster_sender_is_followed(void **state)
{
    (void)state;
    drift_is_followed_unheard(200);
}

static void a_slower_sender_is_followed(void **state)
{
    (void)state;
    drift_is_followed_unheard(-200);
}

static void without_correction_frames_are_lost_or_invented(void **state)
{
    (void)state;
    struct network network = {.hz = 440, .ppm = 200, .jitter_us = 2000, .minutes = 3, .uncorrected = true};
    assert_true(run(network).dropped > 0);
    network.ppm = -200;
    assert_true(run(network).concealed > 0);
}

static void a_clean_network_is_left_alone(void **state)
{
    (void)state;
    struct outcome o = run((struct network){.minutes = 1});
    report("clean", o);
    assert_int_equal(o.concealed + o.dropped + o.stretched + o.squeezed, 0);
    assert_in_range(o.heard.correlation_percent, 95, 100);
}

/* On average 5 % of the time is concealed at most, for FEC gives back what is not in a row. */
static void speech_survives_ten_percent_of_loss(void **state)
{
    (void)state;
    struct outcome o = run((struct network){.jitter_us = 25000, .loss = 10, .minutes = 2});
    report("loss", o);
    assert_in_range(o.heard.correlation_percent, 85, 100);
    assert_in_range(o.heard.clicks, 0, 6);
    assert_in_range(o.fec, 80, 600);
    assert_true(o.most_us < 130000);
}

static void jitter_alone_costs_delay_and_little_else(void **state)
{
    (void)state;
    struct outcome o = run((struct network){.jitter_us = 40000, .minutes = 2});
    report("jitter", o);
    assert_in_range(o.heard.correlation_percent, 90, 100);
    assert_in_range(o.concealed, 0, 200);
    assert_true(o.most_us < 130000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_faster_sender_is_followed),
        cmocka_unit_test(a_slower_sender_is_followed),
        cmocka_unit_test(without_correction_frames_are_lost_or_invented),
        cmocka_unit_test(a_clean_network_is_left_alone),
        cmocka_unit_test(speech_survives_ten_percent_of_loss),
        cmocka_unit_test(jitter_alone_costs_delay_and_little_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
