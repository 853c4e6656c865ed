#include <stdlib.h>

#include "sdp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sdp_remote remote; /* also read by the answer */
    static struct ice ice;
    static char answer[4096];
    static const uint8_t digest[32];
    char *sdp = malloc(size + 1); /* so that ASan sees the end */
    struct ice_candidate candidate;
    memcpy(sdp, data, size);
    sdp[size] = '\0';
    struct text rest = {sdp, strlen(sdp)};
    while (sdp_next_candidate(&rest, &candidate))
        ;
    if (sdp_parse(&remote, sdp, size & 1) == PEER_OK) {
        struct sdp_local local = {.ice = &ice,
                                  .fingerprint = digest,
                                  .offer = &remote,
                                  .audio = remote.audio >= 0,
                                  .data = remote.data >= 0,
                                  .cname = "x"};
        (void)sdp_write(&local, answer, sizeof answer);
    }
    free(sdp);
    return 0;
}
