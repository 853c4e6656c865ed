/* The console as a pseudo-terminal, a TCP port on loopback, or the standard streams. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "host.h"

static int listener = -1, in = -1, out = -1;
static int terminal = -1; /* our end's other side, held open so that a reader may come and go */

static void watch(void)
{
    host_watch(HOST_WATCH_CONSOLE, in >= 0 ? in : listener, false);
}

static bool open_terminal(void)
{
    struct termios raw;
    in = out = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (in < 0 || grantpt(in) != 0 || unlockpt(in) != 0)
        return false;
    terminal = open(ptsname(in), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0 || tcgetattr(terminal, &raw) != 0)
        return false;
    cfmakeraw(&raw);
    (void)tcsetattr(terminal, TCSANOW, &raw);
    printf("console %s\n", ptsname(in));
    return true;
}

static bool open_port(const char *port)
{
    int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0)
        return false;
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0)
        return false;
    printf("console tcp:%u\n", ntohs(at.sin_port));
    return true;
}

bool host_console_open(const char *where)
{
    bool opened = true;
    if (where == NULL)
        return true;
    if (strcmp(where, "pty") == 0) {
        opened = open_terminal();
    } else if (strncmp(where, "tcp:", 4) == 0) {
        opened = open_port(where + 4);
    } else {
        in = STDIN_FILENO;
        out = STDOUT_FILENO;
        (void)fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
    }
    fflush(stdout);
    watch();
    return opened;
}

static void hang_up(void)
{
    if (listener >= 0 && in >= 0)
        close(in);
    in = out = -1;
    watch();
}

/* The newest caller has the line: one that went without a word must not keep it. */
static void welcome(void)
{
    int caller = listener >= 0 ? accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
    if (caller < 0)
        return;
    hang_up();
    in = out = caller;
    watch();
}

size_t port_console_read(char *text, size_t cap)
{
    welcome();
    if (in < 0)
        return 0;
    ssize_t n = read(in, text, cap);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR && errno != EIO))
        hang_up();
    return n > 0 ? (size_t)n : 0;
}

void port_console_write(const char *text, size_t len)
{
    while (out >= 0 && len > 0) {
        ssize_t n = write(out, text, len);
        if (n <= 0)
            return; /* nobody reads: a line is lost rather than the audio late */
        text += n;
        len -= (size_t)n;
    }
}

void host_console_close(void)
{
    hang_up();
    if (listener >= 0)
        close(listener);
    if (terminal >= 0)
        close(terminal);
    listener = terminal = -1;
    host_watch(HOST_WATCH_CONSOLE, -1, false);
}
