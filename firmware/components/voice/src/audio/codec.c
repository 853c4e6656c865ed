#include "audio/codec.h"

#include <limits.h>
#include <opus.h>

#define TOC_CELT 0x80 /* configurations 16 to 31: no SILK layer (RFC 6716 section 3.1, table 2) */
#define TOC_STEREO 0x04
#define TOC_FRAMES 0x03
#define FINE_BITRATE 96000 /* far above what libopus leaves to SILK */
#define DTX_MAX 2          /* bytes of a packet that need not be sent (opus_encode) */

static size_t round_up(int size)
{
    return ((size_t)size + 7) / 8 * 8;
}

size_t codec_size(void)
{
    return round_up(opus_encoder_get_size(1)) + round_up(opus_decoder_get_size(1));
}

/* micro-opus's libopus and Debian's are of one API, so these are all that is ever set. */
static bool set_up(OpusEncoder *e, const struct codec_settings *s)
{
    return opus_encoder_ctl(e, OPUS_SET_BITRATE((opus_int32)s->bitrate)) == OPUS_OK &&
           opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(s->complexity)) == OPUS_OK &&
           opus_encoder_ctl(e, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)) == OPUS_OK &&
           opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(1)) == OPUS_OK &&
           opus_encoder_ctl(e, OPUS_SET_DTX(0)) == OPUS_OK &&
           opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(s->expected_loss)) == OPUS_OK;
}

enum codec_error codec_init(struct codec *c, const struct codec_settings *s, uint64_t *memory, size_t size)
{
    *c = (struct codec){.bitrate = s->bitrate};
    if (memory == NULL || (uintptr_t)memory % 8 != 0 || size < codec_size())
        return CODEC_ERR_SPACE;
    OpusEncoder *encoder = (OpusEncoder *)memory;
    OpusDecoder *decoder = (OpusDecoder *)(memory + round_up(opus_encoder_get_size(1)) / 8);
    if (s->bitrate > INT_MAX || opus_encoder_init(encoder, CODEC_RATE, 1, OPUS_APPLICATION_VOIP) != OPUS_OK ||
        opus_decoder_init(decoder, CODEC_RATE, 1) != OPUS_OK || !set_up(encoder, s))
        return CODEC_ERR_SETTING;
    c->encoder = encoder;
    c->decoder = decoder;
    return CODEC_OK;
}

static bool is_there(const struct codec *c)
{
    return c->encoder != NULL;
}

void codec_reset(struct codec *c)
{
    if (!is_there(c))
        return;
    (void)opus_encoder_ctl(c->encoder, OPUS_RESET_STATE);
    (void)opus_decoder_ctl(c->decoder, OPUS_RESET_STATE);
}

enum codec_error codec_set_expected_loss(struct codec *c, uint8_t percent)
{
    bool set = is_there(c) && opus_encoder_ctl(c->encoder, OPUS_SET_PACKET_LOSS_PERC(percent)) == OPUS_OK;
    return set ? CODEC_OK : CODEC_ERR_SETTING;
}

enum codec_error codec_set_dtx(struct codec *c, bool dtx)
{
    bool set = is_there(c) && opus_encoder_ctl(c->encoder, OPUS_SET_DTX(dtx)) == OPUS_OK;
    return set ? CODEC_OK : CODEC_ERR_SETTING;
}

enum codec_error codec_set_fine(struct codec *c, bool fine)
{
    if (is_there(c) && fine == c->fine)
        return CODEC_OK;
    opus_int32 bitrate = fine ? FINE_BITRATE : (opus_int32)c->bitrate;
    bool set = is_there(c) && opus_encoder_ctl(c->encoder, OPUS_SET_BITRATE(bitrate)) == OPUS_OK &&
               opus_encoder_ctl(c->encoder, OPUS_SET_VBR(fine ? 0 : 1)) == OPUS_OK &&
               opus_encoder_ctl(c->encoder, OPUS_SET_INBAND_FEC(fine ? 0 : 1)) == OPUS_OK;
    c->fine = set ? fine : c->fine;
    return set ? CODEC_OK : CODEC_ERR_SETTING;
}

enum codec_error codec_encode(struct codec *c, const int16_t pcm[CODEC_FRAME],
                              uint8_t packet[CODEC_PACKET_MAX], size_t *len)
{
    opus_int32 n = is_there(c) ? opus_encode(c->encoder, pcm, CODEC_FRAME, packet, CODEC_PACKET_MAX) : 0;
    *len = n > DTX_MAX ? (size_t)n : 0;
    return n > 0 ? CODEC_OK : CODEC_ERR_ENCODE;
}

static bool is_frame(const uint8_t *packet, size_t len)
{
    return packet != NULL && len > 0 && len <= INT_MAX &&
           opus_packet_get_nb_samples(packet, (opus_int32)len, CODEC_RATE) == CODEC_FRAME;
}

/* Through a buffer of its own: libopus may have written half of a frame when it finds that it can't go on. */
static enum codec_error decode(struct codec *c, const uint8_t *packet, size_t len, int16_t pcm[CODEC_FRAME],
                               int fec)
{
    int16_t decoded[CODEC_FRAME];
    int n = is_there(c) ? opus_decode(c->decoder, packet, (opus_int32)len, decoded, CODEC_FRAME, fec) : 0;
    if (n != CODEC_FRAME)
        return CODEC_ERR_PACKET;
    for (size_t i = 0; i < CODEC_FRAME; i++)
        pcm[i] = decoded[i];
    return CODEC_OK;
}

enum codec_error codec_decode(struct codec *c, const uint8_t *packet, size_t len, int16_t pcm[CODEC_FRAME])
{
    return is_frame(packet, len) ? decode(c, packet, len, pcm, 0) : CODEC_ERR_PACKET;
}

enum codec_error codec_decode_fec(struct codec *c, const uint8_t *packet, size_t len,
                                  int16_t pcm[CODEC_FRAME])
{
    return is_frame(packet, len) ? decode(c, packet, len, pcm, 1) : CODEC_ERR_PACKET;
}

enum codec_error codec_conceal(struct codec *c, int16_t pcm[CODEC_FRAME])
{
    return decode(c, NULL, 0, pcm, 0);
}

/* RFC 6716 sections 4.2.3 and 4.2.4: voice activity and then the redundancy flag head the SILK layer, a bit
 * each for a frame of 20 ms or less; twice that for stereo. */
bool codec_has_fec(const uint8_t *packet, size_t len)
{
    if (packet == NULL || len < 2 || packet[0] & (TOC_CELT | TOC_FRAMES))
        return false;
    uint8_t flags = packet[0] & TOC_STEREO ? 0x50 : 0x40;
    return (packet[1] & flags) != 0;
}
