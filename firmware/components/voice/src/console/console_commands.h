/* What the files of the console's commands share. */
#ifndef VOICE_CONSOLE_COMMANDS_H
#define VOICE_CONSOLE_COMMANDS_H

#include "device/device.h"

typedef void console_handler(struct device *d, uint64_t now, const struct console_words *words);

void console_done(void);                         /* "@ok {}" */
console_handler console_inject, console_capture; /* console_audio.c */
console_handler console_settings;                /* console_settings.c */
console_handler console_update;                  /* console_update.c */

#endif
