/* The device: finds its gateway, calls it, listens and speaks, and starts over when that fails.
 *
 * One per program, of fixed size; nothing is allocated by this code once a call is live. Two tasks drive it,
 * or one that does both:
 *
 *   net:    for (;;) port_net_wait(voice_net_step());
 *   audio:  for (;;) { voice_audio_capture(); while (!voice_audio_play()) sleep a millisecond; }
 *
 * A thread that does both runs voice_net_step() where the other would sleep, and the audio half when
 * voice_audio_due() has come. */
#ifndef VOICE_H
#define VOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the two tasks may take of their stacks, in bytes: most of audio's is libopus's, 25 KB at complexity 0
 * and 29 KB at 3, in fixed point. test/voice/test_voice_stack.c measures it. */
#define VOICE_NET_STACK 10240u
#define VOICE_AUDIO_STACK 32768u

enum voice_event_type {
    VOICE_STATE, /* text: state; reason */
    VOICE_BOT_READY,
    VOICE_SPEAKING,   /* on: started or stopped */
    VOICE_TRANSCRIPT, /* text; on: final */
    VOICE_BOT_ERROR,  /* text */
    VOICE_COMMAND,    /* text: the command; reason NULL if it was done */
    VOICE_UPDATE,     /* text: downloading, failed, rebooting; percent; reason if failed */
};

enum voice_who { VOICE_DEVICE, VOICE_USER, VOICE_BOT };

struct voice_event {
    enum voice_event_type type;
    enum voice_who who;
    bool on;
    uint8_t percent;
    const char *text;
    const char *reason;
};

/* Told of everything that the console is, in the net task. May be NULL. */
typedef void voice_listener(const struct voice_event *event);

void voice_start(voice_listener *listener);
void voice_stop(void); /* ends the call and says goodbye */

/* Does what is due; returns when (port_clock) it wants to be called again if nothing happens before. */
uint64_t voice_net_step(void);

uint64_t voice_audio_due(void); /* see port_audio_due() */
/* One block of microphone: encodes it, and asks the net task for the next block to play. */
void voice_audio_capture(void);
/* One block of speaker. False: the net task has not handed over what to play yet; call again in a moment.
 * After 8 ms of that it plays without. */
bool voice_audio_play(void);

/* RMS of the last blocks, tenths of dB of full scale. */
void voice_get_levels(int16_t *microphone_db10, int16_t *speaker_db10);

struct voice_latency {
    uint32_t rtt_us;         /* to the gateway and back, by RTCP or ICE */
    uint32_t playout_us;     /* waiting in the jitter buffer */
    uint32_t encode_us;      /* the slowest block of the last second */
    int64_t clock_offset_us; /* gateway's clock minus ours; valid if clock_known */
    bool clock_known;
};

void voice_get_latency(struct voice_latency *latency);

#ifdef __cplusplus
}
#endif
#endif
