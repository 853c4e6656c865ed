#include "media/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rtp_receiver receiver;
    struct rtp_packet packet;
    bool restarted;
    uint32_t sum = 0;
    if (!rtp_parse(&packet, data, size))
        return 0;
    for (size_t i = 0; i < packet.len; i++)
        sum += packet.payload[i];
    if (!receiver.active)
        rtp_receiver_start(&receiver, packet.ssrc, packet.seq);
    (void)rtp_receiver_update(&receiver, CLOCK_MS(packet.timestamp & 0xffff), &packet, &restarted);
    (void)rtp_receiver_lost(&receiver);
    (void)rtp_receiver_fraction_lost(&receiver);
    return (int)(rtp_opus_duration(packet.payload, packet.len) + sum == UINT32_MAX);
}
