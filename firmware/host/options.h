/* The simulated device's command line. Keys never stand in it: a file, the environment, or the store. */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

#include <stdbool.h>

#include "host.h"
#include "port_audio.h"

struct options {
    struct host_options host;
    struct host_audio audio;
    const char *gateway, *name, *ask, *ca, *fingerprint, *talk, *interface;
    char key[129];
    int count, level;
};

/* False: wrong, or --help; said already. */
bool options_read(struct options *options, int argc, char **argv);
/* What was given becomes settings of the store. */
bool options_store(const struct options *options);

#endif
