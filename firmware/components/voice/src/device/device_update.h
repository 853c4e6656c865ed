/* Updates as the device lives them. */
#ifndef VOICE_DEVICE_UPDATE_H
#define VOICE_DEVICE_UPDATE_H

#include "device/device_state.h"

void device_update_start(struct device *d, uint64_t now);
void device_update_proven(struct device *d);
/* NULL, or why it was refused. */
const char *device_update_ask(struct device *d, uint64_t now, const struct update_request *request);
void device_update_step(struct device *d, uint64_t now);
void device_update_interrupt(struct device *d);

#endif
