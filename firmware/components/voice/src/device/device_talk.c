/* What the bot and the gateway say, and what the device makes of it. */
#include "device/device_talk.h"

#include <string.h>

#include "device/command.h"
#include "device/device_audio.h"
#include "device/screen.h"
#include "device/tell.h"
#include "tools.h"

static enum reason reason_told(const char *text)
{
    static const struct {
        const char *text;
        enum reason reason;
    } reasons[] = {
        {"bot_failed", REASON_BOT_FAILED},
        {"bot_ended", REASON_BOT_ENDED},
        {"replaced", REASON_REPLACED},
        {"revoked", REASON_KEY_REJECTED},
        {"connect_timeout", REASON_CONNECT_TIMEOUT},
        {"stopping", REASON_GATEWAY_STOPPING},
        {"answer_too_large", REASON_ANSWER_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].text, text) == 0)
            return reasons[i].reason;
    return REASON_GATEWAY_ERROR;
}

static void speaking(enum voice_who who, bool on)
{
    device_tell(&(struct voice_event){.type = VOICE_SPEAKING, .who = who, .on = on});
}

static void transcript(enum voice_who who, const struct rtvi_event *event)
{
    device_tell(&(struct voice_event){
        .type = VOICE_TRANSCRIPT, .who = who, .on = who == VOICE_BOT || event->final, .text = event->text});
}

static void take_error(struct device *d, const struct rtvi_event *event)
{
    device_tell(&(struct voice_event){.type = VOICE_BOT_ERROR, .text = event->text});
    if (event->fatal)
        d->told_reason = reason_told(event->text);
}

static void take_command(struct device *d, uint64_t now, struct json data)
{
    char name[24] = "", id[RTVI_ID_MAX] = "", result[VOICE_TOOL_RESULT_MAX];
    (void)json_text(json_member(data, "command"), name, sizeof name);
    (void)json_text(json_member(data, "id"), id, sizeof id);
    const char *why = command_run(d, now, name, json_member(data, "value"), result, sizeof result);
    talk_tell_result(&d->talk, &d->call,
                     &(struct rtvi_result){.command = name, .id = id, .why = why, .text = result});
    device_tell(&(struct voice_event){.type = VOICE_COMMAND, .text = name, .reason = why});
}

static void take_attention(struct device *d, const char *state)
{
    static const char *const states[] = {[ATTENTION_ASLEEP] = "asleep",
                                         [ATTENTION_ATTENTIVE] = "attentive",
                                         [ATTENTION_SPEAKING] = "speaking"};
    d->attention = ATTENTION_ALWAYS;
    for (int i = ATTENTION_ASLEEP; i <= ATTENTION_SPEAKING; i++)
        if (strcmp(states[i], state) == 0)
            d->attention = (enum device_attention)i;
    screen_show_state(d);
}

static void take_bot(struct device *d, const char *state)
{
    d->bot_starts = strcmp(state, "starting") == 0;
    screen_show_state(d);
}

static enum reason take_event(struct device *d, uint64_t now, const struct rtvi_event *event)
{
    switch (event->type) {
    case RTVI_BOT_READY:
        d->bot_ready = true;
        device_tell(&(struct voice_event){.type = VOICE_BOT_READY});
        break;
    case RTVI_USER_STARTED:
    case RTVI_USER_STOPPED:
        if (event->type == RTVI_USER_STARTED)
            device_audio_interrupt(d);
        speaking(VOICE_USER, event->type == RTVI_USER_STARTED);
        break;
    case RTVI_BOT_STARTED:
    case RTVI_BOT_STOPPED:
        speaking(VOICE_BOT, event->type == RTVI_BOT_STARTED);
        break;
    case RTVI_USER_TEXT:
    case RTVI_BOT_TEXT:
        transcript(event->type == RTVI_USER_TEXT ? VOICE_USER : VOICE_BOT, event);
        break;
    case RTVI_ERROR:
        take_error(d, event);
        break;
    case RTVI_COMMAND:
        take_command(d, now, event->data);
        break;
    case RTVI_ATTENTION:
        take_attention(d, event->text);
        break;
    case RTVI_BOT:
        take_bot(d, event->text);
        break;
    case RTVI_ECHO:
        d->echo_cancelled = strcmp(event->text, "cancelled") == 0;
        device_audio_apply(d);
        break;
    case RTVI_CLOCK:
        talk_take_clock(&d->talk, now, event);
        break;
    case RTVI_CRASH_KEPT:
        talk_take_crash_kept(&d->talk, event);
        break;
    case RTVI_PEER_LEFT:
        return d->told_reason != REASON_NONE ? d->told_reason : REASON_GATEWAY_LEFT;
    case RTVI_OTHER:
        break;
    }
    return REASON_NONE;
}

enum reason device_take_message(struct device *d, uint64_t now, const uint8_t *data, size_t len, bool is_text)
{
    struct rtvi_event event;
    char message[RTVI_MESSAGE_MAX]; /* the peer's own copy is gone as soon as we answer */
    if (!is_text || len > sizeof message)
        return REASON_NONE;
    memcpy(message, data, len);
    if (rtvi_parse(&event, message, len))
        return take_event(d, now, &event);
    port_log(PORT_DEBUG, "talk", "a message of %zu bytes made no sense", len);
    return REASON_NONE;
}
