/* The console's command `settings`. */
#include <string.h>

#include "console/console_commands.h"

static const char *word(const struct console_words *words, int i)
{
    return i < words->count ? words->at[i] : "";
}

static void add_setting(struct console_reply *reply, const struct device *d, const char *name)
{
    const char *value = settings_get(&d->settings, name);
    json_add_text(&reply->json, name, settings_is_secret(name) && value[0] != '\0' ? "***" : value);
}

static void list_settings(struct device *d)
{
    struct console_reply reply;
    console_begin(&reply, "@ok ");
    for (size_t i = 0; settings_name(i) != NULL; i++)
        add_setting(&reply, d, settings_name(i));
    console_send(&reply);
}

static void get_setting(struct device *d, const char *name)
{
    struct console_reply reply;
    if (settings_get(&d->settings, name) == NULL) {
        console_refuse("unknown_setting", "settings");
        return;
    }
    console_begin(&reply, "@ok ");
    add_setting(&reply, d, name);
    console_send(&reply);
}

/* What needs no new call: the audio follows at once; all else is about how to reach the gateway. */
static bool is_of_audio(const char *name)
{
    return strcmp(name, "volume") == 0 || strcmp(name, "muted") == 0 || strcmp(name, "talk") == 0 ||
           strcmp(name, "mic_muted") == 0 || strcmp(name, "update") == 0;
}

static void change(struct device *d, uint64_t now, const char *name, enum settings_error error)
{
    static const char *const errors[] = {[SETTINGS_UNKNOWN] = "unknown_setting",
                                         [SETTINGS_REFUSED] = "value_refused",
                                         [SETTINGS_STORE] = "not_stored"};
    if (error != SETTINGS_OK) {
        console_refuse(errors[error], "settings");
        return;
    }
    console_done();
    if (is_of_audio(name))
        device_audio_apply(d);
    else
        device_handle(d, now, SESSION_RESTART, REASON_RECONNECT, 0);
}

static void set_setting(struct device *d, uint64_t now, const char *name, const char *value)
{
    bool is_ca = strcmp(name, "ca") == 0;
    change(d, now, name, is_ca ? settings_set_ca(value) : settings_set(&d->settings, name, value));
}

static void erase_setting(struct device *d, uint64_t now, const char *name)
{
    bool is_ca = strcmp(name, "ca") == 0;
    if (strcmp(name, "all") == 0)
        change(d, now, "", settings_erase_all(&d->settings) ? SETTINGS_OK : SETTINGS_STORE);
    else
        change(d, now, name, is_ca ? settings_erase_ca() : settings_erase(&d->settings, name));
    device_audio_apply(d);
}

void console_settings(struct device *d, uint64_t now, const struct console_words *words)
{
    const char *what = word(words, 1);
    if (words->count == 1)
        list_settings(d);
    else if (strcmp(what, "get") == 0 && words->count == 3)
        get_setting(d, word(words, 2));
    else if (strcmp(what, "set") == 0 && words->count == 4)
        set_setting(d, now, word(words, 2), word(words, 3));
    else if (strcmp(what, "erase") == 0 && words->count == 3)
        erase_setting(d, now, word(words, 2));
    else
        console_refuse("usage", "settings [get NAME | set NAME VALUE | erase NAME | erase all]");
}
