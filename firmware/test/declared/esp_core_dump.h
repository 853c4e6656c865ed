#pragma once
#include <esp_err.h>
#include <sdkconfig.h>

#ifdef CONFIG_IDF_TARGET_ARCH_XTENSA
typedef struct {
    uint32_t exc_cause, exc_vaddr;
} esp_core_dump_summary_extra_info_t;
#else
typedef struct {
    uint32_t mcause, mtval, ra, sp;
} esp_core_dump_summary_extra_info_t;
#endif
typedef struct {
    uint32_t bt[16], depth;
} esp_core_dump_bt_info_t;
typedef struct {
    uint32_t exc_tcb;
    char exc_task[16];
    uint32_t exc_pc;
    esp_core_dump_bt_info_t exc_bt_info;
    uint8_t app_elf_sha256[65];
    esp_core_dump_summary_extra_info_t ex_info;
} esp_core_dump_summary_t;
esp_err_t esp_core_dump_image_check(void);
esp_err_t esp_core_dump_image_erase(void);
esp_err_t esp_core_dump_get_panic_reason(char *text, size_t size);
esp_err_t esp_core_dump_get_summary(esp_core_dump_summary_t *summary);
