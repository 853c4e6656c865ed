/* What a bot may have a device do, and the console too: docs/protocol.md, device commands. */
#include "device/command.h"

#include <stdio.h>
#include <string.h>

#include "device/device_audio.h"
#include "device/device_update.h"
#include "device/extras.h"

#define IDENTIFY_US 10000000u

static const char *set_volume(struct device *d, uint64_t now, struct json value)
{
    int64_t percent;
    char text[4];
    (void)now;
    if (!json_integer(value, 0, 100, &percent))
        return "out_of_range";
    (void)snprintf(text, sizeof text, "%d", (int)percent);
    enum settings_error error = settings_set(&d->settings, "volume", text);
    device_audio_apply(d);
    return error == SETTINGS_OK ? NULL : "not_stored";
}

static const char *set_mute(struct device *d, uint64_t now, struct json value)
{
    bool muted;
    (void)now;
    if (!json_bool(value, &muted))
        return "not_a_boolean";
    enum settings_error error = settings_set(&d->settings, "muted", muted ? "1" : "0");
    device_audio_apply(d);
    return error == SETTINGS_OK ? NULL : "not_stored";
}

static int hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

static bool read_colour(const char *text, uint8_t out[3])
{
    if (text[0] != '#' || strlen(text) != 7)
        return false;
    for (int i = 0; i < 3; i++) {
        int high = hex(text[1 + 2 * i]), low = hex(text[2 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char *set_led(struct device *d, uint64_t now, struct json value)
{
    char text[8] = "";
    (void)now;
    if (!port_facts()->has_led)
        return "no_led";
    bool is_text = json_text(value, text, sizeof text);
    bool automatic = is_text && strcmp(text, "auto") == 0;
    if (!automatic && !(is_text && read_colour(text, d->led)))
        return "not_a_colour";
    d->led_held = !automatic;
    return NULL;
}

static const char *reboot(struct device *d, uint64_t now, struct json value)
{
    (void)value;
    d->reboot_at = now + 200000u; /* the answer goes out first */
    return NULL;
}

static const char *identify(struct device *d, uint64_t now, struct json value)
{
    (void)value;
    d->identify_until = now + IDENTIFY_US;
    device_audio_tone(d, 880, 400);
    return NULL;
}

static const char *play_tone(struct device *d, uint64_t now, struct json value)
{
    int64_t hertz, ms = 500;
    (void)now;
    struct json frequency = json_is_object(value) ? json_member(value, "hz") : value;
    struct json length = json_member(value, "ms");
    if (!json_integer(frequency, 50, 7000, &hertz) ||
        (!json_is_absent(length) && !json_integer(length, 10, 10000, &ms)))
        return "out_of_range";
    device_audio_tone(d, (uint32_t)hertz, (uint32_t)ms);
    return NULL;
}

/* What rings and what matters is heard, whatever the volume is set to: until 0, or the call's end. */
static const char *set_alert(struct device *d, uint64_t now, struct json value)
{
    int64_t percent;
    (void)now;
    if (!json_integer(value, 0, 100, &percent))
        return "out_of_range";
    d->alert = (uint8_t)percent;
    device_audio_apply(d);
    return NULL;
}

bool command_heed(struct device *d)
{
    if (d->alert == 0)
        return false;
    d->alert = 0;
    device_audio_apply(d);
    talk_tell_heard(&d->talk, &d->call);
    return true;
}

static const char *show(struct device *d, uint64_t now, struct json value)
{
    char text[RTVI_TEXT_MAX];
    (void)d;
    (void)now;
    if (!port_facts()->has_display)
        return "no_display";
    json_text_cut(value, text, sizeof text);
    port_display_text(PORT_SPEAKER_BOT, text);
    return NULL;
}

static const char *update(struct device *d, uint64_t now, struct json value)
{
    struct update_request request;
    return update_parse(&request, value) ? device_update_ask(d, now, &request) : "update_malformed";
}

const char *command_run(struct device *d, uint64_t now, const char *name, struct json value, char *result,
                        size_t cap)
{
    static const struct {
        const char *name;
        const char *(*run)(struct device *d, uint64_t now, struct json value);
    } commands[] = {
        {"volume", set_volume}, {"mute", set_mute},     {"led", set_led},
        {"reboot", reboot},     {"identify", identify}, {"tone", play_tone},
        {"update", update},     {"alert", set_alert},   {"show", show},
    };
    result[0] = '\0';
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(d, now, value);
    return extras_run(name, value, result, cap);
}
