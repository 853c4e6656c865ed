#include "base/text.h"
#include "ice/ice.h"

static bool parse_type(struct text word, enum ice_candidate_type *type)
{
    static const char *const names[] = {
        [ICE_HOST] = "host", [ICE_SRFLX] = "srflx", [ICE_PRFLX] = "prflx", [ICE_RELAY] = "relay"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (text_is(word, names[i])) {
            *type = (enum ice_candidate_type)i;
            return true;
        }
    }
    return false;
}

bool ice_candidate_parse(struct ice_candidate *candidate, const char *text, size_t len)
{
    struct text t = {text, len};
    uint32_t component, port;
    *candidate = (struct ice_candidate){0};
    (void)text_skip(&t, "a=");
    (void)text_skip(&t, "candidate:");
    struct text foundation = text_word(&t);
    if (foundation.len == 0 || !text_number(text_word(&t), 256, &component) || component != 1)
        return false;
    if (!text_is_word(text_word(&t), "udp"))
        return false;
    if (!text_number(text_word(&t), UINT32_MAX, &candidate->priority))
        return false;
    struct text ip = text_word(&t);
    if (!addr_parse_ip(&candidate->address, ip.at, ip.len))
        return false;
    if (!text_number(text_word(&t), 65535, &port) || port == 0 || !text_is(text_word(&t), "typ"))
        return false;
    candidate->address.port = (uint16_t)port;
    return parse_type(text_word(&t), &candidate->type);
}
