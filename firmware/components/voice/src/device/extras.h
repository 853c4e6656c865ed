/* The tools that a board adds (tools.h): told to the gateway, and run for it. */
#ifndef VOICE_EXTRAS_H
#define VOICE_EXTRAS_H

#include "device/device_state.h"

/* NULL once it is done; "unknown_command" where there is none of that name. */
const char *extras_run(const char *name, struct json value, char *result, size_t cap);
/* Tells the next one that the gateway has not been told in this call, if there is room for it. */
void extras_tell(struct device *d);

#endif
