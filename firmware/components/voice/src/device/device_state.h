/* The parts of the device, for those files that wire them together. None of them calls device.c. */
#ifndef VOICE_DEVICE_STATE_H
#define VOICE_DEVICE_STATE_H

#include <stdatomic.h>

#include "audio.h"
#include "call/call.h"
#include "call/discovery.h"
#include "call/session.h"
#include "call/signaling.h"
#include "console/console.h"
#include "device/queue.h"
#include "setup/improv.h"
#include "setup/settings.h"
#include "talk/talk.h"
#include "update/update.h"
#include "voice.h"

/* Parts that do not work, and that the device goes on without. The first of those that are is told: on
 * console and display, by mDNS, and in the offer. docs/protocol.md, the device */
enum device_fault {
    DEVICE_NO_AUDIO, /* neither way: Opus, or both of the next two */
    DEVICE_NO_SPEAKER,
    DEVICE_NO_MICROPHONE,
    DEVICE_NO_STORE, /* settings hold until the next start */
    DEVICE_FAULT_COUNT,
};

#define DEVICE_PARTS_MAX 48u

/* Of a device that waits for its word or its button; where it listens always, the gateway says nothing. */
enum device_attention { ATTENTION_ALWAYS, ATTENTION_ASLEEP, ATTENTION_ATTENTIVE, ATTENTION_SPEAKING };

struct device {
    voice_listener *listener;
    bool faults[DEVICE_FAULT_COUNT];
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
    struct http_url url;         /* of the gateway being called */
    struct port_addresses where; /* that mDNS gave for it; none where the URL is a setting */
    struct port_address gateway; /* where it was reached last */
    struct {
        enum reason reason; /* of the first that did; REASON_NONE: none has */
        uint32_t retry_after_s;
        bool onwards; /* to the next address of the last that did */
    } refusal;
    char gateway_id[17]; /* its id, empty where the URL is a setting */
    uint8_t pins[SETTINGS_PINS * 32u];
    bool met; /* over TLS: `met_pin` is whom */
    uint8_t met_pin[32];
    enum reason told_reason; /* what the gateway gave as its reason to end the call */
    bool bot_ready;
    char call_id[SIGNALING_CALL_MAX]; /* of the call that was live and may go on; empty for none */
    enum device_attention attention;  /* as the gateway last said */
    bool bot_starts;                  /* likewise: there is nobody to talk to yet */
    bool echo_cancelled;              /* likewise: it takes our own voice out of what we send */

    struct queue up;         /* audio task to net task */
    struct queue down;       /* and back */
    _Atomic uint32_t wanted; /* blocks that the audio task waits for */

    struct audio *audio;
    struct audio_storage audio_storage;
    uint64_t *codec_memory; /* for good; a host starts more than once */
    uint64_t play_by;       /* the audio task waits for the net task until then */
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
    uint8_t alert; /* percent that the speaker is at least at, though muted; 0: as it is set */
    char has[DEVICE_PARTS_MAX];
    size_t tools_told; /* in this call */
};

/* What a part has for the table of states. It only says so: device.c gives it to the table, and does what
 * entering the new state takes. */
struct device_news {
    enum session_event event;
    enum reason reason;
    uint32_t retry_after_s;
};

struct device *device_get(void);
bool device_is_configured(const struct device *d);
const char *device_name(const struct device *d);
const char *device_reset_text(void);
const char *device_fault_text(const struct device *d);              /* empty for none */
void device_trust(struct device *d, struct signaling_trust *trust); /* points into `d` */
/* Where it has one to trust, it speaks to no other, and over nothing but TLS, whatever anyone announces. */
bool device_is_pinned(struct device *d);

#endif
