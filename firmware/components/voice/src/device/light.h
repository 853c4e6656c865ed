/* The state as a colour. */
#ifndef VOICE_LIGHT_H
#define VOICE_LIGHT_H

#include "device/device_state.h"

void light_show(const struct device *d, uint64_t now);

#endif
