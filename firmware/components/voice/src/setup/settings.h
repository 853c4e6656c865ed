/* What the owner can set. In memory for those who read, in the key-value store to last: where that fails,
 * what was set or erased is so until the next start. */
#ifndef VOICE_SETTINGS_H
#define VOICE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port.h"

struct settings {
    char ssid[33];
    char password[65];
    char gateway[200];      /* URL; empty: find one by mDNS */
    char gateway_id[17];    /* the one to prefer there */
    char key[129];          /* of this device, at the gateway */
    char fingerprint[130];  /* of the gateway's key or certificate, SHA-256, hex; or two, with a comma */
    char name[33];          /* what the device calls itself; empty: its id */
    char talk[8];           /* auto, always, push, half; empty: auto */
    char volume[4];         /* percent */
    char muted[2];          /* the speaker: 0 or 1 */
    char mic_muted[2];      /* likewise */
    char update[6];         /* images over: https, any */
    char firmware_key[130]; /* of who makes its firmware, beside those in the image: Ed25519, hex; or two */
    char ca[PORT_KV_VALUE_MAX + 1]; /* the gateway's CA or own certificate, PEM; empty for none */
};

enum settings_error {
    SETTINGS_OK,
    SETTINGS_UNKNOWN, /* no setting of that name */
    SETTINGS_REFUSED, /* not a value for it */
    SETTINGS_STORE,   /* the store failed */
};

void settings_load(struct settings *s);
enum settings_error settings_set(struct settings *s, const char *name, const char *value);
/* Both or neither, whenever the power fails. */
enum settings_error settings_set_wifi(struct settings *s, const char *ssid, const char *password);
enum settings_error settings_erase(struct settings *s, const char *name);
/* With "\\n" for its line ends. */
enum settings_error settings_set_ca(struct settings *s, const char *value);
enum settings_error settings_erase_ca(struct settings *s);
/* All or nothing, whenever the power fails: what was begun is finished at the next start. */
bool settings_erase_all(struct settings *s);

/* The i-th setting's name, NULL beyond the last. */
const char *settings_name(size_t i);
bool settings_is_secret(const char *name);
/* NULL if there is none of that name. */
const char *settings_get(const struct settings *s, const char *name);

uint8_t settings_volume(const struct settings *s);
bool settings_is_muted(const struct settings *s);
bool settings_is_microphone_muted(const struct settings *s);
/* False: no network has a password like this one. */
bool settings_can_join(const struct settings *s);
bool settings_update_plain(const struct settings *s);
#define SETTINGS_PINS 2u
/* Decoded, 32 bytes each; how many there are. */
size_t settings_pins(const struct settings *s, uint8_t out[SETTINGS_PINS * 32u]);
size_t settings_firmware_keys(const struct settings *s, uint8_t out[SETTINGS_PINS][32]);
#define SETTINGS_PIN_HEX 65u
void settings_write_pin(const uint8_t pin[32], char hex[SETTINGS_PIN_HEX]);
/* Speak to this gateway from now on, and to no other. */
enum settings_error settings_pin(struct settings *s, const uint8_t pin[32]);

#endif
