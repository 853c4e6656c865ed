#include "setup/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/hex.h"
#include "wire/http.h"

static bool is_any(const char *value)
{
    (void)value;
    return true;
}

static bool is_url(const char *value)
{
    struct http_url url;
    return http_parse_url(&url, value);
}

#define HEX 64u /* digits of a SHA-256, and of a raw Wi-Fi key */
#define PASSPHRASE_MIN 8u

static bool is_hex(const char *value, char end)
{
    return strspn(value, "0123456789abcdefABCDEF") == HEX && value[HEX] == end;
}

static bool is_pins(const char *value)
{
    return is_hex(value, '\0') || (is_hex(value, ',') && is_hex(value + HEX + 1, '\0'));
}

/* A passphrase has 8 to 63 bytes; 64 are the key itself, in hex (IEEE 802.11-2020, annex J.4). */
static bool is_too_short(const char *password)
{
    return password[0] != '\0' && strlen(password) < PASSPHRASE_MIN;
}

/* One that is too short may be stored: it was taken once. Forgotten, it would be an open network's. */
static bool is_password(const char *value)
{
    return strlen(value) < HEX || is_hex(value, '\0');
}

/* Goes into a header as it is. */
static bool is_token(const char *value)
{
    for (; *value != '\0'; value++)
        if (*value <= ' ' || *value > '~')
            return false;
    return true;
}

static bool is_talk(const char *value)
{
    return strcmp(value, "auto") == 0 || strcmp(value, "always") == 0 || strcmp(value, "push") == 0 ||
           strcmp(value, "half") == 0;
}

static bool is_percent(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    return digits > 0 && digits <= 3 && value[digits] == '\0' && atoi(value) <= 100;
}

static bool is_update(const char *value)
{
    return strcmp(value, "https") == 0 || strcmp(value, "any") == 0;
}

static bool is_flag(const char *value)
{
    return strcmp(value, "0") == 0 || strcmp(value, "1") == 0;
}

struct field {
    const char *name;
    size_t at, size;
    bool secret;
    bool (*accepts)(const char *value);
    const char *preset;
};

#define FIELD(member) #member, offsetof(struct settings, member), sizeof((struct settings *)0)->member

static const struct field fields[] = {
    {FIELD(ssid), false, is_any, ""},          {FIELD(password), true, is_password, ""},
    {FIELD(gateway), false, is_url, ""},       {FIELD(gateway_id), false, is_token, ""},
    {FIELD(key), true, is_token, ""},          {FIELD(fingerprint), false, is_pins, ""},
    {FIELD(name), false, is_any, ""},          {FIELD(talk), false, is_talk, ""},
    {FIELD(volume), false, is_percent, "70"},  {FIELD(muted), false, is_flag, "0"},
    {FIELD(mic_muted), false, is_flag, "0"},   {FIELD(update), false, is_update, "https"},
    {FIELD(firmware_key), false, is_pins, ""},
};

static const struct field *find(const char *name)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static void finish_wifi(struct settings *s);

/* Name, NUL, password: kept until both stand where they belong. */
#define PENDING "wifi_pending"

/* Stands from before the first setting is erased until none is left: what a failing power leaves of them is
 * neither the old nor the new. */
#define ERASING "erasing"

/* False: one is under way, and cannot go on. */
static bool finish_erasure(void)
{
    uint8_t mark[1];
    size_t len = 0;
    return port_kv_get(ERASING, mark, sizeof mark, &len) != PORT_OK || port_kv_erase_all(ERASING) == PORT_OK;
}

/* What is stored while an erasure is under way would go with it at the next start. */
static enum settings_error keep(const char *name, const char *value, size_t len)
{
    bool kept = finish_erasure() && port_kv_set(name, (const uint8_t *)value, len) == PORT_OK;
    return kept ? SETTINGS_OK : SETTINGS_STORE;
}

static char *value_of(struct settings *s, const struct field *field)
{
    return (char *)s + field->at;
}

static void forget_field(struct settings *s, const struct field *field)
{
    strcpy(value_of(s, field), field->preset);
}

static void load_field(struct settings *s, const struct field *field)
{
    char *value = value_of(s, field);
    size_t len = 0;
    bool found = port_kv_get(field->name, (uint8_t *)value, field->size - 1, &len) == PORT_OK;
    value[found ? len : 0] = '\0';
    if (!found || (value[0] != '\0' && !field->accepts(value)))
        forget_field(s, field);
}

static void load_ca(struct settings *s)
{
    size_t len = 0;
    bool found = port_kv_get("ca", (uint8_t *)s->ca, sizeof s->ca - 1, &len) == PORT_OK;
    s->ca[found ? len : 0] = '\0';
}

static void forget(struct settings *s)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        forget_field(s, &fields[i]);
}

void settings_load(struct settings *s)
{
    forget(s);
    if (!finish_erasure())
        return;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        load_field(s, &fields[i]);
    load_ca(s);
    finish_wifi(s);
}

static enum settings_error erased(enum port_error error)
{
    return error == PORT_OK || error == PORT_ERR_ABSENT ? SETTINGS_OK : SETTINGS_STORE;
}

static enum settings_error erase(struct settings *s, const char *name)
{
    const struct field *field = find(name);
    if (field == NULL)
        return SETTINGS_UNKNOWN;
    forget_field(s, field);
    return erased(port_kv_erase(name));
}

static enum settings_error put(struct settings *s, const char *name, const char *value)
{
    const struct field *field = find(name);
    size_t len = strlen(value);
    if (field == NULL)
        return SETTINGS_UNKNOWN;
    if (len == 0)
        return erase(s, name);
    if (len >= field->size || !field->accepts(value))
        return SETTINGS_REFUSED;
    memcpy(value_of(s, field), value, len + 1);
    return keep(name, value, len);
}

static void forget_pending(const char *name)
{
    if (strcmp(name, "ssid") == 0 || strcmp(name, "password") == 0)
        (void)port_kv_erase(PENDING); /* what is said later counts */
}

enum settings_error settings_set(struct settings *s, const char *name, const char *value)
{
    if (strcmp(name, "password") == 0 && is_too_short(value))
        return SETTINGS_REFUSED;
    forget_pending(name);
    return put(s, name, value);
}

enum settings_error settings_erase(struct settings *s, const char *name)
{
    forget_pending(name);
    return erase(s, name);
}

enum settings_error settings_set_wifi(struct settings *s, const char *ssid, const char *password)
{
    char both[sizeof s->ssid + sizeof s->password];
    size_t name_len = strlen(ssid) + 1, len = name_len + strlen(password);
    if (name_len > sizeof s->ssid || len - name_len >= sizeof s->password || !is_password(password) ||
        is_too_short(password))
        return SETTINGS_REFUSED; /* neither is changed */
    memcpy(both, ssid, name_len);
    memcpy(both + name_len, password, len - name_len);
    bool kept = keep(PENDING, both, len) == SETTINGS_OK;
    enum settings_error first = put(s, "ssid", ssid), second = put(s, "password", password);
    if (kept && first == SETTINGS_OK && second == SETTINGS_OK)
        (void)port_kv_erase(PENDING);
    return first != SETTINGS_OK ? first : second;
}

static void finish_wifi(struct settings *s)
{
    char both[sizeof s->ssid + sizeof s->password + 1];
    size_t len = 0;
    if (port_kv_get(PENDING, (uint8_t *)both, sizeof both - 1, &len) != PORT_OK)
        return;
    both[len] = '\0';
    size_t name_len = strlen(both) + 1;
    if (name_len <= len + 1)
        (void)settings_set_wifi(s, both, name_len <= len ? both + name_len : "");
}

static bool is_certificate(const char *value)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    const char *rest = value + sizeof begin - 1;
    return strncmp(value, begin, sizeof begin - 1) == 0 && (rest[0] == '\n' || strncmp(rest, "\\n", 2) == 0);
}

static size_t count_escaped(const char *value)
{
    size_t count = 0;
    while ((value = strstr(value, "\\n")) != NULL) {
        value += 2;
        count++;
    }
    return count;
}

static void unescape_lines(const char *from, char *to)
{
    while (*from != '\0') {
        bool escaped = from[0] == '\\' && from[1] == 'n';
        *to++ = escaped ? '\n' : *from;
        from += escaped ? 2 : 1;
    }
    *to = '\0';
}

enum settings_error settings_set_ca(struct settings *s, const char *value)
{
    size_t len = strlen(value) - count_escaped(value);
    if (!is_certificate(value) || len >= sizeof s->ca)
        return SETTINGS_REFUSED;
    unescape_lines(value, s->ca);
    return keep("ca", s->ca, len);
}

enum settings_error settings_erase_ca(struct settings *s)
{
    s->ca[0] = '\0';
    return erased(port_kv_erase("ca"));
}

bool settings_erase_all(struct settings *s)
{
    forget(s);
    (void)port_kv_set(ERASING, (const uint8_t *)"1", 1); /* a store too full for it is erased all the same */
    return port_kv_erase_all(ERASING) == PORT_OK;
}

const char *settings_name(size_t i)
{
    return i < sizeof fields / sizeof fields[0] ? fields[i].name : NULL;
}

bool settings_is_secret(const char *name)
{
    const struct field *field = find(name);
    return field == NULL || field->secret;
}

const char *settings_get(const struct settings *s, const char *name)
{
    const struct field *field = find(name);
    return field == NULL ? NULL : (const char *)s + field->at;
}

uint8_t settings_volume(const struct settings *s)
{
    return (uint8_t)atoi(s->volume);
}

bool settings_is_muted(const struct settings *s)
{
    return s->muted[0] == '1';
}

bool settings_is_microphone_muted(const struct settings *s)
{
    return s->mic_muted[0] == '1';
}

bool settings_can_join(const struct settings *s)
{
    return !is_too_short(s->password);
}

bool settings_update_plain(const struct settings *s)
{
    return strcmp(s->update, "any") == 0;
}

/* One or two, as is_pins() takes them. */
static size_t decode(const char *text, uint8_t *out)
{
    size_t count = 0;
    for (; hex_read(out + 32 * count, 32, text); count++)
        if (text[HEX] == '\0')
            return count + 1;
        else
            text += HEX + 1;
    return count;
}

size_t settings_pins(const struct settings *s, uint8_t out[SETTINGS_PINS * 32u])
{
    return decode(s->fingerprint, out);
}

size_t settings_firmware_keys(const struct settings *s, uint8_t out[SETTINGS_PINS][32])
{
    return decode(s->firmware_key, out[0]);
}

void settings_write_pin(const uint8_t pin[32], char hex[SETTINGS_PIN_HEX])
{
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", pin[i]);
}

enum settings_error settings_pin(struct settings *s, const uint8_t pin[32])
{
    char hex[SETTINGS_PIN_HEX];
    settings_write_pin(pin, hex);
    return settings_set(s, "fingerprint", hex);
}
