/* What the files of SCTP share: numbers of the wire and of the timers, each with its source. */
#ifndef PEER_SCTP_WIRE_H
#define PEER_SCTP_WIRE_H

#include "base/buf.h"
#include "base/clock.h"
#include "sctp/sctp_state.h"

#define SCTP_HEADER 12u      /* RFC 9260 3.1 */
#define SCTP_CHUNK_HEADER 4u /* RFC 9260 3.2 */
#define SCTP_DATA_HEADER 16u /* RFC 9260 3.3.1 */
#define SCTP_FRAGMENT ((SCTP_PACKET_MAX - SCTP_HEADER - SCTP_DATA_HEADER) & ~3u)

enum { /* chunks: RFC 9260 3.2, RFC 6525 3.1, RFC 3758 3.2 */
       CHUNK_DATA = 0,
       CHUNK_INIT = 1,
       CHUNK_INIT_ACK = 2,
       CHUNK_SACK = 3,
       CHUNK_HEARTBEAT = 4,
       CHUNK_HEARTBEAT_ACK = 5,
       CHUNK_ABORT = 6,
       CHUNK_SHUTDOWN = 7,
       CHUNK_SHUTDOWN_ACK = 8,
       CHUNK_ERROR = 9,
       CHUNK_COOKIE_ECHO = 10,
       CHUNK_COOKIE_ACK = 11,
       CHUNK_SHUTDOWN_COMPLETE = 14,
       CHUNK_RECONFIG = 130,
       CHUNK_FORWARD_TSN = 192,
};

#define FLAG_TAG_REFLECTED 0x01u /* T: RFC 9260 8.5.1 */
enum {                           /* RFC 9260 3.3.1 */
       DATA_END = 0x01,
       DATA_BEGIN = 0x02,
       DATA_UNORDERED = 0x04,
       DATA_IMMEDIATE = 0x08,
};

enum { /* parameters: RFC 9260 3.3.2, 3.3.5; RFC 5061 4.2.7; RFC 3758 3.1; RFC 6525 4 */
       PARAM_HEARTBEAT_INFO = 1,
       PARAM_STATE_COOKIE = 7,
       PARAM_UNRECOGNIZED = 8,
       PARAM_RESET_OUT = 13,
       PARAM_RESET_IN = 14,
       PARAM_RESET_ALL = 15,
       PARAM_RESET_RESPONSE = 16,
       PARAM_ADD_OUT = 17,
       PARAM_ADD_IN = 18,
       PARAM_SUPPORTED_CHUNKS = 0x8008,
       PARAM_FORWARD_TSN = 0xc000,
};

/* What to do with a chunk or parameter that isn't known: RFC 9260 3.2, 3.2.1. Bits of a chunk's type,
 * or of the upper byte of a parameter's. */
#define UNKNOWN_SKIP 0x80u
#define UNKNOWN_REPORT 0x40u

enum { /* causes: RFC 9260 3.3.10 */
       CAUSE_MISSING_PARAM = 2,
       CAUSE_STALE_COOKIE = 3,
       CAUSE_OUT_OF_RESOURCE = 4,
       CAUSE_UNKNOWN_CHUNK = 6,
       CAUSE_INVALID_PARAM = 7,
       CAUSE_NO_USER_DATA = 9,
       CAUSE_USER_ABORT = 12,
       CAUSE_PROTOCOL = 13,
};

enum { /* RFC 8831 8 */
       PPID_DCEP = 50,
       PPID_STRING = 51,
       PPID_BINARY = 53,
       PPID_STRING_EMPTY = 56,
       PPID_BINARY_EMPTY = 57,
};

/* RFC 9260 16 */
#define RTO_INITIAL ((uint32_t)CLOCK_S(1))
#define RTO_MIN ((uint32_t)CLOCK_S(1))
#define RTO_MAX ((uint32_t)CLOCK_S(60))
#define COOKIE_LIFE CLOCK_S(60)
#define INIT_RETRANSMITS 8
#define ASSOCIATION_RETRANSMITS 10
#define MAX_BURST 4
#define SACK_DELAY CLOCK_MS(200) /* RFC 9260 6.2 */
#define SACK_PACKETS 2           /* RFC 9260 6.2: at least every second packet */
#define MISSES_FOR_LOSS 3        /* RFC 9260 7.2.4 */

enum { CHANNEL_FREE, CHANNEL_OPENING, CHANNEL_OPEN, CHANNEL_CLOSING };

enum { /* sctp_channel.flags */
       CH_REMOTE = 0x001,
       CH_UNORDERED = 0x002,
       CH_REFUSED = 0x004,   /* was never announced, so its end isn't either */
       CH_ACK_DUE = 0x008,   /* of DCEP */
       CH_RESET_DUE = 0x010, /* our outgoing stream: wanted, requested, done */
       CH_RESET_SENT = 0x020,
       CH_RESET_DONE = 0x040,
       CH_PEER_RESET = 0x080, /* the incoming stream: done */
       CH_OPEN_DUE = 0x100,   /* events */
       CH_CLOSED_DUE = 0x200,
       CH_LOCAL_CLOSE = 0x400,
};

/* Serial number arithmetic, RFC 1982: RFC 9260 1.6 */
static inline bool tsn_before(uint32_t a, uint32_t b)
{
    return a != b && (uint32_t)(b - a) < 0x80000000u;
}

static inline bool ssn_before(uint16_t a, uint16_t b)
{
    return a != b && (uint16_t)(b - a) < 0x8000u;
}

static inline size_t pad4(size_t n)
{
    return (4 - n % 4) % 4;
}

static inline bool is_up(const struct sctp *s)
{
    return s->state >= SCTP_ESTABLISHED && s->state <= SCTP_SHUTDOWN_ACK_SENT;
}

/* sctp_crc.c */
uint32_t sctp_crc32c(const uint8_t *data, size_t len); /* of a packet whose checksum counts as zero */

/* sctp_chunk.c */
size_t chunk_begin(struct buf_writer *w, uint8_t type, uint8_t flags);
void chunk_end(struct buf_writer *w, size_t at);
void chunk_put_init(const struct sctp *s, struct buf_writer *w, uint8_t type, const uint8_t *cookie,
                    size_t cookie_len, struct buf_reader params);
struct param {
    uint16_t type;
    struct buf_reader value;
};
bool param_next(struct buf_reader *r, struct param *p); /* false: no more, or malformed */
bool param_go_on(uint16_t type);                        /* false: an unknown one that ends the list */
struct buf_writer ctl_open(struct sctp *s); /* chunks for the next packet; lost if there is no room */
void ctl_close(struct sctp *s, const struct buf_writer *w);
void ctl_put(struct sctp *s, uint8_t type, uint8_t flags, const uint8_t *body, size_t len);
void ctl_put_error(struct sctp *s, uint16_t cause, const uint8_t *info, size_t len);

/* sctp_assoc.c: coming up, staying up, going down */
void assoc_stop_timers(struct sctp *s);
void assoc_close(struct sctp *s, enum sctp_reason reason, uint16_t abort_cause);
bool assoc_count_error(struct sctp *s); /* false: that was one too many, and it is closed */
void assoc_back_off(struct sctp *s);
void assoc_measure(struct sctp *s, uint64_t rtt);
void assoc_send_init(struct sctp *s, uint64_t now);
void assoc_handle_init(struct sctp *s, uint64_t now, struct buf_reader body);
void assoc_handle_init_ack(struct sctp *s, uint64_t now, struct buf_reader body);
/* True: it is up now; rx_reset(). */
bool assoc_handle_cookie_echo(struct sctp *s, uint64_t now, struct buf_reader body);
bool assoc_handle_cookie_ack(struct sctp *s, uint64_t now);
void assoc_handle_error(struct sctp *s, uint64_t now, struct buf_reader body);
void assoc_handle_heartbeat_ack(struct sctp *s, uint64_t now, struct buf_reader body);
void assoc_timeout(struct sctp *s, uint64_t now);

/* sctp_down.c */
void down_pump(struct sctp *s, uint64_t now);
void down_handle_shutdown(struct sctp *s, uint64_t now, struct buf_reader body);
void down_handle_shutdown_ack(struct sctp *s);
void down_handle_data(struct sctp *s, uint64_t now);
void down_timeout(struct sctp *s, uint64_t now);

/* sctp_rx.c */
void rx_reset(struct sctp *s, uint32_t first_tsn);
void rx_handle_data(struct sctp *s, uint8_t flags, struct buf_reader body);
void rx_handle_forward_tsn(struct sctp *s, struct buf_reader body);
void rx_end_of_packet(struct sctp *s, uint64_t now);
void rx_put_sack(struct sctp *s, struct buf_writer *w);
bool rx_has_gap(const struct sctp *s);

/* sctp_reasm.c: runs of chunks, and messages out of them */
bool reasm_insert(struct sctp *s, uint32_t tsn, const struct sctp_rx_run *chunk, const uint8_t *data);
void reasm_erase(struct sctp_rx *rx, size_t i);
void reasm_sweep(struct sctp_rx *rx);
void reasm_release(struct sctp *s);
void reasm_consume(struct sctp *s);
const struct sctp_rx_run *reasm_next(struct sctp *s);
bool reasm_holds(const struct sctp_rx *rx, uint16_t id);
void reasm_lend(struct sctp *s, const struct sctp_rx_run *run);

/* sctp_tx.c */
void tx_reset(struct sctp *s);
enum sctp_error tx_queue(struct sctp *s, struct sctp_channel *c, uint8_t ppid, const uint8_t *data,
                         size_t len);
size_t tx_flight(const struct sctp_tx *tx); /* bytes */
bool tx_holds(const struct sctp_tx *tx, uint16_t id);
bool tx_put_data(struct sctp *s, uint64_t now, struct buf_writer *w);
void tx_timeout(struct sctp *s, uint64_t now);

/* sctp_sack.c */
bool tx_acknowledge(struct sctp *s, uint64_t now, uint32_t cumulative); /* SHUTDOWN has no more than this */
void tx_handle_sack(struct sctp *s, uint64_t now, struct buf_reader body);

/* sctp_channel.c: open, send and close as sctp_open_channel() and so on of sctp.h */
enum sctp_error channel_open(struct sctp *s, const char *label, uint16_t *channel);
enum sctp_error channel_send(struct sctp *s, uint16_t channel, bool is_text, const uint8_t *data, size_t len);
enum sctp_error channel_close(struct sctp *s, uint16_t channel);
struct sctp_channel *channel_find(struct sctp *s, uint16_t id);
void channel_handle_dcep(struct sctp *s, uint16_t id, const uint8_t *data, size_t len);
void channel_pump(struct sctp *s);
void channel_settle(struct sctp_channel *c);
void channel_confirm(struct sctp_channel *c);
bool channel_event(struct sctp *s, struct sctp_event *event, uint16_t flag);

/* sctp_reset.c */
void reset_pump(struct sctp *s, uint64_t now);
void reset_handle(struct sctp *s, uint64_t now, struct buf_reader body);
void reset_timeout(struct sctp *s, uint64_t now);

#endif
