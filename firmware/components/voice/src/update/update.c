#include "update/update.h"

#include <string.h>

#include "update/image.h"
#include "update/version.h"
#include "wire/hex.h"

#define SILENCE_US 15000000u  /* of the gateway */
#define LONGEST_US 900000000u /* for all of it: a link of 1 to 2 KB a second */
#define REST_US 40000u        /* for the call, after each sector: erasing it took about as long */
#define TAG "update"

/* 0 stands for "none": IDLE is state 0, hence the 1. */
#define TO(state) ((uint8_t)(UPDATE_##state + 1))

static const uint8_t transitions[UPDATE_STATE_COUNT][UPDATE_EVENT_COUNT] = {
    [UPDATE_IDLE] = {[UPDATE_START] = TO(CONNECTING)},
    [UPDATE_CONNECTING] = {[UPDATE_CONNECTED] = TO(SENDING), [UPDATE_FAILED] = TO(IDLE)},
    [UPDATE_SENDING] = {[UPDATE_SENT] = TO(READING), [UPDATE_FAILED] = TO(IDLE)},
    [UPDATE_READING] = {[UPDATE_WRITTEN] = TO(READY), [UPDATE_FAILED] = TO(IDLE)},
};

bool update_handle(struct update *u, enum update_event event)
{
    uint8_t to = transitions[u->state][event];
    if (to != 0)
        u->state = (enum update_state)(to - 1);
    return to != 0;
}

bool update_is_under_way(const struct update *u)
{
    return u->state != UPDATE_IDLE && u->state != UPDATE_READY;
}

uint32_t update_percent(const struct update *u)
{
    return u->request.size == 0 ? 0 : (uint32_t)((uint64_t)u->written * 100 / u->request.size);
}

/* ---- what is asked for ---- */

static bool parse_hash(uint8_t hash[32], const char *hex)
{
    return strlen(hex) == 64 && hex_read(hash, 32, hex);
}

#define SIGNED_TEXT (SIGNATURES * (2 * (SIGNATURE_HINT + SIGNATURE) + 2))

/* Neither of the two, or both. */
static bool parse_signed(struct update_request *request, struct json value)
{
    char hex[65] = "", text[SIGNED_TEXT] = "";
    struct json manifest = json_member(value, "manifest"), signatures = json_member(value, "signed");
    if (json_is_absent(manifest) && json_is_absent(signatures))
        return true;
    if (!json_text(manifest, hex, sizeof hex) || !json_text(signatures, text, sizeof text))
        return false;
    request->signature_count = signature_parse(request->signatures, text);
    return parse_hash(request->manifest, hex) && request->signature_count > 0;
}

bool update_parse(struct update_request *request, struct json value)
{
    char hex[65] = "";
    int64_t size = 0;
    memset(request, 0, sizeof *request);
    bool whole = json_text(json_member(value, "path"), request->path, sizeof request->path) &&
                 json_text(json_member(value, "version"), request->version, sizeof request->version) &&
                 json_text(json_member(value, "sha256"), hex, sizeof hex) &&
                 json_integer(json_member(value, "size"), 1, INT32_MAX, &size);
    request->size = (uint32_t)size;
    struct json older = json_member(value, "older");
    if (!json_is_absent(older) && !json_bool(older, &request->older))
        return false;
    return whole && parse_hash(request->sha256, hex) && parse_signed(request, value);
}

/* Printable and without spaces: it goes into a request line as it is. */
static bool is_path(const char *path)
{
    if (path[0] != '/')
        return false;
    for (; *path != '\0'; path++)
        if (*path <= ' ' || *path > '~')
            return false;
    return true;
}

/* ---- begin and end ---- */

static bool fail(struct update *u, const char *reason)
{
    if (!update_is_under_way(u))
        return false;
    port_stream_close();
    port_ota_abort();
    mbedtls_md_free(&u->hash);
    u->reason = reason;
    port_log(PORT_WARNING, TAG, "%s after %u bytes", reason, (unsigned)u->written);
    return update_handle(u, UPDATE_FAILED);
}

void update_stop(struct update *u, const char *reason)
{
    (void)fail(u, reason);
}

static const char *reason_of_slot(enum port_error error)
{
    return error == PORT_ERR_ABSENT  ? "update_no_slot"
           : error == PORT_ERR_SPACE ? "update_too_large"
                                     : "update_flash";
}

/* Who made it, and whether it goes back. Once begun, the hash that is signed is all that the image has to
 * match. */
static const char *unwanted(const struct update_source *source, const struct update_request *request)
{
    const struct signature_statement statement = {.board = source->board,
                                                  .version = request->version,
                                                  .size = request->size,
                                                  .image = request->sha256,
                                                  .manifest = request->manifest};
    if (source->keys.count == 0)
        return "update_no_key";
    switch (signature_check(request->signatures, request->signature_count, &source->keys, &statement)) {
    case SIGNATURE_NOBODYS:
        return "update_unsigned";
    case SIGNATURE_BAD:
        return "update_bad_signature";
    case SIGNATURE_GOOD:
        break;
    }
    return !request->older && version_compare(request->version, source->version) < 0 ? "update_older" : NULL;
}

static const char *refusal(const struct update *u, const struct update_source *source,
                           const struct update_request *request)
{
    if (u->state != UPDATE_IDLE || port_ota_on_trial())
        return "busy";
    if (!is_path(request->path) || request->size == 0 || request->version[0] == '\0')
        return "update_malformed";
    if (source->url->host[0] == '\0')
        return "update_no_gateway";
    return source->url->tls || source->plain ? unwanted(source, request) : "update_insecure";
}

static bool start_hash(struct update *u)
{
    mbedtls_md_init(&u->hash);
    return mbedtls_md_setup(&u->hash, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 0) == 0 &&
           mbedtls_md_starts(&u->hash) == 0;
}

static const char *open_both(struct update *u, const struct update_source *source)
{
    struct port_addresses where = {.count = 1};
    struct port_stream_target target = {.host = source->url->host,
                                        .port = source->url->port,
                                        .tls = source->url->tls,
                                        .ca_pem = source->trust->ca_pem,
                                        .pins = source->trust->pins,
                                        .pin_count = source->trust->pin_count,
                                        .addresses = source->address != NULL ? &where : NULL};
    if (source->address != NULL)
        where.at[0] = *source->address;
    enum port_error error = port_ota_begin(u->request.size);
    if (error != PORT_OK)
        return reason_of_slot(error);
    if (!start_hash(u))
        return "update_flash";
    error = port_stream_open(&target);
    return error == PORT_OK || error == PORT_AGAIN ? NULL : "update_unreachable";
}

const char *update_start(struct update *u, uint64_t now, const struct update_source *source,
                         const struct update_request *request)
{
    const char *why = refusal(u, source, request);
    if (why != NULL)
        return why;
    (void)update_handle(u, UPDATE_START);
    u->request = *request;
    u->board = source->board;
    u->reason = NULL;
    u->written = 0;
    u->rest_until = 0;
    u->more = false;
    u->silent_since = u->began = now;
    u->len = http_write_get(u->buffer, sizeof u->buffer, source->url, request->path, false);
    u->sent = 0;
    why = u->len == 0 ? "update_malformed" : open_both(u, source);
    if (why != NULL)
        (void)fail(u, why);
    return why;
}

/* ---- the way there ---- */

static bool fail_for(struct update *u, enum port_error error)
{
    return fail(u, error == PORT_ERR_TLS || error == PORT_ERR_TLS_PIN ? "update_tls" : "update_unreachable");
}

static bool step_connect(struct update *u)
{
    size_t written;
    enum port_error error = port_stream_write(NULL, 0, &written);
    if (error == PORT_AGAIN)
        return false;
    return error == PORT_OK ? update_handle(u, UPDATE_CONNECTED) : fail_for(u, error);
}

static bool step_send(struct update *u)
{
    while (u->sent < u->len) {
        size_t written = 0;
        enum port_error error =
            port_stream_write((const uint8_t *)u->buffer + u->sent, u->len - u->sent, &written);
        if (error == PORT_AGAIN)
            return false;
        if (error != PORT_OK)
            return fail_for(u, error);
        u->sent += written;
    }
    http_expect_pieces(&u->reply, u->buffer, sizeof u->buffer, u->request.size);
    return update_handle(u, UPDATE_SENT);
}

/* ---- the image ---- */

static const char *take_piece(struct update *u, uint64_t now, bool gently)
{
    const uint8_t *piece = (const uint8_t *)u->buffer;
    size_t len = u->reply.body_len;
    const char *why = u->written == 0 ? image_check(piece, len, u->board, u->request.version) : NULL;
    if (why != NULL)
        return why;
    if (mbedtls_md_update(&u->hash, piece, len) != 0 || port_ota_write(piece, len) != PORT_OK)
        return "update_flash";
    u->written += (uint32_t)len;
    u->more = true;
    u->reply.body_len = 0;
    if (gently && u->written % PORT_OTA_PIECE == 0) {
        u->rest_until = now + REST_US;
        port_stream_rest(true);
    }
    return NULL;
}

static bool finish(struct update *u)
{
    uint8_t hash[32];
    port_stream_close();
    if (mbedtls_md_finish(&u->hash, hash) != 0 || memcmp(hash, u->request.sha256, sizeof hash) != 0)
        return fail(u, "update_bad_hash");
    enum port_error error = port_ota_finish();
    if (error != PORT_OK)
        return fail(u, error == PORT_ERR_ARGUMENT ? "update_bad_image" : "update_flash");
    mbedtls_md_free(&u->hash);
    return update_handle(u, UPDATE_WRITTEN);
}

static bool take_result(struct update *u, uint64_t now, bool gently, enum http_result result)
{
    bool whole = result == HTTP_DONE && u->reply.body_seen == u->request.size;
    if ((result != HTTP_MORE && !whole) || (u->reply.status != 200 && u->reply.body_seen > 0)) {
        port_log(PORT_WARNING, TAG, "the gateway answered %d", u->reply.status);
        return fail(u, "update_http");
    }
    const char *why = u->reply.body_len == UPDATE_PIECE || whole ? take_piece(u, now, gently) : NULL;
    if (why != NULL)
        return fail(u, why);
    return whole && finish(u);
}

static bool step_read(struct update *u, uint64_t now, bool gently)
{
    uint8_t data[512];
    uint32_t before = u->written;
    while (u->state == UPDATE_READING && u->written == before) {
        size_t len = 0, room = UPDATE_PIECE - u->reply.body_len;
        enum port_error error = port_stream_read(data, room < sizeof data ? room : sizeof data, &len);
        if (error == PORT_AGAIN)
            return false;
        if (error != PORT_OK && error != PORT_END)
            return fail_for(u, error);
        u->silent_since = now;
        if (take_result(u, now, gently,
                        error == PORT_END ? http_end(&u->reply) : http_take(&u->reply, data, len)))
            return true;
    }
    return false;
}

bool update_step(struct update *u, uint64_t now, bool gently)
{
    u->more = false;
    if (!update_is_under_way(u) || now < u->rest_until)
        return false;
    if (u->rest_until != 0) {
        u->rest_until = 0;
        u->silent_since = now;
        port_stream_rest(false);
    }
    if (now - u->silent_since > SILENCE_US || now - u->began > LONGEST_US)
        return fail(u, "update_unreachable");
    if (u->state == UPDATE_CONNECTING && step_connect(u) && u->state == UPDATE_IDLE)
        return true;
    if (u->state == UPDATE_SENDING && step_send(u) && u->state == UPDATE_IDLE)
        return true;
    return u->state == UPDATE_READING && step_read(u, now, gently);
}

uint64_t update_deadline(const struct update *u)
{
    if (!update_is_under_way(u))
        return PORT_NEVER;
    if (u->rest_until != 0)
        return u->rest_until;
    if (u->more)
        return u->silent_since; /* now, that was */
    return u->silent_since + SILENCE_US + 1;
}
