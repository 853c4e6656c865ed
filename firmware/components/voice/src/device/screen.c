#include "device/screen.h"

#include <stdio.h>

#include "device/device_state.h"

static const char *const words[SESSION_STATE_COUNT] = {
    /* LIVE: see attentions */
    [SESSION_PROVISIONING] = "Set me up",
    [SESSION_NETWORK] = "Joining Wi-Fi",
    [SESSION_DISCOVERY] = "Looking for the gateway",
    [SESSION_SIGNALLING] = "Calling",
    [SESSION_CONNECTING] = "Connecting",
    [SESSION_BACKOFF] = "Trying again",
};

static const char *const attentions[] = {[ATTENTION_ALWAYS] = "Listening",
                                         [ATTENTION_ASLEEP] = "Waiting for its word",
                                         [ATTENTION_ATTENTIVE] = "Listening",
                                         [ATTENTION_SPEAKING] = "Speaking"};

static void show(const struct device *d, const char *detail)
{
    bool live = d->session.state == SESSION_LIVE;
    const char *talks = d->bot_starts ? "One moment" : attentions[d->attention];
    const char *word = live ? talks : words[d->session.state];
    port_display_state(live && settings_is_microphone_muted(&d->settings) ? "Microphone off" : word, detail);
}

void screen_show_state(const struct device *d)
{
    bool failing = d->session.state != SESSION_LIVE && d->session.last_failure != REASON_NONE;
    show(d, failing ? reason_text(d->session.last_failure) : device_fault_text(d));
}

static void show_update(const struct voice_event *event)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%s %u %%", event->text, (unsigned)event->percent);
    if (event->reason != NULL)
        show(device_get(), event->reason);
    else
        port_display_state("Update", text);
}

void screen_show_event(const struct voice_event *event)
{
    if (event->type == VOICE_UPDATE)
        show_update(event);
    else if (event->type == VOICE_TRANSCRIPT)
        port_display_text(event->who == VOICE_BOT ? PORT_SPEAKER_BOT : PORT_SPEAKER_USER, event->text);
    else if (event->type == VOICE_SPEAKING && event->who == VOICE_USER && event->on)
        port_display_text(PORT_SPEAKER_BOT, ""); /* a new question: the old answer goes */
}
