/* What the device tells: the log, the console, the display and the program's listener. */
#ifndef VOICE_TELL_H
#define VOICE_TELL_H

#include "voice.h"

void device_tell(const struct voice_event *event);

#endif
