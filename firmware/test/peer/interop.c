/* A peer on a real socket, driven line by line over standard input, for the tests against other stacks.
 *
 *   interop [--answer] [--no-audio] [--no-data] [--tone HZ | --silent] [--bind IP]
 *
 * Out: "offer SDP", "answer SDP" (line ends as \n), "event NAME ...", "message CHANNEL text|binary HEX",
 *      "tone HZ RMS" each second, "stats k=v ...", "error TEXT".
 * In:  "offer SDP", "answer SDP", "candidate TEXT", "open LABEL", "send CHANNEL TEXT", "restart", "stats",
 *      "close". */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <opus/opus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define RATE 16000
#define FRAME 320

struct program {
    struct peer_storage storage;
    struct peer_identity identity;
    struct peer *peer;
    struct peer_address local;
    int socket;
    bool done, live, no_audio, no_data;
    bool silent; /* sends one ready-made packet for ever, and decodes nothing */
    double tone, phase;
    uint64_t next_frame;
    OpusEncoder *encoder;
    OpusDecoder *decoder;
    int16_t heard[RATE];
    int heard_count;
    char line[65536];
    size_t line_len;
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void fill_random(void *user, uint8_t *out, size_t len)
{
    (void)user;
    if (getrandom(out, len, 0) != (ssize_t)len)
        abort();
}

static void print_sdp(const char *kind, const char *sdp)
{
    printf("%s ", kind);
    for (; *sdp != '\0'; sdp++) {
        if (*sdp == '\n')
            printf("\\n");
        else if (*sdp != '\r')
            putchar(*sdp);
    }
    putchar('\n');
}

static void unescape(char *sdp)
{
    char *to = sdp;
    for (const char *from = sdp; *from != '\0'; from++) {
        if (from[0] == '\\' && from[1] == 'n') {
            *to++ = '\r'; /* two characters for two */
            *to++ = '\n';
            from++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static void report(const char *what, enum peer_error error)
{
    if (error != PEER_OK)
        printf("error %s: %s\n", what, peer_error_text(error));
}

static void make_offer(struct program *g)
{
    char sdp[4096];
    enum peer_error error = peer_offer(g->peer, sdp, sizeof sdp);
    report("offer", error);
    if (error == PEER_OK)
        print_sdp("offer", sdp);
}

static void take_offer(struct program *g, char *sdp)
{
    char answer[4096];
    unescape(sdp);
    enum peer_error error = peer_set_offer(g->peer, now_us(), sdp);
    if (error == PEER_OK)
        error = peer_answer(g->peer, answer, sizeof answer);
    report("offer", error);
    if (error == PEER_OK)
        print_sdp("answer", answer);
}

static void print_stats(struct program *g)
{
    struct peer_stats s;
    struct rusage usage;
    peer_get_stats(g->peer, &s);
    getrusage(RUSAGE_SELF, &usage);
    printf("stats rtt_us=%u sent=%u received=%u lost=%d jitter_us=%u remote_lost=%d rejected=%u buffer_us=%u "
           "concealed=%u cpu_us=%ld rss_kb=%ld\n",
           s.rtt_us, s.sent_packets, s.received_packets, s.lost_packets, s.jitter_us, s.remote_lost_packets,
           s.rejected, s.buffer_us, s.concealed,
           usage.ru_utime.tv_sec * 1000000L + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1000000L +
               usage.ru_stime.tv_usec,
           usage.ru_maxrss);
}

static void command(struct program *g, char *line)
{
    char *rest = strchr(line, ' ');
    rest = rest != NULL ? rest + 1 : line + strlen(line);
    if (strncmp(line, "offer", 5) == 0) {
        take_offer(g, rest);
    } else if (strncmp(line, "answer", 6) == 0) {
        unescape(rest);
        report("answer", peer_set_answer(g->peer, now_us(), rest));
    } else if (strncmp(line, "candidate", 9) == 0) {
        report("candidate", peer_add_remote_candidate(g->peer, rest));
    } else if (strncmp(line, "open", 4) == 0) {
        uint16_t channel;
        report("open", peer_open_channel(g->peer, rest, &channel));
    } else if (strncmp(line, "send", 4) == 0) {
        char *text;
        uint16_t channel = (uint16_t)strtoul(rest, &text, 10);
        text += *text == ' ';
        report("send", peer_send_message(g->peer, channel, true, (const uint8_t *)text, strlen(text)));
    } else if (strncmp(line, "restart", 7) == 0) {
        report("restart", peer_restart_ice(g->peer));
        make_offer(g);
    } else if (strncmp(line, "stats", 5) == 0) {
        print_stats(g);
    } else if (strncmp(line, "close", 5) == 0) {
        peer_close(g->peer);
    }
}

static void read_commands(struct program *g)
{
    ssize_t n = read(STDIN_FILENO, g->line + g->line_len, sizeof g->line - 1 - g->line_len);
    if (n <= 0) {
        g->done = true;
        return;
    }
    g->line_len += (size_t)n;
    char *end;
    while ((end = memchr(g->line, '\n', g->line_len)) != NULL) {
        size_t used = (size_t)(end - g->line) + 1;
        *end = '\0';
        command(g, g->line);
        memmove(g->line, g->line + used, g->line_len - used);
        g->line_len -= used;
    }
}

static void print_event(struct program *g, const struct peer_event *e)
{
    static const char *const names[] = {
        [PEER_EVENT_ICE_CONNECTED] = "ice-connected",
        [PEER_EVENT_CONNECTED] = "connected",
        [PEER_EVENT_LOCAL_CANDIDATE] = "candidate",
        [PEER_EVENT_CHANNEL_OPEN] = "channel-open",
        [PEER_EVENT_CHANNEL_CLOSED] = "channel-closed",
        [PEER_EVENT_CONSENT_LOST] = "consent-lost",
        [PEER_EVENT_DATA_CLOSED] = "data-closed",
        [PEER_EVENT_REMOTE_BYE] = "remote-bye",
        [PEER_EVENT_CLOSED] = "closed",
    };
    if (e->type == PEER_EVENT_MESSAGE) {
        printf("message %u %s ", e->channel, e->is_text ? "text" : "binary");
        for (size_t i = 0; i < e->len; i++)
            printf("%02x", e->data[i]);
        printf("\n");
        return;
    }
    printf("event %s", names[e->type]);
    if (e->type == PEER_EVENT_CHANNEL_OPEN || e->type == PEER_EVENT_LOCAL_CANDIDATE)
        printf(" %u %.*s", e->channel, (int)e->len, (const char *)e->data);
    if (e->type == PEER_EVENT_CLOSED)
        printf(" %d", e->reason);
    printf("\n");
    g->live |= e->type == PEER_EVENT_CONNECTED;
    g->done |= e->type == PEER_EVENT_CLOSED;
}

static void transmit(struct program *g, const struct peer_out *out)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(out->remote.port)};
    memcpy(&to.sin_addr, out->remote.ip, 4);
    (void)sendto(g->socket, out->data, out->len, 0, (struct sockaddr *)&to, sizeof to);
}

static uint64_t drain(struct program *g)
{
    struct peer_out out;
    for (;;) {
        peer_poll(g->peer, now_us(), &out);
        if (out.type == PEER_OUT_TIMEOUT)
            return out.timeout;
        if (out.type == PEER_OUT_EVENT)
            print_event(g, &out.event);
        else
            transmit(g, &out);
    }
}

static void receive(struct program *g)
{
    uint8_t data[2048];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t n = recvfrom(g->socket, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
    if (n < 0)
        return;
    struct peer_address remote = {.family = 4, .port = ntohs(from.sin_port)};
    memcpy(remote.ip, &from.sin_addr, 4);
    peer_handle_datagram(g->peer, now_us(), &g->local, &remote, data, (size_t)n);
}

/* The strongest of the multiples of 20 Hz. */
static void print_tone(const int16_t *pcm, int count)
{
    double best = 0, best_hz = 0, square = 0;
    for (int hz = 100; hz <= 2000; hz += 20) {
        double re = 0, im = 0;
        for (int i = 0; i < count; i++) {
            re += pcm[i] * cos(2 * M_PI * hz * i / RATE);
            im += pcm[i] * sin(2 * M_PI * hz * i / RATE);
        }
        if (re * re + im * im > best) {
            best = re * re + im * im;
            best_hz = hz;
        }
    }
    for (int i = 0; i < count; i++)
        square += (double)pcm[i] * pcm[i];
    printf("tone %.0f %.0f\n", best_hz, sqrt(square / count));
}

static void hear(struct program *g)
{
    struct peer_audio audio;
    int16_t pcm[FRAME * 6];
    if (peer_next_audio(g->peer, now_us(), &audio) != PEER_OK || audio.kind == PEER_AUDIO_WAIT)
        return;
    if (g->silent)
        return;
    bool conceal = audio.kind == PEER_AUDIO_CONCEAL, fec = audio.kind == PEER_AUDIO_FEC;
    int room = conceal || fec ? FRAME : FRAME * 6;
    int n = opus_decode(g->decoder, conceal ? NULL : audio.data, conceal ? 0 : (opus_int32)audio.len, pcm,
                        room, fec);
    for (int i = 0; i < n && g->heard_count < RATE; i++)
        g->heard[g->heard_count++] = pcm[i];
    if (g->heard_count == RATE) {
        print_tone(g->heard, RATE);
        g->heard_count = 0;
    }
}

static void speak(struct program *g)
{
    static const uint8_t ready[60] = {9 << 3};
    int16_t pcm[FRAME];
    uint8_t opus[400];
    if (g->silent) {
        (void)peer_send_audio(g->peer, now_us(), ready, sizeof ready);
        return;
    }
    for (int i = 0; i < FRAME; i++) {
        pcm[i] = (int16_t)(8000 * sin(g->phase));
        g->phase += 2 * M_PI * g->tone / RATE;
    }
    int n = opus_encode(g->encoder, pcm, FRAME, opus, sizeof opus);
    if (n > 0)
        (void)peer_send_audio(g->peer, now_us(), opus, (size_t)n);
}

static uint64_t tick(struct program *g)
{
    uint64_t now = now_us();
    if (!g->live || g->no_audio)
        return PEER_NEVER;
    if (g->next_frame == 0)
        g->next_frame = now;
    while (g->next_frame <= now) {
        g->next_frame += 20000;
        hear(g);
        if (g->tone > 0 || g->silent)
            speak(g);
        drain(g);
    }
    return g->next_frame;
}

static void run(struct program *g)
{
    while (!g->done) {
        uint64_t due = drain(g), frame = tick(g), now = now_us();
        due = drain(g);
        due = due < frame ? due : frame;
        fflush(stdout);
        if (g->done)
            return;
        int wait = due <= now ? 0 : due - now > 60000000 ? 60000 : (int)((due - now + 999) / 1000);
        struct pollfd fds[2] = {{.fd = g->socket, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
        (void)poll(fds, 2, wait);
        if (fds[0].revents)
            receive(g);
        drain(g);
        if (fds[1].revents)
            read_commands(g);
        peer_handle_timeout(g->peer, now_us());
    }
}

static bool set_up(struct program *g, const char *ip)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    struct peer_random random = {fill_random, NULL};
    inet_pton(AF_INET, ip, &at.sin_addr);
    g->socket = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(g->socket, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(g->socket, (struct sockaddr *)&at, &len) != 0)
        return false;
    if (peer_identity_make(&g->identity, &random) != PEER_OK ||
        !peer_address_parse(&g->local, ip, ntohs(at.sin_port)))
        return false;
    struct peer_config config = {
        .random = random, .identity = &g->identity, .audio = !g->no_audio, .data = !g->no_data, .fec = true};
    g->peer = peer_create(&g->storage, &config);
    int error;
    g->encoder = opus_encoder_create(RATE, 1, OPUS_APPLICATION_VOIP, &error);
    g->decoder = opus_decoder_create(RATE, 1, &error);
    return g->peer != NULL && peer_add_local_address(g->peer, &g->local) == PEER_OK;
}

int main(int argc, char **argv)
{
    static struct program g;
    const char *ip = "127.0.0.1";
    bool answer = false;
    for (int i = 1; i < argc; i++) {
        answer |= strcmp(argv[i], "--answer") == 0;
        g.no_audio |= strcmp(argv[i], "--no-audio") == 0;
        g.no_data |= strcmp(argv[i], "--no-data") == 0;
        g.silent |= strcmp(argv[i], "--silent") == 0;
        if (strcmp(argv[i], "--tone") == 0 && i + 1 < argc)
            g.tone = atof(argv[++i]);
        else if (strcmp(argv[i], "--bind") == 0 && i + 1 < argc)
            ip = argv[++i];
    }
    if (!set_up(&g, ip))
        return 1;
    if (!answer)
        make_offer(&g);
    run(&g);
    peer_destroy(g.peer);
    opus_encoder_destroy(g.encoder);
    opus_decoder_destroy(g.decoder);
    close(g.socket);
    return 0;
}
