#pragma once
#include <esp_codec_dev.h>

typedef struct audio_codec_ctrl_if_t audio_codec_ctrl_if_t;
typedef struct audio_codec_gpio_if_t audio_codec_gpio_if_t;
typedef struct {
    uint8_t port, addr;
    void *bus_handle;
} audio_codec_i2c_cfg_t;
typedef struct {
    uint8_t port;
    void *rx_handle, *tx_handle;
} audio_codec_i2s_cfg_t;
const audio_codec_gpio_if_t *audio_codec_new_gpio(void);
const audio_codec_ctrl_if_t *audio_codec_new_i2c_ctrl(audio_codec_i2c_cfg_t *config);
const audio_codec_data_if_t *audio_codec_new_i2s_data(audio_codec_i2s_cfg_t *config);

typedef struct {
    const audio_codec_ctrl_if_t *ctrl_if;
    const audio_codec_gpio_if_t *gpio_if;
    esp_codec_dec_work_mode_t codec_mode;
    int16_t pa_pin;
    bool pa_reverted, use_mclk;
    esp_codec_dev_hw_gain_t hw_gain;
} es8311_codec_cfg_t;
const audio_codec_if_t *es8311_codec_new(es8311_codec_cfg_t *config);
typedef struct {
    const audio_codec_ctrl_if_t *ctrl_if;
    const audio_codec_gpio_if_t *gpio_if;
    int16_t reset_pin;
    esp_codec_dev_hw_gain_t hw_gain;
} aw88298_codec_cfg_t;
const audio_codec_if_t *aw88298_codec_new(aw88298_codec_cfg_t *config);
#define ES7210_SEL_MIC1 (uint8_t)(1 << 0)
#define ES7210_SEL_MIC2 (uint8_t)(1 << 1)
typedef struct {
    const audio_codec_ctrl_if_t *ctrl_if;
    uint8_t mic_selected;
} es7210_codec_cfg_t;
const audio_codec_if_t *es7210_codec_new(es7210_codec_cfg_t *config);
