#include "device/extras.h"

#include <string.h>

#include "tools.h"

struct voice_arguments {
    struct json value;
};

static const struct voice_tool *tools[VOICE_TOOLS_MAX];
static size_t count;

bool voice_add_tool(const struct voice_tool *tool)
{
    if (count == VOICE_TOOLS_MAX || tool->name == NULL || tool->description == NULL || tool->run == NULL)
        return false;
    tools[count++] = tool;
    return true;
}

bool voice_argument_integer(const struct voice_arguments *a, const char *name, int64_t min, int64_t max,
                            int64_t *out)
{
    return json_integer(json_member(a->value, name), min, max, out);
}

bool voice_argument_bool(const struct voice_arguments *a, const char *name, bool *out)
{
    return json_bool(json_member(a->value, name), out);
}

bool voice_argument_text(const struct voice_arguments *a, const char *name, char *out, size_t cap)
{
    return json_text(json_member(a->value, name), out, cap);
}

const char *extras_run(const char *name, struct json value, char *result, size_t cap)
{
    const struct voice_arguments arguments = {value};
    for (size_t i = 0; i < count; i++)
        if (strcmp(tools[i]->name, name) == 0)
            return tools[i]->run(&arguments, result, cap);
    return "unknown_command";
}

void extras_tell(struct device *d)
{
    if (!d->talk.open || d->tools_told >= count)
        return;
    const struct voice_tool *tool = tools[d->tools_told];
    if (talk_tell_tool(&d->talk, &d->call, tool->name, tool->description, tool->properties))
        d->tools_told++;
}
