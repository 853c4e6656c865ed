/* The console's command `settings`. */
#include <string.h>

#include "console/console_commands.h"

static void add_setting(struct console_reply *reply, const struct settings *s, const char *name)
{
    const char *value = settings_get(s, name);
    json_add_text(&reply->json, name, settings_is_secret(name) && value[0] != '\0' ? "***" : value);
}

static void list_settings(struct settings *s)
{
    struct console_reply reply;
    console_begin(&reply, "@ok ");
    for (size_t i = 0; settings_name(i) != NULL; i++)
        add_setting(&reply, s, settings_name(i));
    console_send(&reply);
}

static void get_setting(struct settings *s, const char *name)
{
    struct console_reply reply;
    if (settings_get(s, name) == NULL) {
        console_refuse("unknown_setting", "settings");
        return;
    }
    console_begin(&reply, "@ok ");
    add_setting(&reply, s, name);
    console_send(&reply);
}

/* What needs no new call: the audio follows at once, an update asks when it comes; all else is about how to
 * reach the gateway. */
static bool is_of_audio(const char *name)
{
    return strcmp(name, "volume") == 0 || strcmp(name, "muted") == 0 || strcmp(name, "talk") == 0 ||
           strcmp(name, "mic_muted") == 0 || strcmp(name, "update") == 0 || strcmp(name, "firmware_key") == 0;
}

static unsigned change(const char *name, enum settings_error error)
{
    static const char *const errors[] = {[SETTINGS_UNKNOWN] = "unknown_setting",
                                         [SETTINGS_REFUSED] = "value_refused",
                                         [SETTINGS_STORE] = "not_stored"};
    if (error == SETTINGS_OK)
        console_done();
    else
        console_refuse(errors[error], error == SETTINGS_STORE ? "it holds until the next start" : "settings");
    if (error == SETTINGS_UNKNOWN || error == SETTINGS_REFUSED)
        return CONSOLE_WANTS_NOTHING;
    return is_of_audio(name) ? CONSOLE_WANTS_AUDIO : CONSOLE_WANTS_CALL;
}

static unsigned set_setting(struct settings *s, const char *name, const char *value)
{
    bool is_ca = strcmp(name, "ca") == 0;
    return change(name, is_ca ? settings_set_ca(s, value) : settings_set(s, name, value));
}

static unsigned erase_setting(struct settings *s, const char *name)
{
    bool is_ca = strcmp(name, "ca") == 0;
    if (strcmp(name, "all") == 0)
        return CONSOLE_WANTS_AUDIO | change("", settings_erase_all(s) ? SETTINGS_OK : SETTINGS_STORE);
    return CONSOLE_WANTS_AUDIO | change(name, is_ca ? settings_erase_ca(s) : settings_erase(s, name));
}

unsigned console_settings(struct settings *s, const struct console_words *words)
{
    const char *what = console_word(words, 1);
    if (strcmp(what, "set") == 0 && words->count == 4)
        return set_setting(s, console_word(words, 2), console_word(words, 3));
    if (strcmp(what, "erase") == 0 && words->count == 3)
        return erase_setting(s, console_word(words, 2));
    if (words->count == 1)
        list_settings(s);
    else if (strcmp(what, "get") == 0 && words->count == 3)
        get_setting(s, console_word(words, 2));
    else
        console_refuse("usage", "settings [get NAME | set NAME VALUE | erase NAME | erase all]");
    return CONSOLE_WANTS_NOTHING;
}
