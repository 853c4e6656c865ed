/* The console's command `update`. */
#include <stdlib.h>
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

/* update PATH SIZE SHA256 VERSION: the last two are one word of the line. */
static bool read_request(struct update_request *request, const struct console_words *words)
{
    char *version = strchr(words->at[3], ' ');
    memset(request, 0, sizeof *request);
    if (version == NULL || strlen(words->at[1]) >= sizeof request->path ||
        strlen(version + 1) >= sizeof request->version)
        return false;
    *version++ = '\0';
    strcpy(request->path, words->at[1]);
    strcpy(request->version, version);
    request->size = (uint32_t)strtoul(words->at[2], NULL, 10);
    return update_parse_hash(request->sha256, words->at[3]);
}

bool console_read_update(const struct console_words *words, struct update_request *request)
{
    if (words->count == 4 && read_request(request, words))
        return true;
    console_refuse("usage", "update PATH SIZE SHA256 VERSION");
    return false;
}

void console_answer_update(const char *why)
{
    if (why == NULL)
        console_done();
    else
        console_refuse(why, strcmp(why, "update_insecure") == 0 ? "settings set update any" : "");
}
