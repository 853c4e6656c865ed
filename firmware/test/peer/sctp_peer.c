/* Our SCTP as a process, for tests against another implementation: frames on stdin and stdout.
 * A frame: kind (1 byte), channel (2), length (4), payload; big endian. In: `i` connect, `p` packet, `o` open
 * (label), `t`/`b` send text or binary, `c` close the channel, `s` shut down, `a` abort. Out: `p` packet,
 * `C` connected, `O` channel open (label), `T`/`B` message, `X` channel closed, `Z` closed (reason). */
#define _POSIX_C_SOURCE 200809L

#include "sctp/sctp.h"
#include "sctp/sctp_wire.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 7, LONGEST = 1 << 20 };

struct message {
    struct message *next;
    uint16_t channel;
    bool is_text;
    size_t len;
    uint8_t data[];
};

static struct sctp sctp;
static struct message *waiting, **waiting_end = &waiting;

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void fill_random(void *user, uint8_t *out, size_t len)
{
    (void)user;
    int fd = open("/dev/urandom", O_RDONLY);
    if (fd < 0 || read(fd, out, len) != (ssize_t)len)
        abort();
    close(fd);
}

static void put(char kind, uint16_t channel, const uint8_t *data, size_t len)
{
    uint8_t header[HEADER];
    struct buf_writer w = buf_writer(header, sizeof header);
    buf_put_u8(&w, (uint8_t)kind);
    buf_put_u16(&w, channel);
    buf_put_u32(&w, (uint32_t)len);
    fwrite(header, 1, w.len, stdout);
    if (len > 0)
        fwrite(data, 1, len, stdout);
}

static void put_event(const struct sctp_event *e)
{
    uint8_t reason = (uint8_t)e->reason;
    switch (e->type) {
    case SCTP_EVENT_CONNECTED:
        put('C', 0, NULL, 0);
        break;
    case SCTP_EVENT_CHANNEL_OPEN:
        put('O', e->channel, e->data, e->len);
        break;
    case SCTP_EVENT_MESSAGE:
        put(e->is_text ? 'T' : 'B', e->channel, e->data, e->len);
        break;
    case SCTP_EVENT_CHANNEL_CLOSED:
        put('X', e->channel, NULL, 0);
        break;
    case SCTP_EVENT_CLOSED:
        put('Z', 0, &reason, 1);
        break;
    }
}

static void send_waiting(void)
{
    while (waiting != NULL) {
        struct message *m = waiting;
        enum sctp_error e = sctp_send(&sctp, m->channel, m->is_text, m->data, m->len);
        if (e == SCTP_ERR_WOULD_BLOCK)
            return;
        if (e != SCTP_OK)
            fprintf(stderr, "send: error %d\n", e);
        waiting = m->next;
        if (waiting == NULL)
            waiting_end = &waiting;
        free(m);
    }
}

static void drain(void)
{
    struct sctp_event e;
    uint8_t packet[SCTP_PACKET_MAX];
    do {
        send_waiting();
        while (sctp_poll_event(&sctp, &e))
            put_event(&e);
        for (size_t len; (len = sctp_poll_transmit(&sctp, now_us(), packet, sizeof packet)) > 0;)
            put('p', 0, packet, len);
    } while (sctp_poll_event(&sctp, &e) ? (put_event(&e), true) : false);
    fflush(stdout);
}

static void queue(uint16_t channel, bool is_text, const uint8_t *data, size_t len)
{
    struct message *m = malloc(sizeof *m + len);
    if (m == NULL)
        abort();
    *m = (struct message){.channel = channel, .is_text = is_text, .len = len};
    memcpy(m->data, data, len);
    *waiting_end = m;
    waiting_end = &m->next;
}

static void obey(char kind, uint16_t channel, uint8_t *data, size_t len)
{
    switch (kind) {
    case 'i':
        sctp_connect(&sctp, now_us());
        break;
    case 'p':
        sctp_handle_packet(&sctp, now_us(), data, len);
        break;
    case 'o':
        data[len] = 0;
        sctp_open_channel(&sctp, (const char *)data, &channel);
        break;
    case 't':
    case 'b':
        queue(channel, kind == 't', data, len);
        break;
    case 'c':
        sctp_close_channel(&sctp, channel);
        break;
    case 's':
        sctp_shutdown(&sctp, now_us());
        break;
    case 'a':
        sctp_abort(&sctp);
        break;
    default:
        fprintf(stderr, "unknown frame %d\n", kind);
    }
}

static bool read_all(uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t n = read(STDIN_FILENO, out, len);
        if (n <= 0)
            return false;
        out += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_frame(void)
{
    static uint8_t data[LONGEST + 1];
    uint8_t header[HEADER];
    if (!read_all(header, sizeof header))
        return false;
    struct buf_reader r = buf_reader(header, sizeof header);
    char kind = (char)buf_u8(&r);
    uint16_t channel = buf_u16(&r);
    size_t len = buf_u32(&r);
    if (len > LONGEST || !read_all(data, len))
        return false;
    obey(kind, channel, data, len);
    return true;
}

static int wait_ms(void)
{
    uint64_t at = sctp_next_timeout(&sctp), now = now_us();
    if (at == CLOCK_NEVER)
        return -1;
    return at <= now ? 0 : (int)((at - now) / 1000) + 1;
}

int main(int argc, char **argv)
{
    struct sctp_config c = {.rng = {fill_random, NULL}, .heartbeat = CLOCK_MS(500)};
    c.dtls_client = argc > 1 && strcmp(argv[1], "client") == 0;
    sctp_init(&sctp, &c);
    for (;;) {
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(&in, 1, wait_ms()) < 0)
            return 1;
        if (in.revents != 0 && !read_frame())
            break;
        sctp_handle_timeout(&sctp, now_us());
        drain();
    }
    while (waiting != NULL) {
        struct message *m = waiting;
        waiting = m->next;
        free(m);
    }
    return 0;
}
