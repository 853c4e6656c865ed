#pragma once
#include <freertos/FreeRTOS.h>

typedef struct QueueDefinition *QueueHandle_t;
typedef struct {
    uint8_t memory[80];
} StaticQueue_t;
QueueHandle_t xQueueCreateStatic(UBaseType_t length, UBaseType_t size, uint8_t *slots, StaticQueue_t *memory);
BaseType_t xQueueSend(QueueHandle_t queue, const void *item, TickType_t ticks);
BaseType_t xQueueReceive(QueueHandle_t queue, void *item, TickType_t ticks);
BaseType_t xQueueReset(QueueHandle_t queue);
