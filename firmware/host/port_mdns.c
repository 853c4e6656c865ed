#include "host.h"
enum port_error port_mdns_browse(const char *service) { (void)service; return PORT_OK; }
enum port_error port_mdns_found(struct port_service *found) { (void)found; return PORT_AGAIN; }
void port_mdns_browse_stop(void) {}
enum port_error port_mdns_announce(const char *service, const char *instance, uint16_t port, const char *const txt[], size_t n)
{ (void)service; (void)instance; (void)port; (void)txt; (void)n; return PORT_OK; }
