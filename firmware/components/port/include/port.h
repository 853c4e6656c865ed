/* The interface to hardware and operating system: everything that `voice` may ask of the board it runs on.
 * One implementation is linked in: port/esp on a chip, host/ on Linux, a fake in unit tests.
 *
 * Nothing here blocks unless it says so. Two tasks call it: net (everything but audio) and audio
 * (port_audio_*, port_clock, port_random, port_watchdog_feed, port_net_wake); on a host both are one thread.
 */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PORT_NEVER UINT64_MAX

enum port_error {
    PORT_OK = 0,
    PORT_AGAIN, /* nothing yet; not an error */
    PORT_END,   /* the other side has ended the stream */
    PORT_ERR_ARGUMENT,
    PORT_ERR_SPACE,       /* does not fit, or no memory */
    PORT_ERR_ABSENT,      /* no such key, or this board has no such part */
    PORT_ERR_IO,          /* flash, file or driver failed */
    PORT_ERR_RESOLVE,     /* no address for that name */
    PORT_ERR_UNREACHABLE, /* refused, no route, or reset */
    PORT_ERR_TLS,         /* handshake failed */
    PORT_ERR_TLS_PIN,     /* the certificate is not the pinned one, nor signed by the pinned CA */
};

/* ---- clock, randomness, log ---- */

uint64_t port_clock(void);                  /* microseconds, monotonic */
void port_random(uint8_t *out, size_t len); /* cryptographic; blocks or stops rather than fail */

enum port_level { PORT_ERROR, PORT_WARNING, PORT_INFO, PORT_DEBUG };
void port_log(enum port_level level, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void port_log_level(enum port_level most); /* what is beyond is dropped */

/* ---- the device itself ---- */

enum port_reset {
    PORT_RESET_POWER_ON,
    PORT_RESET_BUTTON, /* the reset pin, or a debugger */
    PORT_RESET_SOFTWARE,
    PORT_RESET_PANIC,
    PORT_RESET_WATCHDOG,
    PORT_RESET_BROWNOUT,
    PORT_RESET_DEEP_SLEEP,
    PORT_RESET_UNKNOWN,
};

#define PORT_FIRMWARE_KEYS 4u /* most that an image has */

struct port_facts {
    const char *board;   /* "host", "esp32-s3-box-3" */
    const char *version; /* of this firmware */
    const char *chip;    /* "ESP32-S3" */
    char id[13];         /* from the MAC address: stable over reflashing; lower-case hex */
    enum port_reset reset;
    bool has_speaker, has_microphone, has_echo_canceller, has_led, has_button, has_display;
    uint8_t opus_complexity;            /* what this chip can afford, 0 to 10 */
    const uint8_t (*firmware_keys)[32]; /* Ed25519, of the makers that this image takes the next from */
    size_t firmware_key_count;
    const char *slot; /* of the flash, that this firmware runs from: "ota_0"; empty where there is one */
};

const struct port_facts *port_facts(void);

struct port_figures {
    uint32_t heap_free, heap_least; /* bytes; least since boot. 0 where unknown */
    int8_t rssi;                    /* dBm, 0 where there is no radio */
    uint32_t stack_least;           /* bytes never used of the tightest task's stack, 0 unknown */
};

void port_get_figures(struct port_figures *figures);

/* For good, zeroed and aligned to 8, of the memory that costs no wait: asked for at the start, of parts whose
 * size the compiler does not know. NULL: there is not so much. */
void *port_memory(size_t size);

/* Takes effect when the caller returns to its task's loop, so that a reply can still go out. */
void port_reboot(void);
/* The text of the last panic, empty if none is kept. Returns its length. */
size_t port_crash_report(char *text, size_t cap);
void port_crash_erase(void);

/* ---- update: the slot of the flash that is not running (docs/protocol.md, update) ----
 *
 * Of the net task. These wait for the flash, as long as is said; while it erases or writes, most chips stop
 * whatever runs from flash, the audio too. */

#define PORT_OTA_PIECE 4096u /* a sector */

/* Opens the other slot for an image of `size` bytes; what boots does not change before port_ota_finish().
 * Begun again, it begins anew. Does not wait. PORT_ERR_ABSENT: there is no other slot. PORT_ERR_SPACE: it is
 * smaller than that. PORT_ERR_IO: flash failed, or the image that runs is still on trial. */
enum port_error port_ota_begin(size_t size);
/* Appends at most PORT_OTA_PIECE bytes, erasing what it comes to. Waits for a sector or two: 50 ms each, and
 * 400 ms on a bad day. After an error only port_ota_abort() or port_ota_begin() make sense. */
enum port_error port_ota_write(const uint8_t *data, size_t len);
/* Checks the image as the bootloader will, and makes it the one to boot next, on trial. Waits for about a
 * second. PORT_ERR_ARGUMENT: not whole, corrupted or of another chip: nothing has changed. */
enum port_error port_ota_finish(void);
void port_ota_abort(void);

/* This image has booted for the first time: unless it is marked valid, the next reset, port_reboot() too,
 * boots the one before. */
bool port_ota_on_trial(void);
enum port_error port_ota_mark_valid(void); /* waits for a sector */

enum port_task { PORT_TASK_NET, PORT_TASK_AUDIO, PORT_TASK_COUNT };
void port_watchdog_feed(enum port_task task);

/* ---- settings that survive: NVS namespace `voicegw` ---- */

#define PORT_KV_NAME_MAX 15    /* NVS's own limit */
#define PORT_KV_VALUE_MAX 1984 /* likewise: a string or blob that fits one page */

/* PORT_ERR_ABSENT if there is none, PORT_ERR_SPACE if it is longer than cap. */
enum port_error port_kv_get(const char *name, uint8_t *value, size_t cap, size_t *len);
enum port_error port_kv_set(const char *name, const uint8_t *value, size_t len); /* durable on return */
enum port_error port_kv_erase(const char *name);
/* Item by item, `last` after all others: where the power or an item fails, it still stands. */
enum port_error port_kv_erase_all(const char *last);

/* ---- network ---- */

struct port_address {
    uint8_t family; /* 4 or 6, 0 for none */
    uint8_t ip[16]; /* network order; IPv4 takes the first four bytes */
    uint16_t port;  /* host order */
};

/* Of one name or service, in the order in which to try them: those of our own subnet first. */
#define PORT_ADDRESSES 4u
struct port_addresses {
    unsigned count;
    struct port_address at[PORT_ADDRESSES];
};

enum port_link {
    PORT_LINK_DOWN,
    PORT_LINK_JOINING,
    PORT_LINK_UP,         /* there is an address */
    PORT_LINK_NO_NETWORK, /* no access point of that name */
    PORT_LINK_REFUSED,    /* wrong password */
    PORT_LINK_NO_ADDRESS, /* no answer from DHCP */
};

/* Joins, and keeps rejoining by itself. Empty ssid where the board needs none (Ethernet, a host). */
enum port_error port_link_join(const char *ssid, const char *password);
enum port_link port_link_state(void);
bool port_link_needs_ssid(void);
/* The access points around: starts to look for them, anew each time; takes seconds, in which a call may
 * falter. PORT_ERR_ABSENT: no radio. */
struct port_network {
    char ssid[33];
    int8_t rssi; /* dBm */
    bool open;   /* asks for no password */
};
enum port_error port_link_scan(void);
/* The next one found, strongest first and each name once. PORT_AGAIN: not yet. PORT_END: that was all. */
enum port_error port_link_seen(struct port_network *network);
/* In a call: radio awake (WIFI_PS_NONE). Else it may doze. */
void port_link_busy(bool busy);

/* Waits, in the net task, until something of the network or console can be read, port_net_wake() was called,
 * or `deadline` (port_clock) has come. Blocks. */
void port_net_wait(uint64_t deadline);
void port_net_wake(void); /* from any task */

/* The one UDP socket of a call. Opening again closes the old one. `local` gets the address that routes to
 * `toward`, and the socket's port. */
enum port_error port_udp_open(const struct port_address *toward, struct port_address *local);
void port_udp_close(void);
/* PORT_AGAIN when the queue is full: the datagram is lost, as on any network. */
enum port_error port_udp_send(const struct port_address *remote, const uint8_t *data, size_t len);
enum port_error port_udp_receive(struct port_address *remote, uint8_t *data, size_t cap, size_t *len);

#define PORT_HOST_MAX 128u /* bytes of a name, with its NUL */

/* The one outgoing byte stream: TCP, or TLS over it. Resolving, connecting, handshake: PORT_AGAIN until it
 * has happened, or PORT_ERR_RESOLVE if no name server has answered in 9 s; with `addresses` there is nothing
 * to resolve. Of several addresses the next is tried where one refuses, has not answered in 2 s, has not done
 * TLS in 3 s, or is not who is expected; of their errors it is the last in the list above that is told. Where
 * the first byte of a reply takes 3 s, it is unreachable as well, and the next open begins with the next:
 * nothing is sent twice in here. The last of them is waited for. One name is looked up at a time: what
 * comes of it after a close, or the next open, nobody hears.
 */
struct port_stream_target {
    const char *host; /* name or address without brackets */
    uint16_t port;
    bool tls;
    const char *ca_pem; /* TLS: trust this CA (or self-signed certificate), NULL for none */
    /* TLS: or one of these: the SHA-256 of the server's public key or of its certificate, 32 bytes each. With
     * neither it takes whoever it meets, and port_stream_pin() says who that was. */
    const uint8_t *pins;
    size_t pin_count;
    const struct port_addresses *addresses; /* where `host` is known to be, NULL: resolve it */
    bool again;   /* to the address that the last open came to, which has replied, or on from there */
    bool onwards; /* to the addresses of the last open that it has not come to; none is looked up */
};

enum port_error port_stream_open(const struct port_stream_target *target);
enum port_error port_stream_write(const uint8_t *data, size_t len, size_t *written);
enum port_error port_stream_read(uint8_t *data, size_t cap,
                                 size_t *len);       /* PORT_END: closed by the other side */
bool port_stream_has_more(void);                     /* addresses, to open it onwards to */
void port_stream_peer(struct port_address *address); /* whom it reached; family 0 before */
/* TLS, once it is connected: the SHA-256 of the server's public key. PORT_ERR_ABSENT without TLS. */
enum port_error port_stream_pin(uint8_t pin[32]);
void port_stream_rest(bool rest); /* meanwhile port_net_wait() does not wake for it; until the next open */
void port_stream_close(void);

/* ---- mDNS (RFC 6762, 6763) ---- */

struct port_service {
    char instance[64];
    struct port_addresses addresses; /* with the port of its SRV record */
    char txt[6][48];                 /* "key=value", NUL-terminated; empty from the first unused on */
};

enum port_error port_mdns_browse(const char *service);       /* "_voicegw._tcp": asks; again to ask again */
enum port_error port_mdns_found(struct port_service *found); /* next one seen since, or PORT_AGAIN */
/* Announces, or updates what is announced; takes txt in the same form. Withdraws it with instance NULL. */
enum port_error port_mdns_announce(const char *service, const char *instance, uint16_t port,
                                   const char *const txt[], size_t txt_count);

/* ---- console: bytes as they are, any of the 256: no line editing, no change of line ends ---- */

size_t port_console_read(char *text, size_t cap);
void port_console_write(const char *text, size_t len); /* whole lines; drops them if nobody reads */

/* ---- audio: 20 ms blocks of 16 kHz mono ---- */

#define PORT_AUDIO_RATE 16000u
#define PORT_AUDIO_BLOCK 320u
#define PORT_AUDIO_BLOCK_US 20000u

/* Starts both ways, each as well as it can. Gives those that work; the others are logged, and are silent at
 * the pace of a block. */
#define PORT_SPEAKER_WORKS 1u
#define PORT_MICROPHONE_WORKS 2u
unsigned port_audio_start(void);
void port_audio_stop(void);
/* When the next block can be captured: PORT_NEVER if the audio task should simply call
 * port_audio_capture(), which then blocks; a host is told the time instead and never blocks. */
uint64_t port_audio_due(void);
/* One block of microphone, echo-cancelled where the board can. PORT_AGAIN: not due. PORT_END: a recording is
 * over, silence from now on. */
enum port_error port_audio_capture(int16_t pcm[PORT_AUDIO_BLOCK]);
/* The recording of speech that the board carries, into port_audio_capture() from its start. PORT_ERR_ABSENT.
 */
enum port_error port_audio_speak(void);
/* One block to the speaker; blocks on a chip until there is room. */
enum port_error port_audio_play(const int16_t pcm[PORT_AUDIO_BLOCK]);
/* The codec chip's own volume, percent, once sound has started; PORT_ERR_ABSENT: scale the samples instead.
 */
enum port_error port_audio_volume(uint8_t percent);
/* Held by the audio task while it works on a block, and by the net task for the length of a command. Blocks;
 * nothing where both are one thread. */
void port_audio_lock(void);
void port_audio_unlock(void);
/* Time from port_audio_play() to the air, and from the air to port_audio_capture(), together. */
uint32_t port_audio_latency_us(void);

/* ---- the board's button and light ---- */

bool port_button_pressed(void);
void port_led(uint8_t red, uint8_t green, uint8_t blue); /* on or off where it has one colour */

/* ---- the display: UTF-8, copied, and drawn by a task of its own; nothing where there is none ---- */

/* What the device is doing, and why it is not live; either may be empty. */
void port_display_state(const char *state, const char *detail);
/* The last thing that one side of the conversation has said, in the place of what it said before. */
enum port_speaker { PORT_SPEAKER_USER, PORT_SPEAKER_BOT };
void port_display_text(enum port_speaker who, const char *text);
/* What stands there now, cut to what it has room for. Blocks while it is drawn; false where there is none. */
struct port_shown {
    char state[32], detail[48], text[2][100];
};
bool port_display_read(struct port_shown *shown);

#ifdef __cplusplus
}
#endif
#endif
