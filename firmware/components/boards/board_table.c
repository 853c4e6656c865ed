/* made from *.toml by firmware/tools/boards.py generate */
#include "board.h"

#include "sdkconfig.h"

#if defined CONFIG_BOARD_C5_DEVKIT
#define NAME "c5-devkit"
#define RESERVED_PINS 0x7f0000ull
const struct board board = {
    .name = NAME,
    .chip = "ESP32-C5",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 0,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = -1, .sda = -1, .scl = -1}, .i2s = {.port = 0, .mclk = -1, .bclk = CONFIG_BOARD_PIN_BCLK, .ws = CONFIG_BOARD_PIN_WS, .dout = CONFIG_BOARD_PIN_DOUT, .din = CONFIG_BOARD_PIN_DIN}, .amplifier = CONFIG_BOARD_PIN_AMPLIFIER},
    .speaker = {.chip = BOARD_SOUND_MAX98357A, .address = 0x0, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_INMP441, .address = 0x0, .reference = -1},
    .button = {.pin = CONFIG_BOARD_PIN_BUTTON, .active_high = false},
    .led = {.kind = BOARD_LED_WS2812, .pin = CONFIG_BOARD_PIN_LED, .active_low = false},
};
#elif defined CONFIG_BOARD_C6_DEVKIT
#define NAME "c6-devkit"
#define RESERVED_PINS 0x7f000000ull
const struct board board = {
    .name = NAME,
    .chip = "ESP32-C6",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 0,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = -1, .sda = -1, .scl = -1}, .i2s = {.port = 0, .mclk = -1, .bclk = CONFIG_BOARD_PIN_BCLK, .ws = CONFIG_BOARD_PIN_WS, .dout = CONFIG_BOARD_PIN_DOUT, .din = CONFIG_BOARD_PIN_DIN}, .amplifier = CONFIG_BOARD_PIN_AMPLIFIER},
    .speaker = {.chip = BOARD_SOUND_MAX98357A, .address = 0x0, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_INMP441, .address = 0x0, .reference = -1},
    .button = {.pin = CONFIG_BOARD_PIN_BUTTON, .active_high = false},
    .led = {.kind = BOARD_LED_WS2812, .pin = CONFIG_BOARD_PIN_LED, .active_low = false},
};
#elif defined CONFIG_BOARD_ESP32_S3_BOX_3
#define NAME "esp32-s3-box-3"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 3,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = 1, .sda = 8, .scl = 18}, .i2s = {.port = 0, .mclk = 2, .bclk = 17, .ws = 45, .dout = 15, .din = 16}, .amplifier = 46},
    .speaker = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_ES7210, .address = 0x40, .reference = 1},
    .button = {.pin = 0, .active_high = false},
    .led = {.kind = BOARD_LED_NONE, .pin = -1, .active_low = false},
    .display = {.kind = BOARD_DISPLAY_ILI9342, .width = 320, .height = 240, .offset_x = 0, .offset_y = 0, .mosi = 6, .sclk = 7, .cs = 5, .dc = 4, .reset = 48, .backlight = 47, .reset_high = true, .mirror_x = true, .mirror_y = true, .invert = false, .backlight_i2c = {.port = -1, .sda = -1, .scl = -1}, .backlight_address = 0x0},
};
#elif defined CONFIG_BOARD_ESP32_S3_KORVO_2
#define NAME "esp32-s3-korvo-2"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 3,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = 1, .sda = 17, .scl = 18}, .i2s = {.port = 0, .mclk = 16, .bclk = 9, .ws = 45, .dout = 8, .din = 10}, .amplifier = 48},
    .speaker = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_ES7210, .address = 0x40, .reference = -1},
    .button = {.pin = -1, .active_high = false},
    .led = {.kind = BOARD_LED_NONE, .pin = -1, .active_low = false},
};
#elif defined CONFIG_BOARD_M5STACK_ATOM_ECHOS3R
#define NAME "m5stack-atom-echos3r"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 3,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = 1, .sda = 45, .scl = 0}, .i2s = {.port = 0, .mclk = 11, .bclk = 17, .ws = 3, .dout = 48, .din = 4}, .amplifier = 18},
    .speaker = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .reference = -1},
    .button = {.pin = 41, .active_high = false},
    .led = {.kind = BOARD_LED_NONE, .pin = -1, .active_low = false},
};
#elif defined CONFIG_BOARD_M5STACK_ATOMS3R_ECHO
#define NAME "m5stack-atoms3r-echo"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_ECHO_BASE,
    .opus_complexity = 3,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = 1, .sda = 38, .scl = 39}, .i2s = {.port = 0, .mclk = -1, .bclk = 8, .ws = 6, .dout = 5, .din = 7}, .amplifier = -1},
    .speaker = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .reference = -1},
    .button = {.pin = 41, .active_high = false},
    .led = {.kind = BOARD_LED_NONE, .pin = -1, .active_low = false},
    .display = {.kind = BOARD_DISPLAY_GC9107, .width = 128, .height = 128, .offset_x = 0, .offset_y = 32, .mosi = 21, .sclk = 15, .cs = 14, .dc = 42, .reset = 48, .backlight = -1, .reset_high = false, .mirror_x = false, .mirror_y = false, .invert = false, .backlight_i2c = {.port = 0, .sda = 45, .scl = 0}, .backlight_address = 0x30},
};
#elif defined CONFIG_BOARD_M5STACK_CORES3
#define NAME "m5stack-cores3"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_CORES3,
    .opus_complexity = 3,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = 1, .sda = 12, .scl = 11}, .i2s = {.port = 0, .mclk = 0, .bclk = 34, .ws = 33, .dout = 13, .din = 14}, .amplifier = -1},
    .speaker = {.chip = BOARD_SOUND_AW88298, .address = 0x36, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_ES7210, .address = 0x40, .reference = -1},
    .button = {.pin = -1, .active_high = false},
    .led = {.kind = BOARD_LED_NONE, .pin = -1, .active_low = false},
    .display = {.kind = BOARD_DISPLAY_ILI9342, .width = 320, .height = 240, .offset_x = 0, .offset_y = 0, .mosi = 37, .sclk = 36, .cs = 3, .dc = 35, .reset = -1, .backlight = -1, .reset_high = false, .mirror_x = false, .mirror_y = false, .invert = true, .backlight_i2c = {.port = -1, .sda = -1, .scl = -1}, .backlight_address = 0x0},
};
#elif defined CONFIG_BOARD_QEMU_S3
#define NAME "qemu-s3"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_OPEN_ETH,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 3,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = -1, .sda = -1, .scl = -1}, .i2s = {.port = -1, .mclk = -1, .bclk = -1, .ws = -1, .dout = -1, .din = -1}, .amplifier = -1},
    .speaker = {.chip = BOARD_SOUND_NONE},
    .microphone = {.reference = -1},
    .button = {.pin = -1, .active_high = false},
    .led = {.kind = BOARD_LED_NONE, .pin = -1, .active_low = false},
};
#elif defined CONFIG_BOARD_QEMU
#define NAME "qemu"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-C3",
    .network = BOARD_OPEN_ETH,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 0,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = -1, .sda = -1, .scl = -1}, .i2s = {.port = -1, .mclk = -1, .bclk = -1, .ws = -1, .dout = -1, .din = -1}, .amplifier = -1},
    .speaker = {.chip = BOARD_SOUND_NONE},
    .microphone = {.reference = -1},
    .button = {.pin = -1, .active_high = false},
    .led = {.kind = BOARD_LED_NONE, .pin = -1, .active_low = false},
};
#elif defined CONFIG_BOARD_S3_DEVKIT
#define NAME "s3-devkit"
#ifdef CONFIG_SPIRAM_MODE_OCT
#define RESERVED_PINS 0x3ffc000000ull
#else
#define RESERVED_PINS 0x1fc000000ull
#endif
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 3,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = -1, .sda = -1, .scl = -1}, .i2s = {.port = 0, .mclk = -1, .bclk = CONFIG_BOARD_PIN_BCLK, .ws = CONFIG_BOARD_PIN_WS, .dout = CONFIG_BOARD_PIN_DOUT, .din = CONFIG_BOARD_PIN_DIN}, .amplifier = CONFIG_BOARD_PIN_AMPLIFIER},
    .speaker = {.chip = BOARD_SOUND_MAX98357A, .address = 0x0, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_INMP441, .address = 0x0, .reference = -1},
    .button = {.pin = CONFIG_BOARD_PIN_BUTTON, .active_high = false},
    .led = {.kind = BOARD_LED_WS2812, .pin = CONFIG_BOARD_PIN_LED, .active_low = false},
};
#elif defined CONFIG_BOARD_WAVESHARE_S3_AUDIO
#define NAME "waveshare-s3-audio"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_WAVESHARE_AUDIO,
    .opus_complexity = 3,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = 1, .sda = 11, .scl = 10}, .i2s = {.port = 0, .mclk = 12, .bclk = 13, .ws = 14, .dout = 16, .din = 15}, .amplifier = -1},
    .speaker = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_ES7210, .address = 0x40, .reference = -1},
    .button = {.pin = 0, .active_high = false},
    .led = {.kind = BOARD_LED_WS2812, .pin = 38, .active_low = false},
};
#elif defined CONFIG_BOARD_XIAO_S3_XVF3800
#define NAME "xiao-s3-xvf3800"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 3,
    .echo_canceller = true,
    .wiring = {.i2c = {.port = -1, .sda = -1, .scl = -1}, .i2s = {.port = 0, .mclk = -1, .bclk = 8, .ws = 7, .dout = 44, .din = 43}, .amplifier = -1},
    .speaker = {.chip = BOARD_SOUND_XVF3800, .address = 0x0, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_XVF3800, .address = 0x0, .reference = -1},
    .button = {.pin = -1, .active_high = false},
    .led = {.kind = BOARD_LED_GPIO, .pin = 21, .active_low = true},
};
#elif defined CONFIG_BOARD_XMINI_C3
#define NAME "xmini-c3"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-C3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 0,
    .echo_canceller = false,
    .wiring = {.i2c = {.port = 0, .sda = 3, .scl = 4}, .i2s = {.port = 0, .mclk = 10, .bclk = 8, .ws = 6, .dout = 5, .din = 7}, .amplifier = 11},
    .revision = {.i2c = {.port = 0, .sda = 0, .scl = 1}, .i2s = {.port = 0, .mclk = 8, .bclk = 7, .ws = 5, .dout = 4, .din = 6}, .amplifier = 10},
    .speaker = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .reference = -1},
    .button = {.pin = 9, .active_high = false},
    .led = {.kind = BOARD_LED_WS2812, .pin = 2, .active_low = false},
};
#else
#error "no board chosen: idf.py -DBOARD=NAME, or menuconfig, Board"
#endif

#ifdef RESERVED_PINS /* they are settings: with some the board would not start */
#define BIT(pin) ((pin) < 0 ? 0ull : 1ull << ((pin) & 63))
#define EACH(and) (BIT(CONFIG_BOARD_PIN_BCLK) and BIT(CONFIG_BOARD_PIN_WS) and BIT(CONFIG_BOARD_PIN_DOUT) and \
                   BIT(CONFIG_BOARD_PIN_DIN) and BIT(CONFIG_BOARD_PIN_AMPLIFIER) and BIT(CONFIG_BOARD_PIN_BUTTON) and \
                   BIT(CONFIG_BOARD_PIN_LED))
_Static_assert((EACH(|) & RESERVED_PINS) == 0, "a pin belongs to flash or PSRAM: idf.py menuconfig, Board, Pins");
_Static_assert(EACH(|) == EACH(+), "two pins are the same: idf.py menuconfig, Board, Pins");
#endif

/* -DFIRMWARE_KEYS=: CMakeLists.txt */
#ifndef BOARD_KEYS
#define BOARD_KEYS {0}
#define BOARD_KEY_COUNT 0
#endif

/* Read from the image, by no code of its own: see the linker option in CMakeLists.txt. */
const struct board_mark board_mark __attribute__((section(".rodata_custom_desc"), used)) = {
    .magic = {'V', 'G', 'B', '1'},
    .name = NAME,
    .keys_magic = {'V', 'G', 'K', '1'},
    .key_count = BOARD_KEY_COUNT,
    .keys = {BOARD_KEYS},
};
