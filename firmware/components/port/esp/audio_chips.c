#include "audio_chips.h"

#include <esp_codec_dev_defaults.h>
#include <esp_log.h>

#include "hardware.h"
#include "port.h"

#ifdef CONFIG_IDF_TARGET_ESP32C3
#include <esp_efuse.h>
#include <esp_efuse_table.h>
#define C3_VDD_SPI 11
#endif

#define TAG "audio"
#define MICROPHONE_DB 30.0f

static const audio_codec_ctrl_if_t *control(uint8_t address)
{
    audio_codec_i2c_cfg_t config = {.port = (uint8_t)hardware_wiring()->i2c.port,
                                    .addr = (uint8_t)(address << 1),
                                    .bus_handle = hardware_bus()};
    return config.bus_handle != NULL ? audio_codec_new_i2c_ctrl(&config) : NULL;
}

static const audio_codec_if_t *new_es8311(esp_codec_dec_work_mode_t mode)
{
    es8311_codec_cfg_t config = {.ctrl_if = control(board.speaker.address),
                                 .gpio_if = audio_codec_new_gpio(),
                                 .codec_mode = mode,
                                 .pa_pin = hardware_wiring()->amplifier,
                                 .pa_reverted = board.speaker.amplifier_low,
                                 .use_mclk = hardware_wiring()->i2s.mclk >= 0,
                                 .hw_gain = {.pa_voltage = 5.0f, .codec_dac_voltage = 3.3f}};
    return config.ctrl_if != NULL ? es8311_codec_new(&config) : NULL;
}

static const audio_codec_if_t *new_aw88298(void)
{
    aw88298_codec_cfg_t config = {
        .ctrl_if = control(board.speaker.address),
        .gpio_if = audio_codec_new_gpio(),
        .reset_pin = -1,
        .hw_gain = {.pa_voltage = 5.0f, .codec_dac_voltage = 3.3f, .pa_gain = 1.0f}};
    return config.ctrl_if != NULL ? aw88298_codec_new(&config) : NULL;
}

static const audio_codec_if_t *new_es7210(void)
{
    es7210_codec_cfg_t config = {.ctrl_if = control(board.microphone.address),
                                 .mic_selected = ES7210_SEL_MIC1 | ES7210_SEL_MIC2};
    return config.ctrl_if != NULL ? es7210_codec_new(&config) : NULL;
}

static const audio_codec_if_t *new_chip(enum board_sound chip, esp_codec_dec_work_mode_t mode)
{
    switch (chip) {
    case BOARD_SOUND_ES8311:
        return new_es8311(mode);
    case BOARD_SOUND_AW88298:
        return new_aw88298();
    case BOARD_SOUND_ES7210:
        return new_es7210();
    default:
        return NULL;
    }
}

static esp_codec_dev_handle_t open_chip(enum board_sound chip, esp_codec_dev_type_t type,
                                        esp_codec_dec_work_mode_t mode, const audio_codec_data_if_t *data)
{
    esp_codec_dev_cfg_t config = {.dev_type = type, .codec_if = new_chip(chip, mode), .data_if = data};
    esp_codec_dev_sample_info_t format = {
        .bits_per_sample = 16, .channel = 2, .sample_rate = PORT_AUDIO_RATE};
    esp_codec_dev_handle_t device = config.codec_if != NULL ? esp_codec_dev_new(&config) : NULL;
    if (device == NULL || esp_codec_dev_open(device, &format) != ESP_CODEC_DEV_OK) {
        ESP_LOGE(TAG, "the %s does not answer",
                 type == ESP_CODEC_DEV_TYPE_IN ? "microphone's chip" : "codec");
        return NULL;
    }
    if ((type & ESP_CODEC_DEV_TYPE_IN) != 0)
        (void)esp_codec_dev_set_in_gain(device, MICROPHONE_DB);
    return device;
}

/* docs/boards.md, xmini-c3 */
static void warn_of_efuse(void)
{
#ifdef CONFIG_IDF_TARGET_ESP32C3
    if (hardware_wiring()->amplifier == C3_VDD_SPI && !esp_efuse_read_field_bit(ESP_EFUSE_VDD_SPI_AS_GPIO))
        ESP_LOGE(TAG,
                 "the amplifier stays off: GPIO 11 is VDD_SPI until the eFuse VDD_SPI_AS_GPIO is burned");
#endif
}

unsigned audio_chips_open(struct audio_chips *chips, i2s_chan_handle_t tx, i2s_chan_handle_t rx)
{
    audio_codec_i2s_cfg_t config = {
        .port = (uint8_t)hardware_wiring()->i2s.port, .rx_handle = rx, .tx_handle = tx};
    const audio_codec_data_if_t *data = audio_codec_new_i2s_data(&config);
    warn_of_efuse();
    if (data == NULL)
        return 0;
    if (board.speaker.chip == board.microphone.chip) {
        chips->speaker = chips->microphone =
            open_chip(board.speaker.chip, ESP_CODEC_DEV_TYPE_IN_OUT, ESP_CODEC_DEV_WORK_MODE_BOTH, data);
    } else {
        chips->speaker =
            open_chip(board.speaker.chip, ESP_CODEC_DEV_TYPE_OUT, ESP_CODEC_DEV_WORK_MODE_DAC, data);
        chips->microphone =
            open_chip(board.microphone.chip, ESP_CODEC_DEV_TYPE_IN, ESP_CODEC_DEV_WORK_MODE_ADC, data);
    }
    return (chips->speaker != NULL ? PORT_SPEAKER_WORKS : 0) |
           (chips->microphone != NULL ? PORT_MICROPHONE_WORKS : 0);
}

void audio_chips_close(struct audio_chips *chips)
{
    if (chips->microphone != NULL && chips->microphone != chips->speaker)
        (void)esp_codec_dev_close(chips->microphone);
    if (chips->speaker != NULL)
        (void)esp_codec_dev_close(chips->speaker);
}
