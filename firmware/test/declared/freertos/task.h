#pragma once
#include <freertos/FreeRTOS.h>

typedef struct tskTaskControlBlock *TaskHandle_t;
typedef void (*TaskFunction_t)(void *);
typedef struct {
    uint8_t memory[340];
} StaticTask_t;
#define tskNO_AFFINITY ((BaseType_t)0x7FFFFFFF)
TaskHandle_t xTaskCreateStaticPinnedToCore(TaskFunction_t run, const char *name, uint32_t stack_size,
                                           void *argument, UBaseType_t priority, StackType_t *stack,
                                           StaticTask_t *memory, BaseType_t core);
TaskHandle_t xTaskGetCurrentTaskHandle(void);
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);
BaseType_t xTaskNotifyGive(TaskHandle_t task);
uint32_t ulTaskNotifyTake(BaseType_t clear, TickType_t ticks);
void vTaskDelay(TickType_t ticks);
BaseType_t xTaskDelayUntil(TickType_t *previous, TickType_t increment);
TickType_t xTaskGetTickCount(void);
