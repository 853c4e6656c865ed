/* Sound over I2S: 16 kHz, both directions on one clock. Codecs get 16-bit stereo, of which the left is ours;
 * an INMP441 and a MAX98357A, which have nothing to set, 32-bit slots. */
#include <driver/gpio.h>
#include <driver/i2s_std.h>
#include <esp_log.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <string.h>

#include "audio_chips.h"
#include "board.h"
#include "hardware.h"
#include "port.h"

#define TAG "audio"
#define DESCRIPTORS 4u /* of 10 ms each: what a flash erase takes, and no more delay than that */
#define DESCRIPTOR_FRAMES (PORT_AUDIO_BLOCK / 2)
#define TIMEOUT_MS 200u /* ten blocks: then the clock has stopped */
#define MEMS_SHIFT                                                                                           \
    12 /* 24 dB up: a MEMS microphone gives -26 dBFS at 94 dB SPL, speech is a tenth to a hundredth */

static struct {
    i2s_chan_handle_t tx, rx;
    struct audio_chips chips;
    bool opened;
    unsigned works; /* as port_audio_start() gives it */
} card;

/* One block as it is on the wire; of the audio task. */
static union {
    int16_t narrow[2 * PORT_AUDIO_BLOCK];
    int32_t wide[2 * PORT_AUDIO_BLOCK];
} in, out;

static bool is_bare(void)
{
    return board.speaker.chip == BOARD_SOUND_MAX98357A || board.speaker.chip == BOARD_SOUND_XVF3800;
}

static gpio_num_t pin(int8_t number)
{
    return number >= 0 ? (gpio_num_t)number : I2S_GPIO_UNUSED;
}

static bool open_channels(void)
{
    i2s_data_bit_width_t width = is_bare() ? I2S_DATA_BIT_WIDTH_32BIT : I2S_DATA_BIT_WIDTH_16BIT;
    i2s_chan_config_t channels = I2S_CHANNEL_DEFAULT_CONFIG(hardware_wiring()->i2s.port, I2S_ROLE_MASTER);
    i2s_std_config_t standard = {.clk_cfg = I2S_STD_CLK_DEFAULT_CONFIG(PORT_AUDIO_RATE),
                                 .slot_cfg = I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(width, I2S_SLOT_MODE_STEREO),
                                 .gpio_cfg = {.mclk = pin(hardware_wiring()->i2s.mclk),
                                              .bclk = pin(hardware_wiring()->i2s.bclk),
                                              .ws = pin(hardware_wiring()->i2s.ws),
                                              .dout = pin(hardware_wiring()->i2s.dout),
                                              .din = pin(hardware_wiring()->i2s.din)}};
    channels.dma_desc_num = DESCRIPTORS;
    channels.dma_frame_num = DESCRIPTOR_FRAMES;
    channels.auto_clear = true; /* silence where nothing came in time, not the last word again */
    return i2s_new_channel(&channels, &card.tx, &card.rx) == ESP_OK &&
           i2s_channel_init_std_mode(card.tx, &standard) == ESP_OK &&
           i2s_channel_init_std_mode(card.rx, &standard) == ESP_OK;
}

static void switch_amplifier(bool on)
{
    if (hardware_wiring()->amplifier < 0)
        return;
    (void)gpio_set_direction((gpio_num_t)hardware_wiring()->amplifier, GPIO_MODE_OUTPUT);
    (void)gpio_set_level((gpio_num_t)hardware_wiring()->amplifier, on != board.speaker.amplifier_low);
}

static unsigned open_bare(void)
{
    switch_amplifier(true);
    return (i2s_channel_enable(card.tx) == ESP_OK ? PORT_SPEAKER_WORKS : 0) |
           (i2s_channel_enable(card.rx) == ESP_OK ? PORT_MICROPHONE_WORKS : 0);
}

/* A microphone whose speaker's chip is dead still wants the clock, which is the sender's. */
static unsigned open_chips(void)
{
    unsigned works = audio_chips_open(&card.chips, card.tx, card.rx);
    if (works == PORT_MICROPHONE_WORKS)
        (void)i2s_channel_enable(card.tx);
    return works;
}

unsigned port_audio_start(void)
{
    if (card.opened)
        return card.works;
    card.opened = open_channels();
    if (!card.opened)
        ESP_LOGE(TAG, "I2S: see the pins of the board");
    else
        card.works = is_bare() ? open_bare() : open_chips();
    return card.works;
}

void port_audio_stop(void)
{
    card.works = 0; /* what follows is a restart of the chip: the channels may stay */
    if (is_bare())
        switch_amplifier(false);
    else
        audio_chips_close(&card.chips);
}

/* An XVF3800 has a gain control of its own. */
static int16_t from_wide(int32_t sample)
{
    int32_t louder = sample >> (board.microphone.chip == BOARD_SOUND_XVF3800 ? 16 : MEMS_SHIFT);
    return (int16_t)(louder > INT16_MAX ? INT16_MAX : louder < INT16_MIN ? INT16_MIN : louder);
}

/* Without a card the task still has its pace, so that the rest of the device lives. */
static enum port_error without(int16_t pcm[PORT_AUDIO_BLOCK])
{
    memset(pcm, 0, PORT_AUDIO_BLOCK * sizeof *pcm);
    vTaskDelay(pdMS_TO_TICKS(PORT_AUDIO_BLOCK_US / 1000));
    return PORT_OK;
}

enum port_error port_audio_capture(int16_t pcm[PORT_AUDIO_BLOCK])
{
    size_t wanted = is_bare() ? sizeof in.wide : sizeof in.narrow, got = 0;
    if ((card.works & PORT_MICROPHONE_WORKS) == 0 ||
        i2s_channel_read(card.rx, &in, wanted, &got, TIMEOUT_MS) != ESP_OK || got != wanted)
        return without(pcm);
    for (size_t i = 0; i < PORT_AUDIO_BLOCK; i++)
        pcm[i] = is_bare() ? from_wide(in.wide[2 * i]) : in.narrow[2 * i];
    return PORT_OK;
}

enum port_error port_audio_play(const int16_t pcm[PORT_AUDIO_BLOCK])
{
    size_t len = is_bare() ? sizeof out.wide : sizeof out.narrow, written = 0;
    if ((card.works & PORT_SPEAKER_WORKS) == 0)
        return PORT_ERR_IO;
    for (size_t i = 0; i < PORT_AUDIO_BLOCK; i++) {
        if (is_bare())
            out.wide[2 * i] = out.wide[2 * i + 1] = (int32_t)((uint32_t)(uint16_t)pcm[i] << 16);
        else
            out.narrow[2 * i] = out.narrow[2 * i + 1] = pcm[i];
    }
    return i2s_channel_write(card.tx, &out, len, &written, TIMEOUT_MS) == ESP_OK ? PORT_OK : PORT_ERR_IO;
}

enum port_error port_audio_volume(uint8_t percent)
{
    if (card.chips.speaker == NULL)
        return PORT_ERR_ABSENT;
    return esp_codec_dev_set_out_vol(card.chips.speaker, percent) == ESP_CODEC_DEV_OK ? PORT_OK : PORT_ERR_IO;
}

uint32_t port_audio_latency_us(void)
{
    return DESCRIPTORS * PORT_AUDIO_BLOCK_US / 2 + PORT_AUDIO_BLOCK_US;
}
