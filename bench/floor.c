/* The least that a call's media take: per packet recvfrom, SRTP unprotect, Opus decode, Opus encode, SRTP protect, sendto.
 *
 * floor PACKETS SESSIONS SECONDS BITRATE COMPLEXITY FEC LOSS
 * PACKETS: Opus packets, each behind its length in two bytes (big-endian). A child says them, every 20 ms for each
 * session, the sessions spread over the 20 ms. Prints CPU seconds per session and second.
 */
#include <arpa/inet.h>
#include <opus/opus.h>
#include <signal.h>
#include <srtp2/srtp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RATE = 16000, FRAME = 320, TICKS = 960, PERIOD_NS = 20000000, MAX_PACKET = 400, MAX_SESSIONS = 256, HEADER = 12 };

struct session {
    int ours, theirs; /* sockets, connected to each other */
    srtp_t in, out;
    OpusEncoder *encoder;
    OpusDecoder *decoder;
    uint16_t seq;
};

struct settings {
    int sessions, seconds, bitrate, complexity, fec, loss;
};

static uint8_t *packets;
static long packets_size;

static void require(int fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "floor: %s\n", what);
        exit(1);
    }
}

static void read_packets(const char *path)
{
    FILE *file = fopen(path, "rb");
    require(file != NULL, "no packets");
    fseek(file, 0, SEEK_END);
    packets_size = ftell(file);
    rewind(file);
    packets = malloc((size_t)packets_size);
    require(packets != NULL && fread(packets, 1, (size_t)packets_size, file) == (size_t)packets_size, "packets");
    fclose(file);
}

static int open_socket(struct sockaddr_in *at)
{
    socklen_t size = sizeof *at;
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    require(sock >= 0 && bind(sock, (struct sockaddr *)at, size) == 0, "socket");
    require(getsockname(sock, (struct sockaddr *)at, &size) == 0, "its name");
    return sock;
}

static srtp_t open_srtp(srtp_ssrc_type_t way)
{
    static uint8_t key[SRTP_MAX_KEY_LEN] = "thirty bytes of no secret here";
    srtp_policy_t policy = {.ssrc = {.type = way}, .key = key, .window_size = 128};
    srtp_crypto_policy_set_rtp_default(&policy.rtp);
    srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
    srtp_t made;
    require(srtp_create(&made, &policy) == srtp_err_status_ok, "SRTP");
    return made;
}

static void open_session(struct session *s, const struct settings *set)
{
    int error = OPUS_OK;
    struct sockaddr_in ours, theirs;
    s->ours = open_socket(&ours);
    s->theirs = open_socket(&theirs);
    require(connect(s->theirs, (struct sockaddr *)&ours, sizeof ours) == 0, "connect");
    s->in = open_srtp(ssrc_any_inbound);
    s->out = open_srtp(ssrc_any_outbound);
    s->encoder = opus_encoder_create(RATE, 1, OPUS_APPLICATION_VOIP, &error);
    require(error == OPUS_OK, "encoder");
    opus_encoder_ctl(s->encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    opus_encoder_ctl(s->encoder, OPUS_SET_BITRATE(set->bitrate));
    opus_encoder_ctl(s->encoder, OPUS_SET_COMPLEXITY(set->complexity));
    opus_encoder_ctl(s->encoder, OPUS_SET_INBAND_FEC(set->fec));
    opus_encoder_ctl(s->encoder, OPUS_SET_PACKET_LOSS_PERC(set->loss));
    s->decoder = opus_decoder_create(RATE, 1, &error);
    require(error == OPUS_OK, "decoder");
}

static void put_header(uint8_t *at, uint16_t seq)
{
    const uint32_t words[3] = {htonl(0x806F0000u | seq), htonl((uint32_t)seq * TICKS), htonl(6)};
    memcpy(at, words, HEADER);
}

/* What a device sends, and takes away what comes back. */
static void speak(struct session *all, const struct settings *set)
{
    struct timespec next;
    long at = 0;
    uint8_t packet[HEADER + MAX_PACKET + SRTP_MAX_TRAILER_LEN];
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (uint16_t seq = 0;; seq++) {
        int payload = packets[at] << 8 | packets[at + 1];
        require(payload <= MAX_PACKET, "a packet too long");
        for (int n = 0; n < set->sessions; n++) {
            next.tv_nsec += PERIOD_NS / set->sessions;
            if (next.tv_nsec >= 1000000000) {
                next.tv_nsec -= 1000000000;
                next.tv_sec++;
            }
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
            int size = HEADER + payload;
            put_header(packet, seq);
            memcpy(packet + HEADER, packets + at + 2, (size_t)payload);
            require(srtp_protect(all[n].in, packet, &size) == srtp_err_status_ok, "protect");
            send(all[n].theirs, packet, (size_t)size, 0);
            while (recv(all[n].theirs, packet, sizeof packet, MSG_DONTWAIT) > 0) {
            }
        }
        at += 2 + payload;
        at = at < packets_size ? at : 0;
    }
}

static void answer(struct session *s)
{
    uint8_t packet[2048];
    int16_t pcm[6 * FRAME];
    struct sockaddr_in from;
    socklen_t from_size = sizeof from;
    int size = (int)recvfrom(s->ours, packet, sizeof packet, 0, (struct sockaddr *)&from, &from_size);
    require(size > HEADER && srtp_unprotect(s->in, packet, &size) == srtp_err_status_ok, "unprotect");
    require(opus_decode(s->decoder, packet + HEADER, size - HEADER, pcm, 6 * FRAME, 0) == FRAME, "decode");
    int made = opus_encode(s->encoder, pcm, FRAME, packet + HEADER, MAX_PACKET);
    require(made > 0, "encode");
    put_header(packet, s->seq++);
    size = HEADER + made;
    require(srtp_protect(s->out, packet, &size) == srtp_err_status_ok, "protect");
    sendto(s->ours, packet, (size_t)size, 0, (struct sockaddr *)&from, from_size);
}

static double cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
        + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    require(argc == 8, "PACKETS SESSIONS SECONDS BITRATE COMPLEXITY FEC LOSS");
    struct settings set = {atoi(argv[2]), atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), atoi(argv[6]), atoi(argv[7])};
    static struct session all[MAX_SESSIONS];
    require(set.sessions > 0 && set.sessions <= MAX_SESSIONS && set.seconds > 0, "how many, how long");
    read_packets(argv[1]);
    require(srtp_init() == srtp_err_status_ok, "libsrtp");
    for (int n = 0; n < set.sessions; n++)
        open_session(&all[n], &set);
    pid_t us = getpid(), child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == us)
            speak(all, &set);
        _exit(1);
    }
    require(child > 0, "fork");
    alarm((unsigned)set.seconds * 3 + 10);
    for (int n = 0; n < set.sessions * 50; n++) /* a second to warm up in */
        answer(&all[n % set.sessions]);
    double before = cpu_seconds();
    for (int n = 0; n < set.sessions * set.seconds * 50; n++)
        answer(&all[n % set.sessions]);
    printf("%.7f\n", (cpu_seconds() - before) / set.sessions / set.seconds);
    kill(child, SIGKILL);
    return 0;
}
