#pragma once
#include <lwip/pbuf.h>

void sys_lock_tcpip_core(void);
void sys_unlock_tcpip_core(void);
#define LOCK_TCPIP_CORE() sys_lock_tcpip_core()
#define UNLOCK_TCPIP_CORE() sys_unlock_tcpip_core()
typedef void (*tcpip_callback_fn)(void *argument);
err_t tcpip_try_callback(tcpip_callback_fn function, void *argument);
