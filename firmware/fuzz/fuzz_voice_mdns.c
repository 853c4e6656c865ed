#include <string.h>

#include "mdns_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mdns_reader r;
    struct mdns_record record;
    char text[48];
    if (!mdns_read(&r, data, size))
        return 0;
    while (mdns_next(&r, &record)) {
        mdns_name_label(&record.name, text, sizeof text);
        (void)mdns_name_equal(&record.name, &record.target);
        for (size_t i = 0; i < 8 && mdns_txt(&record, i, text, sizeof text); i++)
            ;
    }
    return 0;
}
