/* The steps of the audio task: a block of microphone up, a block of speaker down. */
#include "device/device_audio.h"

#include <string.h>

#include "device/screen.h"

#define WAIT_US 8000u /* for the net task to hand a packet over, before it counts as missing */
#define EXPECTED_LOSS                                                                                        \
    10u /* percent: what Wi-Fi loses at its worst hours, and where libopus starts to spend on FEC */
#define ENCODE_WINDOW_US 1000000u
#define RTP_PER_MS 48u

/* A board that hears itself would interrupt itself, unless the gateway takes care of that. */
static enum audio_talk talk_mode(const struct device *d)
{
    const char *talk = d->settings.talk;
    bool automatic = talk[0] == '\0' || strcmp(talk, "auto") == 0;
    if (automatic && !port_facts()->has_echo_canceller && !d->echo_cancelled)
        return AUDIO_TALK_HALF_DUPLEX;
    if (strcmp(talk, "push") == 0)
        return AUDIO_TALK_PUSH;
    return strcmp(talk, "half") == 0 ? AUDIO_TALK_HALF_DUPLEX : AUDIO_TALK_ALWAYS;
}

void device_audio_apply(struct device *d)
{
    struct audio *a = d->audio;
    uint8_t volume = settings_volume(&d->settings);
    if (volume < d->alert)
        volume = d->alert;
    bool by_codec = port_audio_volume(volume) == PORT_OK;
    port_audio_lock();
    audio_set_volume(a, by_codec ? 100 : volume);
    audio_set_mute(a, d->alert == 0 && settings_is_muted(&d->settings));
    audio_set_microphone_mute(a, settings_is_microphone_muted(&d->settings));
    audio_set_talk(a, talk_mode(d));
    audio_set_far_canceller(a, d->echo_cancelled);
    port_audio_unlock();
    screen_show_state(d);
}

void device_audio_start(struct device *d)
{
    if (d->codec_memory == NULL)
        d->codec_memory = port_memory(audio_codec_size());
    struct audio_config config = {.complexity = port_facts()->opus_complexity,
                                  .expected_loss = EXPECTED_LOSS,
                                  .talk = talk_mode(d),
                                  .hangover_us = port_audio_latency_us() + 150000u,
                                  .codec_memory = d->codec_memory,
                                  .codec_size = audio_codec_size()};
    d->audio = audio_at(&d->audio_storage);
    unsigned works = port_audio_start(); /* first: a codec chip takes its volume only while it runs */
    bool opus = audio_init(d->audio, &config) == AUDIO_OK;
    if (!opus)
        port_log(PORT_ERROR, "audio", "no memory for Opus, which wants %zu bytes", audio_codec_size());
    d->faults[DEVICE_NO_AUDIO] = !opus || works == 0;
    d->faults[DEVICE_NO_SPEAKER] = (works & PORT_SPEAKER_WORKS) == 0;
    d->faults[DEVICE_NO_MICROPHONE] = (works & PORT_MICROPHONE_WORKS) == 0;
    device_audio_apply(d);
}

void device_audio_tone(struct device *d, uint32_t hertz, uint32_t ms)
{
    struct audio_signal signal = {
        .kind = AUDIO_SIGNAL_TONE, .hz = (uint16_t)hertz, .ms = ms, .level_db = -12};
    port_audio_lock();
    (void)audio_play(d->audio, &signal);
    port_audio_unlock();
}

void device_audio_press(struct device *d, bool pressed)
{
    port_audio_lock();
    audio_set_pressed(d->audio, pressed);
    port_audio_unlock();
    talk_tell_button(&d->talk, &d->call, pressed);
}

void device_audio_begin_call(struct device *d)
{
    port_audio_lock();
    audio_reset(d->audio);
    audio_set_dtx(d->audio, call_wants_dtx(&d->call));
    audio_set_talk(d->audio, talk_mode(d));
    audio_set_far_canceller(d->audio, d->echo_cancelled);
    port_audio_unlock();
}

void device_audio_interrupt(struct device *d)
{
    struct audio_state state;
    port_audio_lock();
    audio_get_state(d->audio, &state);
    if (state.bot_speaking)
        audio_flush(d->audio);
    port_audio_unlock();
}

uint64_t voice_audio_due(void)
{
    return port_audio_due();
}

static void note_encode_time(struct device *d, uint64_t now, uint32_t took)
{
    if (now - d->encode_since > ENCODE_WINDOW_US) {
        d->encode_us = d->encode_worst;
        d->encode_worst = 0;
        d->encode_since = now;
    }
    d->encode_worst = took > d->encode_worst ? took : d->encode_worst;
}

/* What is played now was handed over with the last block, and takes its time to the air. */
static bool speaker_at(const struct device *d, uint32_t *timestamp)
{
    bool plays = audio_played(d->audio, timestamp);
    *timestamp -= port_audio_latency_us() / 1000u * RTP_PER_MS;
    return plays;
}

static void want(struct device *d)
{
    /* what came too late for its own block is for this one, or it would add to the delay for good */
    if (!audio_playout_wants(d->audio) || queue_front(&d->down) != NULL)
        return;
    atomic_store(&d->wanted, 1);
    port_net_wake();
}

void voice_audio_capture(void)
{
    struct device *d = device_get();
    int16_t microphone[PORT_AUDIO_BLOCK];
    port_watchdog_feed(PORT_TASK_AUDIO);
    enum port_error error = port_audio_capture(microphone);
    if (error == PORT_AGAIN)
        return;
    uint64_t began = port_clock();
    struct packet *p = queue_room(&d->up);
    struct packet
        spare; /* the net task is behind: the encoder goes on all the same, or it would click later */
    size_t len = 0;
    uint32_t played = 0;
    port_audio_lock();
    bool plays = speaker_at(d, &played);
    enum audio_error encoded = audio_capture_step(d->audio, began, error == PORT_OK ? microphone : NULL,
                                                  p != NULL ? p->data : spare.data, &len);
    want(d);
    port_audio_unlock();
    if (encoded == AUDIO_OK && p != NULL && len > 0) {
        p->len = (uint16_t)len;
        p->kind = plays;
        p->timestamp = played;
        queue_push(&d->up);
    }
    note_encode_time(d, began, (uint32_t)(port_clock() - began));
    d->play_by = port_clock() + WAIT_US;
    port_net_wake();
}

static bool push_front(struct device *d)
{
    struct packet *p = queue_front(&d->down);
    if (p == NULL)
        return false;
    struct peer_audio in = {
        .kind = (enum peer_audio_kind)p->kind, .data = p->data, .len = p->len, .timestamp = p->timestamp};
    audio_playout_push(d->audio, &in, p->spare_us);
    queue_pop(&d->down);
    return true;
}

/* False: the net task still owes a packet. */
static bool fill(struct device *d)
{
    while (audio_playout_wants(d->audio)) {
        if (push_front(d))
            continue;
        if (atomic_load(&d->wanted) == 0)
            want(d); /* a second one, by which the two clocks are kept together */
        return port_clock() >= d->play_by;
    }
    return true;
}

bool voice_audio_play(void)
{
    struct device *d = device_get();
    int16_t speaker[PORT_AUDIO_BLOCK];
    port_audio_lock();
    bool ready = fill(d);
    if (ready)
        audio_playout_step(d->audio, port_clock(), speaker);
    port_audio_unlock();
    if (ready)
        (void)port_audio_play(speaker);
    return ready;
}

static void get_state(const struct device *d, struct audio_state *state)
{
    port_audio_lock();
    audio_get_state(d->audio, state);
    port_audio_unlock();
}

uint32_t device_audio_underruns(const struct device *d)
{
    struct audio_state state;
    get_state(d, &state);
    return state.underruns;
}

void voice_get_levels(int16_t *microphone_db10, int16_t *speaker_db10)
{
    struct audio_state state;
    get_state(device_get(), &state);
    *microphone_db10 = state.microphone_db10;
    *speaker_db10 = state.speaker_db10;
}
