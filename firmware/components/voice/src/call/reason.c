#include "call/reason.h"

#include <string.h>

static const struct {
    const char *text;
    enum reason_pace pace;
} reasons[REASON_COUNT] = {
    [REASON_NONE] = {"none", REASON_SOON},
    [REASON_NO_WIFI] = {"no_wifi", REASON_STEADY},
    [REASON_WIFI_REFUSED] = {"wifi_refused", REASON_STEADY},
    [REASON_NO_ADDRESS] = {"no_address", REASON_STEADY},
    [REASON_LINK_LOST] = {"link_lost", REASON_SOON},
    [REASON_NETWORK_TIMEOUT] = {"network_timeout", REASON_STEADY},
    [REASON_NO_GATEWAY] = {"no_gateway", REASON_SOON},
    [REASON_BAD_URL] = {"bad_url", REASON_PATIENT},
    [REASON_NO_NAME] = {"no_name", REASON_STEADY},
    [REASON_UNREACHABLE] = {"unreachable", REASON_SOON},
    [REASON_TLS_FAILED] = {"tls_failed", REASON_STEADY},
    [REASON_TLS_PIN] = {"tls_pin", REASON_PATIENT},
    [REASON_TLS_REQUIRED] = {"tls_required", REASON_PATIENT},
    [REASON_GATEWAY_OLD] = {"gateway_old", REASON_PATIENT},
    [REASON_GATEWAY_UNPROVEN] = {"gateway_unproven", REASON_PATIENT},
    [REASON_SIGNALLING_TIMEOUT] = {"signalling_timeout", REASON_STEADY},
    [REASON_REPLY_MALFORMED] = {"reply_malformed", REASON_STEADY},
    [REASON_ANSWER_TOO_LARGE] = {"answer_too_large", REASON_PATIENT},
    [REASON_ANSWER_MALFORMED] = {"answer_malformed", REASON_STEADY},
    [REASON_ANSWER_UNUSABLE] = {"answer_unusable", REASON_PATIENT},
    [REASON_KEY_REJECTED] = {"key_rejected", REASON_PATIENT},
    [REASON_FORBIDDEN] = {"forbidden", REASON_PATIENT},
    [REASON_OFFER_REJECTED] = {"offer_rejected", REASON_PATIENT},
    [REASON_RATE_LIMITED] = {"rate_limited", REASON_STEADY},
    [REASON_GATEWAY_BUSY] = {"gateway_busy", REASON_STEADY},
    [REASON_GATEWAY_STOPPING] = {"gateway_stopping", REASON_SOON},
    [REASON_GATEWAY_ERROR] = {"gateway_error", REASON_STEADY},
    [REASON_BOT_FAILED] = {"bot_failed", REASON_STEADY},
    [REASON_BOT_ENDED] = {"bot_ended", REASON_STEADY},
    [REASON_REPLACED] = {"replaced", REASON_PATIENT},
    [REASON_CONNECT_TIMEOUT] = {"connect_timeout", REASON_STEADY},
    [REASON_ICE_FAILED] = {"ice_failed", REASON_STEADY},
    [REASON_DTLS_FAILED] = {"dtls_failed", REASON_STEADY},
    [REASON_FINGERPRINT] = {"fingerprint", REASON_PATIENT},
    [REASON_GATEWAY_SILENT] = {"gateway_silent", REASON_SOON},
    [REASON_GATEWAY_LEFT] = {"gateway_left", REASON_SOON},
    [REASON_NO_MEMORY] = {"no_memory", REASON_STEADY},
    [REASON_UPDATE_ROLLED_BACK] = {"update_rolled_back", REASON_SOON},
    [REASON_RECONNECT] = {"reconnect", REASON_SOON},
};

const char *reason_text(enum reason reason)
{
    return reasons[reason].text;
}

enum reason_pace reason_pace(enum reason reason)
{
    return reasons[reason].pace;
}

bool reason_is_refusal(enum reason reason)
{
    switch (reason) {
    case REASON_UNREACHABLE:
    case REASON_SIGNALLING_TIMEOUT:
    case REASON_REPLY_MALFORMED:
    case REASON_RATE_LIMITED:
    case REASON_GATEWAY_BUSY:
    case REASON_GATEWAY_STOPPING:
    case REASON_GATEWAY_ERROR:
    case REASON_CONNECT_TIMEOUT:
    case REASON_ICE_FAILED:
    case REASON_DTLS_FAILED:
        return true;
    default:
        return reason_is_stranger(reason);
    }
}

bool reason_is_stranger(enum reason reason)
{
    return reason == REASON_TLS_FAILED || reason == REASON_TLS_PIN || reason == REASON_GATEWAY_UNPROVEN;
}

bool reason_is_way(enum reason reason)
{
    switch (reason) {
    case REASON_NO_WIFI:
    case REASON_NO_ADDRESS:
    case REASON_LINK_LOST:
    case REASON_NETWORK_TIMEOUT:
    case REASON_NO_GATEWAY:
    case REASON_NO_NAME:
    case REASON_UNREACHABLE:
    case REASON_TLS_FAILED:
    case REASON_SIGNALLING_TIMEOUT:
    case REASON_REPLY_MALFORMED:
    case REASON_CONNECT_TIMEOUT:
    case REASON_ICE_FAILED:
    case REASON_GATEWAY_SILENT:
        return true;
    default:
        return false;
    }
}

enum reason reason_parse(const char *text)
{
    for (int i = 0; i < REASON_COUNT; i++)
        if (strcmp(reasons[i].text, text) == 0)
            return (enum reason)i;
    return REASON_NONE;
}
