/* Bytes on the console's line: whatever comes, the console answers within its bounds, and hears what is typed
 * next. */
#include <stdlib.h>
#include <string.h>

#include "device/device_state.h"
#include "voice/fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct console console;
    struct console_words words;
    struct improv_request request;
    enum console_input input;
    memset(&console, 0, sizeof console);
    fake_reset();
    fake.typed = (const char *)data;
    fake.typed_len = size;
    while (size > 0 && (input = console_next(&console, &words)) != CONSOLE_NOTHING)
        if (input == CONSOLE_FRAME)
            (void)improv_read(&request, console.line, console.len);
    fake.now += 1100000;
    fake_forget();
    fake.typed = "\nhear me\n";
    bool heard = false;
    while (console_next(&console, &words) != CONSOLE_NOTHING)
        heard = words.count == 2 && strcmp(words.at[0], "hear") == 0;
    if (!heard)
        abort();
    (void)improv_read(&request, (const char *)data, size);
    return 0;
}
