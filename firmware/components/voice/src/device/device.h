/* The parts of the device, for those files that wire them together. */
#ifndef VOICE_DEVICE_H
#define VOICE_DEVICE_H

#include <stdatomic.h>

#include "audio.h"
#include "call/call.h"
#include "call/discovery.h"
#include "call/session.h"
#include "call/signaling.h"
#include "console/console.h"
#include "device/queue.h"
#include "device/screen.h"
#include "setup/improv.h"
#include "setup/settings.h"
#include "talk/talk.h"
#include "update/update.h"
#include "voice.h"

/* Of libopus on 64 and on 32 bits, encoder and decoder; audio_codec_size() knows, but not at compile time. */
#ifndef DEVICE_CODEC_SIZE
#define DEVICE_CODEC_SIZE (64u * 1024u)
#endif

struct device {
    voice_listener *listener;
    struct session session;
    struct settings settings;
    struct discovery discovery;
    struct signaling signaling;
    struct call call;
    struct talk talk;
    struct console console;

    struct update update;
    struct {
        bool joining, scanning; /* not answered yet */
        uint64_t until;
    } improv;

    struct peer_identity identity;
    struct http_url url;            /* of the gateway being called */
    struct port_address gateway;    /* where it was reached last */
    char gateway_id[17];            /* its id, empty where the URL is a setting */
    char ca[PORT_KV_VALUE_MAX + 1]; /* PEM, empty for none */
    uint8_t fingerprint[32];
    enum reason told_reason; /* what the gateway gave as its reason to end the call */
    bool bot_ready;

    struct queue up;         /* audio task to net task */
    struct queue down;       /* and back */
    _Atomic uint32_t wanted; /* blocks that the audio task waits for */

    struct audio *audio;
    struct audio_storage audio_storage;
    uint64_t play_by; /* the audio task waits for the net task until then */
    uint64_t encode_since;
    uint32_t encode_worst, encode_us; /* of this second so far, of the last one */

    bool button_down;
    uint64_t identify_until;
    uint64_t reboot_at;   /* 0: not wanted */
    uint64_t trial_until; /* this image is on trial */
    bool rolled_back;     /* the one before this was, and nobody has been told */
    uint32_t update_told; /* percent */
    bool led_held;        /* by a command; else it shows the state */
    uint8_t led[3];
};

/* device.c */
struct device *device_get(void);
/* Gives it to the state table, and does what entering the new state takes. */
void device_handle(struct device *d, uint64_t now, enum session_event event, enum reason reason,
                   uint32_t retry_after_s);
void device_tell(const struct voice_event *event); /* console and listener */
bool device_is_configured(const struct device *d);
const char *device_name(const struct device *d);
const char *device_reset_text(void);

/* device_call.c: signalling, connecting, live */
void device_call_begin(struct device *d, uint64_t now);
void device_call_end(struct device *d, uint64_t now);
void device_call_step(struct device *d, uint64_t now);
uint64_t device_call_deadline(const struct device *d);
void device_get_rtvi_figures(struct device *d, struct rtvi_figures *figures);
void device_call_trust(struct device *d, struct signaling_trust *trust); /* points into `d` */

/* device_audio.c */
void device_audio_start(struct device *d);
void device_audio_apply(struct device *d); /* settings: volume, mute, talk mode */
uint32_t device_audio_underruns(const struct device *d);
void device_audio_press(struct device *d, bool pressed); /* push to talk */
void device_audio_begin_call(struct device *d);
void device_audio_interrupt(struct device *d); /* barge-in: what the bot still had to say is not wanted */
void device_audio_tone(struct device *d, uint32_t hertz, uint32_t ms);

/* device_update.c */
void device_update_start(struct device *d, uint64_t now);
void device_update_proven(struct device *d);
/* NULL, or why it was refused. */
const char *device_update_ask(struct device *d, uint64_t now, const struct update_request *request);
void device_update_step(struct device *d, uint64_t now);
void device_update_interrupt(struct device *d);

/* device_improv.c */
void device_improv_take(struct device *d, uint64_t now, const char *frame, size_t len);
void device_improv_step(struct device *d, uint64_t now);

/* device_talk.c */
void device_take_message(struct device *d, uint64_t now, const uint8_t *data, size_t len, bool is_text);

/* command.c: NULL, or why it was not done. */
const char *command_run(struct device *d, uint64_t now, const char *name, struct json value);

/* light.c */
void light_show(const struct device *d, uint64_t now);

/* console_commands.c */
void console_run(struct device *d, uint64_t now, const struct console_words *words);

#endif
