/* The console's command `update`. */
#include <string.h>

#include "console/console_commands.h"
#include "port.h"

void console_show_update(const struct update *u)
{
    static const char *const states[UPDATE_STATE_COUNT] = {[UPDATE_IDLE] = "idle",
                                                           [UPDATE_CONNECTING] = "downloading",
                                                           [UPDATE_SENDING] = "downloading",
                                                           [UPDATE_READING] = "downloading",
                                                           [UPDATE_READY] = "rebooting"};
    struct console_reply reply;
    console_begin(&reply, "@ok ");
    json_add_text(&reply.json, "state", states[u->state]);
    json_add_integer(&reply.json, "percent", update_percent(u));
    json_add_text(&reply.json, "last_failure", u->reason != NULL ? u->reason : "none");
    json_add_text(&reply.json, "slot", port_facts()->slot);
    json_add_bool(&reply.json, "on_trial", port_ota_on_trial());
    console_send(&reply);
}

bool console_read_update(const struct console_words *words, struct update_request *request)
{
    struct json value;
    if (words->count == 2 && json_parse(&value, words->at[1], strlen(words->at[1])) &&
        update_parse(request, value))
        return true;
    console_refuse("usage", "update JSON, as the command update has it, without spaces");
    return false;
}

void console_answer_update(const char *why)
{
    if (why == NULL)
        console_done();
    else
        console_refuse(why, strcmp(why, "update_insecure") == 0 ? "settings set update any"
                            : strcmp(why, "update_no_key") == 0 ? "settings set firmware_key HEX"
                                                                : "");
}
