/* Tells callgrind what to count, for who can't speak to it: Python. Does nothing outside valgrind. */
#include <valgrind/callgrind.h>

void count_from_here(void)
{
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

void count_up_to_here(const char *name)
{
    CALLGRIND_DUMP_STATS_AT(name);
    CALLGRIND_STOP_INSTRUMENTATION;
}
