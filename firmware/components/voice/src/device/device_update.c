/* Updates as the device lives them: asked for, told of, tried out, and gone back on. */
#include "device/device_update.h"

#include <string.h>

#include "device/tell.h"

#define TRIAL_US 600000000u /* for a new image to get into a live call */
#define SLOT "update_slot"  /* the setting that holds where an update went, until it has proven itself */
#define TAG "update"

static void forget_slot(void)
{
    (void)port_kv_erase(SLOT);
}

/* What became of the last update, if its end has not been told yet. */
void device_update_start(struct device *d, uint64_t now)
{
    char slot[16] = "";
    size_t len = 0;
    bool pending = port_kv_get(SLOT, (uint8_t *)slot, sizeof slot - 1, &len) == PORT_OK;
    slot[pending ? len : 0] = '\0';
    d->trial_until = port_ota_on_trial() ? now + TRIAL_US : PORT_NEVER;
    d->rolled_back = pending && strcmp(slot, port_facts()->slot) != 0;
    if (d->rolled_back)
        port_log(PORT_WARNING, TAG, "the image in %s did not prove itself: back in %s", slot,
                 port_facts()->slot);
}

/* A live call with a data channel is the proof: the next update can come over it. */
void device_update_proven(struct device *d)
{
    if (d->trial_until != PORT_NEVER) {
        bool kept = port_ota_mark_valid() == PORT_OK;
        port_log(kept ? PORT_INFO : PORT_ERROR, TAG, "%s %s", port_facts()->slot,
                 kept ? "has proven itself" : "cannot be marked valid");
        if (!kept)
            return; /* still on trial: the next call tries again, and a reset goes back, which will be told */
    }
    d->trial_until = PORT_NEVER;
    d->rolled_back = false;
    forget_slot();
}

static void tell(struct device *d)
{
    static const char *const texts[] = {[UPDATE_IDLE] = "failed", [UPDATE_READY] = "rebooting"};
    bool under_way = update_is_under_way(&d->update);
    const char *state = under_way ? "downloading" : texts[d->update.state];
    uint32_t percent = update_percent(&d->update);
    d->update_told = percent;
    talk_tell_update(&d->talk, &d->call, state, percent, d->update.reason);
    device_tell(&(struct voice_event){
        .type = VOICE_UPDATE, .text = state, .percent = (uint8_t)percent, .reason = d->update.reason});
}

/* The image's own, which come with each update, and those that it was given with its settings. */
static size_t gather_makers(const struct device *d,
                            uint8_t out[PORT_FIRMWARE_KEYS + SETTINGS_PINS][SIGNATURE_KEY])
{
    size_t count = port_facts()->firmware_key_count;
    if (count > 0)
        memcpy(out, port_facts()->firmware_keys, count * SIGNATURE_KEY);
    return count + settings_firmware_keys(&d->settings, out + count);
}

const char *device_update_ask(struct device *d, uint64_t now, const struct update_request *request)
{
    struct signaling_trust trust;
    device_trust(d, &trust);
    uint8_t makers[PORT_FIRMWARE_KEYS + SETTINGS_PINS][SIGNATURE_KEY];
    struct update_source source = {.url = &d->url,
                                   .address = d->gateway.family != 0 ? &d->gateway : NULL,
                                   .trust = &trust,
                                   .board = port_facts()->board,
                                   .version = port_facts()->version,
                                   .keys = {makers, gather_makers(d, makers)},
                                   .plain = settings_update_plain(&d->settings)};
    if (d->session.state == SESSION_SIGNALLING)
        return "busy";
    const char *why = update_start(&d->update, now, &source, request);
    if (why == NULL)
        tell(d);
    return why;
}

static void note_slot(void)
{
    const char *slot = strcmp(port_facts()->slot, "ota_0") == 0 ? "ota_1" : "ota_0";
    (void)port_kv_set(SLOT, (const uint8_t *)slot, strlen(slot));
}

void device_update_step(struct device *d, uint64_t now)
{
    bool ended = update_step(&d->update, now, d->session.state == SESSION_LIVE);
    if (ended || (update_is_under_way(&d->update) && update_percent(&d->update) >= d->update_told + 10))
        tell(d);
    if (ended && d->update.state == UPDATE_READY) {
        note_slot();
        d->reboot_at = now + 500000u; /* what was told goes out first */
    }
    if (now >= d->trial_until) {
        d->trial_until = PORT_NEVER;
        port_log(PORT_ERROR, TAG, "no live call in time: going back to the image before");
        port_reboot();
    }
}

/* Signalling has but one stream to use. */
void device_update_interrupt(struct device *d)
{
    if (!update_is_under_way(&d->update))
        return;
    update_stop(&d->update, "update_interrupted");
    tell(d);
}
