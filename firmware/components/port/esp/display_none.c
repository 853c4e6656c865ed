#include "port.h"

void port_display_state(const char *state, const char *detail)
{
    (void)state;
    (void)detail;
}

void port_display_text(enum port_speaker who, const char *text)
{
    (void)who;
    (void)text;
}

bool port_display_read(struct port_shown *shown)
{
    (void)shown;
    return false;
}
