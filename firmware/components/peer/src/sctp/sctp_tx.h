/* What sctp_sack.c has to know of the queue in sctp_tx.c. */
#ifndef PEER_SCTP_TX_H
#define PEER_SCTP_TX_H

#include "sctp/sctp_wire.h"

enum {                     /* sctp_tx_chunk.marks */
       TX_ACKED = 0x01,    /* in a gap block; may be taken back, so it stays in the queue */
       TX_AGAIN = 0x02,    /* lost, and waits to be sent again: not in flight */
       TX_FAST = 0x04,     /* has had its fast retransmission: RFC 9260 7.2.4 */
       TX_REPORTED = 0x08, /* while a SACK is read: it names this chunk */
};

uint32_t tx_halved(const struct sctp_tx *tx); /* RFC 9260 7.2.3 */

#endif
