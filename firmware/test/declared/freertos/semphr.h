#pragma once
#include <freertos/FreeRTOS.h>

typedef struct QueueDefinition *SemaphoreHandle_t;
typedef struct {
    uint8_t memory[80];
} StaticSemaphore_t;
SemaphoreHandle_t xSemaphoreCreateMutexStatic(StaticSemaphore_t *memory);
BaseType_t xSemaphoreTake(SemaphoreHandle_t semaphore, TickType_t ticks);
BaseType_t xSemaphoreGive(SemaphoreHandle_t semaphore);
