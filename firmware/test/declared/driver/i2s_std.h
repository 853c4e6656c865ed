#pragma once
#include <driver/gpio.h>

#define I2S_GPIO_UNUSED GPIO_NUM_NC
typedef enum { I2S_ROLE_MASTER } i2s_role_t;
typedef enum { I2S_DATA_BIT_WIDTH_16BIT = 16, I2S_DATA_BIT_WIDTH_32BIT = 32 } i2s_data_bit_width_t;
typedef enum { I2S_SLOT_MODE_MONO = 1, I2S_SLOT_MODE_STEREO = 2 } i2s_slot_mode_t;
typedef struct i2s_channel_obj_t *i2s_chan_handle_t;
typedef struct {
    int id;
    i2s_role_t role;
    uint32_t dma_desc_num, dma_frame_num;
    union {
        bool auto_clear;
        bool auto_clear_after_cb;
    };
} i2s_chan_config_t;
#define I2S_CHANNEL_DEFAULT_CONFIG(port, kind)                                                               \
    {                                                                                                        \
        .id = port, .role = kind, .dma_desc_num = 6, .dma_frame_num = 240                                    \
    }
typedef struct {
    uint32_t sample_rate_hz;
} i2s_std_clk_config_t;
typedef struct {
    i2s_data_bit_width_t data_bit_width;
    i2s_slot_mode_t slot_mode;
} i2s_std_slot_config_t;
typedef struct {
    gpio_num_t mclk, bclk, ws, dout, din;
} i2s_std_gpio_config_t;
typedef struct {
    i2s_std_clk_config_t clk_cfg;
    i2s_std_slot_config_t slot_cfg;
    i2s_std_gpio_config_t gpio_cfg;
} i2s_std_config_t;
#define I2S_STD_CLK_DEFAULT_CONFIG(rate)                                                                     \
    {                                                                                                        \
        .sample_rate_hz = rate                                                                               \
    }
#define I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(width, mode)                                                     \
    {                                                                                                        \
        .data_bit_width = width, .slot_mode = mode                                                           \
    }
esp_err_t i2s_new_channel(const i2s_chan_config_t *config, i2s_chan_handle_t *tx, i2s_chan_handle_t *rx);
esp_err_t i2s_channel_init_std_mode(i2s_chan_handle_t channel, const i2s_std_config_t *config);
esp_err_t i2s_channel_enable(i2s_chan_handle_t channel);
esp_err_t i2s_channel_read(i2s_chan_handle_t channel, void *to, size_t size, size_t *read,
                           uint32_t timeout_ms);
esp_err_t i2s_channel_write(i2s_chan_handle_t channel, const void *from, size_t size, size_t *written,
                            uint32_t timeout_ms);
