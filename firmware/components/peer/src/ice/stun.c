#include "ice/stun.h"

#include "base/crypto.h"

#define MAGIC 0x2112A442u           /* RFC 8489 section 5 */
#define HEADER_LEN 20               /* likewise */
#define FINGERPRINT_XOR 0x5354554Eu /* RFC 8489 section 14.7 */
#define INTEGRITY_ATTR_LEN (4 + 20) /* RFC 8489 section 14.5: HMAC-SHA1 */
#define FINGERPRINT_ATTR_LEN (4 + 4)
#define COMPREHENSION_OPTIONAL 0x8000u /* RFC 8489 section 14 */

/* RFC 8489 section 18.3; RFC 8445 section 16.1 */
enum attribute {
    USERNAME = 0x0006,
    MESSAGE_INTEGRITY = 0x0008,
    ERROR_CODE = 0x0009,
    UNKNOWN_ATTRIBUTES = 0x000A,
    REALM = 0x0014,
    NONCE = 0x0015,
    MESSAGE_INTEGRITY_SHA256 = 0x001C,
    XOR_MAPPED_ADDRESS = 0x0020,
    PRIORITY = 0x0024,
    USE_CANDIDATE = 0x0025,
    FINGERPRINT = 0x8028,
    ICE_CONTROLLED = 0x8029,
    ICE_CONTROLLING = 0x802A,
};

bool stun_is_first_byte(uint8_t first)
{
    return first < 4;
}

/* CRC-32 of ITU V.42, four bits at a time: a table of 64 bytes instead of 1024. */
static uint32_t crc32(const uint8_t *data, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc = table[(crc ^ data[i]) & 15] ^ crc >> 4;
        crc = table[(crc ^ (uint32_t)(data[i] >> 4)) & 15] ^ crc >> 4;
    }
    return ~crc;
}

/* RFC 8489 section 14.2: the address is XORed with the cookie, and IPv6 with the transaction id too. */
static void xor_ip(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *tid)
{
    static const uint8_t cookie[4] = {0x21, 0x12, 0xA4, 0x42};
    for (size_t i = 0; i < len && i < 16; i++)
        out[i] = in[i] ^ (i < 4 ? cookie[i] : tid[i - 4]);
}

static void parse_mapped(struct stun_message *m, struct buf_reader value)
{
    buf_skip(&value, 1);
    uint8_t family = buf_u8(&value);
    uint16_t port = buf_u16(&value);
    size_t len = family == 2 ? 16 : 4;
    const uint8_t *ip = buf_take(&value, len);
    if (ip == NULL || (family != 1 && family != 2))
        return;
    m->mapped = (struct peer_address){.family = family == 2 ? 6 : 4, .port = port ^ (MAGIC >> 16)};
    xor_ip(m->mapped.ip, ip, len, m->tid);
}

static bool parse_error_code(struct stun_message *m, struct buf_reader value)
{
    buf_skip(&value, 2);
    uint8_t class_ = buf_u8(&value) & 7;
    uint8_t number = buf_u8(&value);
    m->error_code = (uint16_t)(class_ * 100 + number);
    return !value.failed;
}

static bool parse_role(struct stun_message *m, struct buf_reader value, bool controlling)
{
    m->controlling = controlling;
    m->controlled = !controlling;
    m->tie_breaker = buf_u64(&value);
    return !value.failed && value.left == 0;
}

static void note_unknown(struct stun_message *m, uint16_t type)
{
    if (type < COMPREHENSION_OPTIONAL && m->unknown_count < STUN_MAX_UNKNOWN)
        m->unknown[m->unknown_count++] = type;
}

static bool parse_attribute(struct stun_message *m, uint16_t type, struct buf_reader value)
{
    switch (type) {
    case USERNAME:
        m->username = value.at;
        m->username_len = value.left;
        return true;
    case PRIORITY:
        m->priority = buf_u32(&value);
        m->has_priority = true;
        return !value.failed;
    case USE_CANDIDATE:
        m->use_candidate = true;
        return true;
    case ICE_CONTROLLING:
    case ICE_CONTROLLED:
        return parse_role(m, value, type == ICE_CONTROLLING);
    case XOR_MAPPED_ADDRESS:
        parse_mapped(m, value);
        return true;
    case ERROR_CODE:
        return parse_error_code(m, value);
    case MESSAGE_INTEGRITY:
        m->integrity = value.left == 20 ? value.at : NULL;
        return value.left == 20;
    case UNKNOWN_ATTRIBUTES:
    case REALM:
    case NONCE:
    case MESSAGE_INTEGRITY_SHA256:
        return true;
    default:
        note_unknown(m, type);
        return true;
    }
}

static bool fingerprint_ok(const uint8_t *start, const uint8_t *value)
{
    struct buf_reader r = buf_reader(value, 4);
    return (crc32(start, (size_t)(value - 4 - start)) ^ FINGERPRINT_XOR) == buf_u32(&r);
}

/* RFC 8489 section 14.5: what follows MESSAGE-INTEGRITY is ignored, but for FINGERPRINT, which is last. */
static bool parse_attributes(struct stun_message *m, struct buf_reader *r)
{
    while (r->left > 0) {
        uint16_t type = buf_u16(r), len = buf_u16(r);
        struct buf_reader value = buf_sub(r, len);
        buf_skip(r, (4u - len % 4u) % 4u);
        if (r->failed)
            return false;
        if (type == FINGERPRINT) {
            m->has_fingerprint = len == 4 && r->left == 0 && fingerprint_ok(m->start, value.at);
            return m->has_fingerprint;
        }
        if (m->integrity == NULL && !parse_attribute(m, type, value))
            return false;
    }
    return true;
}

bool stun_parse(struct stun_message *m, const uint8_t *data, size_t len)
{
    struct buf_reader r = buf_reader(data, len);
    memset(m, 0, sizeof *m);
    m->start = data;
    uint16_t type = buf_u16(&r), length = buf_u16(&r);
    uint32_t magic = buf_u32(&r);
    m->tid = buf_take(&r, STUN_TID_LEN);
    if (r.failed || type > 0x3fff || magic != MAGIC || length != r.left || length % 4 != 0)
        return false;
    /* RFC 8489 section 5: the class bits C1 and C0 stand at bits 8 and 4 of the type. */
    m->class_ = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1));
    m->method = (uint16_t)((type & 0x000f) | (type & 0x00e0) >> 1 | (type & 0x3e00) >> 2);
    return parse_attributes(m, &r);
}

/* The HMAC covers the message up to its own attribute, under a length field that ends with it. */
static void integrity_compute(uint8_t mac[20], const uint8_t *start, size_t before, const char *password)
{
    uint8_t header[4] = {start[0], start[1]};
    size_t length = before + INTEGRITY_ATTR_LEN - HEADER_LEN;
    header[2] = (uint8_t)(length >> 8);
    header[3] = (uint8_t)length;
    struct crypto_span parts[2] = {{header, sizeof header}, {start + 4, before - 4}};
    crypto_hmac_sha1(mac, (const uint8_t *)password, strlen(password), parts, 2);
}

bool stun_integrity_ok(const struct stun_message *m, const char *password)
{
    uint8_t mac[20];
    if (m->integrity == NULL)
        return false;
    integrity_compute(mac, m->start, (size_t)(m->integrity - 4 - m->start), password);
    return crypto_equal(mac, m->integrity, sizeof mac);
}

void stun_begin(struct buf_writer *w, enum stun_class class_, const uint8_t tid[STUN_TID_LEN])
{
    unsigned type = STUN_BINDING | ((unsigned)class_ & 1) << 4 | ((unsigned)class_ & 2) << 7;
    buf_put_u16(w, (uint16_t)type);
    buf_put_u16(w, 0);
    buf_put_u32(w, MAGIC);
    buf_put(w, tid, STUN_TID_LEN);
}

static void put_header(struct buf_writer *w, enum attribute type, size_t len)
{
    buf_put_u16(w, (uint16_t)type);
    buf_put_u16(w, (uint16_t)len);
}

static void pad(struct buf_writer *w)
{
    buf_put_zero(w, (4u - w->len % 4u) % 4u);
}

void stun_put_username(struct buf_writer *w, const char *to, const char *from)
{
    size_t to_len = strlen(to), from_len = strlen(from);
    put_header(w, USERNAME, to_len + 1 + from_len);
    buf_put(w, (const uint8_t *)to, to_len);
    buf_put_u8(w, ':');
    buf_put(w, (const uint8_t *)from, from_len);
    pad(w);
}

void stun_put_priority(struct buf_writer *w, uint32_t priority)
{
    put_header(w, PRIORITY, 4);
    buf_put_u32(w, priority);
}

void stun_put_use_candidate(struct buf_writer *w)
{
    put_header(w, USE_CANDIDATE, 0);
}

void stun_put_role(struct buf_writer *w, bool controlling, uint64_t tie_breaker)
{
    put_header(w, controlling ? ICE_CONTROLLING : ICE_CONTROLLED, 8);
    buf_put_u64(w, tie_breaker);
}

void stun_put_mapped(struct buf_writer *w, const struct peer_address *a)
{
    size_t len = addr_ip_len(a);
    uint8_t ip[16];
    if (w->failed)
        return;
    xor_ip(ip, a->ip, len, w->data + 8);
    put_header(w, XOR_MAPPED_ADDRESS, 4 + len);
    buf_put_u16(w, a->family == 6 ? 2 : 1);
    buf_put_u16(w, a->port ^ (MAGIC >> 16));
    buf_put(w, ip, len);
}

void stun_put_error(struct buf_writer *w, uint16_t code)
{
    put_header(w, ERROR_CODE, 4);
    buf_put_u16(w, 0);
    buf_put_u8(w, (uint8_t)(code / 100));
    buf_put_u8(w, (uint8_t)(code % 100));
}

void stun_put_unknown(struct buf_writer *w, const uint16_t *types, size_t count)
{
    put_header(w, UNKNOWN_ATTRIBUTES, 2 * count);
    for (size_t i = 0; i < count; i++)
        buf_put_u16(w, types[i]);
    pad(w);
}

static void put_integrity(struct buf_writer *w, const char *password)
{
    uint8_t mac[20];
    if (w->failed)
        return;
    integrity_compute(mac, w->data, w->len, password);
    put_header(w, MESSAGE_INTEGRITY, sizeof mac);
    buf_put(w, mac, sizeof mac);
}

bool stun_finish(struct buf_writer *w, const char *password)
{
    if (password != NULL)
        put_integrity(w, password);
    buf_patch_u16(w, 2, (uint16_t)(w->len - HEADER_LEN + FINGERPRINT_ATTR_LEN));
    if (!w->failed) {
        uint32_t crc = crc32(w->data, w->len) ^ FINGERPRINT_XOR;
        put_header(w, FINGERPRINT, 4);
        buf_put_u32(w, crc);
    }
    return !w->failed;
}
