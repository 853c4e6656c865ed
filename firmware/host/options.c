#define _GNU_SOURCE
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "voicesim [options]: a device without the board\n"
    "  --gateway URL        http://127.0.0.1:7860; without it, one is looked for by mDNS\n"
    "  --key-file FILE      this device's key; or $VOICEGW_KEY, or one stored before\n"
    "  --ca FILE            PEM of the gateway's CA or certificate, for https\n"
    "  --fingerprint HEX    or the SHA-256 of its public key or certificate, or two of them with a comma\n"
    "  --store DIR          where settings live (default: ./voicesim-store)\n"
    "  --name NAME          what it calls itself on the LAN\n"
    "  --interface NAME     of mDNS, say lo (default: all)\n"
    "  --wifi NAME:PASSWORD the one network in reach, which it has to be told; '': there is none (default: "
    "it "
    "needs none)\n"
    "  --talk MODE          auto, always, push or half\n"
    "  --console WHERE      pty, tcp:PORT (0: any free one), or - for the standard streams\n"
    "  --mic FILE           16-bit WAV to speak once live, then silence\n"
    "  --speaker FILE       WAV to write what it plays to\n"
    "  --room LIST          its microphone hears its speaker: level=-10 (dB), delay=20 (ms), decay=150 "
    "(ms),\n"
    "                       clip=100 (percent), drift=0 (ppm); any may be left out\n"
    "  --ask FILE           ask this question, print what came back, end\n"
    "  --flash FILE         a board's flash image: it says which board, and updates go there\n"
    "  --slot N             0 or 1: the image in it that runs (default: the one that would boot)\n"
    "  --fw VERSION         of the firmware that this plays (default: what its image says)\n"
    "  --reset REASON       why it started: power_on (the default), button, software, panic, watchdog, "
    "brownout\n"
    "  --reboot-exits       with status 3 instead of starting over: another program plays the bootloader\n"
    "  --count N            that many devices at once, each with a store of its own\n"
    "  --verbose, --quiet\n";

static bool read_file(const char *path, char *text, size_t cap)
{
    FILE *file = fopen(path, "re");
    size_t len = file != NULL ? fread(text, 1, cap - 1, file) : 0;
    bool whole = file != NULL && !ferror(file) && fgetc(file) == EOF;
    if (file != NULL)
        fclose(file);
    text[len] = '\0';
    if (!whole)
        fprintf(stderr, "voicesim: cannot read %s, or it is too long\n", path);
    return whole;
}

static bool read_key(struct options *options, const char *path)
{
    const char *given = getenv("VOICEGW_KEY");
    if (path != NULL && !read_file(path, options->key, sizeof options->key))
        return false;
    if (path == NULL && given != NULL)
        (void)snprintf(options->key, sizeof options->key, "%s", given);
    options->key[strcspn(options->key, "\r\n")] = '\0';
    return true;
}

static enum port_reset reset_of(const char *name)
{
    static const char *const names[] = {
        [PORT_RESET_POWER_ON] = "power_on", [PORT_RESET_BUTTON] = "button",
        [PORT_RESET_SOFTWARE] = "software", [PORT_RESET_PANIC] = "panic",
        [PORT_RESET_WATCHDOG] = "watchdog", [PORT_RESET_BROWNOUT] = "brownout"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return (enum port_reset)i;
    return PORT_RESET_UNKNOWN;
}

static void take(struct options *o, int letter, const char **key_file)
{
    switch (letter) {
    case 'g':
        o->gateway = optarg;
        break;
    case 'k':
        *key_file = optarg;
        break;
    case 'C':
        o->ca = optarg;
        break;
    case 'f':
        o->fingerprint = optarg;
        break;
    case 's':
        o->host.store = optarg;
        break;
    case 'n':
        o->name = optarg;
        break;
    case 't':
        o->talk = optarg;
        break;
    case 'c':
        o->host.console = optarg;
        break;
    case 'm':
        o->audio.microphone = optarg;
        break;
    case 'S':
        o->audio.speaker = optarg;
        break;
    case 'R':
        o->audio.room = optarg;
        o->host.echoes = true;
        break;
    case 'a':
        o->ask = optarg;
        break;
    case 'N':
        o->count = atoi(optarg);
        break;
    case 'I':
        o->interface = optarg;
        break;
    case 'i':
        o->host.id = optarg;
        break;
    case 'F':
        o->host.flash = optarg;
        break;
    case 'l':
        o->host.slot = optarg[0] == '1';
        break;
    case 'w':
        o->host.version = optarg;
        break;
    case 'r':
        o->host.reset = reset_of(optarg);
        break;
    case 'x':
        o->host.reboot_exits = true;
        break;
    case 'W':
        o->host.wifi = optarg;
        break;
    case 'v':
        o->level = PORT_DEBUG;
        break;
    case 'q':
        o->level = PORT_ERROR;
        break;
    default:
        break;
    }
}

bool options_read(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        {"gateway", required_argument, NULL, 'g'},
        {"key-file", required_argument, NULL, 'k'},
        {"ca", required_argument, NULL, 'C'},
        {"fingerprint", required_argument, NULL, 'f'},
        {"store", required_argument, NULL, 's'},
        {"name", required_argument, NULL, 'n'},
        {"talk", required_argument, NULL, 't'},
        {"console", required_argument, NULL, 'c'},
        {"mic", required_argument, NULL, 'm'},
        {"speaker", required_argument, NULL, 'S'},
        {"room", required_argument, NULL, 'R'},
        {"ask", required_argument, NULL, 'a'},
        {"count", required_argument, NULL, 'N'},
        {"interface", required_argument, NULL, 'I'},
        {"id", required_argument, NULL, 'i'},
        {"flash", required_argument, NULL, 'F'},
        {"slot", required_argument, NULL, 'l'},
        {"fw", required_argument, NULL, 'w'},
        {"reset", required_argument, NULL, 'r'},
        {"reboot-exits", no_argument, NULL, 'x'},
        {"wifi", required_argument, NULL, 'W'},
        {"verbose", no_argument, NULL, 'v'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *key_file = NULL;
    memset(o, 0, sizeof *o);
    o->host.store = "voicesim-store";
    o->host.slot = -1;
    o->count = 1;
    o->level = PORT_INFO;
    for (int letter; (letter = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (letter == '?' || letter == 'h') {
            fputs(usage, letter == 'h' ? stdout : stderr);
            return false;
        }
        take(o, letter, &key_file);
    }
    o->audio.waits = o->ask != NULL;
    if (o->ask != NULL)
        o->audio.microphone = o->ask;
    if (o->count < 1 || o->count > 1000 || optind < argc) {
        fputs(usage, stderr);
        return false;
    }
    return read_key(o, key_file);
}

static bool store(const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return true;
    if (port_kv_set(name, (const uint8_t *)value, strlen(value)) == PORT_OK)
        return true;
    fprintf(stderr, "voicesim: cannot store %s\n", name);
    return false;
}

bool options_store(const struct options *o)
{
    char ca[PORT_KV_VALUE_MAX + 1] = "";
    if (o->ca != NULL && !read_file(o->ca, ca, sizeof ca))
        return false;
    return store("gateway", o->gateway) && store("key", o->key) && store("name", o->name) &&
           store("ca", ca) && store("fingerprint", o->fingerprint) && store("talk", o->talk);
}
