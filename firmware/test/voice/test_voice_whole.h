/* The device as a whole, on a port in memory, driven by its clock. */
#ifndef TEST_VOICE_WHOLE_H
#define TEST_VOICE_WHOLE_H

#include "check.h"
#include "device/device_state.h"
#include "voice/fake.h"

#define MS(n) ((uint64_t)(n)*1000u)

static inline int stop(void **state)
{
    (void)state;
    voice_stop();
    return 0;
}

static inline void boot(const char *gateway)
{
    fake_reset();
    if (gateway != NULL)
        fake_kv_put("gateway", gateway);
    voice_start(NULL);
}

static inline void run_for(uint64_t us)
{
    for (uint64_t end = fake.now + us; fake.now < end;) {
        uint64_t next = voice_net_step();
        assert_true(next > fake.now - MS(1));
        fake.now = next > fake.now ? (next < end ? next : end) : fake.now + 1;
    }
}

static inline enum session_state state_now(void)
{
    return device_get()->session.state;
}

static inline void type(const char *line)
{
    fake_forget();
    fake.typed = line;
    (void)voice_net_step();
}

#endif
