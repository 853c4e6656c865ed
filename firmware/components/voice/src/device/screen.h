/* What the display is told: the state in words, and what was said last. */
#ifndef VOICE_SCREEN_H
#define VOICE_SCREEN_H

#include "voice.h"

struct device;

void screen_show_state(const struct device *d);
void screen_show_event(const struct voice_event *event); /* transcripts, updates */

#endif
