/* The conversation on the data channel: what is said by the clock, and what a message means. */
#ifndef VOICE_TALK_H
#define VOICE_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "call/call.h"
#include "talk/rtvi.h"

struct talk {
    bool open;
    uint32_t number; /* of messages */
    uint64_t next_ping, next_figures, next_clock;
    uint32_t clocks_left;  /* of the first, quick round */
    uint32_t crash_number; /* of the message with the crash report, 0: none is under way */
    bool clock_known;
    int64_t clock_offset_us; /* theirs minus ours, of the exchange with the shortest round trip */
    uint32_t clock_rtt_us;
    char scratch[RTVI_MESSAGE_MAX + 1];
};

/* `introduce`: say `client-ready`, which a bot that knows us would greet again. */
void talk_open(struct talk *t, struct call *call, uint64_t now, bool introduce);
void talk_close(struct talk *t);
/* What is due: ping, clock. True if figures are wanted; talk_tell_figures() them. */
bool talk_step(struct talk *t, struct call *call, uint64_t now);
void talk_tell_figures(struct talk *t, struct call *call, const struct rtvi_figures *figures);
void talk_tell_result(struct talk *t, struct call *call, const struct rtvi_result *result);
/* Somebody here has heard what rings. */
void talk_tell_heard(struct talk *t, struct call *call);
/* False: there is no room for it now. */
bool talk_tell_tool(struct talk *t, struct call *call, const char *name, const char *description,
                    const char *properties);
void talk_tell_button(struct talk *t, struct call *call, bool down);
void talk_tell_update(struct talk *t, struct call *call, const char *state, uint32_t percent,
                      const char *why);
/* The report of the last panic, if one is kept: said until it is answered. */
void talk_tell_crash(struct talk *t, struct call *call);
void talk_take_crash_kept(struct talk *t, const struct rtvi_event *event);
void talk_take_clock(struct talk *t, uint64_t now, const struct rtvi_event *event);
uint64_t talk_deadline(const struct talk *t);

#endif
