/* What the parts of the Linux port share among themselves and with main.c. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "port.h"

struct host_options {
    const char *store;   /* directory of the key-value store */
    const char *console; /* NULL: none; "-": standard streams; "pty"; "tcp:PORT" */
    const char *wifi;    /* "NAME:PASSWORD" of the network in reach, "": none is, NULL: needs none */
    const char *id;      /* 12 hex digits, NULL: made from the store's path */
    bool echoes;         /* its microphone hears its speaker, and nothing is done about that here */
    const char *flash;   /* image of a board's flash, NULL: none, and no updates */
    const char *version; /* of the firmware, NULL: what the image in the slot says, else this build's */
    int slot;            /* the image that runs: 0 or 1; -1: the one that the bootloader would start */
    bool reboot_exits;   /* a reboot ends the program: another one plays the bootloader */
    enum port_reset reset;
};

void host_store_open(const char *directory);
bool host_console_open(const char *where); /* prints where it listens */
void host_console_close(void);
void host_system_init(const struct host_options *options);
bool host_reboot_wanted(void);
bool host_restart(void); /* true if one was wanted: from now on we have been rebooted */

bool host_wifi(const char *network); /* false: too long */

/* port_ota.c. NULL where there is no flash image, or nothing that says it. */
bool host_flash_open(const char *path, int slot);
void host_flash_reboot(void);
void host_flash_close(void);
void host_flash_fail_after(uint32_t bytes); /* the power, until it is opened again: flash.h */
bool host_flash_has_power(void);
const char *host_flash_slot(void);
const char *host_flash_version(void);
const char *host_flash_board(void);
size_t host_flash_keys(const uint8_t (**keys)[32]);

/* watch.c: descriptors that port_net_wait() waits for. */
enum host_watch { HOST_WATCH_UDP, HOST_WATCH_STREAM, HOST_WATCH_MDNS, HOST_WATCH_CONSOLE, HOST_WATCH_COUNT };
void host_watch(enum host_watch which, int descriptor, bool write); /* -1: no more */
void host_watch_wait(uint64_t us);                                  /* for one of them, and no longer */

void host_log_quiet(bool quiet); /* with a console on the standard streams */

/* The system's address as port.h's; bsd.h has the way back. */
void host_from_sockaddr(const struct sockaddr_storage *from, struct port_address *address);

#endif
