#include "voice/test_voice_sound.h"

#include "audio/capture.h"

#define BLOCK_US 20000u
#define HANGOVER_US 100000u
#define HZ 337

struct rig {
    struct capture c;
    uint64_t now;
    size_t at;
    int16_t out[AUDIO_BLOCK], last;
    int step; /* the greatest seen */
};

static struct rig rig(enum audio_talk talk)
{
    struct audio_config config = {.talk = talk, .hangover_us = HANGOVER_US};
    struct rig r = {.now = 1000000};
    capture_init(&r.c, &config);
    return r;
}

/* A block of a tone into the microphone, which is not at zero where blocks meet; gives what is left of it. */
static double hear(struct rig *r)
{
    int16_t mic[AUDIO_BLOCK];
    sound_fill_tone(mic, r->at, AUDIO_BLOCK, HZ, 10000);
    capture_step(&r->c, r->now, mic, r->out);
    r->at += AUDIO_BLOCK;
    r->now += BLOCK_US;
    int step = sound_step(r->out, AUDIO_BLOCK, &r->last);
    r->step = step > r->step ? step : r->step;
    return sound_rms(r->out, AUDIO_BLOCK) / (10000 / sqrt(2));
}

static void speaker(struct rig *r, int level)
{
    int16_t pcm[AUDIO_BLOCK];
    sound_fill_tone(pcm, 0, AUDIO_BLOCK, 500, level);
    capture_note_speaker(&r->c, r->now, pcm);
}

static void always_on_lets_everything_through(void **state)
{
    (void)state;
    struct rig r = rig(AUDIO_TALK_ALWAYS);
    hear(&r);
    for (int i = 0; i < 20; i++) {
        speaker(&r, 10000);
        assert_near(hear(&r), 1, 0.03);
    }
}

static void push_to_talk_is_silent_until_pressed(void **state)
{
    (void)state;
    struct rig r = rig(AUDIO_TALK_PUSH);
    for (int i = 0; i < 5; i++)
        assert_near(hear(&r), 0, 0);
    assert_true(capture_is_gated(&r.c, r.now));
    r.c.pressed = true;
    hear(&r);
    assert_near(hear(&r), 1, 0.03);
    assert_false(capture_is_gated(&r.c, r.now));
}

static void the_end_of_a_word_outlasts_the_button(void **state)
{
    (void)state;
    struct rig r = rig(AUDIO_TALK_PUSH);
    r.c.pressed = true;
    for (int i = 0; i < 5; i++)
        hear(&r);
    r.c.pressed = false;
    int heard = 0;
    while (hear(&r) > 0.5)
        heard++;
    assert_in_range(heard, 5, 8); /* 100 to 160 ms */
    hear(&r);
    assert_near(hear(&r), 0, 0);
}

static void half_duplex_is_deaf_while_the_speaker_plays_and_rings_on(void **state)
{
    (void)state;
    struct rig r = rig(AUDIO_TALK_HALF_DUPLEX);
    hear(&r);
    assert_near(hear(&r), 1, 0.03);
    for (int i = 0; i < 5; i++) {
        speaker(&r, 8000);
        hear(&r);
    }
    assert_near(sound_rms(r.out, AUDIO_BLOCK), 0, 0);
    int deaf = 0;
    while (hear(&r) < 0.3)
        deaf++;
    assert_in_range(deaf, 4, 6);
}

static void half_duplex_ignores_a_speaker_that_is_as_good_as_silent(void **state)
{
    (void)state;
    struct rig r = rig(AUDIO_TALK_HALF_DUPLEX);
    hear(&r);
    for (int i = 0; i < 5; i++) {
        speaker(&r, 60);
        assert_near(hear(&r), 1, 0.03);
    }
}

static void gates_open_and_shut_without_a_click(void **state)
{
    (void)state;
    struct rig r = rig(AUDIO_TALK_PUSH);
    for (int i = 0; i < 60; i++) {
        r.c.pressed = i / 15 % 2 == 1;
        hear(&r);
    }
    assert_true(r.step < 10000 * 2 * SOUND_PI * HZ / SOUND_RATE * 1.1);
}

static void a_muted_microphone_is_silent_in_every_mode(void **state)
{
    (void)state;
    for (int talk = AUDIO_TALK_ALWAYS; talk <= AUDIO_TALK_HALF_DUPLEX; talk++) {
        struct rig r = rig((enum audio_talk)talk);
        r.c.muted = r.c.pressed = true;
        hear(&r);
        assert_near(hear(&r), 0, 0);
    }
}

static void an_injected_signal_replaces_the_microphone_even_if_gated(void **state)
{
    (void)state;
    struct rig r = rig(AUDIO_TALK_PUSH);
    struct audio_signal tone = {.kind = AUDIO_SIGNAL_TONE, .hz = 1000, .ms = 100, .level_db = -6};
    assert_true(signals_start(&r.c.signals, &tone));
    hear(&r);
    hear(&r);
    assert_near(sound_rms_at(r.out, AUDIO_BLOCK, 1000), 32767 * 0.5012 / sqrt(2), 50);
    for (int i = 0; i < 5; i++)
        hear(&r);
    assert_near(sound_rms(r.out, AUDIO_BLOCK), 0, 0);
}

static void then_the_microphone_is_back(void **state)
{
    (void)state;
    struct rig r = rig(AUDIO_TALK_ALWAYS);
    struct audio_signal silence = {.kind = AUDIO_SIGNAL_SILENCE, .ms = 60};
    hear(&r);
    signals_start(&r.c.signals, &silence);
    for (int i = 0; i < 3; i++)
        assert_near(hear(&r), 0, 0);
    assert_near(hear(&r), 1, 0.03);
}

static void the_level_is_the_microphones_before_the_gate(void **state)
{
    (void)state;
    struct rig r = rig(AUDIO_TALK_PUSH);
    hear(&r);
    assert_near(r.c.level_db10, 200 * log10(10000 / sqrt(2) / 32768), 2);
    capture_step(&r.c, r.now, NULL, r.out);
    assert_int_equal(r.c.level_db10, AUDIO_LEVEL_SILENT);
}

/* Takes what was played away from what is heard, as if there were no room and no delay. */
struct subtractor {
    struct audio_echo_canceller face;
    int16_t played[AUDIO_BLOCK];
};

static void subtractor_play(struct audio_echo_canceller *self, const int16_t *pcm)
{
    memcpy(((struct subtractor *)self)->played, pcm, sizeof(int16_t) * AUDIO_BLOCK);
}

static void subtractor_capture(struct audio_echo_canceller *self, int16_t *pcm)
{
    for (size_t i = 0; i < AUDIO_BLOCK; i++)
        pcm[i] = (int16_t)(pcm[i] - ((struct subtractor *)self)->played[i]);
}

static void an_echo_canceller_sees_both_sides(void **state)
{
    (void)state;
    struct subtractor s = {.face = {subtractor_play, subtractor_capture}};
    struct rig r = rig(AUDIO_TALK_ALWAYS);
    int16_t block[AUDIO_BLOCK];
    r.c.echo = &s.face;
    hear(&r);
    sound_fill_tone(block, 0, AUDIO_BLOCK, 700, 9000);
    capture_note_speaker(&r.c, r.now, block);
    capture_step(&r.c, r.now, block, r.out);
    assert_near(sound_rms(r.out, AUDIO_BLOCK), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(always_on_lets_everything_through),
        cmocka_unit_test(push_to_talk_is_silent_until_pressed),
        cmocka_unit_test(the_end_of_a_word_outlasts_the_button),
        cmocka_unit_test(half_duplex_is_deaf_while_the_speaker_plays_and_rings_on),
        cmocka_unit_test(half_duplex_ignores_a_speaker_that_is_as_good_as_silent),
        cmocka_unit_test(gates_open_and_shut_without_a_click),
        cmocka_unit_test(a_muted_microphone_is_silent_in_every_mode),
        cmocka_unit_test(an_injected_signal_replaces_the_microphone_even_if_gated),
        cmocka_unit_test(then_the_microphone_is_back),
        cmocka_unit_test(the_level_is_the_microphones_before_the_gate),
        cmocka_unit_test(an_echo_canceller_sees_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
