/* What the bot and the gateway say. */
#ifndef VOICE_DEVICE_TALK_H
#define VOICE_DEVICE_TALK_H

#include "device/device_state.h"

/* REASON_NONE, or why the call is over. */
enum reason device_take_message(struct device *d, uint64_t now, const uint8_t *data, size_t len,
                                bool is_text);

#endif
