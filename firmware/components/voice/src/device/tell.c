#include "device/tell.h"

#include "device/device_state.h"
#include "device/screen.h"

static void log_state(const struct voice_event *event)
{
    if (event->type == VOICE_STATE)
        port_log(PORT_INFO, "session", "%s%s%s", event->text, event->reason != NULL ? ": " : "",
                 event->reason != NULL ? event->reason : "");
}

static void print_event(const struct voice_event *event)
{
    static const char *const types[] = {
        [VOICE_STATE] = "state",           [VOICE_BOT_READY] = "bot_ready", [VOICE_SPEAKING] = "speaking",
        [VOICE_TRANSCRIPT] = "transcript", [VOICE_BOT_ERROR] = "bot_error", [VOICE_COMMAND] = "command",
        [VOICE_UPDATE] = "update"};
    static const char *const people[] = {
        [VOICE_DEVICE] = "device", [VOICE_USER] = "user", [VOICE_BOT] = "bot"};
    struct console_reply reply;
    console_begin(&reply, "@evt ");
    json_add_text(&reply.json, "event", types[event->type]);
    if (event->type == VOICE_SPEAKING || event->type == VOICE_TRANSCRIPT) {
        json_add_text(&reply.json, "who", people[event->who]);
        json_add_bool(&reply.json, event->type == VOICE_SPEAKING ? "on" : "final", event->on);
    }
    bool is_state = event->type == VOICE_STATE || event->type == VOICE_UPDATE;
    if (event->text != NULL)
        json_add_text(&reply.json, is_state ? "state" : "text", event->text);
    if (event->type == VOICE_UPDATE)
        json_add_integer(&reply.json, "percent", event->percent);
    if (event->reason != NULL)
        json_add_text(&reply.json, "reason", event->reason);
    console_send(&reply);
}

void device_tell(const struct voice_event *event)
{
    log_state(event);
    print_event(event);
    screen_show_event(event);
    if (device_get()->listener != NULL)
        device_get()->listener(event);
}
