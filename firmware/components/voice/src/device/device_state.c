#include "device/device_state.h"

static struct device device;

struct device *device_get(void)
{
    return &device;
}

static const char *const resets[] = {
    [PORT_RESET_POWER_ON] = "power_on", [PORT_RESET_BUTTON] = "button",
    [PORT_RESET_SOFTWARE] = "software", [PORT_RESET_PANIC] = "panic",
    [PORT_RESET_WATCHDOG] = "watchdog", [PORT_RESET_BROWNOUT] = "brownout",
    [PORT_RESET_DEEP_SLEEP] = "sleep",  [PORT_RESET_UNKNOWN] = "unknown",
};

const char *device_reset_text(void)
{
    return resets[port_facts()->reset];
}

const char *device_fault_text(const struct device *d)
{
    static const char *const texts[DEVICE_FAULT_COUNT] = {[DEVICE_NO_AUDIO] = "no_audio",
                                                          [DEVICE_NO_SPEAKER] = "no_speaker",
                                                          [DEVICE_NO_MICROPHONE] = "no_microphone",
                                                          [DEVICE_NO_STORE] = "no_store"};
    for (int i = 0; i < DEVICE_FAULT_COUNT; i++)
        if (d->faults[i])
            return texts[i];
    return "";
}

bool device_is_configured(const struct device *d)
{
    return !port_link_needs_ssid() || d->settings.ssid[0] != '\0';
}

const char *device_name(const struct device *d)
{
    return d->settings.name[0] != '\0' ? d->settings.name : port_facts()->id;
}

void device_trust(struct device *d, struct signaling_trust *trust)
{
    *trust = (struct signaling_trust){.pins = d->pins};
    if (d->settings.ca[0] != '\0')
        trust->ca_pem = d->settings.ca;
    trust->pin_count = settings_pins(&d->settings, d->pins);
}

bool device_is_pinned(struct device *d)
{
    struct signaling_trust trust;
    device_trust(d, &trust);
    return trust.ca_pem != NULL || trust.pin_count > 0;
}
