/* What the audio task takes of its stack and of memory, with libopus as a chip has it: built with
 * VOICE_CHIP alone. x86-64's frames are a little larger than a chip's, whose own drivers come on top. */
#define _POSIX_C_SOURCE 200809L
#include <opus.h>
#include <pthread.h>
#include <string.h>

#include "audio.h"
#include "audio/codec.h"
#include "voice.h"
#include "voice/test_voice_sound.h"

#define MARGIN 2048u        /* for the drivers beneath, and an interrupt */
#define ROOM (512u * 1024u) /* of the stack that is measured: it must not overflow to be seen */
/* What there is for libopus's state. 1.3.1 takes 42,440 bytes here, 1.6.1, which micro-opus 0.4.1 has,
 * 33,680; in floating point 61,808 and 50,032. */
#define MEMORY (48u * 1024u)
#define COMPLEXITY 3 /* the most that a board of ours has */
#define PAINT 0xA5

static uint8_t stack[ROOM] __attribute__((aligned(4096)));

struct load {
    struct audio_storage storage;
    uint64_t *memory;
    uint8_t packets[24][CODEC_PACKET_MAX * 8];
    opus_int32 lens[24];
    int count;
    uintptr_t top;
};

/* Packets of each of Opus's modes, as no gateway of ours sends them. */
static void make_packets(struct load *l)
{
    static const struct {
        int mode, bandwidth, channels, bitrate;
    } kinds[] = {{1000, OPUS_BANDWIDTH_NARROWBAND, 1, 12000}, {1000, OPUS_BANDWIDTH_WIDEBAND, 1, 24000},
                 {1000, OPUS_BANDWIDTH_WIDEBAND, 2, 40000},   {1001, OPUS_BANDWIDTH_FULLBAND, 1, 40000},
                 {1001, OPUS_BANDWIDTH_FULLBAND, 2, 64000},   {1002, OPUS_BANDWIDTH_FULLBAND, 1, 64000},
                 {1002, OPUS_BANDWIDTH_FULLBAND, 2, 128000},  {1002, OPUS_BANDWIDTH_NARROWBAND, 2, 64000}};
    static int16_t pcm[960 * 2];
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        int error;
        OpusEncoder *e = opus_encoder_create(48000, kinds[k].channels, OPUS_APPLICATION_AUDIO, &error);
        assert_int_equal(error, OPUS_OK);
        (void)opus_encoder_ctl(e, 11002, kinds[k].mode); /* OPUS_SET_FORCE_MODE of libopus's own tests */
        (void)opus_encoder_ctl(e, OPUS_SET_BANDWIDTH(kinds[k].bandwidth));
        (void)opus_encoder_ctl(e, OPUS_SET_BITRATE(kinds[k].bitrate));
        for (int i = 0; i < 3; i++) {
            sound_fill_speech(pcm, (size_t)i * sizeof pcm / 2, sizeof pcm / 2);
            l->lens[l->count] = opus_encode(e, pcm, 960, l->packets[l->count], sizeof l->packets[0]);
            assert_true(l->lens[l->count++] > 2);
        }
        opus_encoder_destroy(e);
    }
}

static void push(struct audio *a, enum peer_audio_kind kind, const uint8_t *data, size_t len)
{
    struct peer_audio in = {.kind = kind, .data = data, .len = len};
    int16_t speaker[AUDIO_BLOCK];
    audio_playout_push(a, &in, AUDIO_SPARE_UNKNOWN);
    audio_playout_step(a, 0, speaker);
}

static void *work(void *argument)
{
    struct load *l = argument;
    struct audio *a = audio_at(&l->storage);
    int16_t microphone[AUDIO_BLOCK];
    uint8_t packet[AUDIO_PACKET_MAX];
    uint8_t here;
    size_t len;
    l->top = (uintptr_t)&here;
    for (unsigned i = 0; i < 200; i++) {
        sound_fill_speech(microphone, i * AUDIO_BLOCK, AUDIO_BLOCK);
        for (unsigned n = 0; i % 50 >= 40 && n < AUDIO_BLOCK; n++) /* noise now and then */
            microphone[n] = (int16_t)((n * 2654435761u + i * 40503u) >> 9);
        audio_set_far_canceller(a, i % 40 >= 20);
        (void)audio_capture_step(a, i * 20000u, microphone, packet, &len);
        push(a, PEER_AUDIO_PACKET, packet, len);
        push(a, i % 3 == 0 ? PEER_AUDIO_FEC : PEER_AUDIO_CONCEAL, packet, i % 3 == 0 ? len : 0);
        push(a, PEER_AUDIO_PACKET, l->packets[i % (unsigned)l->count],
             (size_t)l->lens[i % (unsigned)l->count]);
    }
    return NULL;
}

/* From where the task begins: what lies above is the thread library's. */
static size_t used_by(struct load *l)
{
    pthread_attr_t attributes;
    pthread_t thread;
    memset(stack, PAINT, sizeof stack);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, sizeof stack), 0);
    assert_int_equal(pthread_create(&thread, &attributes, work, l), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    const uint8_t *lowest = stack;
    while (*lowest == PAINT)
        lowest++;
    return (size_t)(l->top - (uintptr_t)lowest);
}

static size_t measure(uint8_t complexity)
{
    static struct load l;
    l = (struct load){.memory = calloc(1, audio_codec_size())};
    struct audio_config config = {.complexity = complexity,
                                  .expected_loss = 10,
                                  .codec_memory = l.memory,
                                  .codec_size = audio_codec_size()};
    assert_int_equal(audio_init(audio_at(&l.storage), &config), AUDIO_OK);
    make_packets(&l);
    size_t used = used_by(&l);
    print_message("complexity %u: %zu of %u bytes of stack\n", complexity, used, VOICE_AUDIO_STACK);
    free(l.memory);
    return used;
}

static void libopus_is_in_fixed_point(void **state)
{
    (void)state;
    print_message("%s: %zu bytes of state\n", opus_get_version_string(), audio_codec_size());
    assert_non_null(strstr(opus_get_version_string(), "-fixed"));
}

static void its_state_fits_a_chip(void **state)
{
    (void)state;
    assert_in_range(audio_codec_size(), 1, MEMORY);
}

static void the_audio_task_has_the_stack_that_it_needs(void **state)
{
    (void)state;
    for (uint8_t complexity = 0; complexity <= COMPLEXITY; complexity++)
        assert_in_range(measure(complexity), 1, VOICE_AUDIO_STACK - MARGIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(libopus_is_in_fixed_point),
                                       cmocka_unit_test(its_state_fits_a_chip),
                                       cmocka_unit_test(the_audio_task_has_the_stack_that_it_needs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
