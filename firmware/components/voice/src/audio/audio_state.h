/* The parts of the audio, as audio.c joins them. */
#ifndef VOICE_AUDIO_STATE_H
#define VOICE_AUDIO_STATE_H

#include "audio.h"
#include "audio/capture.h"
#include "audio/codec.h"
#include "audio/measure.h"
#include "audio/playout.h"

struct audio {
    struct codec codec;
    struct capture capture;
    struct playout playout;
    struct measure measure;
    uint64_t now; /* of the last step */
    int16_t speaker_db10;
    bool dtx, far_canceller;
    uint32_t encode_failures;
};

#endif
