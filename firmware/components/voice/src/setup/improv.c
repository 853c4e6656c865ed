#include "setup/improv.h"

#include <string.h>

static const char start[IMPROV_START + 1] = "IMPROV\x01";

bool improv_starts(const char *bytes, size_t len)
{
    return len >= IMPROV_START && memcmp(bytes + len - IMPROV_START, start, IMPROV_START) == 0;
}

size_t improv_frame_size(const char *bytes, size_t len)
{
    return len < IMPROV_HEADER ? 0 : IMPROV_HEADER + (uint8_t)bytes[8] + 1u;
}

static uint8_t sum(const uint8_t *bytes, size_t len)
{
    uint8_t total = 0;
    for (size_t i = 0; i < len; i++)
        total = (uint8_t)(total + bytes[i]);
    return total;
}

/* ---- what is asked ---- */

struct cursor {
    const uint8_t *at;
    size_t left;
};

static bool read_text(struct cursor *c, char *out, size_t cap)
{
    if (c->left == 0 || c->at[0] >= c->left || c->at[0] >= cap || memchr(c->at + 1, 0, c->at[0]) != NULL)
        return false;
    size_t len = c->at[0];
    memcpy(out, c->at + 1, len);
    out[len] = '\0';
    c->at += len + 1;
    c->left -= len + 1;
    return true;
}

/* Without a length before it. */
static enum improv_error read_name(struct improv_request *r, struct cursor c)
{
    if (c.left >= sizeof r->name || memchr(c.at, 0, c.left) != NULL)
        return IMPROV_INVALID;
    memcpy(r->name, c.at, c.left);
    r->has_name = c.left > 0;
    return IMPROV_OK;
}

static enum improv_error read_command(struct improv_request *r, struct cursor c)
{
    if (c.left < 2 || c.at[1] != c.left - 2)
        return IMPROV_INVALID;
    r->command = (enum improv_command)c.at[0];
    c.at += 2;
    c.left -= 2;
    switch (r->command) {
    case IMPROV_SET_WIFI:
        return read_text(&c, r->ssid, sizeof r->ssid) && r->ssid[0] != '\0' &&
                       read_text(&c, r->password, sizeof r->password) && c.left == 0
                   ? IMPROV_OK
                   : IMPROV_INVALID;
    case IMPROV_GET_STATE:
    case IMPROV_GET_INFO:
    case IMPROV_GET_NETWORKS:
    case IMPROV_GET_NETWORK_STATE:
        return IMPROV_OK;
    case IMPROV_DEVICE_NAME:
        return read_name(r, c);
    }
    return IMPROV_UNKNOWN_COMMAND;
}

bool improv_read(struct improv_request *request, const char *frame, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)frame;
    memset(request, 0, sizeof *request);
    if (len < IMPROV_HEADER + 1 || improv_frame_size(frame, len) != len || bytes[7] != IMPROV_COMMAND)
        return false;
    bool whole = sum(bytes, len - 1) == bytes[len - 1];
    request->error =
        whole ? read_command(request, (struct cursor){bytes + IMPROV_HEADER, bytes[8]}) : IMPROV_INVALID;
    return true;
}

/* ---- what is answered ---- */

static void begin(struct improv_writer *w, enum improv_type type)
{
    memcpy(w->bytes, start, IMPROV_START);
    w->bytes[7] = (uint8_t)type;
    w->len = IMPROV_HEADER;
    w->failed = false;
}

static bool put(struct improv_writer *w, const void *data, size_t len)
{
    if (w->failed || len > IMPROV_HEADER + 255u - w->len)
        return false;
    memcpy(w->bytes + w->len, data, len);
    w->len += len;
    return true;
}

static void end(struct improv_writer *w)
{
    w->bytes[8] = (uint8_t)(w->len - IMPROV_HEADER);
    uint8_t checksum = sum(w->bytes, w->len);
    w->bytes[w->len++] = checksum;
    w->bytes[w->len++] = '\n'; /* so that a reader of lines finds its next one */
}

static void write_byte(struct improv_writer *w, enum improv_type type, uint8_t value)
{
    begin(w, type);
    (void)put(w, &value, 1);
    end(w);
}

void improv_write_state(struct improv_writer *w, enum improv_state state)
{
    write_byte(w, IMPROV_STATE, (uint8_t)state);
}

void improv_write_error(struct improv_writer *w, enum improv_error error)
{
    write_byte(w, IMPROV_ERROR, (uint8_t)error);
}

void improv_begin_result(struct improv_writer *w, enum improv_command command)
{
    const uint8_t head[2] = {(uint8_t)command, 0};
    begin(w, IMPROV_RESULT);
    (void)put(w, head, sizeof head);
}

void improv_add_text(struct improv_writer *w, const char *text)
{
    size_t len = strlen(text);
    uint8_t size = (uint8_t)len;
    if (len + 1 > IMPROV_HEADER + 255u - w->len) {
        w->failed = true;
        return;
    }
    (void)put(w, &size, 1);
    (void)put(w, text, len);
}

void improv_end_result(struct improv_writer *w)
{
    w->bytes[IMPROV_HEADER + 1] = (uint8_t)(w->len - IMPROV_HEADER - 2);
    end(w);
}
