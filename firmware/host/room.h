/* The room around a simulated board: its loudspeaker is heard by its own microphone. */
#ifndef HOST_ROOM_H
#define HOST_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

struct room;

/* `what`: "level=-10,delay=40,decay=150,clip=100,drift=0", in dB of what is played, ms, ms until the sound is
 * gone by 60 dB, percent of full scale that the loudspeaker can do, ppm by which the speaker's clock is
 * quicker. Any may be left out. NULL: no room, no memory, or none that can be. */
struct room *room_open(const char *what);
void room_close(struct room *r);
void room_play(struct room *r, const int16_t pcm[PORT_AUDIO_BLOCK]);
/* Adds what comes back to what the microphone hears otherwise. */
void room_hear(struct room *r, int16_t pcm[PORT_AUDIO_BLOCK]);

#endif
