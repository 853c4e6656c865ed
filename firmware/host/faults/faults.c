/* Faults on purpose, for the rig's own tests: each build of voicesim with VOICE_FAULT has one, laid over the
 * port by the linker (--wrap), so that nothing of the firmware knows of it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../port_audio.h"
#include "port.h"

#if defined(FAULT_RATE) /* a sound card on a wrong clock: 15,625 Hz in place of 16,000 */
enum port_error __real_host_audio_open(const struct host_audio *options);
enum port_error __wrap_host_audio_open(const struct host_audio *options);
enum port_error __wrap_host_audio_open(const struct host_audio *options)
{
    struct host_audio slow = *options;
    slow.drift_ppm = -23438;
    return __real_host_audio_open(&slow);
}

#elif defined(                                                                                               \
    FAULT_DROP) /* a queue that is too short: each eighth packet of media is lost (RFC 7983: 128 to 191) */
enum port_error __real_port_udp_send(const struct port_address *remote, const uint8_t *data, size_t len);
enum port_error __wrap_port_udp_send(const struct port_address *remote, const uint8_t *data, size_t len);
enum port_error __wrap_port_udp_send(const struct port_address *remote, const uint8_t *data, size_t len)
{
    static unsigned sent;
    bool media = len > 0 && data[0] >> 6 == 2;
    return media && ++sent % 8 == 0 ? PORT_OK : __real_port_udp_send(remote, data, len);
}

#elif defined(FAULT_LEAK) /* each call leaves 2 KiB behind */
enum port_error __real_port_udp_open(const struct port_address *toward, struct port_address *local);
enum port_error __wrap_port_udp_open(const struct port_address *toward, struct port_address *local);
enum port_error __wrap_port_udp_open(const struct port_address *toward, struct port_address *local)
{
    static void *volatile left;
    left = malloc(2048);
    (void)left;
    return __real_port_udp_open(toward, local);
}

#elif defined(FAULT_HANG) /* a write to flash that never comes back */
enum port_error __real_port_kv_set(const char *name, const uint8_t *value, size_t len);
enum port_error __wrap_port_kv_set(const char *name, const uint8_t *value, size_t len);
enum port_error __wrap_port_kv_set(const char *name, const uint8_t *value, size_t len)
{
    while (strcmp(name, "volume") == 0)
        (void)pause();
    return __real_port_kv_set(name, value, len);
}

#elif defined(FAULT_LOOP) /* a panic before the first word */
void __real_host_store_open(const char *directory);
void __wrap_host_store_open(const char *directory);
void __wrap_host_store_open(const char *directory)
{
    __real_host_store_open(directory);
    abort();
}

#elif defined(FAULT_SILENT) /* an amplifier that was never switched on */
enum port_error __real_port_audio_play(const int16_t pcm[PORT_AUDIO_BLOCK]);
enum port_error __wrap_port_audio_play(const int16_t pcm[PORT_AUDIO_BLOCK]);
enum port_error __wrap_port_audio_play(const int16_t pcm[PORT_AUDIO_BLOCK])
{
    static const int16_t nothing[PORT_AUDIO_BLOCK];
    (void)pcm;
    return __real_port_audio_play(nothing);
}

#elif defined(FAULT_NOOPUS) /* less memory than libopus wants */
void *__wrap_port_memory(size_t size);
void *__wrap_port_memory(size_t size)
{
    (void)size;
    return NULL;
}

#elif defined(FAULT_NOSOUND) /* neither codec chip answers */
unsigned __wrap_port_audio_start(void);
unsigned __wrap_port_audio_start(void)
{
    return 0;
}

#elif defined(FAULT_NOSTORE) /* flash that can neither be read nor written */
enum port_error __wrap_port_kv_get(const char *name, uint8_t *value, size_t cap, size_t *len);
enum port_error __wrap_port_kv_get(const char *name, uint8_t *value, size_t cap, size_t *len)
{
    (void)name;
    (void)value;
    (void)cap;
    *len = 0;
    return PORT_ERR_IO;
}

enum port_error __wrap_port_kv_set(const char *name, const uint8_t *value, size_t len);
enum port_error __wrap_port_kv_set(const char *name, const uint8_t *value, size_t len)
{
    (void)name;
    (void)value;
    (void)len;
    return PORT_ERR_IO;
}
#endif
