/* Sound on Linux: a recording for a microphone, a file for a speaker. */
#ifndef HOST_PORT_AUDIO_H
#define HOST_PORT_AUDIO_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

struct host_audio {
    const char *microphone; /* WAV, 16 bit, any rate and channels; NULL for silence */
    const char *speaker;    /* WAV to write; NULL for nowhere */
    bool waits;             /* the recording begins with host_audio_ask(), else with port_audio_start() */
    bool unpaced;           /* as fast as it is asked, for use without a network */
    const char *room;       /* around speaker and microphone, see room.h; NULL: neither hears the other */
    int32_t drift_ppm;      /* how much faster than port_clock() this sound card is */
};

/* Logs what is wrong with a file. port_audio_start() without it is silence and nowhere. */
enum port_error host_audio_open(const struct host_audio *options);
void host_audio_close(void);

/* Plays the recording into the microphone from its beginning. */
void host_audio_ask(void);
bool host_audio_is_asking(void);

#endif
