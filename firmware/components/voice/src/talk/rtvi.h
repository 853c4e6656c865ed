/* RTVI 1.x on the data channel: what a bot says, and what a device says. docs/protocol.md */
#ifndef VOICE_RTVI_H
#define VOICE_RTVI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/json.h"

#define RTVI_MESSAGE_MAX 1200u
#define RTVI_ID_MAX 20    /* of a command */
#define RTVI_TEXT_MAX 400 /* of a transcript; the rest is cut */

enum rtvi_type {
    RTVI_OTHER, /* well-formed, and of no interest */
    RTVI_BOT_READY,
    RTVI_USER_STARTED,
    RTVI_USER_STOPPED,
    RTVI_BOT_STARTED,
    RTVI_BOT_STOPPED,
    RTVI_USER_TEXT,
    RTVI_BOT_TEXT,
    RTVI_ERROR,
    RTVI_COMMAND,    /* data: {"type": "device-command", "command": …, "value": …} */
    RTVI_ATTENTION,  /* text: whether the gateway listens, "asleep" say */
    RTVI_BOT,        /* text: whether the bot is there, "starting" say */
    RTVI_ECHO,       /* text: what the gateway does about our own voice in what we send, "cancelled" say */
    RTVI_CLOCK,      /* the reply to ours */
    RTVI_CRASH_KEPT, /* likewise: the gateway has the report */
    RTVI_PEER_LEFT,
};

struct rtvi_event {
    enum rtvi_type type;
    char text[RTVI_TEXT_MAX]; /* transcript, error, or state */
    bool final;               /* USER_TEXT */
    bool fatal;               /* ERROR */
    struct json data;         /* COMMAND: points into the message */
    uint32_t number;          /* CRASH_KEPT: of the message that it answers */
    int64_t t0, t1, t2;       /* CLOCK, microseconds: ours as sent, theirs at receipt and at the reply */
};

/* False: not JSON, or not an RTVI message. */
bool rtvi_parse(struct rtvi_event *event, const char *text, size_t len);

struct rtvi_figures {
    uint32_t heap_free, heap_least;
    int rssi;
    uint32_t jitter_us, rtt_us, playout_us;
    int32_t lost;
    uint32_t received, concealed, fec, underruns;
};

/* Each returns the length written, 0 if it doesn't fit. `number` makes the message's id. */
size_t rtvi_write_ready(char *out, size_t cap, uint32_t number, const char *version, const char *board);
size_t rtvi_write_figures(char *out, size_t cap, uint32_t number, const struct rtvi_figures *figures);
size_t rtvi_write_clock(char *out, size_t cap, uint32_t number, uint64_t t0);
/* `why` NULL: nothing failed. */
size_t rtvi_write_update(char *out, size_t cap, uint32_t number, const char *state, uint32_t percent,
                         const char *why);
size_t rtvi_write_crash(char *out, size_t cap, uint32_t number, const char *text);
struct rtvi_result {
    const char *command;
    const char *id;   /* that the command had; empty for none */
    const char *why;  /* NULL: it has been done */
    const char *text; /* what came of it; empty for nothing */
};
size_t rtvi_write_result(char *out, size_t cap, uint32_t number, const struct rtvi_result *result);
size_t rtvi_write_heard(char *out, size_t cap, uint32_t number);
/* `properties` NULL: it takes no arguments. */
size_t rtvi_write_tool(char *out, size_t cap, uint32_t number, const char *name, const char *description,
                       const char *properties);
size_t rtvi_write_button(char *out, size_t cap, uint32_t number, bool down);

#endif
