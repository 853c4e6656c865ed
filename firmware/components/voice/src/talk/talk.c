#include "talk/talk.h"

#include <string.h>

#define S(n) ((uint64_t)(n)*1000000u)
#define PING_US S(1) /* Pipecat takes 3 s without one as a disconnect */
#define FIGURES_US S(5)
#define CLOCK_US S(30)
#define CRASH_MAX 901
#define QUICK_CLOCKS                                                                                         \
    4u /* the first ones, with each ping: the best of four is within a fraction of the jitter */

void talk_open(struct talk *t, struct call *call, uint64_t now, bool introduce)
{
    const struct port_facts *facts = port_facts();
    memset(t, 0, sizeof *t);
    t->open = true;
    t->next_ping = t->next_clock = now;
    t->next_figures = now + FIGURES_US;
    t->clocks_left = QUICK_CLOCKS;
    if (!introduce)
        return;
    size_t len = rtvi_write_ready(t->scratch, sizeof t->scratch, ++t->number, facts->version, facts->board);
    (void)call_say(call, t->scratch, len);
}

void talk_close(struct talk *t)
{
    t->open = false;
}

static void ask_clock(struct talk *t, struct call *call, uint64_t now)
{
    t->clocks_left -= t->clocks_left > 0 ? 1 : 0;
    t->next_clock = now + (t->clocks_left > 0 ? PING_US : CLOCK_US);
    size_t len = rtvi_write_clock(t->scratch, sizeof t->scratch, ++t->number, now);
    (void)call_say(call, t->scratch, len);
}

bool talk_step(struct talk *t, struct call *call, uint64_t now)
{
    if (!t->open)
        return false;
    if (now >= t->next_ping) {
        t->next_ping = now + PING_US;
        (void)call_say(call, "ping", 4);
    }
    if (now >= t->next_clock)
        ask_clock(t, call, now);
    if (now < t->next_figures)
        return false;
    t->next_figures = now + FIGURES_US;
    return true;
}

void talk_tell_figures(struct talk *t, struct call *call, const struct rtvi_figures *figures)
{
    size_t len = rtvi_write_figures(t->scratch, sizeof t->scratch, ++t->number, figures);
    (void)call_say(call, t->scratch, len);
}

void talk_tell_result(struct talk *t, struct call *call, const struct rtvi_result *result)
{
    size_t len = rtvi_write_result(t->scratch, sizeof t->scratch, ++t->number, result);
    (void)call_say(call, t->scratch, len);
}

void talk_tell_heard(struct talk *t, struct call *call)
{
    if (!t->open)
        return;
    size_t len = rtvi_write_heard(t->scratch, sizeof t->scratch, ++t->number);
    (void)call_say(call, t->scratch, len);
}

bool talk_tell_tool(struct talk *t, struct call *call, const char *name, const char *description,
                    const char *properties)
{
    size_t len = rtvi_write_tool(t->scratch, sizeof t->scratch, ++t->number, name, description, properties);
    return len == 0 || call_say(call, t->scratch, len); /* one that is too long is left out */
}

void talk_tell_button(struct talk *t, struct call *call, bool down)
{
    if (!t->open)
        return;
    size_t len = rtvi_write_button(t->scratch, sizeof t->scratch, ++t->number, down);
    (void)call_say(call, t->scratch, len);
}

void talk_tell_update(struct talk *t, struct call *call, const char *state, uint32_t percent, const char *why)
{
    if (!t->open)
        return;
    size_t len = rtvi_write_update(t->scratch, sizeof t->scratch, ++t->number, state, percent, why);
    (void)call_say(call, t->scratch, len);
}

void talk_tell_crash(struct talk *t, struct call *call)
{
    static char text[CRASH_MAX];
    size_t len = 0, left = port_crash_report(text, sizeof text);
    for (t->number++; len == 0 && left > 0; left -= left / 8 + 1) { /* escapes may make it too long */
        text[left] = '\0';
        len = rtvi_write_crash(t->scratch, sizeof t->scratch, t->number, text);
    }
    t->crash_number = len > 0 && call_say(call, t->scratch, len) ? t->number : 0;
}

void talk_take_crash_kept(struct talk *t, const struct rtvi_event *event)
{
    if (t->crash_number == 0 || event->number != t->crash_number)
        return;
    t->crash_number = 0;
    port_crash_erase();
}

/* As NTP does: RFC 5905 section 8, figure 12. */
void talk_take_clock(struct talk *t, uint64_t now, const struct rtvi_event *event)
{
    int64_t t3 = (int64_t)now;
    int64_t rtt = (t3 - event->t0) - (event->t2 - event->t1);
    if (event->t0 > t3 || rtt < 0 || rtt > (int64_t)S(2))
        return;
    if (t->clock_known && t->clocks_left > 0 && (uint32_t)rtt >= t->clock_rtt_us)
        return;
    t->clock_known = true;
    t->clock_rtt_us = (uint32_t)rtt;
    t->clock_offset_us = ((event->t1 - event->t0) + (event->t2 - t3)) / 2;
}

uint64_t talk_deadline(const struct talk *t)
{
    if (!t->open)
        return PORT_NEVER;
    uint64_t first = t->next_ping < t->next_figures ? t->next_ping : t->next_figures;
    return first < t->next_clock ? first : t->next_clock;
}
