#include "voice/test_voice_sound.h"

#include "audio/signals.h"

#define SECOND 16000
#define EDGE 80

static struct signals start(struct audio_signal g)
{
    struct signals s = {0};
    assert_true(signals_start(&s, &g));
    return s;
}

static void a_sine_is_a_sine(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t phase = i * 42949u;
        assert_near(signals_sine(phase), 32767 * sin(2 * SOUND_PI * phase / 4294967296.0), 4);
    }
}

static void a_tone_has_its_frequency_and_level(void **state)
{
    (void)state;
    int16_t pcm[SECOND];
    const uint16_t frequencies[] = {20, 440, 1000, 3333, 7900};
    for (size_t i = 0; i < 5; i++) {
        struct signals s =
            start((struct audio_signal){.kind = AUDIO_SIGNAL_TONE, .hz = frequencies[i], .level_db = -6});
        assert_int_equal(signals_fill(&s, pcm, SECOND), SECOND);
        for (size_t n = EDGE; n < SECOND; n++)
            assert_near(pcm[n], sound_tone(n, frequencies[i], 32767 * pow(10, -6 / 20.0)), 12);
    }
}

static void a_tone_ends_when_it_should_and_without_a_click(void **state)
{
    (void)state;
    int16_t pcm[SECOND], last = 0;
    struct signals s = start((struct audio_signal){.kind = AUDIO_SIGNAL_TONE, .hz = 1000, .ms = 333});
    assert_int_equal(signals_fill(&s, pcm, SECOND), 333 * 16);
    assert_false(s.active);
    assert_int_equal(sound_peak(pcm + 333 * 16, SECOND - 333 * 16), 0);
    assert_true(abs(pcm[0]) < 500 && abs(pcm[333 * 16 - 1]) < 500);
    assert_true(sound_step(pcm, SECOND, &last) <= 32767 * 2 * SOUND_PI * 1000 / SOUND_RATE + 2);
}

static void stopping_fades_within_5_ms(void **state)
{
    (void)state;
    int16_t pcm[1000], last = 0;
    struct signals s = start((struct audio_signal){.kind = AUDIO_SIGNAL_TONE, .hz = 300});
    signals_fill(&s, pcm, 500);
    signals_stop(&s);
    signals_stop(&s);
    assert_int_equal(signals_fill(&s, pcm + 500, 500), EDGE);
    assert_true(sound_step(pcm, 1000, &last) < 32767 * 0.14);
}

static void a_sweep_goes_from_here_to_there(void **state)
{
    (void)state;
    int16_t pcm[SECOND];
    struct signals s = start((struct audio_signal){
        .kind = AUDIO_SIGNAL_SWEEP, .hz = 500, .hz_end = 3500, .ms = 1000, .level_db = 0});
    assert_int_equal(signals_fill(&s, pcm, SECOND), SECOND);
    for (size_t n = EDGE; n < SECOND - EDGE; n++) {
        double t = (double)n / SECOND;
        assert_near(pcm[n], 32767 * sin(2 * SOUND_PI * (500 * t + 1500 * t * t)), 200);
    }
}

static void a_sweep_may_fall(void **state)
{
    (void)state;
    int16_t pcm[SECOND];
    struct signals s =
        start((struct audio_signal){.kind = AUDIO_SIGNAL_SWEEP, .hz = 7000, .hz_end = 100, .ms = 1000});
    signals_fill(&s, pcm, SECOND);
    assert_true(sound_rms_at(pcm, 200, 6957) > 15000);
    assert_true(sound_rms_at(pcm + SECOND - 200, 200, 143) > 15000);
}

static void blocks_of_any_size_are_the_same_sound(void **state)
{
    (void)state;
    struct audio_signal signals[] = {{.kind = AUDIO_SIGNAL_TONE, .hz = 777, .ms = 500},
                                     {.kind = AUDIO_SIGNAL_SWEEP, .hz = 50, .hz_end = 5000, .ms = 700},
                                     {.kind = AUDIO_SIGNAL_ERROR}};
    for (size_t k = 0; k < 3; k++) {
        int16_t whole[SECOND], pieces[SECOND];
        struct signals a = start(signals[k]), b = start(signals[k]);
        signals_fill(&a, whole, SECOND);
        for (size_t n = 0; n < SECOND; n += 61)
            signals_fill(&b, pieces + n, SECOND - n < 61 ? SECOND - n : 61);
        assert_memory_equal(whole, pieces, sizeof whole);
    }
}

static void ringing_has_its_cadence(void **state)
{
    (void)state;
    static int16_t pcm[13 * SECOND];
    struct signals s = start((struct audio_signal){.kind = AUDIO_SIGNAL_RING, .level_db = -6});
    assert_int_equal(signals_fill(&s, pcm, 13 * SECOND), 13 * SECOND);
    for (size_t at = 0; at <= 12; at += 6) {
        assert_true(sound_rms_at(pcm + at * SECOND, SECOND, 440) > 4000);
        assert_true(sound_rms_at(pcm + at * SECOND, SECOND, 480) > 4000);
    }
    assert_int_equal(sound_peak(pcm + 2 * SECOND, 4 * SECOND), 0);
    assert_true(s.active);
}

static void earcons_end_by_themselves(void **state)
{
    (void)state;
    const enum audio_signal_kind kinds[] = {AUDIO_SIGNAL_READY, AUDIO_SIGNAL_ENDED, AUDIO_SIGNAL_ERROR};
    int16_t pcm[SECOND];
    for (size_t i = 0; i < 3; i++) {
        struct signals s = start((struct audio_signal){.kind = kinds[i], .level_db = -12});
        size_t n = signals_fill(&s, pcm, SECOND);
        assert_in_range(n, 2000, SECOND - 1);
        assert_false(s.active);
        assert_true(sound_rms(pcm, n) > 1000);
    }
}

static void silence_is_a_signal_too(void **state)
{
    (void)state;
    int16_t pcm[SECOND];
    memset(pcm, 1, sizeof pcm);
    struct signals s = start((struct audio_signal){.kind = AUDIO_SIGNAL_SILENCE, .ms = 500});
    assert_int_equal(signals_fill(&s, pcm, SECOND), SECOND / 2);
    assert_int_equal(sound_peak(pcm, SECOND), 0);
}

static void a_clip_from_memory_plays_once(void **state)
{
    (void)state;
    int16_t clip[1000], pcm[1200];
    sound_fill_speech(clip, 500, 1000);
    struct signals s =
        start((struct audio_signal){.kind = AUDIO_SIGNAL_CLIP, .clip = clip, .clip_len = 1000});
    assert_int_equal(signals_fill(&s, pcm, 600) + signals_fill(&s, pcm + 600, 600), 1000);
    assert_memory_equal(pcm, clip, sizeof clip);
    assert_int_equal(sound_peak(pcm + 1000, 200), 0);
    assert_false(s.active);
}

struct counter {
    struct audio_reader reader;
    int16_t next, end;
};

static size_t count_on(struct audio_reader *self, int16_t *pcm, size_t count)
{
    struct counter *c = (struct counter *)self;
    size_t n = 0;
    while (n < count && c->next < c->end)
        pcm[n++] = c->next++;
    return n;
}

static void a_clip_from_a_reader_ends_with_it(void **state)
{
    (void)state;
    struct counter c = {{count_on}, 0, 700};
    int16_t pcm[320];
    struct signals s = start((struct audio_signal){.kind = AUDIO_SIGNAL_CLIP, .reader = &c.reader});
    assert_int_equal(signals_fill(&s, pcm, 320), 320);
    assert_int_equal(signals_fill(&s, pcm, 320), 320);
    assert_true(s.active);
    assert_int_equal(signals_fill(&s, pcm, 320), 60);
    assert_int_equal(pcm[59], 699);
    assert_false(s.active);
}

static void what_is_out_of_range_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    const struct audio_signal bad[] = {
        {.kind = AUDIO_SIGNAL_TONE, .hz = 0},
        {.kind = AUDIO_SIGNAL_TONE, .hz = 8000},
        {.kind = AUDIO_SIGNAL_TONE, .hz = 440, .level_db = 1},
        {.kind = AUDIO_SIGNAL_TONE, .hz = 440, .level_db = -91},
        {.kind = AUDIO_SIGNAL_TONE, .hz = 440, .ms = 600001},
        {.kind = AUDIO_SIGNAL_SWEEP, .hz = 440, .hz_end = 1000},
        {.kind = AUDIO_SIGNAL_SWEEP, .hz = 440, .hz_end = 9000, .ms = 100},
        {.kind = AUDIO_SIGNAL_CLIP},
        {.kind = (enum audio_signal_kind)99, .hz = 440},
    };
    struct signals s = start((struct audio_signal){.kind = AUDIO_SIGNAL_TONE, .hz = 440}), before = s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(signals_start(&s, &bad[i]));
    assert_memory_equal(&s, &before, sizeof s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sine_is_a_sine),
        cmocka_unit_test(a_tone_has_its_frequency_and_level),
        cmocka_unit_test(a_tone_ends_when_it_should_and_without_a_click),
        cmocka_unit_test(stopping_fades_within_5_ms),
        cmocka_unit_test(a_sweep_goes_from_here_to_there),
        cmocka_unit_test(a_sweep_may_fall),
        cmocka_unit_test(blocks_of_any_size_are_the_same_sound),
        cmocka_unit_test(ringing_has_its_cadence),
        cmocka_unit_test(earcons_end_by_themselves),
        cmocka_unit_test(silence_is_a_signal_too),
        cmocka_unit_test(a_clip_from_memory_plays_once),
        cmocka_unit_test(a_clip_from_a_reader_ends_with_it),
        cmocka_unit_test(what_is_out_of_range_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
