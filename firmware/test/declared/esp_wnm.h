#pragma once
#include <stdbool.h>

enum btm_query_reason { REASON_RSSI = 5 };
int esp_wnm_send_bss_transition_mgmt_query(enum btm_query_reason reason, const char *candidates, int list);
bool esp_wnm_is_btm_supported_connection(void);
