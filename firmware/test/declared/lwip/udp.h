#pragma once
#include <lwip/pbuf.h>

typedef struct {
    uint32_t addr;
} ip_addr_t; /* of a build without IPv6 */
struct udp_pcb {
    u16_t local_port;
};
typedef void (*udp_recv_fn)(void *argument, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                            u16_t port);
extern const ip_addr_t ip_addr_any;
#define IP_ADDR_ANY (&ip_addr_any)
#define ip_addr_get_ip4_u32(ip) ((ip)->addr)
#define ip_addr_set_ip4_u32(ip, value) ((ip)->addr = (value))
struct udp_pcb *udp_new(void);
err_t udp_bind(struct udp_pcb *pcb, const ip_addr_t *ip, u16_t port);
void udp_recv(struct udp_pcb *pcb, udp_recv_fn take, void *argument);
err_t udp_sendto(struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *to, u16_t port);
void udp_remove(struct udp_pcb *pcb);
