#include "port_audio_wav.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define FORMAT_PCM 1
#define FORMAT_EXTENSIBLE                                                                                    \
    0xfffe /* the true format begins the GUID at byte 24 (Microsoft, WAVEFORMATEXTENSIBLE) */
#define PI 3.14159265358979323846
#define ZERO_CROSSINGS 16 /* of the sinc on each side: 70 dB of stop band and more with this window */

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

static enum wav_error read_format(struct wav *w, const uint8_t *chunk, size_t len)
{
    if (len < 16)
        return WAV_ERR_FORMAT;
    uint32_t format = le16(chunk);
    if (format == FORMAT_EXTENSIBLE && len >= 26)
        format = le16(chunk + 24);
    w->channels = (uint16_t)le16(chunk + 2);
    w->rate = le32(chunk + 4);
    bool supported = format == FORMAT_PCM && le16(chunk + 14) == 16 && w->channels >= 1 &&
                     w->channels <= WAV_CHANNELS_MAX && w->rate >= WAV_RATE_MIN && w->rate <= WAV_RATE_MAX;
    return supported ? WAV_OK : WAV_ERR_UNSUPPORTED;
}

static enum wav_error take_data(struct wav *w, const uint8_t *chunk, size_t len)
{
    if (w->channels == 0)
        return WAV_ERR_FORMAT;
    w->data = chunk;
    w->frames = len / (2u * w->channels);
    return w->frames > 0 ? WAV_OK : WAV_ERR_FORMAT;
}

/* Chunks are padded to even lengths. Data that was streamed has a length of 0 or of all ones, or is cut off:
 * then it is the rest of the file. */
enum wav_error wav_parse(struct wav *w, const uint8_t *bytes, size_t len)
{
    *w = (struct wav){0};
    if (len < 12 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0)
        return WAV_ERR_FORMAT;
    for (size_t at = 12; len - at >= 8;) {
        const uint8_t *id = bytes + at;
        size_t size = le32(id + 4), rest = len - at - 8;
        if (memcmp(id, "data", 4) == 0)
            return take_data(w, id + 8, size == 0 || size > rest ? rest : size);
        if (size > rest)
            return WAV_ERR_FORMAT;
        enum wav_error error = memcmp(id, "fmt ", 4) == 0 ? read_format(w, id + 8, size) : WAV_OK;
        if (error != WAV_OK)
            return error;
        at += 8 + size + (size % 2 != 0 && size < rest);
    }
    return WAV_ERR_FORMAT;
}

const char *wav_error_text(enum wav_error error)
{
    static const char *const texts[] = {[WAV_OK] = "ok",
                                        [WAV_ERR_FORMAT] = "not a WAV file, or without samples",
                                        [WAV_ERR_UNSUPPORTED] =
                                            "not 16-bit PCM of 1 to 8 channels and 8 to 192 kHz",
                                        [WAV_ERR_SPACE] = "too long"};
    return texts[error];
}

/* ---- resampling ---- */

static double mono(const struct wav *w, size_t frame)
{
    int32_t sum = 0;
    for (size_t c = 0; c < w->channels; c++)
        sum += (int16_t)le16(w->data + 2 * (frame * w->channels + c));
    return (double)sum / w->channels;
}

/* Windowed sinc (J. O. Smith, Digital Audio Resampling) with a Blackman window. */
static double kernel(double distance, double cutoff, double half)
{
    double x = distance * cutoff * PI, c = cos(distance / half * PI);
    double window = 0.34 + 0.5 * c + 0.16 * c * c; /* 0.42 + 0.5 cos u + 0.08 cos 2u */
    return (fabs(x) < 1e-9 ? 1.0 : sin(x) / x) * window * cutoff;
}

static double sample_at(const struct wav *w, double position, double cutoff)
{
    double half = ZERO_CROSSINGS / cutoff, sum = 0;
    double first = ceil(position - half), last = floor(position + half);
    size_t from = first > 0 ? (size_t)first : 0;
    for (size_t i = from; i < w->frames && (double)i <= last; i++)
        sum += mono(w, i) * kernel((double)i - position, cutoff, half);
    return sum;
}

size_t wav_resampled(const struct wav *w, uint32_t rate)
{
    return (size_t)((uint64_t)w->frames * rate / w->rate);
}

void wav_resample(const struct wav *w, uint32_t rate, int16_t *out)
{
    double cutoff = rate < w->rate ? (double)rate / w->rate : 1.0;
    size_t count = wav_resampled(w, rate);
    for (size_t n = 0; n < count; n++) {
        double value = rate == w->rate ? mono(w, n) : sample_at(w, (double)n * w->rate / rate, cutoff);
        out[n] = (int16_t)lrint(fmin(fmax(value, INT16_MIN), INT16_MAX));
    }
}

/* ---- writing ---- */

static uint8_t *put(uint8_t *p, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *p++ = (uint8_t)(value >> (8 * i));
    return p;
}

static uint8_t *put_tag(uint8_t *p, const char *tag)
{
    memcpy(p, tag, 4);
    return p + 4;
}

void wav_write_header(uint8_t header[WAV_HEADER], uint32_t rate, uint32_t bytes)
{
    uint8_t *p = put_tag(header, "RIFF");
    p = put(p, WAV_HEADER - 8 + bytes, 4);
    p = put_tag(put_tag(p, "WAVE"), "fmt ");
    p = put(p, 16, 4);
    p = put(put(p, FORMAT_PCM, 2), 1, 2);
    p = put(put(p, rate, 4), 2 * rate, 4);
    p = put(put(p, 2, 2), 16, 2);
    put(put_tag(p, "data"), bytes, 4);
}
