/* What a gateway answers to a device that fetches an image: the first byte is the size of the pieces that the
 * rest comes in. Nothing is written beyond what was announced, and nothing that was not announced boots. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "update/update.h"
#include "voice/fake.h"

#define SIZE 5000u
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static uint8_t keys[1][SIGNATURE_KEY];
static struct update_request request = {.path = "/x", .size = SIZE, .version = "0.2.0", .signature_count = 1};

static void sign_request(void)
{
    static const char text[] = "voicegw firmware\nxmini-c3\n0.2.0\n5000\n" ZEROS "\n" ZEROS "\n";
    uint8_t secret[64];
    const uint8_t seed[32] = {1};
    (void)crypto_sign_seed_keypair(keys[0], secret, seed);
    memcpy(request.signatures[0].hint, keys[0], SIGNATURE_HINT);
    (void)crypto_sign_detached(request.signatures[0].bytes, NULL, (const uint8_t *)text, sizeof text - 1,
                               secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct update u;
    struct http_url url;
    const struct signaling_trust trust = {0};
    const struct update_source source = {.url = &url,
                                         .trust = &trust,
                                         .board = "xmini-c3",
                                         .version = "0.1.0",
                                         .keys = {keys, 1},
                                         .plain = true};
    if (request.signatures[0].hint[0] == 0)
        sign_request();
    if (size == 0 || !http_parse_url(&url, "http://gateway"))
        return 0;
    memset(&u, 0, sizeof u);
    fake_reset();
    fake.ota_room = SIZE;
    fake.piece = 1u + data[0] * 8u;
    fake.reply = (const char *)data + 1;
    fake.reply_len = size - 1;
    fake.after = data[0] % 2 == 0 ? PORT_END : PORT_AGAIN;
    if (update_start(&u, fake.now, &source, &request) != NULL)
        abort();
    for (int i = 0; i < 20000 && update_is_under_way(&u); i++) {
        (void)update_step(&u, fake.now, data[0] % 4 < 2);
        uint64_t next = update_deadline(&u);
        fake.now = next != PORT_NEVER && next > fake.now ? next : fake.now + 1;
    }
    if (u.state != UPDATE_IDLE || fake.ota_finished || fake.ota_open || fake.stream_open ||
        fake.ota_len > SIZE)
        abort(); /* no such image has a SHA-256 of zeros */
    return 0;
}
