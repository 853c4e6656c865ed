#include "port_audio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port_audio_wav.h"
#include "room.h"

#define TAG "audio"
#define FILE_MAX (64u << 20)
#define LATE_US 200000u /* a sound card has dropped what is older than its buffer */
#define HEADER_EVERY 50 /* blocks: what was heard can be read if we are killed */

static struct {
    struct host_audio options;
    int16_t *recording;
    size_t recorded, at;
    bool asking;
    FILE *speaker;
    struct room *room;
    uint32_t played; /* bytes */
    bool running;
    uint64_t started;
    uint64_t blocks;
} card;

/* ---- files ---- */

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    uint8_t *bytes = NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size > 0 && (size_t)size <= FILE_MAX && fseek(file, 0, SEEK_SET) == 0)
        bytes = malloc((size_t)size);
    if (bytes != NULL)
        *len = fread(bytes, 1, (size_t)size, file);
    fclose(file);
    return bytes;
}

static enum wav_error convert(const uint8_t *bytes, size_t len)
{
    struct wav wav;
    enum wav_error error = wav_parse(&wav, bytes, len);
    if (error != WAV_OK)
        return error;
    size_t count = wav_resampled(&wav, PORT_AUDIO_RATE);
    if (count == 0 || count > FILE_MAX || (card.recording = malloc(count * sizeof *card.recording)) == NULL)
        return WAV_ERR_SPACE;
    wav_resample(&wav, PORT_AUDIO_RATE, card.recording);
    card.recorded = count;
    return WAV_OK;
}

static enum port_error load(const char *path)
{
    size_t len = 0;
    uint8_t *bytes = read_file(path, &len);
    if (bytes == NULL) {
        port_log(PORT_ERROR, TAG, "%s: cannot be read, or over 64 MiB", path);
        return PORT_ERR_IO;
    }
    enum wav_error error = convert(bytes, len);
    free(bytes);
    if (error != WAV_OK)
        port_log(PORT_ERROR, TAG, "%s: %s", path, wav_error_text(error));
    return error == WAV_OK ? PORT_OK : PORT_ERR_ARGUMENT;
}

static bool write_header(void)
{
    uint8_t header[WAV_HEADER];
    wav_write_header(header, PORT_AUDIO_RATE, card.played);
    return fseek(card.speaker, 0, SEEK_SET) == 0 &&
           fwrite(header, 1, sizeof header, card.speaker) == sizeof header &&
           fseek(card.speaker, 0, SEEK_END) == 0 && fflush(card.speaker) == 0;
}

static enum port_error open_room(const char *what)
{
    if (what != NULL && (card.room = room_open(what)) == NULL) {
        port_log(PORT_ERROR, TAG, "there is no room %s", what);
        return PORT_ERR_ARGUMENT;
    }
    return PORT_OK;
}

enum port_error host_audio_open(const struct host_audio *options)
{
    host_audio_close();
    card.options = *options;
    if (open_room(options->room) != PORT_OK)
        return PORT_ERR_ARGUMENT;
    if (options->microphone != NULL) {
        enum port_error error = load(options->microphone);
        if (error != PORT_OK)
            return error;
    }
    if (options->speaker == NULL)
        return PORT_OK;
    card.speaker = fopen(options->speaker, "wb");
    if (card.speaker != NULL && write_header())
        return PORT_OK;
    port_log(PORT_ERROR, TAG, "%s: cannot be written", options->speaker);
    return PORT_ERR_IO;
}

void host_audio_close(void)
{
    port_audio_stop();
    if (card.speaker != NULL)
        fclose(card.speaker);
    free(card.recording);
    room_close(card.room);
    memset(&card, 0, sizeof card);
}

/* ---- the sound card ---- */

unsigned port_audio_start(void)
{
    const unsigned both = PORT_SPEAKER_WORKS | PORT_MICROPHONE_WORKS;
    if (card.running)
        return both;
    card.running = true;
    card.started = port_clock();
    card.blocks = 0;
    if (!card.options.waits)
        host_audio_ask();
    return both;
}

void port_audio_stop(void)
{
    card.running = card.asking = false;
    if (card.speaker != NULL)
        (void)write_header();
}

void host_audio_ask(void)
{
    card.at = 0;
    card.asking = card.recorded > 0;
}

bool host_audio_is_asking(void)
{
    return card.asking;
}

uint64_t port_audio_due(void)
{
    if (!card.running)
        return PORT_NEVER;
    if (card.options.unpaced)
        return 0;
    int64_t elapsed = (int64_t)(card.blocks * PORT_AUDIO_BLOCK_US);
    return card.started + (uint64_t)(elapsed - elapsed * card.options.drift_ppm / 1000000);
}

static bool advance(void)
{
    uint64_t now = port_clock(), due = port_audio_due();
    if (now < due)
        return false;
    if (!card.options.unpaced && now - due > LATE_US) {
        port_log(PORT_WARNING, TAG, "late by %u ms", (unsigned)((now - due) / 1000));
        card.started = now;
        card.blocks = 0;
    }
    card.blocks++;
    return true;
}

static enum port_error record(int16_t pcm[PORT_AUDIO_BLOCK])
{
    if (!card.asking)
        return card.room == NULL && card.recorded > 0 && card.at == card.recorded ? PORT_END : PORT_OK;
    size_t left = card.recorded - card.at;
    size_t count = left < PORT_AUDIO_BLOCK ? left : PORT_AUDIO_BLOCK;
    memcpy(pcm, card.recording + card.at, count * sizeof *pcm);
    card.at += count;
    card.asking = card.at < card.recorded;
    return PORT_OK;
}

enum port_error port_audio_capture(int16_t pcm[PORT_AUDIO_BLOCK])
{
    memset(pcm, 0, PORT_AUDIO_BLOCK * sizeof *pcm);
    if (!card.running || !advance())
        return PORT_AGAIN;
    enum port_error error = record(pcm);
    if (card.room != NULL)
        room_hear(card.room, pcm);
    return error;
}

enum port_error port_audio_play(const int16_t pcm[PORT_AUDIO_BLOCK])
{
    uint8_t bytes[2 * PORT_AUDIO_BLOCK];
    if (!card.running)
        return PORT_ERR_ARGUMENT;
    if (card.room != NULL)
        room_play(card.room, pcm);
    if (card.speaker == NULL || card.played > UINT32_MAX / 2)
        return PORT_OK;
    for (size_t i = 0; i < PORT_AUDIO_BLOCK; i++) {
        bytes[2 * i] = (uint8_t)pcm[i];
        bytes[2 * i + 1] = (uint8_t)((uint16_t)pcm[i] >> 8);
    }
    if (fwrite(bytes, 1, sizeof bytes, card.speaker) != sizeof bytes)
        return PORT_ERR_IO;
    card.played += (uint32_t)sizeof bytes;
    return card.played / sizeof bytes % HEADER_EVERY != 0 || write_header() ? PORT_OK : PORT_ERR_IO;
}

enum port_error port_audio_volume(uint8_t percent)
{
    (void)percent;
    return PORT_ERR_ABSENT;
}

uint32_t port_audio_latency_us(void)
{
    return 0;
}
