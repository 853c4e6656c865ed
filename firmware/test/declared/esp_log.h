#pragma once
#include <stdio.h>

#define ESP_LOGE(tag, format, ...) ((void)(tag), (void)printf(format, ##__VA_ARGS__))
