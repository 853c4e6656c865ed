#pragma once
#include <esp_err.h>
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>

typedef int uart_port_t;
esp_err_t uart_driver_install(uart_port_t port, int rx, int tx, int queue_size, QueueHandle_t *queue,
                              int flags);
int uart_read_bytes(uart_port_t port, void *to, uint32_t len, TickType_t ticks);
int uart_write_bytes(uart_port_t port, const void *from, size_t len);
esp_err_t uart_get_buffered_data_len(uart_port_t port, size_t *len);
esp_err_t uart_get_tx_buffer_free_size(uart_port_t port, size_t *len);
