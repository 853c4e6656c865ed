/* WAV files: RIFF with PCM of 16 bit. */
#ifndef HOST_PORT_AUDIO_WAV_H
#define HOST_PORT_AUDIO_WAV_H

#include <stddef.h>
#include <stdint.h>

#define WAV_HEADER 44
#define WAV_CHANNELS_MAX 8
#define WAV_RATE_MIN 8000u
#define WAV_RATE_MAX 192000u

enum wav_error {
    WAV_OK,
    WAV_ERR_FORMAT,      /* no WAV, or cut off before its samples */
    WAV_ERR_UNSUPPORTED, /* not 16 bit PCM, or beyond the bounds above */
    WAV_ERR_SPACE,
};

struct wav {
    uint32_t rate;
    uint16_t channels;
    const uint8_t *data; /* within the bytes that were parsed */
    size_t frames;
};

enum wav_error wav_parse(struct wav *wav, const uint8_t *bytes, size_t len);
const char *wav_error_text(enum wav_error error);

/* As mono at another rate. wav_resampled() tells how many samples that makes. */
size_t wav_resampled(const struct wav *wav, uint32_t rate);
void wav_resample(const struct wav *wav, uint32_t rate, int16_t *out);

/* The header before `bytes` bytes of mono. */
void wav_write_header(uint8_t header[WAV_HEADER], uint32_t rate, uint32_t bytes);

#endif
