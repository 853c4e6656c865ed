#include "voice/test_voice_sound.h"

#include "audio/codec.h"

#define BURST 20 /* the first loud frame of a sound that begins suddenly */

struct rig {
    struct codec codec;
    uint64_t *memory;
    uint8_t packet[CODEC_PACKET_MAX];
    size_t len;
};

static struct rig rig(uint8_t loss)
{
    struct codec_settings settings = {.bitrate = 24000, .complexity = 5, .expected_loss = loss};
    struct rig r = {.memory = malloc(codec_size())};
    assert_int_equal(codec_init(&r.codec, &settings, r.memory, codec_size()), CODEC_OK);
    return r;
}

static void speak(int16_t *pcm, unsigned frame)
{
    sound_fill_speech(pcm, frame * CODEC_FRAME, CODEC_FRAME);
}

static void encode(struct rig *r, const int16_t *pcm)
{
    assert_int_equal(codec_encode(&r->codec, pcm, r->packet, &r->len), CODEC_OK);
}

static void a_tone_comes_back_as_it_was(void **state)
{
    (void)state;
    struct rig r = rig(10);
    int16_t pcm[CODEC_FRAME], out[50 * CODEC_FRAME];
    for (size_t i = 0; i < 50; i++) {
        sound_fill_tone(pcm, i * CODEC_FRAME, CODEC_FRAME, 440, 8000);
        encode(&r, pcm);
        assert_int_equal(codec_decode(&r.codec, r.packet, r.len, out + i * CODEC_FRAME), CODEC_OK);
    }
    const int16_t *later = out + 10 * CODEC_FRAME;
    double whole = sound_rms(later, 40 * CODEC_FRAME), tone = sound_rms_at(later, 40 * CODEC_FRAME, 440);
    assert_near(whole, 8000 / sqrt(2), 600);
    assert_true(tone > 0.95 * whole);
    free(r.memory);
}

static void speech_takes_about_its_bitrate(void **state)
{
    (void)state;
    struct rig r = rig(10);
    int16_t pcm[CODEC_FRAME];
    size_t bytes = 0;
    for (unsigned i = 0; i < 500; i++) {
        speak(pcm, i);
        encode(&r, pcm);
        bytes += r.len;
    }
    assert_in_range(bytes * 8 / 10, 12000, 26000);
    free(r.memory);
}

static void fine_packets_have_no_redundancy_and_come_and_go(void **state)
{
    (void)state;
    struct rig r = rig(10);
    int16_t pcm[CODEC_FRAME];
    size_t bytes[3] = {0};
    for (unsigned i = 0; i < 300; i++) {
        bool fine = i / 100 == 1;
        speak(pcm, i);
        assert_int_equal(codec_set_fine(&r.codec, fine), CODEC_OK);
        encode(&r, pcm);
        bytes[i / 100] += r.len;
        if (i % 100 > 5)
            assert_int_equal(r.packet[0] >= 0x80, fine); /* CELT alone */
    }
    assert_in_range(bytes[0] * 4, 8000, 28000);
    assert_in_range(bytes[1] * 4, 94000, 98000);
    assert_in_range(bytes[2] * 4, 8000, 30000);
    free(r.memory);
}

static void the_loudest_noise_fits_a_packet(void **state)
{
    (void)state;
    struct rig r = rig(30);
    int16_t pcm[CODEC_FRAME];
    uint64_t seed = 1;
    for (int i = 0; i < 200; i++) {
        for (size_t k = 0; k < CODEC_FRAME; k++)
            pcm[k] = sound_noise(&seed, 32000);
        encode(&r, pcm);
        assert_in_range(r.len, 1, CODEC_PACKET_MAX);
    }
    free(r.memory);
}

static double recovered(bool with_fec)
{
    struct rig r = rig(20);
    int16_t pcm[CODEC_FRAME] = {0}, out[CODEC_FRAME];
    for (unsigned i = 0; i < BURST + 2; i++) {
        if (i < BURST)
            memset(pcm, 0, sizeof pcm);
        else
            speak(pcm, i - BURST + 3);
        encode(&r, pcm);
        if (i < BURST)
            assert_int_equal(codec_decode(&r.codec, r.packet, r.len, out), CODEC_OK);
    }
    if (with_fec)
        assert_int_equal(codec_decode_fec(&r.codec, r.packet, r.len, out), CODEC_OK);
    else
        assert_int_equal(codec_conceal(&r.codec, out), CODEC_OK);
    free(r.memory);
    return sound_rms(out, CODEC_FRAME) / sound_rms(pcm, CODEC_FRAME);
}

static void redundancy_gives_back_what_concealment_cannot_know(void **state)
{
    (void)state;
    assert_true(recovered(false) < 0.05);
    assert_true(recovered(true) > 0.4);
}

static unsigned frames_with_fec(uint8_t loss)
{
    struct rig r = rig(loss);
    int16_t pcm[CODEC_FRAME];
    unsigned count = 0;
    for (unsigned i = 0; i < 100; i++) {
        speak(pcm, i);
        encode(&r, pcm);
        count += codec_has_fec(r.packet, r.len);
    }
    free(r.memory);
    return count;
}

static void redundancy_is_there_when_loss_is_expected(void **state)
{
    (void)state;
    assert_int_equal(frames_with_fec(0), 0);
    assert_in_range(frames_with_fec(10), 30, 100);
}

static void expected_loss_can_be_changed_in_a_call(void **state)
{
    (void)state;
    struct rig r = rig(0);
    int16_t pcm[CODEC_FRAME];
    unsigned count = 0;
    assert_int_equal(codec_set_expected_loss(&r.codec, 20), CODEC_OK);
    for (unsigned i = 0; i < 50; i++) {
        speak(pcm, i);
        encode(&r, pcm);
        count += codec_has_fec(r.packet, r.len);
    }
    assert_true(count > 10);
    free(r.memory);
}

static void what_is_no_frame_of_20_ms_leaves_everything_alone(void **state)
{
    (void)state;
    struct rig r = rig(10);
    int16_t out[CODEC_FRAME];
    const uint8_t bad[][4] = {
        {0x40},                   /* SILK wideband of 10 ms, */
        {0x58},                   /* of 60 ms */
        {0x4a, 0xff, 0xff, 0xff}, /* two frames of different length, the first longer than the packet */
        {0x4b, 0x00},             /* no frames at all (RFC 6716 section 3.2.5) */
    };
    memset(out, 0x55, sizeof out);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(codec_decode(&r.codec, bad[i], 4, out), CODEC_ERR_PACKET);
        assert_int_equal(codec_decode_fec(&r.codec, bad[i], 4, out), CODEC_ERR_PACKET);
    }
    assert_int_equal(codec_decode(&r.codec, bad[0], 0, out), CODEC_ERR_PACKET);
    assert_int_equal(codec_decode(&r.codec, NULL, 0, out), CODEC_ERR_PACKET);
    for (size_t i = 0; i < CODEC_FRAME; i++)
        assert_int_equal(out[i], 0x5555);
    free(r.memory);
}

static void packets_of_noise_decode_or_are_refused(void **state)
{
    (void)state;
    struct rig r = rig(10);
    int16_t out[CODEC_FRAME];
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        uint8_t packet[CODEC_PACKET_MAX];
        size_t len = check_random(&seed) % (CODEC_PACKET_MAX + 1);
        for (size_t k = 0; k < len; k++)
            packet[k] = (uint8_t)(check_random(&seed) >> 40);
        (void)codec_has_fec(packet, len);
        (void)(i % 3 == 0 ? codec_decode_fec(&r.codec, packet, len, out)
                          : codec_decode(&r.codec, packet, len, out));
    }
    free(r.memory);
}

static void memory_too_small_or_crooked_is_refused(void **state)
{
    (void)state;
    struct codec c;
    struct codec_settings settings = {.bitrate = 24000, .complexity = 5};
    uint64_t *memory = malloc(codec_size() + 8);
    assert_int_equal(codec_init(&c, &settings, memory, codec_size() - 1), CODEC_ERR_SPACE);
    assert_int_equal(codec_init(&c, &settings, NULL, codec_size()), CODEC_ERR_SPACE);
    assert_int_equal(codec_init(&c, &settings, (uint64_t *)(void *)((uint8_t *)memory + 4), codec_size()),
                     CODEC_ERR_SPACE);
    settings.complexity = 11;
    assert_int_equal(codec_init(&c, &settings, memory, codec_size()), CODEC_ERR_SETTING);
    free(memory);
}

static void after_a_reset_it_is_as_new(void **state)
{
    (void)state;
    struct rig r = rig(10);
    int16_t pcm[CODEC_FRAME];
    uint8_t first[CODEC_PACKET_MAX];
    speak(pcm, 5);
    encode(&r, pcm);
    size_t len = r.len;
    memcpy(first, r.packet, len);
    for (unsigned i = 0; i < 20; i++) {
        speak(pcm, i);
        encode(&r, pcm);
    }
    codec_reset(&r.codec);
    speak(pcm, 5);
    encode(&r, pcm);
    assert_int_equal(r.len, len);
    assert_memory_equal(r.packet, first, len);
    free(r.memory);
}

static unsigned sent_of_a_silent_room(struct rig *r, unsigned frames)
{
    int16_t pcm[CODEC_FRAME];
    uint64_t seed = 1;
    unsigned sent = 0;
    for (unsigned i = 0; i < frames; i++) {
        for (size_t k = 0; k < CODEC_FRAME; k++)
            pcm[k] = sound_noise(&seed, 50);
        encode(r, pcm);
        sent += r->len > 0;
    }
    return sent;
}

static void silence_is_left_out_where_that_is_wanted(void **state)
{
    (void)state;
    struct rig r = rig(10);
    int16_t pcm[CODEC_FRAME];
    assert_int_equal(sent_of_a_silent_room(&r, 100), 100);
    assert_int_equal(codec_set_dtx(&r.codec, true), CODEC_OK);
    (void)sent_of_a_silent_room(&r, 50);
    assert_in_range(sent_of_a_silent_room(&r, 100), 1, 10);
    for (unsigned i = 0; i < 20; i++) {
        speak(pcm, i);
        encode(&r, pcm);
        assert_true(r.len > 0);
    }
    assert_int_equal(codec_set_dtx(&r.codec, false), CODEC_OK);
    assert_int_equal(sent_of_a_silent_room(&r, 100), 100);
    free(r.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_comes_back_as_it_was),
        cmocka_unit_test(speech_takes_about_its_bitrate),
        cmocka_unit_test(fine_packets_have_no_redundancy_and_come_and_go),
        cmocka_unit_test(the_loudest_noise_fits_a_packet),
        cmocka_unit_test(redundancy_gives_back_what_concealment_cannot_know),
        cmocka_unit_test(redundancy_is_there_when_loss_is_expected),
        cmocka_unit_test(expected_loss_can_be_changed_in_a_call),
        cmocka_unit_test(what_is_no_frame_of_20_ms_leaves_everything_alone),
        cmocka_unit_test(packets_of_noise_decode_or_are_refused),
        cmocka_unit_test(memory_too_small_or_crooked_is_refused),
        cmocka_unit_test(after_a_reset_it_is_as_new),
        cmocka_unit_test(silence_is_left_out_where_that_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
