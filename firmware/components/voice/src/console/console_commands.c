#include "console/console_commands.h"

#include <string.h>

static void help(const struct console_command *commands)
{
    struct console_reply reply;
    console_begin(&reply, "@ok ");
    json_key(&reply.json, "commands");
    json_open(&reply.json, '[');
    json_put_text(&reply.json, "help");
    for (; commands->name != NULL; commands++)
        json_put_text(&reply.json, commands->name);
    json_close(&reply.json, ']');
    console_send(&reply);
}

unsigned console_run(const struct console_command *commands, struct device *d, uint64_t now,
                     const struct console_words *words)
{
    const char *name = console_word(words, 0);
    for (const struct console_command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c->run(d, now, words);
    if (strcmp(name, "help") == 0)
        help(commands);
    else
        console_refuse("unknown_command", "help");
    return CONSOLE_WANTS_NOTHING;
}
