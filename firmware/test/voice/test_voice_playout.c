#include "voice/test_voice_sound.h"

#include "audio/playout.h"

#define SPARE 10000 /* us: in no need of correction */
#define HZ 337      /* not at zero where blocks meet */

/* A sender of a tone or of speech, and the playout. */
struct rig {
    struct codec codec;
    uint64_t *memory;
    struct playout p;
    double hz, amplitude; /* hz 0: speech */
    size_t at;
    uint8_t packet[CODEC_PACKET_MAX], next[CODEC_PACKET_MAX];
    size_t len, next_len;
    int16_t out[AUDIO_BLOCK], last;
    int step; /* the greatest since rig_watch() */
};

static void encode_next(struct rig *r)
{
    int16_t pcm[AUDIO_BLOCK];
    memcpy(r->packet, r->next, r->next_len);
    r->len = r->next_len;
    if (r->hz > 0)
        sound_fill_tone(pcm, r->at, AUDIO_BLOCK, r->hz, r->amplitude);
    else
        sound_fill_speech(pcm, r->at, AUDIO_BLOCK);
    r->at += AUDIO_BLOCK;
    assert_int_equal(codec_encode(&r->codec, pcm, r->next, &r->next_len), CODEC_OK);
}

static struct rig *rig(double hz, double amplitude)
{
    struct codec_settings settings = {.bitrate = 24000, .complexity = 2, .expected_loss = 15};
    struct rig *r = calloc(1, sizeof *r);
    r->memory = malloc(codec_size());
    r->hz = hz;
    r->amplitude = amplitude;
    assert_int_equal(codec_init(&r->codec, &settings, r->memory, codec_size()), CODEC_OK);
    playout_init(&r->p, &r->codec);
    encode_next(r);
    return r;
}

static void rig_free(struct rig *r)
{
    free(r->memory);
    free(r);
}

static void step(struct rig *r)
{
    playout_step(&r->p, r->out);
    int most = sound_step(r->out, AUDIO_BLOCK, &r->last);
    r->step = most > r->step ? most : r->step;
}

static double play(struct rig *r, enum peer_audio_kind kind)
{
    encode_next(r);
    bool fec = kind == PEER_AUDIO_FEC;
    struct peer_audio in = {
        .kind = kind, .data = fec ? r->next : r->packet, .len = fec ? r->next_len : r->len};
    assert_true(playout_wants(&r->p));
    playout_push(&r->p, &in, SPARE);
    assert_false(playout_wants(&r->p));
    step(r);
    return sound_rms(r->out, AUDIO_BLOCK);
}

static void play_many(struct rig *r, unsigned count)
{
    while (count-- > 0)
        play(r, PEER_AUDIO_PACKET);
}

static void says_where_in_the_stream_the_speaker_is(void **state)
{
    struct rig *r = rig(HZ, 8000);
    uint32_t at = 0;
    (void)state;
    assert_false(playout_played(&r->p, &at));
    for (uint32_t i = 0; i < 10; i++) {
        encode_next(r);
        struct peer_audio in = {
            .kind = PEER_AUDIO_PACKET, .data = r->packet, .len = r->len, .timestamp = 5000 + 960 * i};
        playout_push(&r->p, &in, i < 5 ? SPARE : 0); /* from the sixth on blocks are stretched by a sample */
        step(r);
        assert_true(playout_played(&r->p, &at));
        assert_int_equal(at, 5000 + 960 * i - (i > 5 ? 3 * (i - 5) : 0));
    }
    for (unsigned i = 0; i < 25; i++)
        playout_step(&r->p, r->out);
    assert_false(playout_played(&r->p, &at)); /* nothing comes any more */
    rig_free(r);
}

/* The greatest step that such a tone takes by itself, and half of that for what the codec does to it. */
static int natural(const struct rig *r)
{
    return (int)(r->amplitude * 2 * SOUND_PI * r->hz / SOUND_RATE * 1.5);
}

static void before_anything_came_there_is_silence_and_no_underrun(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    for (int i = 0; i < 10; i++)
        assert_near(play(r, PEER_AUDIO_WAIT), 0, 0);
    step(r); /* nothing was pushed at all */
    assert_near(sound_rms(r->out, AUDIO_BLOCK), 0, 0);
    assert_int_equal(r->p.stats.underruns + r->p.stats.concealed, 0);
    rig_free(r);
}

static void packets_play_as_they_are(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    assert_near(play(r, PEER_AUDIO_PACKET), 10000 / sqrt(2), 700);
    assert_true(r->step < natural(r));
    assert_int_equal(r->p.stats.concealed, 0);
    rig_free(r);
}

/* A decoder in the same state, to see what is made of its frames. The memory is the caller's to free. */
static struct codec twin_of(const struct rig *r, uint64_t *memory)
{
    struct codec twin = r->codec;
    memcpy(memory, r->memory, codec_size());
    twin.decoder = (struct OpusDecoder *)(memory + ((uint64_t *)r->codec.decoder - r->memory));
    return twin;
}

static void the_first_sound_fades_in_over_5_ms(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    uint64_t *memory = malloc(codec_size());
    int16_t pcm[AUDIO_BLOCK];
    play_many(r, 20);
    for (int i = 0; i < 20; i++)
        play(r, PEER_AUDIO_WAIT);
    assert_near(sound_rms(r->out, AUDIO_BLOCK), 0, 0);
    struct codec twin = twin_of(r, memory);
    play(r, PEER_AUDIO_PACKET);
    assert_int_equal(codec_decode(&twin, r->packet, r->len, pcm), CODEC_OK);
    for (int i = 0; i < 320; i++)
        assert_near(r->out[i], pcm[i] * fmin(1, (i + 1) / 80.0), 20);
    free(memory);
    rig_free(r);
}

static void concealment_holds_for_60_ms_and_is_gone_after_120(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    double level[8];
    for (int i = 0; i < 8; i++)
        level[i] = play(r, PEER_AUDIO_CONCEAL);
    assert_true(level[0] > 4000);
    assert_true(level[5] < level[3] && level[5] < 0.3 * level[0]);
    assert_near(level[6], 0, 0);
    assert_near(level[7], 0, 0);
    assert_int_equal(r->p.stats.underruns, 1);
    assert_int_equal(r->p.stats.concealed, 6);
    rig_free(r);
}

/* Whatever the decoder makes of it: another libopus may go on for longer. */
static void concealment_fades_on_its_own(void **state)
{
    (void)state;
    struct rig *r = rig(0, 0);
    play_many(r, 30); /* into a syllable */
    uint64_t *memory = malloc(codec_size());
    int16_t pcm[AUDIO_BLOCK];
    struct codec alone = twin_of(r, memory);
    for (int i = 0; i < 6; i++) {
        double level = play(r, PEER_AUDIO_CONCEAL);
        assert_int_equal(codec_conceal(&alone, pcm), CODEC_OK);
        double share = level / sound_rms(pcm, AUDIO_BLOCK), middle = i < 3 ? 1 : (5.5 - i) / 3;
        assert_near(share, middle, 0.15);
    }
    free(memory);
    rig_free(r);
}

static void no_gap_of_any_length_clicks(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    r->step = 0;
    for (int gap = 1; gap < 12; gap++) {
        for (int i = 0; i < gap; i++)
            play(r, gap % 2 != 0 ? PEER_AUDIO_CONCEAL : PEER_AUDIO_WAIT);
        play_many(r, 10);
    }
    assert_true(r->step < 3 * natural(r) / 2); /* a click would be up to 5 times that */
    assert_int_equal(r->p.stats.underruns, 11);
    rig_free(r);
}

static void what_is_not_pushed_in_time_is_concealed(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    r->step = 0;
    step(r);
    assert_true(sound_rms(r->out, AUDIO_BLOCK) > 4000);
    play_many(r, 5);
    assert_true(r->step < 3 * natural(r) / 2);
    assert_int_equal(r->p.stats.underruns, 1);
    rig_free(r);
}

static void redundancy_is_used_where_there_is_any(void **state)
{
    (void)state;
    struct rig *r = rig(0, 0);
    unsigned lost = 0;
    for (int i = 0; i < 100; i++, lost++) {
        play_many(r, 2);
        play(r, PEER_AUDIO_FEC);
    }
    assert_int_equal(r->p.stats.fec + r->p.stats.concealed, lost);
    assert_in_range(r->p.stats.fec, 30, lost); /* pauses carry none */
    rig_free(r);
}

static void a_lost_packet_without_redundancy_is_concealed(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    assert_int_equal(codec_set_expected_loss(&r->codec, 0), CODEC_OK);
    play_many(r, 20);
    play(r, PEER_AUDIO_FEC);
    assert_int_equal(r->p.stats.fec, 0);
    assert_int_equal(r->p.stats.concealed, 1);
    rig_free(r);
}

static void a_corrupt_packet_is_concealed(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    const uint8_t rubbish[] = {0x4a, 0xff, 0xff};
    struct peer_audio in = {.kind = PEER_AUDIO_PACKET, .data = rubbish, .len = sizeof rubbish};
    r->step = 0;
    playout_push(&r->p, &in, SPARE);
    step(r);
    assert_true(sound_rms(r->out, AUDIO_BLOCK) > 4000);
    assert_true(r->step < 3 * natural(r) / 2);
    assert_int_equal(r->p.stats.corrupt, 1);
    rig_free(r);
}

static void half_the_volume_is_12_db_less_and_comes_softly(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    double before = play(r, PEER_AUDIO_PACKET);
    playout_set_volume(&r->p, 50);
    r->step = 0;
    play(r, PEER_AUDIO_PACKET);
    assert_near(play(r, PEER_AUDIO_PACKET), before / 4, before / 40);
    playout_set_volume(&r->p, 255);
    play(r, PEER_AUDIO_PACKET);
    assert_near(play(r, PEER_AUDIO_PACKET), before, before / 20);
    assert_true(r->step < natural(r));
    rig_free(r);
}

static void mute_is_silence_and_comes_softly(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    playout_set_mute(&r->p, true);
    r->step = 0;
    play(r, PEER_AUDIO_PACKET);
    assert_near(play(r, PEER_AUDIO_PACKET), 0, 0);
    playout_set_mute(&r->p, false);
    play_many(r, 2);
    assert_true(sound_rms(r->out, AUDIO_BLOCK) > 6000);
    assert_true(r->step < natural(r));
    rig_free(r);
}

static void a_tone_is_heard_over_quieter_speech(void **state)
{
    (void)state;
    struct rig *r = rig(300, 10000);
    play_many(r, 20);
    struct audio_signal tone = {.kind = AUDIO_SIGNAL_TONE, .hz = 1000, .ms = 100, .level_db = -12};
    assert_true(signals_start(&r->p.signals, &tone));
    play_many(r, 3);
    assert_near(sound_rms_at(r->out, AUDIO_BLOCK, 1000), 32767 * 0.2512 / sqrt(2), 100);
    assert_near(sound_rms_at(r->out, AUDIO_BLOCK, 300), 2500 / sqrt(2), 200);
    play_many(r, 4);
    assert_near(sound_rms_at(r->out, AUDIO_BLOCK, 300), 10000 / sqrt(2), 700);
    rig_free(r);
}

static void a_tone_is_heard_without_any_call(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 0);
    struct audio_signal ring = {.kind = AUDIO_SIGNAL_READY, .level_db = -12};
    signals_start(&r->p.signals, &ring);
    step(r);
    step(r);
    assert_true(sound_rms(r->out, AUDIO_BLOCK) > 4000);
    assert_int_equal(r->p.stats.underruns, 0);
    rig_free(r);
}

static void the_loudest_mixture_does_not_wrap(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 32000);
    struct audio_signal tone = {.kind = AUDIO_SIGNAL_TONE, .hz = HZ};
    play_many(r, 20);
    signals_start(&r->p.signals, &tone);
    play_many(r, 3);
    r->step = 0;
    play_many(r, 50);
    assert_true(r->step < natural(r));
    rig_free(r);
}

static void barge_in_silences_speech_at_once_and_without_a_click(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    r->step = 0;
    playout_flush(&r->p);
    play(r, PEER_AUDIO_PACKET);
    assert_int_equal(sound_peak(r->out + 90, AUDIO_BLOCK - 90), 0);
    assert_true(r->step < natural(r));
    rig_free(r);
}

static void after_barge_in_speech_is_back_when_it_has_paused(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    playout_flush(&r->p);
    play_many(r, 8);
    r->amplitude = 0; /* the bot has understood */
    play_many(r, 6);
    assert_false(r->p.flushing);
    r->amplitude = 10000;
    play_many(r, 3);
    assert_true(sound_rms(r->out, AUDIO_BLOCK) > 6000);
    rig_free(r);
}

static void a_bot_that_does_not_stop_is_heard_again_after_half_a_second(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    play_many(r, 20);
    playout_flush(&r->p);
    unsigned blocks = 0;
    while (play(r, PEER_AUDIO_PACKET) < 3000)
        blocks++;
    assert_in_range(blocks, 23, 26);
    rig_free(r);
}

static void speaking_ends_a_moment_after_the_last_sound(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 0);
    play_many(r, 5);
    assert_false(r->p.speaking);
    r->amplitude = 10000;
    play_many(r, 3);
    assert_true(r->p.speaking);
    r->amplitude = 0;
    unsigned blocks = 0;
    for (; r->p.speaking; blocks++)
        play(r, PEER_AUDIO_PACKET);
    assert_in_range(blocks, 9, 13);
    rig_free(r);
}

static void a_reset_forgets_speech_but_not_volume(void **state)
{
    (void)state;
    struct rig *r = rig(HZ, 10000);
    playout_set_volume(&r->p, 40);
    play_many(r, 20);
    play(r, PEER_AUDIO_CONCEAL);
    playout_reset(&r->p);
    assert_near(play(r, PEER_AUDIO_WAIT), 0, 0);
    assert_int_equal(r->p.stats.underruns, 0);
    assert_int_equal(r->p.volume, 40);
    rig_free(r);
}

static void equal_clocks_are_left_alone(void **state)
{
    (void)state;
    struct rig *r = rig(440, 10000);
    play_many(r, 200);
    assert_int_equal(r->p.stretch.stretched + r->p.stretch.squeezed, 0);
    rig_free(r);
}

static void a_frame_too_many_is_squeezed_away_unheard(void **state)
{
    (void)state;
    struct rig *r = rig(440, 10000);
    play_many(r, 20);
    r->step = 0;
    unsigned taken = 0;
    for (int block = 0; block < 400; block++) {
        while (playout_wants(&r->p)) {
            encode_next(r);
            struct peer_audio in = {.kind = PEER_AUDIO_PACKET, .data = r->packet, .len = r->len};
            playout_push(&r->p, &in, taken == 0 ? 30000 : 10000);
            taken++;
        }
        step(r);
    }
    assert_int_equal(taken, 401);
    assert_int_equal(playout_delay_us(&r->p), 0);
    assert_true(r->step < natural(r));
    rig_free(r);
}

static void a_reserve_that_was_begun_is_finished(void **state)
{
    (void)state;
    struct rig *r = rig(440, 10000);
    unsigned taken = 0, blocks = 0;
    for (; playout_delay_us(&r->p) < 19000 && blocks < 1000; blocks++) {
        while (playout_wants(&r->p)) {
            encode_next(r);
            struct peer_audio in = {.kind = PEER_AUDIO_PACKET, .data = r->packet, .len = r->len};
            playout_push(&r->p, &in, taken++ % 2 == 0 ? 1500 : 3500); /* about the threshold, with noise */
        }
        step(r);
    }
    assert_in_range(blocks, 300, 320);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_where_in_the_stream_the_speaker_is),
        cmocka_unit_test(before_anything_came_there_is_silence_and_no_underrun),
        cmocka_unit_test(packets_play_as_they_are),
        cmocka_unit_test(the_first_sound_fades_in_over_5_ms),
        cmocka_unit_test(concealment_holds_for_60_ms_and_is_gone_after_120),
        cmocka_unit_test(concealment_fades_on_its_own),
        cmocka_unit_test(no_gap_of_any_length_clicks),
        cmocka_unit_test(what_is_not_pushed_in_time_is_concealed),
        cmocka_unit_test(redundancy_is_used_where_there_is_any),
        cmocka_unit_test(a_lost_packet_without_redundancy_is_concealed),
        cmocka_unit_test(a_corrupt_packet_is_concealed),
        cmocka_unit_test(half_the_volume_is_12_db_less_and_comes_softly),
        cmocka_unit_test(mute_is_silence_and_comes_softly),
        cmocka_unit_test(a_tone_is_heard_over_quieter_speech),
        cmocka_unit_test(a_tone_is_heard_without_any_call),
        cmocka_unit_test(the_loudest_mixture_does_not_wrap),
        cmocka_unit_test(barge_in_silences_speech_at_once_and_without_a_click),
        cmocka_unit_test(after_barge_in_speech_is_back_when_it_has_paused),
        cmocka_unit_test(a_bot_that_does_not_stop_is_heard_again_after_half_a_second),
        cmocka_unit_test(speaking_ends_a_moment_after_the_last_sound),
        cmocka_unit_test(a_reset_forgets_speech_but_not_volume),
        cmocka_unit_test(equal_clocks_are_left_alone),
        cmocka_unit_test(a_reserve_that_was_begun_is_finished),
        cmocka_unit_test(a_frame_too_many_is_squeezed_away_unheard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
