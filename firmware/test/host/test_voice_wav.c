#include "voice/test_voice_sound.h"

#include "port_audio_wav.h"

#define FRAMES 4000

struct file {
    uint8_t bytes[200 + 8 * FRAMES];
    size_t len;
};

static void put(struct file *f, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        f->bytes[f->len++] = (uint8_t)(value >> (8 * i));
}

static void put_tag(struct file *f, const char *tag)
{
    memcpy(f->bytes + f->len, tag, 4);
    f->len += 4;
}

static void put_format(struct file *f, uint32_t format, uint32_t channels, uint32_t rate, uint32_t bits)
{
    put_tag(f, "fmt ");
    put(f, 16, 4);
    put(f, format, 2);
    put(f, channels, 2);
    put(f, rate, 4);
    put(f, rate * channels * bits / 8, 4);
    put(f, channels * bits / 8, 2);
    put(f, bits, 2);
}

static struct file riff(void)
{
    struct file f = {.len = 0};
    put_tag(&f, "RIFF");
    put(&f, 0xffffffff, 4);
    put_tag(&f, "WAVE");
    return f;
}

/* A tone of 440 Hz, in each channel. */
static void put_data(struct file *f, uint32_t channels, uint32_t rate, uint32_t claimed)
{
    put_tag(f, "data");
    put(f, claimed, 4);
    for (size_t i = 0; i < FRAMES; i++)
        for (uint32_t c = 0; c < channels; c++)
            put(f, (uint16_t)(int16_t)lrint(8000 * sin(2 * SOUND_PI * 440 * (double)i / rate)), 2);
}

static struct file tone(uint32_t channels, uint32_t rate)
{
    struct file f = riff();
    put_format(&f, 1, channels, rate, 16);
    put_data(&f, channels, rate, FRAMES * 2 * channels);
    return f;
}

static void at_its_own_rate_every_sample_is_kept(void **state)
{
    (void)state;
    struct file f = tone(1, 16000);
    struct wav w;
    int16_t out[FRAMES];
    assert_int_equal(wav_parse(&w, f.bytes, f.len), WAV_OK);
    assert_int_equal(wav_resampled(&w, 16000), FRAMES);
    wav_resample(&w, 16000, out);
    for (size_t i = 0; i < FRAMES; i++)
        assert_int_equal(out[i], sound_tone(i, 440, 8000));
}

static void other_rates_and_channels_become_16_khz_mono(void **state)
{
    (void)state;
    const uint32_t rates[] = {8000, 11025, 22050, 24000, 44100, 48000};
    for (size_t k = 0; k < 6; k++) {
        struct file f = tone(2, rates[k]);
        struct wav w;
        static int16_t out[2 * FRAMES];
        assert_int_equal(wav_parse(&w, f.bytes, f.len), WAV_OK);
        size_t count = wav_resampled(&w, 16000);
        assert_near((double)count, FRAMES * 16000.0 / rates[k], 1);
        wav_resample(&w, 16000, out);
        for (size_t i = 100; i < count - 100; i++)
            assert_near(out[i], sound_tone(i, 440, 8000), 10);
    }
}

static void what_16_khz_cannot_hold_is_filtered_away(void **state)
{
    (void)state;
    struct file f = riff();
    put_format(&f, 1, 1, 48000, 16);
    put_tag(&f, "data");
    put(&f, FRAMES * 2, 4);
    for (size_t i = 0; i < FRAMES; i++)
        put(&f, (uint16_t)(int16_t)lrint(8000 * sin(2 * SOUND_PI * 11000 * (double)i / 48000)), 2);
    struct wav w;
    int16_t out[FRAMES];
    assert_int_equal(wav_parse(&w, f.bytes, f.len), WAV_OK);
    wav_resample(&w, 16000, out);
    assert_true(sound_rms(out + 100, wav_resampled(&w, 16000) - 200) < 8); /* -57 dB */
}

static void chunks_that_are_not_known_are_passed_over(void **state)
{
    (void)state;
    struct file f = riff();
    put_tag(&f, "LIST");
    put(&f, 5, 4);
    put(&f, 0, 4);
    put(&f, 0, 2); /* and one of padding */
    put_format(&f, 1, 1, 16000, 16);
    put_data(&f, 1, 16000, FRAMES * 2);
    struct wav w;
    assert_int_equal(wav_parse(&w, f.bytes, f.len), WAV_OK);
    assert_int_equal(w.frames, FRAMES);
}

static void data_of_unknown_length_is_the_rest(void **state)
{
    (void)state;
    const uint32_t claims[] = {0, 0xffffffff, FRAMES * 2 + 100};
    for (size_t i = 0; i < 3; i++) {
        struct file f = riff();
        put_format(&f, 1, 1, 16000, 16);
        put_data(&f, 1, 16000, claims[i]);
        struct wav w;
        assert_int_equal(wav_parse(&w, f.bytes, f.len), WAV_OK);
        assert_int_equal(w.frames, FRAMES);
    }
}

static void other_formats_are_refused(void **state)
{
    (void)state;
    const uint32_t bad[][4] = {{3, 1, 16000, 32}, {1, 1, 16000, 8}, {1, 0, 16000, 16},
                               {1, 9, 16000, 16}, {1, 1, 7999, 16}, {1, 1, 192001, 16}};
    for (size_t i = 0; i < 6; i++) {
        struct file f = riff();
        put_format(&f, bad[i][0], bad[i][1], bad[i][2], bad[i][3]);
        put_data(&f, 1, 16000, FRAMES * 2);
        struct wav w;
        assert_int_equal(wav_parse(&w, f.bytes, f.len), WAV_ERR_UNSUPPORTED);
    }
}

static void every_truncation_is_refused_or_shorter(void **state)
{
    (void)state;
    struct file f = tone(1, 16000);
    for (size_t len = 0; len < 60; len++) {
        uint8_t *exact = malloc(len + 1); /* so that ASan sees a read beyond */
        struct wav w;
        memcpy(exact, f.bytes, len);
        enum wav_error error = wav_parse(&w, exact, len);
        assert_int_equal(error, len < WAV_HEADER + 2 ? WAV_ERR_FORMAT : WAV_OK);
        free(exact);
    }
}

static void data_before_its_format_is_refused(void **state)
{
    (void)state;
    struct file f = riff();
    put_data(&f, 1, 16000, FRAMES * 2);
    struct wav w;
    assert_int_equal(wav_parse(&w, f.bytes, f.len), WAV_ERR_FORMAT);
}

static void what_is_written_can_be_read(void **state)
{
    (void)state;
    uint8_t bytes[WAV_HEADER + 100] = {0};
    struct wav w;
    wav_write_header(bytes, 16000, 100);
    assert_int_equal(wav_parse(&w, bytes, sizeof bytes), WAV_OK);
    assert_int_equal(w.frames, 50);
    assert_int_equal(w.rate, 16000);
    assert_int_equal(w.channels, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_its_own_rate_every_sample_is_kept),
        cmocka_unit_test(other_rates_and_channels_become_16_khz_mono),
        cmocka_unit_test(what_16_khz_cannot_hold_is_filtered_away),
        cmocka_unit_test(chunks_that_are_not_known_are_passed_over),
        cmocka_unit_test(data_of_unknown_length_is_the_rest),
        cmocka_unit_test(other_formats_are_refused),
        cmocka_unit_test(every_truncation_is_refused_or_shorter),
        cmocka_unit_test(data_before_its_format_is_refused),
        cmocka_unit_test(what_is_written_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
