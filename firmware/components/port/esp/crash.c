/* The last panic, as the core dump in flash tells it. Decoded against the ELF file by `voicegw monitor` or
 * `idf.py coredump-info`; this is what a person can read at once. */
#include <esp_core_dump.h>
#include <sdkconfig.h>
#include <stdarg.h>
#include <stdio.h>

#include "esp.h"

#if !CONFIG_ESP_COREDUMP_ENABLE_TO_FLASH
#error "no panic would be told: set CONFIG_ESP_COREDUMP_ENABLE_TO_FLASH=y, or delete sdkconfig.BOARD"
#elif CONFIG_ESP_COREDUMP_STACK_SIZE < 1792
#error "a full stack cannot dump itself: set CONFIG_ESP_COREDUMP_STACK_SIZE=1792, or delete sdkconfig.BOARD"
#endif

#define SHA_SHOWN 8 /* bytes of the ELF's hash: enough to find it */

struct out {
    char *text;
    size_t cap, len;
};

static void add(struct out *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(out->text + out->len, out->cap - out->len, format, arguments);
    va_end(arguments);
    size_t room = out->cap - out->len - 1;
    out->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
}

#if CONFIG_IDF_TARGET_ARCH_XTENSA

static void add_trace(struct out *out, const esp_core_dump_summary_t *s)
{
    add(out, " cause=%u address=0x%08x backtrace=", (unsigned)s->ex_info.exc_cause,
        (unsigned)s->ex_info.exc_vaddr);
    for (uint32_t i = 0; i < s->exc_bt_info.depth && i < 16; i++)
        add(out, "%s0x%08x", i > 0 ? "," : "", (unsigned)s->exc_bt_info.bt[i]);
}

#else /* RISC-V: a backtrace takes the ELF; the return address is the caller's */

static void add_trace(struct out *out, const esp_core_dump_summary_t *s)
{
    add(out, " cause=%u address=0x%08x ra=0x%08x sp=0x%08x", (unsigned)s->ex_info.mcause,
        (unsigned)s->ex_info.mtval, (unsigned)s->ex_info.ra, (unsigned)s->ex_info.sp);
}

#endif

size_t port_crash_report(char *text, size_t cap)
{
    static esp_core_dump_summary_t summary; /* too much for a stack */
    struct out out = {text, cap, 0};
    char why[96];
    text[0] = '\0';
    if (esp_core_dump_image_check() != ESP_OK)
        return 0;
    if (esp_core_dump_get_panic_reason(why, sizeof why) == ESP_OK)
        add(&out, "%s; ", why);
    if (esp_core_dump_get_summary(&summary) != ESP_OK)
        return out.len;
    add(&out, "task=%.16s pc=0x%08x", summary.exc_task, (unsigned)summary.exc_pc);
    add_trace(&out, &summary);
    add(&out, " elf=%.*s", 2 * SHA_SHOWN, (const char *)summary.app_elf_sha256);
    return out.len;
}

void port_crash_erase(void)
{
    (void)esp_port_error(esp_core_dump_image_erase(), "core dump");
}
