/* The audio half, as the net task needs it. */
#ifndef VOICE_DEVICE_AUDIO_H
#define VOICE_DEVICE_AUDIO_H

#include "device/device_state.h"

void device_audio_start(struct device *d);
void device_audio_apply(struct device *d); /* settings: volume, mute, talk mode; and the alert */
uint32_t device_audio_underruns(const struct device *d);
void device_audio_press(struct device *d, bool pressed); /* push to talk */
void device_audio_begin_call(struct device *d);
void device_audio_interrupt(struct device *d); /* barge-in: what the bot still had to say is not wanted */
void device_audio_tone(struct device *d, uint32_t hertz, uint32_t ms);

#endif
