/* Asks a recorded question of a running gateway and tells what came back, and how long each hop took. */
#ifndef HOST_ASK_H
#define HOST_ASK_H

#include <stdbool.h>

#include "voice.h"

void ask_start(void);
void ask_listen(const struct voice_event *event); /* a voice_listener */
/* After each block of audio; true when it is over. */
bool ask_step(void);
/* Prints transcripts, latencies and the last line; true if words and sound came back. */
bool ask_report(void);

#endif
