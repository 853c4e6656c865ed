#include "voice/test_voice_sound.h"

#include "audio/measure.h"

#define LENGTH 64000 /* samples in 4 s */
#define BLOCK_US 20000u

struct rig {
    struct measure m;
    struct audio_summary s;
    int16_t sent[LENGTH], heard[LENGTH];
};

static struct rig *rig(void)
{
    return calloc(1, sizeof(struct rig));
}

static void run(struct rig *r, uint16_t hz)
{
    measure_start(&r->m, hz);
    uint64_t now = 5000000;
    for (size_t at = 0; at < LENGTH; at += SOUND_BLOCK, now += BLOCK_US) {
        measure_sent(&r->m, now, r->sent + at);
        measure_heard(&r->m, now, r->heard + at);
    }
    measure_get(&r->m, &r->s);
}

static void delay(struct rig *r, size_t samples, double gain)
{
    for (size_t i = samples; i < LENGTH; i++)
        r->heard[i] = (int16_t)lrint(gain * r->sent[i - samples]);
}

static void add_noise(struct rig *r, int amplitude)
{
    uint64_t seed = 3;
    for (size_t i = 0; i < LENGTH; i++)
        r->heard[i] = (int16_t)(r->heard[i] + sound_noise(&seed, amplitude));
}

static void silence_is_nothing(void **state)
{
    (void)state;
    struct rig *r = rig();
    run(r, 0);
    assert_int_equal(r->s.ms, 4000);
    assert_int_equal(r->s.rms_db10, AUDIO_LEVEL_SILENT);
    assert_int_equal(r->s.peak_db10, AUDIO_LEVEL_SILENT);
    assert_int_equal(r->s.tone_mhz, 0);
    assert_int_equal(r->s.sound_percent, 0);
    assert_int_equal(r->s.gaps + r->s.clicks, 0);
    assert_false(r->s.round_trip_known);
    free(r);
}

/* 32 bits of samples are over after 74 hours, and it counts from the start of the board on. */
static void the_figures_of_a_week_are_right(void **state)
{
    (void)state;
    struct measure m;
    struct audio_summary s;
    int16_t silence[AUDIO_BLOCK] = {0}, sound[AUDIO_BLOCK];
    const uint64_t week = 7ull * 24 * 3600 * AUDIO_RATE;
    measure_start(&m, 0);
    for (size_t i = 0; i < AUDIO_BLOCK; i++)
        sound[i] = i % 2 == 0 ? 5000 : -5000;
    measure_heard(&m, 0, sound);
    measure_heard(&m, 0, silence);
    m.samples = week;
    m.flaws.silent = m.flaws.run = week;
    measure_heard(&m, 0, silence);
    measure_heard(&m, 0, sound);
    measure_get(&m, &s);
    assert_int_equal(s.sound_percent, 0);
    assert_int_equal(s.gaps, 1);
    assert_int_equal(s.longest_gap_ms / 1000, week / AUDIO_RATE);
    assert_int_equal(s.ms / 1000, week / AUDIO_RATE);
}

static void levels_are_right_to_a_fifth_of_a_decibel(void **state)
{
    (void)state;
    for (int db = 0; db >= -60; db -= 6) {
        struct rig *r = rig();
        sound_fill_tone(r->heard, 0, LENGTH, 997, 32767 * pow(10, db / 20.0));
        run(r, 0);
        assert_near(r->s.peak_db10, 10 * db, db > -50 ? 2 : 4); /* amplitude is a whole number, too */
        assert_near(r->s.rms_db10, 10 * db - 30.1, db > -50 ? 2 : 4);
        free(r);
    }
}

static void a_tone_is_known_within_one_percent(void **state)
{
    (void)state;
    const double frequencies[] = {100, 440, 1000, 2500, 4567, 5000};
    for (size_t i = 0; i < 6; i++) {
        struct rig *r = rig();
        sound_fill_tone(r->heard, 0, LENGTH, frequencies[i], 6000);
        add_noise(r, 700); /* 20 dB below */
        run(r, 0);
        assert_near(r->s.tone_mhz / 1000.0, frequencies[i], frequencies[i] / 100);
        assert_in_range(r->s.tone_percent, 90, 100);
        free(r);
    }
}

static void a_tone_with_pauses_keeps_its_frequency(void **state)
{
    (void)state;
    struct rig *r = rig();
    for (size_t i = 0; i < LENGTH; i++)
        r->heard[i] = i % 5000 < 3000 ? sound_tone(i, 700, 6000) : 0;
    run(r, 0);
    assert_near(r->s.tone_mhz / 1000.0, 700, 7);
    assert_near(r->s.sound_percent, 60, 3);
    free(r);
}

static void a_tone_that_was_concealed_keeps_it_too(void **state)
{
    (void)state;
    struct rig *r = rig();
    for (size_t i = 0; i < LENGTH;
         i++) { /* every half second 0.1 s is faint, and then the phase is another */
        bool faint = i % 8000 > 4000 && i % 8000 < 5600;
        r->heard[i] = sound_tone(i + i / 8000 * 7, 440, faint ? 300 : 6000);
    }
    run(r, 0);
    assert_near(r->s.tone_mhz / 1000.0, 440, 2);
    assert_in_range(r->s.tone_percent, 90, 100);
    free(r);
}

static void noise_and_speech_are_no_tone(void **state)
{
    (void)state;
    struct rig *r = rig();
    add_noise(r, 8000);
    run(r, 0);
    assert_int_equal(r->s.tone_mhz, 0);
    sound_fill_speech(r->heard, 0, LENGTH);
    run(r, 0);
    assert_int_equal(r->s.tone_mhz, 0);
    free(r);
}

static void gaps_within_are_counted_and_silence_around_is_not(void **state)
{
    (void)state;
    struct rig *r = rig();
    sound_fill_tone(r->heard + 8000, 0, 40000, 440, 6000);
    memset(r->heard + 16000, 0, 1600 * sizeof(int16_t)); /* 100 ms, */
    memset(r->heard + 24000, 0, 320 * sizeof(int16_t));  /* 20, */
    memset(r->heard + 32000, 0, 80 * sizeof(int16_t));   /* and 5, which is none */
    run(r, 0);
    assert_int_equal(r->s.gaps, 2);
    assert_near(r->s.longest_gap_ms, 100, 1);
    assert_near(r->s.sound_percent, 38080 * 100 / LENGTH, 1);
    free(r);
}

static unsigned clicks_in(void (*spoil)(int16_t *), void (*fill)(int16_t *), uint16_t hz)
{
    struct rig *r = rig();
    fill(r->heard);
    if (spoil != NULL)
        spoil(r->heard);
    run(r, hz);
    unsigned clicks = r->s.clicks;
    free(r);
    return clicks;
}

static void with_tone(int16_t *pcm)
{
    for (size_t i = 0; i < LENGTH; i++) /* rises and falls as ours do */
        pcm[i] = sound_tone(i, 440, 8000 * fmin(1, fmin((double)i, (double)(LENGTH - i)) / 80));
}

static void with_speech(int16_t *pcm)
{
    sound_fill_speech(pcm, 0, LENGTH);
}

static void with_steps(int16_t *pcm)
{
    for (size_t at = 10000; at < 50000; at += 10000)
        for (size_t i = at; i < at + 5000; i++)
            pcm[i] = (int16_t)(pcm[i] + 3000);
}

static void with_a_hole(int16_t *pcm)
{
    size_t at = 20000;
    while (abs(pcm[at]) < 6000)
        at++;
    memset(pcm + at, 0, 1000 * sizeof *pcm);
    for (size_t i = 0; i < 80; i++) /* its end is soft */
        pcm[at + 1000 + i] = (int16_t)(pcm[at + 1000 + i] * (int)i / 80);
}

static void with_a_jump(int16_t *pcm)
{
    for (size_t i = 30000; i < LENGTH; i++)
        pcm[i] = sound_tone(i + 18, 440, 8000 * fmin(1, (double)(LENGTH - i) / 80)); /* half a period */
}

static void steps_and_holes_click_and_clean_sound_does_not(void **state)
{
    (void)state;
    assert_int_equal(clicks_in(NULL, with_tone, 0), 0);
    assert_int_equal(clicks_in(NULL, with_tone, 440), 0);
    assert_int_equal(clicks_in(NULL, with_speech, 0), 0);
    assert_int_equal(clicks_in(with_steps, with_tone, 0), 8);
    assert_int_equal(clicks_in(with_a_hole, with_tone, 0), 1);
}

static void in_an_expected_tone_any_jump_of_phase_clicks(void **state)
{
    (void)state;
    assert_in_range(clicks_in(with_a_jump, with_tone, 440), 1, 1);
}

static void the_round_trip_of_speech_is_found_within_2_ms(void **state)
{
    (void)state;
    const size_t delays[] = {0, 100, 1555, 4801, 16000, 30000};
    for (size_t i = 0; i < 6; i++) {
        struct rig *r = rig();
        sound_fill_speech(r->sent, 0, LENGTH);
        delay(r, delays[i], 0.3);
        add_noise(r, 40);
        run(r, 0);
        assert_true(r->s.round_trip_known);
        assert_near(r->s.round_trip_us / 1000.0, (double)delays[i] / 16, 2);
        assert_in_range(r->s.correlation_percent, 80, 100);
        free(r);
    }
}

static void the_round_trip_of_a_tone_is_that_of_its_beginning(void **state)
{
    (void)state;
    struct rig *r = rig();
    sound_fill_tone(r->sent, 0, LENGTH, 1000, 8000); /* sounds from the first sample on */
    delay(r, 2400, 1);
    run(r, 1000);
    assert_true(r->s.round_trip_known);
    assert_near(r->s.round_trip_us / 1000.0, 150, 5);
    free(r);
}

static void the_two_clocks_need_not_begin_together(void **state)
{
    (void)state;
    struct rig *r = rig();
    sound_fill_speech(r->sent, 0, LENGTH);
    delay(r, 1600, 1);
    measure_start(&r->m, 0);
    for (size_t at = 0; at < LENGTH; at += SOUND_BLOCK) {
        uint64_t now = 1000000 + at * 1000 / 16;
        measure_sent(&r->m, now, r->sent + at);
        measure_heard(&r->m, now + 13000, r->heard + at);
    }
    measure_get(&r->m, &r->s);
    assert_near(r->s.round_trip_us / 1000.0, 113, 5);
    free(r);
}

static void nor_need_they_take_turns(void **state)
{
    (void)state;
    struct rig *r = rig();
    sound_fill_speech(r->sent, 0, LENGTH);
    delay(r, 3200, 1);
    measure_start(&r->m, 0);
    measure_sent(&r->m, 20000, r->sent);
    for (size_t n = 0; n + 2 < LENGTH / SOUND_BLOCK; n += 2) {
        measure_heard(&r->m, 20000, r->heard + n * SOUND_BLOCK);
        measure_heard(&r->m, 20000, r->heard + (n + 1) * SOUND_BLOCK);
        measure_sent(&r->m, 20000, r->sent + (n + 1) * SOUND_BLOCK);
        measure_sent(&r->m, 20000, r->sent + (n + 2) * SOUND_BLOCK);
    }
    measure_get(&r->m, &r->s);
    assert_near(r->s.round_trip_us / 1000.0, 200, 5);
    assert_in_range(r->s.correlation_percent, 90, 100);
    free(r);
}

static void what_is_another_sound_has_no_round_trip(void **state)
{
    (void)state;
    struct rig *r = rig();
    sound_fill_speech(r->sent, 0, LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        r->heard[i] = (i / 2900) % 3 == 0 ? sound_speech(3 * i + 77777) : 0;
    run(r, 0);
    assert_false(r->s.round_trip_known);
    free(r);
}

static void a_tone_that_neither_begins_nor_ends_has_none_either(void **state)
{
    (void)state;
    struct rig *r = rig();
    sound_fill_tone(r->sent, 16001, LENGTH, 1000, 8000);
    sound_fill_tone(r->heard, 0, LENGTH, 1000, 8000);
    add_noise(r, 400);
    run(r, 0);
    assert_false(r->s.round_trip_known);
    free(r);
}

/* Else each question would go through all that has been sent since. */
static void what_was_sent_is_kept_no_longer_than_what_was_heard(void **state)
{
    static struct audio_lag lag;
    static const int16_t nothing[AUDIO_BLOCK];
    const uint32_t an_hour = 3600u * 200u;
    (void)state;
    audio_lag_start(&lag);
    for (int hours = 0; hours < 3; hours++) {
        for (int i = 0; i < 100; i++) {
            audio_lag_sent(&lag, 0, nothing);
            audio_lag_heard(&lag, 0, nothing);
        }
        assert_int_equal(lag.sent, lag.heard);
        lag.sent += an_hour;
        lag.heard += an_hour;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_nothing),
        cmocka_unit_test(the_figures_of_a_week_are_right),
        cmocka_unit_test(levels_are_right_to_a_fifth_of_a_decibel),
        cmocka_unit_test(a_tone_is_known_within_one_percent),
        cmocka_unit_test(a_tone_with_pauses_keeps_its_frequency),
        cmocka_unit_test(a_tone_that_was_concealed_keeps_it_too),
        cmocka_unit_test(noise_and_speech_are_no_tone),
        cmocka_unit_test(gaps_within_are_counted_and_silence_around_is_not),
        cmocka_unit_test(steps_and_holes_click_and_clean_sound_does_not),
        cmocka_unit_test(in_an_expected_tone_any_jump_of_phase_clicks),
        cmocka_unit_test(the_round_trip_of_speech_is_found_within_2_ms),
        cmocka_unit_test(the_round_trip_of_a_tone_is_that_of_its_beginning),
        cmocka_unit_test(the_two_clocks_need_not_begin_together),
        cmocka_unit_test(nor_need_they_take_turns),
        cmocka_unit_test(what_is_another_sound_has_no_round_trip),
        cmocka_unit_test(what_was_sent_is_kept_no_longer_than_what_was_heard),
        cmocka_unit_test(a_tone_that_neither_begins_nor_ends_has_none_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
