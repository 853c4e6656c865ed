#pragma once
#include <freertos/FreeRTOS.h>

void vTaskDelay(TickType_t ticks);
BaseType_t xTaskDelayUntil(TickType_t *previous, TickType_t increment);
TickType_t xTaskGetTickCount(void);
