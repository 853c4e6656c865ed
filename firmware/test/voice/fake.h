/* port.h in memory: the test sets the clock and what the world answers, and reads what the device did. */
#ifndef TEST_FAKE_H
#define TEST_FAKE_H

#include "port.h"

#define FAKE_TEXT 20000

struct fake {
    uint64_t now;
    struct port_facts facts;
    uint64_t random;

    /* store */
    bool kv_fails;
    uint32_t kv_writes;
    bool kv_cut; /* the power fails after `kv_left` more writes and erasures */
    uint32_t kv_left;

    /* link */
    enum port_link link;
    bool needs_ssid, busy;
    uint32_t joins;
    struct port_network networks[6];
    int network_count, network_at;
    bool scan_fails;
    enum port_error scan_result; /* once all networks are told: PORT_END, or PORT_AGAIN */

    /* the stream: connecting takes `connect_result`; then `reply` comes in pieces of `piece` bytes, and
     * `after` */
    enum port_error open_result, connect_result, after;
    const char *reply;
    size_t reply_len, reply_at, piece;
    size_t write_limit; /* bytes a call, 0 for all */
    const char *odd;    /* a host that connecting to takes `odd_result`; NULL for none */
    enum port_error odd_result;
    bool stream_open, stream_rests;
    uint32_t streams_opened;
    char sent[FAKE_TEXT];
    size_t sent_len;
    char target_host[128];
    struct port_address target_address; /* the first of those */
    struct port_addresses target_addresses;
    uint16_t target_port;
    unsigned more; /* addresses to go onwards to */
    bool target_again, target_onwards, target_tls, target_has_ca, target_has_fingerprint;

    /* UDP */
    enum port_error udp_result;
    bool udp_open;
    uint32_t udp_sent, udp_waiting; /* datagrams, those that arrive of no interest to anyone */
    uint64_t udp_takes;             /* us for each that is taken */

    /* mDNS */
    struct port_service services[8];
    int service_count, service_at;
    uint32_t browses;
    bool browsing;
    char announced[6][48];
    char announced_name[64];

    /* the other slot */
    bool ota_open, ota_finished, on_trial, marked_valid;
    size_t ota_room, ota_size; /* of the slot, 0 for none; of the image that was begun */
    uint8_t ota[FAKE_TEXT];
    size_t ota_len;
    enum port_error ota_write_result, ota_finish_result, ota_mark_result;

    /* console */
    const char *typed;
    size_t typed_len; /* of bytes that may be NUL; 0: up to the first */
    char printed[FAKE_TEXT];
    size_t printed_len;

    /* audio */
    uint64_t audio_due;
    int locked;
    bool has_codec, audio_runs, no_memory;
    unsigned dead; /* of PORT_SPEAKER_WORKS and PORT_MICROPHONE_WORKS */
    int codec_volume;
    uint32_t captured, played;
    int16_t speaker[PORT_AUDIO_BLOCK];

    uint32_t fed[PORT_TASK_COUNT];
    bool rebooted, button, woken;
    uint8_t led[3];
    const char *crash;
    struct port_shown shown;
};

extern struct fake fake;

void fake_reset(void);   /* everything, the store too */
void fake_restart(void); /* all but the store, as a board does */
void fake_reply(const char *text);
void fake_kv_put(const char *name, const char *value);
bool fake_kv_is(const char *name, const char *value);
bool fake_printed(const char *text); /* since the last fake_forget() */
void fake_forget(void);
void fake_serve(const char *id, const char *load, const char *ip, uint16_t port);

#endif
