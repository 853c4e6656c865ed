/* What a bot may have a device do, and the console too. */
#ifndef VOICE_COMMAND_H
#define VOICE_COMMAND_H

#include "device/device_state.h"

/* NULL, or why it was not done. */
const char *command_run(struct device *d, uint64_t now, const char *name, struct json value);

#endif
