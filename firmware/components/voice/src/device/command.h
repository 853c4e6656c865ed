/* What a bot may have a device do, and the console too. */
#ifndef VOICE_COMMAND_H
#define VOICE_COMMAND_H

#include "device/device_state.h"

/* NULL, or why it was not done. `result` is empty where there is nothing to tell. */
const char *command_run(struct device *d, uint64_t now, const char *name, struct json value, char *result,
                        size_t cap);
/* A button was pressed: what rings is heard, and the gateway is told. False: nothing rings. */
bool command_heed(struct device *d);

#endif
