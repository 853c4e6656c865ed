/* A tool of the simulated board's own, as a component of yours would add one: docs/tools-for-models.md */
#include "relay.h"

#include <stdio.h>

#include "port.h"
#include "tools.h"

static bool closed;

static const char *switch_relay(const struct voice_arguments *a, char *result, size_t cap)
{
    if (!voice_argument_bool(a, "on", &closed))
        return "not_a_boolean";
    port_log(PORT_INFO, "relay", "%s", closed ? "on" : "off");
    (void)snprintf(result, cap, "the relay is %s", closed ? "on" : "off");
    return NULL;
}

void relay_add(void)
{
    static const struct voice_tool relay = {.name = "relay",
                                            .description =
                                                "Switch the lamp on this device's relay on or off.",
                                            .properties = "{\"on\":{\"type\":\"boolean\"}}",
                                            .run = switch_relay};
    (void)voice_add_tool(&relay);
}
