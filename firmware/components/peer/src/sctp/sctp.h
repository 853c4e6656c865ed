/* SCTP over DTLS and the data channels in it, sans-IO: RFC 9260, 8261, 8831, 8832; stream reset of
 * RFC 6525; FORWARD-TSN of RFC 3758 on receipt.
 *
 * Use: mutate (handle_packet, handle_timeout, open_channel, send ...), then call sctp_poll_event until
 * it gives false, then sctp_poll_transmit until it gives 0, then sleep until sctp_next_timeout.
 * Time is that of clock.h. A state machine that belongs to one thread; after sctp_init it allocates
 * nothing and calls nothing but the random source.
 *
 * Not here, on purpose: several paths, path MTU discovery, message interleaving (RFC 8260), sending
 * with partial reliability (a channel that the peer opens so is answered reliably). Everything that
 * the peer sends arrives through DTLS, so it is authenticated; it still isn't trusted to be well formed. */
#ifndef PEER_SCTP_H
#define PEER_SCTP_H

#include "sctp/sctp_state.h"

void sctp_init(struct sctp *s, const struct sctp_config *config);

/* Sends INIT. Both sides of a data channel do (RFC 8841 9.3); a passive endpoint works too. */
enum sctp_error sctp_connect(struct sctp *s, uint64_t now);

/* A decrypted DTLS application record. The bytes are only read during the call. */
enum sctp_error sctp_handle_packet(struct sctp *s, uint64_t now, const uint8_t *packet, size_t len);

/* Does what is due. Early or spurious calls do no harm. */
void sctp_handle_timeout(struct sctp *s, uint64_t now);
uint64_t sctp_next_timeout(const struct sctp *s); /* CLOCK_NEVER: none */

/* The next packet for DTLS, or 0. `cap` must be at least SCTP_PACKET_MAX. */
size_t sctp_poll_transmit(struct sctp *s, uint64_t now, uint8_t *buf, size_t cap);

bool sctp_poll_event(struct sctp *s, struct sctp_event *event);

/* Opens an ordered and reliable channel; possible before the association is up. `label` is up to
 * SCTP_LABEL_MAX bytes. Messages may be sent at once; SCTP_EVENT_CHANNEL_OPEN tells that the peer has it. */
enum sctp_error sctp_open_channel(struct sctp *s, const char *label, uint16_t *channel);

/* Takes the whole message or nothing. */
enum sctp_error sctp_send(struct sctp *s, uint16_t channel, bool is_text, const uint8_t *data, size_t len);

/* What sctp_send has taken is still delivered; then CHANNEL_CLOSED follows. Nothing more is received. */
enum sctp_error sctp_close_channel(struct sctp *s, uint16_t channel);

void sctp_shutdown(struct sctp *s, uint64_t now); /* orderly: what was taken is delivered first */
void sctp_abort(struct sctp *s);                  /* at once */

#endif
