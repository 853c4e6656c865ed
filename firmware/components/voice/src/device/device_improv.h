/* Wi-Fi set up over Improv. */
#ifndef VOICE_DEVICE_IMPROV_H
#define VOICE_DEVICE_IMPROV_H

#include "device/device_state.h"

/* True: there are other settings for the network, and the way to a call begins anew. */
bool device_improv_take(struct device *d, uint64_t now, const char *frame, size_t len);
void device_improv_step(struct device *d, uint64_t now);

#endif
