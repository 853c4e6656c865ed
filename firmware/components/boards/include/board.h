/* The board that this firmware is built for: facts, and nothing that does anything. board_table.c has them,
 * made of NAME.toml by firmware/tools/boards.py. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stdint.h>

#define BOARD_NO_PIN (-1)

enum board_network { BOARD_WIFI, BOARD_OPEN_ETH };

/* What has to be switched on before anything else can be heard or seen. */
enum board_power { BOARD_POWER_NONE, BOARD_POWER_CORES3, BOARD_POWER_ECHO_BASE, BOARD_POWER_WAVESHARE_AUDIO };

enum board_sound {
    BOARD_SOUND_NONE, /* synthetic, where neither side has a chip */
    BOARD_SOUND_ES8311,
    BOARD_SOUND_ES7210,
    BOARD_SOUND_AW88298,
    BOARD_SOUND_MAX98357A, /* I2S and nothing to set, 32-bit slots */
    BOARD_SOUND_INMP441,   /* likewise */
    BOARD_SOUND_XVF3800,   /* likewise; both ways, and with an echo canceller of its own */
};

enum board_led { BOARD_LED_NONE, BOARD_LED_GPIO, BOARD_LED_WS2812 };
enum board_display { BOARD_DISPLAY_NONE, BOARD_DISPLAY_ILI9342, BOARD_DISPLAY_GC9107 };

struct board_i2c {
    int8_t port, sda, scl;
};

struct board_wiring {
    struct board_i2c i2c; /* of the codecs and power chips; port -1: none */
    struct {
        int8_t port, mclk, bclk, ws, dout, din;
    } i2s;
    int8_t amplifier;
};

struct board {
    const char *name;
    const char *chip; /* "ESP32-S3" */
    enum board_network network;
    enum board_power power;
    uint8_t opus_complexity;
    bool echo_canceller;

    struct board_wiring wiring;
    struct board_wiring revision; /* the pins of another revision of it; bclk 0: there is none */
    struct {
        enum board_sound chip;
        uint8_t address;    /* 7 bits */
        bool amplifier_low; /* on at low level */
    } speaker;
    struct {
        enum board_sound chip;
        uint8_t address;
        int8_t reference; /* TDM slot that carries the speaker's signal, -1: none */
    } microphone;
    struct {
        int8_t pin;
        bool active_high;
    } button;
    struct {
        enum board_led kind;
        int8_t pin;
        bool active_low; /* GPIO */
    } led;
    struct {
        enum board_display kind;
        uint16_t width, height;
        uint8_t offset_x, offset_y;
        int8_t mosi, sclk, cs, dc, reset, backlight;
        bool reset_high;
        bool mirror_x, mirror_y, invert;
        struct board_i2c backlight_i2c; /* port -1: none */
        uint8_t backlight_address;
    } display;
};

extern const struct board board;

/* 288 bytes into the image, after ESP-IDF's own description: which board it is for, and whose images
 * it takes after it (docs/protocol.md, images). */
#define BOARD_MARK "VGB1"
#define BOARD_KEYS_MARK "VGK1"
#define BOARD_KEYS_MAX 4u

struct board_mark {
    char magic[4];
    char name[28];
    char keys_magic[4];
    uint8_t key_count, reserved[3];
    uint8_t keys[BOARD_KEYS_MAX][32]; /* Ed25519, of the makers whose next image is taken */
};

extern const struct board_mark board_mark;

#endif
