/* What the parts of this port share among themselves. */
#ifndef PORT_ESP_INTERNAL_H
#define PORT_ESP_INTERNAL_H

#include <esp_err.h>
#include <stdbool.h>
#include <stdint.h>

#include "port.h"
#include "port_esp.h"

/* PORT_OK, PORT_ERR_SPACE or, with a line of log that names `what` and the cause, PORT_ERR_IO. */
enum port_error esp_port_error(esp_err_t error, const char *what);

/* kv.c */
enum port_error kv_start(void);

/* udp.c */
enum port_error udp_start(void);

/* bsd.c: bytes of TCP and TLS are asked for, they do not wake anyone. */
bool stream_is_awaited(void);

/* facts.c: port_facts() */
void facts_start(void);

/* link.c: the stack. Once it runs, nothing; what failed, it tries again. */
enum port_error link_start(void);
/* Of a start, one after the other, each once; `done` of them are behind us. */
typedef esp_err_t link_step(void);
esp_err_t link_take_steps(link_step *const steps[], unsigned count, unsigned *done);
enum port_link link_joins(void);    /* from now on; what it was */
void link_is(enum port_link state); /* from any task */
bool link_address(uint8_t ip[4]);   /* ours; false if there is none */

/* link_wifi.c or link_ethernet.c: the stack with a driver, and what port.h wants of it. Started again, with
 * each join, it does what has not been done. */
enum port_error link_driver_start(void);
int8_t link_driver_rssi(void);

/* mdns.c; likewise, with each question and announcement */
enum port_error mdns_port_start(void);

/* console.c; console_uart.c or console_usb.c: the driver beneath. */
enum port_error console_start(void);
enum port_error console_driver_start(void);
size_t console_driver_read(char *text, size_t cap); /* blocks until there is something */
void console_driver_write(const char *text, size_t len);

/* tasks.c */
uint32_t tasks_stack_least(void);

#endif
