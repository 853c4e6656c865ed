#include "voice/test_voice_sound.h"

#include "audio.h"

#define LINE 8 /* packets under way at most */

/* The audio of a device whose packets come back to it after `delay` blocks: an echo. */
struct rig {
    struct audio_storage storage;
    struct audio *a;
    uint64_t *memory;
    uint64_t now;
    size_t at, delay;
    uint8_t packets[LINE][AUDIO_PACKET_MAX];
    size_t lens[LINE];
    int16_t out[AUDIO_BLOCK];
};

static struct rig *rig_with(struct audio_config config)
{
    struct rig *r = calloc(1, sizeof *r);
    r->memory = malloc(audio_codec_size());
    r->now = 7000000;
    r->a = audio_at(&r->storage);
    config.complexity = 2;
    config.expected_loss = 10;
    config.codec_memory = r->memory;
    config.codec_size = audio_codec_size();
    assert_int_equal(audio_init(r->a, &config), AUDIO_OK);
    return r;
}

static struct rig *rig(void)
{
    return rig_with((struct audio_config){.talk = AUDIO_TALK_ALWAYS});
}

static void rig_free(struct rig *r)
{
    free(r->memory);
    free(r);
}

static void turn(struct rig *r, const int16_t *mic)
{
    size_t slot = r->at % LINE, due = (r->at - r->delay) % LINE;
    assert_int_equal(audio_capture_step(r->a, r->now, mic, r->packets[slot], &r->lens[slot]), AUDIO_OK);
    while (audio_playout_wants(r->a)) {
        struct peer_audio in = {.kind = r->at < r->delay ? PEER_AUDIO_WAIT : PEER_AUDIO_PACKET,
                                .data = r->packets[due],
                                .len = r->lens[due]};
        audio_playout_push(r->a, &in, AUDIO_SPARE_UNKNOWN);
    }
    audio_playout_step(r->a, r->now, r->out);
    r->at++;
    r->now += AUDIO_BLOCK_US;
}

static void talk(struct rig *r, unsigned blocks)
{
    int16_t mic[AUDIO_BLOCK];
    while (blocks-- > 0) {
        sound_fill_speech(mic, r->at * AUDIO_BLOCK, AUDIO_BLOCK);
        turn(r, mic);
    }
}

static void be_silent(struct rig *r, unsigned blocks)
{
    while (blocks-- > 0)
        turn(r, NULL);
}

static struct audio_summary measured(const struct rig *r)
{
    struct audio_summary s;
    audio_measure_get(r->a, &s);
    return s;
}

static struct audio_state state_of(const struct rig *r)
{
    struct audio_state s;
    audio_get_state(r->a, &s);
    return s;
}

/* Encoder and decoder of Opus at 16 kHz look 6.5 ms ahead together (RFC 6716 section 2.1.2, at most). */
static void the_round_trip_is_measured_within_one_block(void **state)
{
    (void)state;
    for (size_t delay = 1; delay < LINE; delay += 3) {
        struct rig *r = rig();
        r->delay = delay;
        audio_measure_start(r->a, 0);
        talk(r, 200);
        struct audio_summary s = measured(r);
        assert_true(s.round_trip_known);
        assert_near(s.round_trip_us / 1000.0, 20.0 * (double)delay + 6.5, 10);
        assert_true(s.correlation_percent > 80);
        rig_free(r);
    }
}

static void an_injected_tone_is_found_again(void **state)
{
    (void)state;
    struct rig *r = rig();
    r->delay = 5;
    audio_measure_start(r->a, 1000);
    struct audio_signal tone = {.kind = AUDIO_SIGNAL_TONE, .hz = 1000, .ms = 1000, .level_db = -12};
    assert_int_equal(audio_inject(r->a, &tone), AUDIO_OK);
    be_silent(r, 40);
    assert_true(audio_is_injecting(r->a));
    be_silent(r, 60);
    assert_false(audio_is_injecting(r->a));
    struct audio_summary s = measured(r);
    assert_near(s.tone_mhz / 1000.0, 1000, 10);
    assert_in_range(s.tone_percent, 95, 100);
    assert_near(s.peak_db10, -120, 15);
    assert_int_equal(s.gaps + s.clicks, 0);
    assert_near(s.round_trip_us / 1000.0, 106.5, 10);
    assert_near(s.ms, 2000, 0);
    rig_free(r);
}

static void an_injected_sweep_finds_its_way_too(void **state)
{
    (void)state;
    struct rig *r = rig();
    r->delay = 3;
    audio_measure_start(r->a, 0);
    struct audio_signal sweep = {
        .kind = AUDIO_SIGNAL_SWEEP, .hz = 300, .hz_end = 3400, .ms = 1000, .level_db = -12};
    assert_int_equal(audio_inject(r->a, &sweep), AUDIO_OK);
    be_silent(r, 100);
    struct audio_summary s = measured(r);
    assert_near(s.round_trip_us / 1000.0, 66.5, 10);
    assert_int_equal(s.gaps, 0);
    rig_free(r);
}

static void a_packet_lost_in_a_tone_is_seen(void **state)
{
    (void)state;
    struct rig *r = rig();
    audio_measure_start(r->a, 500);
    struct audio_signal tone = {.kind = AUDIO_SIGNAL_TONE, .hz = 500, .level_db = -12};
    audio_inject(r->a, &tone);
    be_silent(r, 50);
    for (int i = 0; i < 10; i++) {
        audio_playout_step(r->a, r->now, r->out);
        r->now += AUDIO_BLOCK_US;
    }
    be_silent(r, 50);
    struct audio_summary s = measured(r);
    assert_int_equal(s.gaps, 1);
    assert_in_range(s.longest_gap_ms, 75, 165); /* 200 less what libopus makes of the 120 it is asked for */
    assert_int_equal(state_of(r).underruns, 1);
    rig_free(r);
}

static void half_duplex_hears_no_echo_of_itself(void **state)
{
    (void)state;
    struct rig *r = rig_with((struct audio_config){.talk = AUDIO_TALK_HALF_DUPLEX, .hangover_us = 100000});
    struct audio_signal ring = {.kind = AUDIO_SIGNAL_RING, .level_db = -12};
    r->delay = 1;
    audio_play(r->a, &ring);
    be_silent(r, 3);
    int16_t echo[AUDIO_BLOCK];
    for (int i = 0; i < 50; i++) { /* the microphone hears the speaker, and the bot gets nothing of it */
        memcpy(echo, r->out, sizeof echo);
        turn(r, echo);
        assert_true(state_of(r).gated);
        assert_in_range(r->lens[(r->at - 1) % LINE], 1, 20);
    }
    audio_play_stop(r->a);
    be_silent(r, 10);
    assert_false(audio_is_playing(r->a));
    assert_false(state_of(r).gated);
    rig_free(r);
}

static size_t longest_of(struct rig *r, unsigned blocks, bool talking)
{
    size_t longest = 0;
    for (unsigned i = 0; i < blocks; i++) {
        size_t slot = r->at % LINE;
        talking ? talk(r, 1) : be_silent(r, 1);
        longest = r->lens[slot] > longest ? r->lens[slot] : longest;
    }
    return longest;
}

static void what_is_heard_beside_the_speaker_is_sent_as_it_is_where_the_far_end_cancels(void **state)
{
    (void)state;
    struct rig *r =
        rig_with((struct audio_config){.hangover_us = 100000}); /* what is said is played at once */
    assert_in_range(longest_of(r, 60, true), 1, 130);
    audio_set_far_canceller(r->a, true);
    assert_in_range(longest_of(r, 60, true), 200, AUDIO_PACKET_MAX);
    (void)longest_of(r, 60, false);
    assert_in_range(longest_of(r, 1, true), 1, 130); /* nothing is played yet */
    (void)longest_of(r, 60, true);
    audio_set_far_canceller(r->a, false);
    (void)longest_of(r, 2, true);
    assert_in_range(longest_of(r, 60, true), 1, 130);
    rig_free(r);
}

static void what_is_quiet_beside_the_speaker_is_sent_as_it_is_too(void **state)
{
    (void)state;
    struct rig *r = rig_with((struct audio_config){.hangover_us = 100000});
    struct audio_signal ring = {.kind = AUDIO_SIGNAL_RING, .level_db = -12};
    audio_set_dtx(r->a, true);
    audio_set_far_canceller(r->a, true);
    audio_play(r->a, &ring);
    int16_t echo[AUDIO_BLOCK] = {0};
    for (int i = 0; i < 100; i++) { /* at -52 dBFS or less, now and then a little louder */
        turn(r, echo);
        if (i > 5)
            assert_true(r->packets[(r->at - 1) % LINE][0] >= 0x80); /* CELT alone */
        for (size_t k = 0; k < AUDIO_BLOCK; k++)
            echo[k] = (int16_t)(r->out[k] / (i % 20 < 15 ? 100 : 20));
    }
    rig_free(r);
}

static void a_microphone_that_is_off_sends_next_to_nothing_though_the_far_end_cancels(void **state)
{
    (void)state;
    struct rig *r = rig_with((struct audio_config){.hangover_us = 100000});
    audio_set_dtx(r->a, true);
    audio_set_far_canceller(r->a, true);
    (void)longest_of(r, 60, true);
    audio_set_microphone_mute(r->a, true);
    struct audio_signal ring = {.kind = AUDIO_SIGNAL_RING, .level_db = -12};
    audio_play(r->a, &ring);
    (void)longest_of(r, 10, true);
    assert_in_range(longest_of(r, 60, true), 0, 20);
    rig_free(r);
}

static void the_state_tells_levels_and_who_speaks(void **state)
{
    (void)state;
    struct rig *r = rig();
    be_silent(r, 5);
    assert_int_equal(state_of(r).microphone_db10, AUDIO_LEVEL_SILENT);
    assert_false(state_of(r).bot_speaking);
    talk(r, 28); /* into the second syllable */
    assert_in_range(state_of(r).microphone_db10 + 1000, 600, 1000);
    assert_true(state_of(r).bot_speaking);
    assert_in_range(state_of(r).speaker_db10 + 1000, 600, 1000);
    be_silent(r, 30);
    assert_false(state_of(r).bot_speaking);
    rig_free(r);
}

static void a_reset_is_for_a_new_call(void **state)
{
    (void)state;
    struct rig *r = rig();
    talk(r, 50);
    audio_playout_step(r->a, r->now, r->out);
    audio_reset(r->a);
    audio_playout_step(r->a, r->now, r->out);
    assert_int_equal(sound_peak(r->out, AUDIO_BLOCK), 0);
    assert_int_equal(state_of(r).underruns, 0);
    talk(r, 35);
    assert_true(state_of(r).bot_speaking);
    rig_free(r);
}

static void what_the_codec_cannot_live_in_is_refused(void **state)
{
    (void)state;
    struct audio_storage storage;
    struct audio_config config = {.complexity = 5, .codec_size = audio_codec_size()};
    assert_int_equal(audio_init(audio_at(&storage), &config), AUDIO_ERR_SPACE);
    config.codec_memory = malloc(config.codec_size);
    config.complexity = 200;
    assert_int_equal(audio_init(audio_at(&storage), &config), AUDIO_ERR_CODEC);
    free(config.codec_memory);
}

static void bad_signals_are_refused(void **state)
{
    (void)state;
    struct rig *r = rig();
    struct audio_signal bad = {.kind = AUDIO_SIGNAL_TONE, .hz = 9000};
    assert_int_equal(audio_inject(r->a, &bad), AUDIO_ERR_ARGUMENT);
    assert_int_equal(audio_play(r->a, &bad), AUDIO_ERR_ARGUMENT);
    assert_false(audio_is_injecting(r->a) || audio_is_playing(r->a));
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_round_trip_is_measured_within_one_block),
        cmocka_unit_test(an_injected_tone_is_found_again),
        cmocka_unit_test(an_injected_sweep_finds_its_way_too),
        cmocka_unit_test(a_packet_lost_in_a_tone_is_seen),
        cmocka_unit_test(half_duplex_hears_no_echo_of_itself),
        cmocka_unit_test(what_is_heard_beside_the_speaker_is_sent_as_it_is_where_the_far_end_cancels),
        cmocka_unit_test(what_is_quiet_beside_the_speaker_is_sent_as_it_is_too),
        cmocka_unit_test(a_microphone_that_is_off_sends_next_to_nothing_though_the_far_end_cancels),
        cmocka_unit_test(the_state_tells_levels_and_who_speaks),
        cmocka_unit_test(a_reset_is_for_a_new_call),
        cmocka_unit_test(what_the_codec_cannot_live_in_is_refused),
        cmocka_unit_test(bad_signals_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
