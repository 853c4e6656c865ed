/* Fetching an image from the gateway and writing it to the slot that is not running: a table of states,
 * driven by port.h's stream and flash. What boots changes at the very end, when everything has been checked.
 */
#ifndef VOICE_UPDATE_H
#define VOICE_UPDATE_H

#include <mbedtls/md.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call/signaling.h"
#include "port.h"
#include "update/signature.h"
#include "wire/http.h"
#include "wire/json.h"

#define UPDATE_PIECE 1024u /* bytes written at once */

enum update_state {
    UPDATE_IDLE,
    UPDATE_CONNECTING,
    UPDATE_SENDING, /* the request */
    UPDATE_READING,
    UPDATE_READY, /* the new image boots next */
    UPDATE_STATE_COUNT,
};

enum update_event {
    UPDATE_START,
    UPDATE_CONNECTED,
    UPDATE_SENT,
    UPDATE_WRITTEN, /* and found good */
    UPDATE_FAILED,
    UPDATE_EVENT_COUNT,
};

struct update_request {
    char path[128];
    uint32_t size;
    uint8_t sha256[32];
    char version[32];
    uint8_t manifest[32]; /* SHA-256 of what else the maker has signed */
    struct signature signatures[SIGNATURES];
    size_t signature_count; /* 0: it is not signed */
    bool older;             /* the operator wants it, though it be older than what runs */
};

/* From whom: what was said to the gateway of the call holds for its images. */
struct update_source {
    const struct http_url *url;
    const struct port_address *address;
    const struct signaling_trust *trust;
    const char *board;          /* that the image has to be for */
    const char *version;        /* that runs */
    struct signature_keys keys; /* of the makers whose images are taken; none is needed once it has begun */
    bool plain;                 /* http will do */
};

struct update {
    enum update_state state;
    const char *reason; /* of the last failure, NULL for none */
    struct update_request request;
    const char *board;
    struct http_reply reply;
    mbedtls_md_context_t hash;
    uint32_t written;
    bool more; /* a piece was taken, the next may be here already */
    uint64_t began, rest_until, silent_since;
    size_t len, sent;              /* of the request */
    char buffer[UPDATE_PIECE + 1]; /* the request, then a piece of the image */
};

/* The value of the device command. False: something is missing, or is none. */
bool update_parse(struct update_request *request, struct json value);

/* NULL, or why it was refused: then nothing has changed. */
const char *update_start(struct update *u, uint64_t now, const struct update_source *source,
                         const struct update_request *request);
/* Does what is due, at most one piece. `gently`: a call is live, which has to be heard between two sectors.
 * True if the state has changed: READY, or IDLE with a reason. */
bool update_step(struct update *u, uint64_t now, bool gently);
uint64_t update_deadline(const struct update *u);
/* Gives up an update that is under way. */
void update_stop(struct update *u, const char *reason);

bool update_is_under_way(const struct update *u);
uint32_t update_percent(const struct update *u);

/* The table: false, and nothing has changed, if the state knows no such event. */
bool update_handle(struct update *u, enum update_event event);

#endif
