#include "talk/rtvi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_MAX ((int64_t)1 << 53) /* what a JSON number is exact to */

static bool read_text(struct rtvi_event *event, struct json data)
{
    json_text_cut(json_member(data, "text"), event->text, sizeof event->text);
    (void)json_bool(json_member(data, "final"), &event->final);
    return true;
}

static bool read_error(struct rtvi_event *event, struct json data)
{
    struct json error = json_member(data, "error");
    if (json_is_absent(error))
        error = json_member(data, "message");
    json_text_cut(error, event->text, sizeof event->text);
    (void)json_bool(json_member(data, "fatal"), &event->fatal);
    return true;
}

static enum rtvi_type type_of(struct json type)
{
    if (json_is(type, "device-attention"))
        return RTVI_ATTENTION;
    if (json_is(type, "device-echo"))
        return RTVI_ECHO;
    if (json_is(type, "device-bot"))
        return RTVI_BOT;
    return json_is(type, "device-command") ? RTVI_COMMAND : RTVI_OTHER;
}

static bool read_server_message(struct rtvi_event *event, struct json data)
{
    event->data = data;
    event->type = type_of(json_member(data, "type"));
    if (event->type == RTVI_ATTENTION || event->type == RTVI_ECHO || event->type == RTVI_BOT)
        json_text_cut(json_member(data, "state"), event->text, sizeof event->text);
    return true;
}

static bool read_response(struct rtvi_event *event, struct json data)
{
    struct json d = json_member(data, "d");
    if (json_is(json_member(data, "t"), "device-clock"))
        return json_integer(json_member(d, "t0"), 0, TIME_MAX, &event->t0) &&
               json_integer(json_member(d, "t1"), 0, TIME_MAX, &event->t1) &&
               json_integer(json_member(d, "t2"), event->t1, TIME_MAX, &event->t2);
    event->type = json_is(json_member(data, "t"), "device-crash") ? RTVI_CRASH_KEPT : RTVI_OTHER;
    return true;
}

/* "d12", as begin() writes it; 0 for any other. */
static uint32_t number_of(struct json id)
{
    char text[12] = "";
    if (!json_text(id, text, sizeof text) || text[0] != 'd' ||
        text[1 + strspn(text + 1, "0123456789")] != '\0')
        return 0;
    return (uint32_t)strtoul(text + 1, NULL, 10);
}

static const struct {
    const char *name;
    enum rtvi_type type;
    bool (*read)(struct rtvi_event *event, struct json data);
} kinds[] = {
    {"bot-ready", RTVI_BOT_READY, NULL},
    {"user-started-speaking", RTVI_USER_STARTED, NULL},
    {"user-stopped-speaking", RTVI_USER_STOPPED, NULL},
    {"bot-started-speaking", RTVI_BOT_STARTED, NULL},
    {"bot-stopped-speaking", RTVI_BOT_STOPPED, NULL},
    {"user-transcription", RTVI_USER_TEXT, read_text},
    {"bot-transcription", RTVI_BOT_TEXT, read_text},
    {"error", RTVI_ERROR, read_error},
    {"server-message", RTVI_COMMAND, read_server_message},
    {"server-response", RTVI_CLOCK, read_response},
};

/* Pipecat's transport speaks beside RTVI: {"type":"signalling","message":{"type":"peerLeft"}} */
static bool read_signalling(struct rtvi_event *event, struct json message)
{
    if (json_is(json_member(json_member(message, "message"), "type"), "peerLeft"))
        event->type = RTVI_PEER_LEFT;
    return true;
}

bool rtvi_parse(struct rtvi_event *event, const char *text, size_t len)
{
    struct json message;
    memset(event, 0, sizeof *event);
    if (!json_parse(&message, text, len) || !json_is_object(message))
        return false;
    struct json type = json_member(message, "type");
    if (json_is(type, "signalling"))
        return read_signalling(event, message);
    if (!json_is(json_member(message, "label"), "rtvi-ai") || json_is_absent(type))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!json_is(type, kinds[i].name))
            continue;
        event->type = kinds[i].type;
        event->number = number_of(json_member(message, "id"));
        return kinds[i].read == NULL || kinds[i].read(event, json_member(message, "data"));
    }
    return true;
}

static struct json_writer begin(char *out, size_t cap, const char *type, uint32_t number)
{
    char id[16];
    struct json_writer w = json_writer(out, cap < RTVI_MESSAGE_MAX + 1 ? cap : RTVI_MESSAGE_MAX + 1);
    (void)snprintf(id, sizeof id, "d%u", (unsigned)number);
    json_open(&w, '{');
    json_add_text(&w, "label", "rtvi-ai");
    json_add_text(&w, "type", type);
    json_add_text(&w, "id", id);
    json_key(&w, "data");
    json_open(&w, '{');
    return w;
}

static size_t end(struct json_writer *w)
{
    json_close(w, '}');
    json_close(w, '}');
    return w->failed ? 0 : w->len;
}

/* RTVI's own form for what an application adds. */
static struct json_writer begin_client_message(char *out, size_t cap, uint32_t number, const char *t)
{
    struct json_writer w = begin(out, cap, "client-message", number);
    json_add_text(&w, "t", t);
    json_key(&w, "d");
    json_open(&w, '{');
    return w;
}

static size_t end_client_message(struct json_writer *w)
{
    json_close(w, '}');
    return end(w);
}

size_t rtvi_write_ready(char *out, size_t cap, uint32_t number, const char *version, const char *board)
{
    struct json_writer w = begin(out, cap, "client-ready", number);
    json_add_text(&w, "version", "1.0.0");
    json_key(&w, "about");
    json_open(&w, '{');
    json_add_text(&w, "library", "voicegw-firmware");
    json_add_text(&w, "library_version", version);
    json_add_text(&w, "platform", board);
    json_close(&w, '}');
    return end(&w);
}

size_t rtvi_write_figures(char *out, size_t cap, uint32_t number, const struct rtvi_figures *f)
{
    struct json_writer w = begin_client_message(out, cap, number, "device-figures");
    json_add_integer(&w, "heap_free", f->heap_free);
    json_add_integer(&w, "heap_least", f->heap_least);
    json_add_integer(&w, "rssi", f->rssi);
    json_add_integer(&w, "jitter_us", f->jitter_us);
    json_add_integer(&w, "rtt_us", f->rtt_us);
    json_add_integer(&w, "playout_us", f->playout_us);
    json_add_integer(&w, "lost", f->lost);
    json_add_integer(&w, "received", f->received);
    json_add_integer(&w, "concealed", f->concealed);
    json_add_integer(&w, "fec", f->fec);
    json_add_integer(&w, "underruns", f->underruns);
    return end_client_message(&w);
}

size_t rtvi_write_clock(char *out, size_t cap, uint32_t number, uint64_t t0)
{
    struct json_writer w = begin_client_message(out, cap, number, "device-clock");
    json_add_integer(&w, "t0", (int64_t)t0);
    return end_client_message(&w);
}

size_t rtvi_write_update(char *out, size_t cap, uint32_t number, const char *state, uint32_t percent,
                         const char *why)
{
    struct json_writer w = begin_client_message(out, cap, number, "device-update");
    json_add_text(&w, "state", state);
    json_add_integer(&w, "percent", percent);
    if (why != NULL)
        json_add_text(&w, "reason", why);
    return end_client_message(&w);
}

size_t rtvi_write_crash(char *out, size_t cap, uint32_t number, const char *text)
{
    struct json_writer w = begin_client_message(out, cap, number, "device-crash");
    json_add_text(&w, "text", text);
    return end_client_message(&w);
}

size_t rtvi_write_result(char *out, size_t cap, uint32_t number, const struct rtvi_result *result)
{
    struct json_writer w = begin_client_message(out, cap, number, "device-command-result");
    json_add_text(&w, "command", result->command);
    if (result->id[0] != '\0')
        json_add_text(&w, "id", result->id);
    json_add_bool(&w, "ok", result->why == NULL);
    if (result->why != NULL)
        json_add_text(&w, "reason", result->why);
    if (result->text[0] != '\0')
        json_add_text(&w, "result", result->text);
    return end_client_message(&w);
}

size_t rtvi_write_heard(char *out, size_t cap, uint32_t number)
{
    struct json_writer w = begin_client_message(out, cap, number, "device-alert");
    json_add_bool(&w, "heard", true);
    return end_client_message(&w);
}

size_t rtvi_write_tool(char *out, size_t cap, uint32_t number, const char *name, const char *description,
                       const char *properties)
{
    struct json_writer w = begin_client_message(out, cap, number, "device-tool");
    json_add_text(&w, "name", name);
    json_add_text(&w, "description", description);
    json_add_text(&w, "properties", properties != NULL ? properties : "{}");
    return end_client_message(&w);
}

size_t rtvi_write_button(char *out, size_t cap, uint32_t number, bool down)
{
    struct json_writer w = begin_client_message(out, cap, number, "device-button");
    json_add_bool(&w, "down", down);
    return end_client_message(&w);
}
