/* echo ADDRESS PORT: calls a gateway that plays back what it hears, with a tone of 440 Hz, and tells whether
 * the tone comes home. One thread, one socket. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <math.h>
#include <opus/opus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"
#include "signal_http.h"

enum { RATE = 16000, FRAME = RATE / 50, SECONDS = 10 };

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void fill_random(void *user, uint8_t *out, size_t len)
{
    if (getrandom(out, len, 0) != (ssize_t)len)
        abort();
    (void)user;
}

static bool call(struct peer *p, const struct sockaddr_in *gateway)
{
    static char sdp[4096], answer[8192];
    if (peer_offer(p, sdp, sizeof sdp) != PEER_OK || !signal_offer(gateway, sdp, answer, sizeof answer))
        return fprintf(stderr, "the gateway refuses: %s\n", answer), false;
    enum peer_error error = peer_set_answer(p, now_us(), answer);
    if (error != PEER_OK)
        fprintf(stderr, "%s\n", peer_error_text(error));
    return error == PEER_OK;
}

/* Does most of a frame's energy lie at 440 Hz? */
static bool is_tone(const int16_t *pcm)
{
    double re = 0, im = 0, all = 0;
    for (int i = 0; i < FRAME; i++) {
        re += pcm[i] * cos(2 * M_PI * 440 * i / RATE);
        im += pcm[i] * sin(2 * M_PI * 440 * i / RATE);
        all += (double)pcm[i] * pcm[i];
    }
    return all > 1e6 && 2 * (re * re + im * im) / FRAME > 0.8 * all;
}

static bool drain(struct peer *p, int s, uint64_t *due)
{
    struct peer_out out;
    for (peer_poll(p, now_us(), &out); out.type != PEER_OUT_TIMEOUT; peer_poll(p, now_us(), &out)) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(out.remote.port)};
        memcpy(&to.sin_addr, out.remote.ip, 4);
        if (out.type == PEER_OUT_TRANSMIT)
            (void)sendto(s, out.data, out.len, 0, (struct sockaddr *)&to, sizeof to);
        else if (out.event.type == PEER_EVENT_CLOSED)
            return false;
    }
    *due = out.timeout;
    return true;
}

static void receive(struct peer *p, int s)
{
    uint8_t data[2048];
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    ssize_t n = recvfrom(s, data, sizeof data, 0, (struct sockaddr *)&from, &len);
    struct peer_address remote = {.family = 4, .port = ntohs(from.sin_port)};
    memcpy(remote.ip, &from.sin_addr, 4);
    peer_handle_datagram(p, now_us(), NULL, &remote, data, n > 0 ? (size_t)n : 0);
}

static bool run(struct peer *p, int s, OpusEncoder *encoder, OpusDecoder *decoder)
{
    int16_t pcm[FRAME];
    uint8_t opus[400];
    uint64_t end = now_us() + SECONDS * 1000000ull, frame = now_us(), due;
    for (int heard = 0, at = 0; now_us() < end && drain(p, s, &due);) {
        struct pollfd fd = {.fd = s, .events = POLLIN};
        due = due < frame ? due : frame;
        if (poll(&fd, 1, due > now_us() ? (int)((due - now_us() + 999) / 1000) : 0) > 0)
            receive(p, s);
        peer_handle_timeout(p, now_us());
        for (; frame <= now_us() && drain(p, s, &due); frame += 20000) {
            struct peer_audio a;
            if (peer_next_audio(p, now_us(), &a) == PEER_OK && a.kind != PEER_AUDIO_WAIT &&
                opus_decode(decoder, a.data, (int)a.len, pcm, FRAME, a.kind == PEER_AUDIO_FEC) == FRAME &&
                is_tone(pcm) && ++heard == 50)
                return true; /* a second of it */
            for (int i = 0; i < FRAME; i++, at++)
                pcm[i] = (int16_t)(8000 * sin(2 * M_PI * 440 * at / RATE));
            int n = opus_encode(encoder, pcm, FRAME, opus, sizeof opus);
            (void)peer_send_audio(p, now_us(), opus, n > 0 ? (size_t)n : 0);
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static struct peer_storage storage;
    static struct peer_identity identity;
    struct sockaddr_in gateway = {.sin_family = AF_INET}, mine;
    struct peer_random random = {fill_random, NULL};
    struct peer_config config = {
        .random = random, .identity = &identity, .audio = true, .data = true, .fec = true};
    struct peer_address local = {.family = 4};
    socklen_t len = sizeof mine;
    int s = socket(AF_INET, SOCK_DGRAM, 0), probe = socket(AF_INET, SOCK_DGRAM, 0), error;
    if (argc != 3 || inet_pton(AF_INET, argv[1], &gateway.sin_addr) != 1)
        return fprintf(stderr, "usage: echo ADDRESS PORT\n"), 2;
    gateway.sin_port = htons((uint16_t)atoi(argv[2]));
    connect(probe, (struct sockaddr *)&gateway,
            sizeof gateway); /* sends nothing; tells which address we use */
    getsockname(probe, (struct sockaddr *)&mine, &len);
    mine.sin_port = 0;
    bind(s, (struct sockaddr *)&mine, sizeof mine);
    getsockname(s, (struct sockaddr *)&mine, &len);
    memcpy(local.ip, &mine.sin_addr, 4);
    local.port = ntohs(mine.sin_port);
    OpusEncoder *encoder = opus_encoder_create(RATE, 1, OPUS_APPLICATION_VOIP, &error);
    OpusDecoder *decoder = opus_decoder_create(RATE, 1, &error);
    struct peer *p =
        peer_identity_make(&identity, &random) == PEER_OK ? peer_create(&storage, &config) : NULL;
    bool heard = p != NULL && peer_add_local_address(p, &local) == PEER_OK && call(p, &gateway) &&
                 run(p, s, encoder, decoder);
    puts(heard ? "heard the echo" : "no echo");
    if (p != NULL)
        peer_destroy(p);
    opus_encoder_destroy(encoder);
    opus_decoder_destroy(decoder);
    return heard ? 0 : 1;
}
