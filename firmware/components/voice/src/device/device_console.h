/* The console's commands, as this device has them. */
#ifndef VOICE_DEVICE_CONSOLE_H
#define VOICE_DEVICE_CONSOLE_H

#include "console/console_commands.h"
#include "device/device_state.h"

/* What it asks for: bits of enum console_wish. */
unsigned device_console_run(struct device *d, uint64_t now, const struct console_words *words);

#endif
