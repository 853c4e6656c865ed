/* Signalling for the example: POST /api/offer with {"type": "offer", "sdp": ...}, as Pipecat's clients do. */
#ifndef EXAMPLE_SIGNAL_HTTP_H
#define EXAMPLE_SIGNAL_HTTP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* The SDP of the answer; on failure, what came instead. */
bool signal_offer(const struct sockaddr_in *gateway, const char *offer, char *answer, size_t cap);

#endif
