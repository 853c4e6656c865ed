/* The state as a colour, and the button. */

#include "device/light.h"

#define BLINK_US 500000u

struct colour {
    uint8_t red, green, blue;
};

static const struct {
    struct colour colour;
    bool blinks;
} looks[SESSION_STATE_COUNT] = {
    [SESSION_PROVISIONING] = {{40, 0, 40}, true}, [SESSION_NETWORK] = {{40, 30, 0}, true},
    [SESSION_DISCOVERY] = {{0, 0, 40}, true},     [SESSION_SIGNALLING] = {{0, 0, 40}, false},
    [SESSION_CONNECTING] = {{0, 20, 40}, false},  [SESSION_LIVE] = {{0, 40, 0}, false},
    [SESSION_BACKOFF] = {{40, 0, 0}, true},
};

static const struct colour attentions[] = {
    [ATTENTION_ASLEEP] = {0, 6, 0}, [ATTENTION_ATTENTIVE] = {0, 30, 50}, [ATTENTION_SPEAKING] = {0, 40, 0}};

static const struct colour dark = {0, 0, 0};

static struct colour choose(const struct device *d, uint64_t now)
{
    bool lit = now / BLINK_US % 2 == 0;
    if (now < d->identify_until)
        return lit ? (struct colour){80, 80, 80} : dark;
    if (d->led_held)
        return (struct colour){d->led[0], d->led[1], d->led[2]};
    if (settings_is_microphone_muted(&d->settings) && d->session.state == SESSION_LIVE)
        return (struct colour){40, 10, 0};
    if (d->session.state == SESSION_LIVE && d->bot_starts)
        return lit ? looks[SESSION_LIVE].colour : dark;
    if (d->session.state == SESSION_LIVE && d->attention != ATTENTION_ALWAYS)
        return attentions[d->attention];
    return looks[d->session.state].blinks && !lit ? dark : looks[d->session.state].colour;
}

void light_show(const struct device *d, uint64_t now)
{
    struct colour c = choose(d, now);
    port_led(c.red, c.green, c.blue);
}
