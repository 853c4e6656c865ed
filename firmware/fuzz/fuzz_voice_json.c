/* What an RTVI message may hold; what is read as text is written and read back as the same. */
#include <stdlib.h>
#include <string.h>

#include "talk/rtvi.h"

static void write_and_read_back(const char *text)
{
    char out[6 * RTVI_TEXT_MAX + 8], back[RTVI_TEXT_MAX];
    struct json value;
    struct json_writer w = json_writer(out, sizeof out);
    json_put_text(&w, text);
    if (w.failed || !json_parse(&value, out, w.len) || !json_text(value, back, sizeof back) ||
        strcmp(back, text) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtvi_event event;
    int64_t n;
    if (!rtvi_parse(&event, (const char *)data, size))
        return 0;
    write_and_read_back(event.text);
    (void)json_integer(json_member(event.data, "value"), 0, 100, &n);
    return 0;
}
