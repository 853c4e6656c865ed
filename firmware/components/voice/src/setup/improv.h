/* Improv Wi-Fi Serial 1 (improv-wifi.com/serial): a browser or an app sets up Wi-Fi over the console's line.
 * Pure: frames from bytes, and bytes from what there is to answer. */
#ifndef VOICE_IMPROV_H
#define VOICE_IMPROV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMPROV_START 7u                              /* "IMPROV" and the version */
#define IMPROV_HEADER 9u                             /* "IMPROV", version, type, length */
#define IMPROV_FRAME_MAX (IMPROV_HEADER + 255u + 2u) /* data, checksum, line end */

enum improv_type { IMPROV_STATE = 1, IMPROV_ERROR = 2, IMPROV_COMMAND = 3, IMPROV_RESULT = 4 };

enum improv_state { IMPROV_READY = 2, IMPROV_PROVISIONING = 3, IMPROV_PROVISIONED = 4 };

enum improv_error {
    IMPROV_OK = 0,
    IMPROV_INVALID = 1,
    IMPROV_UNKNOWN_COMMAND = 2,
    IMPROV_UNABLE_TO_CONNECT = 3,
    IMPROV_BAD_HOSTNAME = 5,
    IMPROV_UNKNOWN = 0xFF,
};

enum improv_command {
    IMPROV_SET_WIFI = 1,
    IMPROV_GET_STATE = 2,
    IMPROV_GET_INFO = 3,
    IMPROV_GET_NETWORKS = 4,
    IMPROV_DEVICE_NAME = 6, /* this and the next as the SDKs have them; without data asks, with data sets */
    IMPROV_GET_NETWORK_STATE = 7, /* flags, and where the device is found */
};

/* Whether `bytes` end in the start of a frame, "IMPROV" and the version: what came before is none of it. */
bool improv_starts(const char *bytes, size_t len);
/* `bytes` begin with improv_starts(). How many of them the frame will take: 0 while that isn't known. */
size_t improv_frame_size(const char *bytes, size_t len);

struct improv_request {
    enum improv_error error; /* OK, or what to answer at once */
    enum improv_command command;
    char ssid[33], password[65], name[33];
    bool has_name;
};

/* A whole frame, without the line end. False: no command, nothing to answer. */
bool improv_read(struct improv_request *request, const char *frame, size_t len);

struct improv_writer {
    size_t len;
    bool failed;
    uint8_t bytes[IMPROV_FRAME_MAX];
};

void improv_write_state(struct improv_writer *w, enum improv_state state);
void improv_write_error(struct improv_writer *w, enum improv_error error);
/* A result: improv_begin_result(), texts, improv_end_result(). What does not fit is left out. */
void improv_begin_result(struct improv_writer *w, enum improv_command command);
void improv_add_text(struct improv_writer *w, const char *text);
void improv_end_result(struct improv_writer *w);

#endif
