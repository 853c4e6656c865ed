/* made from *.toml by firmware/tools/boards.py generate */
#include "board.h"

#include "sdkconfig.h"

#if defined CONFIG_BOARD_ESP32_S3_BOX_3
#define NAME "esp32-s3-box-3"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 3,
    .echo_canceller = false,
    .i2c = {.port = 1, .sda = 8, .scl = 18},
    .i2s = {.port = 0, .mclk = 2, .bclk = 17, .ws = 45, .dout = 15, .din = 16},
    .speaker = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .amplifier = 46, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_ES7210, .address = 0x40, .reference = 1},
    .button = {.pin = 0, .active_high = false},
    .led = {.kind = BOARD_LED_NONE, .pin = -1, .active_low = false},
    .display = {.kind = BOARD_DISPLAY_ILI9342, .width = 320, .height = 240, .offset_x = 0, .offset_y = 0, .mosi = 6, .sclk = 7, .cs = 5, .dc = 4, .reset = 48, .backlight = 47, .reset_high = true, .mirror_x = true, .mirror_y = true, .invert = false, .backlight_i2c = {.port = -1, .sda = -1, .scl = -1}, .backlight_address = 0x0},
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
    .i2c = {.port = 1, .sda = 38, .scl = 39},
    .i2s = {.port = 0, .mclk = -1, .bclk = 8, .ws = 6, .dout = 5, .din = 7},
    .speaker = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .amplifier = -1, .amplifier_low = false},
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
    .i2c = {.port = 1, .sda = 12, .scl = 11},
    .i2s = {.port = 0, .mclk = 0, .bclk = 34, .ws = 33, .dout = 13, .din = 14},
    .speaker = {.chip = BOARD_SOUND_AW88298, .address = 0x36, .amplifier = -1, .amplifier_low = false},
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
    .i2c = {.port = -1, .sda = -1, .scl = -1},
    .i2s = {.port = -1, .mclk = -1, .bclk = -1, .ws = -1, .dout = -1, .din = -1},
    .speaker = {.amplifier = -1},
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
    .i2c = {.port = -1, .sda = -1, .scl = -1},
    .i2s = {.port = -1, .mclk = -1, .bclk = -1, .ws = -1, .dout = -1, .din = -1},
    .speaker = {.amplifier = -1},
    .microphone = {.reference = -1},
    .button = {.pin = -1, .active_high = false},
    .led = {.kind = BOARD_LED_NONE, .pin = -1, .active_low = false},
};
#elif defined CONFIG_BOARD_S3_DEVKIT
#define NAME "s3-devkit"
const struct board board = {
    .name = NAME,
    .chip = "ESP32-S3",
    .network = BOARD_WIFI,
    .power = BOARD_POWER_NONE,
    .opus_complexity = 3,
    .echo_canceller = false,
    .i2c = {.port = -1, .sda = -1, .scl = -1},
    .i2s = {.port = 0, .mclk = -1, .bclk = CONFIG_BOARD_PIN_BCLK, .ws = CONFIG_BOARD_PIN_WS, .dout = CONFIG_BOARD_PIN_DOUT, .din = CONFIG_BOARD_PIN_DIN},
    .speaker = {.chip = BOARD_SOUND_MAX98357A, .address = 0x0, .amplifier = CONFIG_BOARD_PIN_AMPLIFIER, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_INMP441, .address = 0x0, .reference = -1},
    .button = {.pin = CONFIG_BOARD_PIN_BUTTON, .active_high = false},
    .led = {.kind = BOARD_LED_WS2812, .pin = CONFIG_BOARD_PIN_LED, .active_low = false},
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
    .i2c = {.port = 0, .sda = 3, .scl = 4},
    .i2s = {.port = 0, .mclk = 10, .bclk = 8, .ws = 6, .dout = 5, .din = 7},
    .speaker = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .amplifier = 11, .amplifier_low = false},
    .microphone = {.chip = BOARD_SOUND_ES8311, .address = 0x18, .reference = -1},
    .button = {.pin = 9, .active_high = false},
    .led = {.kind = BOARD_LED_WS2812, .pin = 2, .active_low = false},
};
#else
#error "no board chosen: idf.py -DBOARD=NAME, or menuconfig, Board"
#endif

/* Read from the image, by no code of its own: see the linker option in CMakeLists.txt. */
const struct board_mark board_mark __attribute__((section(".rodata_custom_desc"), used)) = {
    .magic = {'V', 'G', 'B', '1'},
    .name = NAME,
};
