#include "media/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtcp_report report;
    if (rtcp_parse(&report, 0, data, size))
        (void)rtcp_round_trip(CLOCK_S(1), &report.block);
    return 0;
}
