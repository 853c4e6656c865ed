/* Signalling, connecting, live. */
#ifndef VOICE_DEVICE_CALL_H
#define VOICE_DEVICE_CALL_H

#include "device/device_state.h"

/* Those that may have news are true if they have some: the table of states gets them before anything else. */
/* Who it is to a peer: kept, or made. */
void device_call_identify(struct device *d);

bool device_call_begin(struct device *d, struct device_news *news);
bool device_call_signal(struct device *d, uint64_t now, struct device_news *news);
bool device_call_next(struct device *d, uint64_t now, struct device_news *news); /* again, until false */

bool device_call_send(struct device *d,
                      uint64_t now); /* one packet of the audio task's; false: there is none */
void device_call_fetch(struct device *d, uint64_t now); /* what the audio task waits for */
void device_call_talk(struct device *d, uint64_t now);  /* what is said by the clock */
uint64_t device_call_deadline(const struct device *d);
/* There is no call to go on with: the next one is new. */
void device_call_forget(struct device *d);
/* With a word to the gateway, unless the call may go on. */
void device_call_end(struct device *d, uint64_t now);
void device_get_rtvi_figures(struct device *d, struct rtvi_figures *figures);

#endif
