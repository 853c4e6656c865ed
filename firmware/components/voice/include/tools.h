/* What a board, or a component of yours, can do beside what every device can: a relay, a servo, a sensor. It
 * is told to the gateway with each call, and offered to any language model there as a function, by itself.
 * docs/tools-for-models.md */
#ifndef VOICE_TOOLS_H
#define VOICE_TOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VOICE_TOOLS_MAX 8u
#define VOICE_TOOL_RESULT_MAX 200u /* bytes, with the NUL */

/* What a tool is called with. Each returns false where the argument is missing, or not of that kind and
 * within those bounds: what a language model gives may be anything. */
struct voice_arguments;
bool voice_argument_integer(const struct voice_arguments *a, const char *name, int64_t min, int64_t max,
                            int64_t *out);
bool voice_argument_bool(const struct voice_arguments *a, const char *name, bool *out);
bool voice_argument_text(const struct voice_arguments *a, const char *name, char *out, size_t cap);

struct voice_tool {
    const char
        *name; /* "relay": lower case, digits and _, at most 23 bytes; not one of the device commands */
    const char *description; /* for the model: "Switch the relay of the greenhouse's lamp." */
    /* JSON Schema's properties, all of which are required: {"on":{"type":"boolean"}}; NULL for none */
    const char *properties;
    /* Called by the net task: it may take a few milliseconds, and no more. NULL once it is done, or a code
     * why it is not, "out_of_range" say. What is written to `result` is told to the model. */
    const char *(*run)(const struct voice_arguments *a, char *result, size_t cap);
};

/* Before voice_start(); `tool` has to stay. False: there are VOICE_TOOLS_MAX, or it has no name, description
 * or run. */
bool voice_add_tool(const struct voice_tool *tool);

#ifdef __cplusplus
}
#endif
#endif
