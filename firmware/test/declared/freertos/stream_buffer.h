#pragma once
#include <freertos/FreeRTOS.h>

typedef struct StreamBufferDef_t *StreamBufferHandle_t;
typedef struct {
    uint8_t memory[60];
} StaticStreamBuffer_t;
StreamBufferHandle_t xStreamBufferCreateStatic(size_t size, size_t trigger, uint8_t *bytes,
                                               StaticStreamBuffer_t *memory);
size_t xStreamBufferSend(StreamBufferHandle_t buffer, const void *data, size_t len, TickType_t ticks);
size_t xStreamBufferReceive(StreamBufferHandle_t buffer, void *data, size_t cap, TickType_t ticks);
