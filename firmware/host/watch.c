/* The descriptors that the one loop waits for. */
#define _GNU_SOURCE
#include <poll.h>
#include <time.h>

#include "bsd.h"
#include "host.h"

static struct {
    int descriptor;
    bool write;
} watched[HOST_WATCH_COUNT] = {{-1, false}, {-1, false}, {-1, false}, {-1, false}};

void host_watch(enum host_watch which, int descriptor, bool write)
{
    watched[which].descriptor = descriptor;
    watched[which].write = write;
}

void bsd_watch(int descriptor, bool room)
{
    host_watch(HOST_WATCH_STREAM, descriptor, room);
}

void host_watch_wait(uint64_t us)
{
    struct pollfd all[HOST_WATCH_COUNT];
    struct timespec timeout = {.tv_sec = (time_t)(us / 1000000u), .tv_nsec = (long)(us % 1000000u) * 1000};
    for (int i = 0; i < HOST_WATCH_COUNT; i++)
        all[i] = (struct pollfd){.fd = watched[i].descriptor,
                                 .events = (short)(watched[i].write ? POLLOUT : POLLIN)};
    (void)ppoll(all, HOST_WATCH_COUNT, &timeout, NULL);
}
