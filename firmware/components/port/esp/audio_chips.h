/* The codec chips of a board, by esp_codec_dev. */
#ifndef PORT_ESP_AUDIO_CHIPS_H
#define PORT_ESP_AUDIO_CHIPS_H

#include <driver/i2s_std.h>
#include <esp_codec_dev.h>

struct audio_chips {
    esp_codec_dev_handle_t speaker,
        microphone; /* one and the same where one chip is both; NULL: nothing to set */
};

/* Sets them up on these channels, and starts them. Gives those that work, as port_audio_start() does. */
unsigned audio_chips_open(struct audio_chips *chips, i2s_chan_handle_t tx, i2s_chan_handle_t rx);
void audio_chips_close(struct audio_chips *chips);

#endif
