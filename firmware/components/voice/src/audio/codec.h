/* Opus (RFC 6716): 16 kHz mono in packets of 20 ms, in memory that the caller gives. */
#ifndef VOICE_CODEC_H
#define VOICE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODEC_RATE 16000
#define CODEC_FRAME 320
#define CODEC_PACKET_MAX 320

enum codec_error {
    CODEC_OK,
    CODEC_ERR_SPACE, /* memory too small or not aligned to 8 */
    CODEC_ERR_SETTING,
    CODEC_ERR_ENCODE,
    CODEC_ERR_PACKET, /* no Opus, or not of 20 ms */
};

struct codec_settings {
    uint32_t bitrate;
    uint8_t complexity, expected_loss; /* 0 to 10; percent */
};

struct codec {
    struct OpusEncoder *encoder;
    struct OpusDecoder *decoder;
    uint32_t bitrate;
    bool fine;
};

size_t codec_size(void);
/* After an error there is no codec: nothing is encoded or decoded, and all else may still be called. */
enum codec_error codec_init(struct codec *c, const struct codec_settings *settings, uint64_t *memory,
                            size_t size);
void codec_reset(struct codec *c);
enum codec_error codec_set_expected_loss(struct codec *c, uint8_t percent);
enum codec_error codec_set_dtx(struct codec *c, bool dtx);
/* The waveform itself rather than what an ear takes for it: 96 kbit/s by Opus's CELT, which has no
 * redundancy. */
enum codec_error codec_set_fine(struct codec *c, bool fine);

/* `*len` 0: nothing need be sent, which is so in silence with DTX. */
enum codec_error codec_encode(struct codec *c, const int16_t pcm[CODEC_FRAME],
                              uint8_t packet[CODEC_PACKET_MAX], size_t *len);

/* On error the frame is untouched and the decoder goes on as before. */
enum codec_error codec_decode(struct codec *c, const uint8_t *packet, size_t len, int16_t pcm[CODEC_FRAME]);
/* The frame before `packet`, from the redundancy in it; conceals if there is none. */
enum codec_error codec_decode_fec(struct codec *c, const uint8_t *packet, size_t len,
                                  int16_t pcm[CODEC_FRAME]);
enum codec_error codec_conceal(struct codec *c, int16_t pcm[CODEC_FRAME]);

/* Whether a packet carries the frame before it once more. */
bool codec_has_fec(const uint8_t *packet, size_t len);

#endif
