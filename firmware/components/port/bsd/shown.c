/* What there is room for of a text on a display: the same on a chip's and on Linux. */
#include <string.h>

#include "bsd.h"

static bool is_within(char byte) /* a letter of UTF-8 */
{
    return ((uint8_t)byte & 0xC0) == 0x80;
}

void shown_put(char *to, size_t cap, const char *text)
{
    size_t len = strlen(text);
    if (len >= cap)
        for (len = cap - 1; len > 0 && is_within(text[len]); len--)
            continue;
    memcpy(to, text, len);
    to[len] = '\0';
}

const char *shown_last_words(const char *text, size_t room)
{
    size_t len = strlen(text);
    if (len <= room)
        return text;
    const char *from = text + len - room, *space = strchr(from, ' ');
    if (space != NULL && space[1] != '\0')
        return space + 1;
    while (is_within(*from))
        from++;
    return from;
}
