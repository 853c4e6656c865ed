/* Time, chance and words. */
#include <esp_log.h>
#include <esp_random.h>
#include <esp_timer.h>
#include <stdarg.h>
#include <stdio.h>

#include "esp.h"

#define LINE 200 /* on the stack of whoever logs */

static enum port_level most = PORT_INFO;

uint64_t port_clock(void)
{
    return (uint64_t)esp_timer_get_time();
}

/* True randomness: the radio runs before the first caller comes, or link_ethernet.c keeps the noise source
 * on.
 */
void port_random(uint8_t *out, size_t len)
{
    esp_fill_random(out, len);
}

void port_log_level(enum port_level level)
{
    most = level;
}

void port_log(enum port_level level, const char *tag, const char *format, ...)
{
    static const esp_log_level_t levels[] = {[PORT_ERROR] = ESP_LOG_ERROR,
                                             [PORT_WARNING] = ESP_LOG_WARN,
                                             [PORT_INFO] = ESP_LOG_INFO,
                                             [PORT_DEBUG] = ESP_LOG_INFO}; /* IDF's own level would hide it */
    char line[LINE];
    va_list arguments;
    if (level > most)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    ESP_LOG_LEVEL(levels[level], tag, "%s", line);
}

enum port_error esp_port_error(esp_err_t error, const char *what)
{
    if (error == ESP_OK)
        return PORT_OK;
    port_log(PORT_ERROR, "port", "%s: %s", what, esp_err_to_name(error));
    return error == ESP_ERR_NO_MEM ? PORT_ERR_SPACE : PORT_ERR_IO;
}
