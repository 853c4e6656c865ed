/* The simulated device: the firmware's own code on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "options.h"
#include "port_mdns.h"
#include "relay.h"
#include "voice.h"

#define REBOOTED 3 /* exit status */

static volatile sig_atomic_t ended;

static void end(int signal)
{
    (void)signal;
    ended = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = end};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* True after a block of audio. */
static bool turn(void)
{
    uint64_t next = voice_net_step(), audio = voice_audio_due();
    if (audio <= port_clock()) {
        voice_audio_capture();
        do /* the block just captured goes out, the one to play comes in */
            (void)voice_net_step();
        while (!voice_audio_play());
        return true;
    }
    port_net_wait(next < audio ? next : audio);
    return false;
}

/* From power-on, or from a reboot, to the next one. */
static bool run_once(const struct options *options)
{
    bool over = false;
    if (options->ask != NULL)
        ask_start();
    voice_start(options->ask != NULL ? ask_listen : NULL);
    while (!ended && !over && !host_reboot_wanted())
        if (turn() && options->ask != NULL)
            over = ask_step();
    bool answered = options->ask == NULL || ask_report();
    voice_stop();
    return answered;
}

static int run(const struct options *options)
{
    bool answered;
    host_store_open(options->host.store);
    if (!host_flash_open(options->host.flash, options->host.slot))
        return 2;
    host_system_init(&options->host);
    host_mdns_only(options->interface);
    port_log_level((enum port_level)options->level);
    relay_add();
    if (!host_wifi(options->host.wifi) || !options_store(options) ||
        !host_console_open(options->host.console) || host_audio_open(&options->audio) != PORT_OK)
        return 2;
    bool exits = options->host.reboot_exits;
    do
        answered = run_once(options);
    while (!ended && !exits && host_restart()); /* console and sound stay: the board is plugged into them */
    bool rebooted = exits && !ended && host_reboot_wanted();
    host_audio_close();
    host_console_close();
    host_mdns_close();
    host_flash_close();
    return rebooted ? REBOOTED : answered ? 0 : 1;
}

static void become(struct options *options, int number)
{
    static char store[4096], speaker[4096];
    (void)mkdir(options->host.store, 0700);
    (void)snprintf(store, sizeof store, "%s/%03d", options->host.store, number);
    options->host.store = store;
    if (options->audio.speaker != NULL) {
        (void)snprintf(speaker, sizeof speaker, "%s.%03d.wav", options->audio.speaker, number);
        options->audio.speaker = speaker;
    }
}

static int start_child(const struct options *options, int number)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    struct options own = *options;
    become(&own, number);
    exit(run(&own));
}

static int run_many(const struct options *options)
{
    pid_t children[1000];
    int worst = 0, status;
    for (int i = 0; i < options->count; i++)
        children[i] = start_child(options, i);
    for (int left = options->count; left > 0;) {
        pid_t child = wait(&status);
        if (child < 0 && errno == EINTR && ended)
            for (int i = 0; i < options->count; i++)
                (void)kill(children[i], SIGTERM);
        else if (child < 0 && errno != EINTR)
            break;
        if (child > 0) {
            left--;
            worst = WIFEXITED(status) && WEXITSTATUS(status) <= worst ? worst
                    : WIFEXITED(status)                               ? WEXITSTATUS(status)
                                                                      : 3;
        }
    }
    return worst;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!options_read(&options, argc, argv))
        return 2;
    catch_signals();
    return options.count > 1 ? run_many(&options) : run(&options);
}
