#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "host.h"

static enum port_level most = PORT_INFO;
static bool quiet;

uint64_t port_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void port_random(uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0)
            abort();
        out += n;
        len -= (size_t)n;
    }
}

void port_log_level(enum port_level level)
{
    most = level;
}

void host_log_quiet(bool on)
{
    quiet = on;
}

void port_log(enum port_level level, const char *tag, const char *format, ...)
{
    static const char letters[] = "EWID";
    char line[512];
    va_list arguments;
    if (level > most || quiet)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%c (%llu) %s: %s\n", letters[level], (unsigned long long)(port_clock() / 1000), tag,
            line);
}
