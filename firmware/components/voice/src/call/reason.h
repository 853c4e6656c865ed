/* Why something failed: one code that is stored, shown, and told to the gateway at the next connect. */
#ifndef VOICE_REASON_H
#define VOICE_REASON_H

#include <stdbool.h>
#include <stdint.h>

enum reason {
    REASON_NONE,
    REASON_NO_WIFI, /* no access point of that name */
    REASON_WIFI_REFUSED,
    REASON_NO_ADDRESS, /* no DHCP */
    REASON_LINK_LOST,
    REASON_NETWORK_TIMEOUT,
    REASON_NO_GATEWAY, /* nobody answered the browse */
    REASON_BAD_URL,
    REASON_NO_NAME, /* DNS */
    REASON_UNREACHABLE,
    REASON_TLS_FAILED,
    REASON_TLS_PIN,
    REASON_TLS_REQUIRED,     /* it is spoken to over https, and the setting `gateway` says http */
    REASON_GATEWAY_OLD,      /* it wants the key itself */
    REASON_GATEWAY_UNPROVEN, /* it does not show that it knows the key */
    REASON_SIGNALLING_TIMEOUT,
    REASON_REPLY_MALFORMED,
    REASON_ANSWER_TOO_LARGE,
    REASON_ANSWER_MALFORMED,
    REASON_ANSWER_UNUSABLE, /* an SDP that peer refuses */
    REASON_KEY_REJECTED,
    REASON_FORBIDDEN,
    REASON_OFFER_REJECTED,
    REASON_RATE_LIMITED,
    REASON_GATEWAY_BUSY,
    REASON_GATEWAY_STOPPING,
    REASON_GATEWAY_ERROR,
    REASON_BOT_FAILED,
    REASON_BOT_ENDED,
    REASON_REPLACED,
    REASON_CONNECT_TIMEOUT,
    REASON_ICE_FAILED,
    REASON_DTLS_FAILED,
    REASON_FINGERPRINT,
    REASON_GATEWAY_SILENT, /* nothing authentic on the wire */
    REASON_GATEWAY_LEFT,
    REASON_NO_MEMORY,
    REASON_UPDATE_ROLLED_BACK, /* the image before this one never got into a call */
    REASON_RECONNECT,          /* asked for, on the console or by new settings */
    REASON_COUNT,
};

/* How eagerly to try again. */
enum reason_pace {
    REASON_SOON, /* the gateway is likely to be back in a moment, and asking costs little */
    REASON_STEADY,
    REASON_PATIENT, /* a person has to do something first */
};

/* This gateway can't take us now, or is not the one to: another may. */
bool reason_is_refusal(enum reason reason);

/* Of those: who is there does not show to be a gateway of ours, which may be elsewhere all the same. */
bool reason_is_stranger(enum reason reason);

/* The way to the gateway is to blame, which may still have the call: it waits for its device for a while. */
bool reason_is_way(enum reason reason);

const char *reason_text(enum reason reason); /* the stable code: "key_rejected" */
enum reason_pace reason_pace(enum reason reason);
enum reason reason_parse(const char *text); /* REASON_NONE if it is none */

#endif
