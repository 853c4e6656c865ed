/* What each peer*.c does to the state: an event raised, the end, the outbox emptied. */
#include "peer_state.h"

void peer_raise(struct peer *p, enum peer_event_type type)
{
    p->events |= 1u << type;
}

void peer_end(struct peer *p, enum peer_close_reason reason)
{
    if (p->stage >= PEER_CLOSING)
        return;
    p->reason = reason;
    p->stage = PEER_CLOSING; /* an alert may still lie in the outbox */
}

void peer_release_box(struct peer *p)
{
    if (p->box_taken) {
        p->outbox.len = 0;
        p->box_taken = false;
    }
}

bool peer_can_transmit(const struct peer *p)
{
    return p->outbox.open && p->outbox.len == 0;
}
