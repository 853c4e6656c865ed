#ifndef HOST_RELAY_H
#define HOST_RELAY_H

void relay_add(void); /* before voice_start() */

#endif
