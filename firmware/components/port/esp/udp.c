/* The UDP socket of a call, on lwIP's own interface: what arrives goes by a queue of fixed size straight from
 * lwIP's task to ours, and wakes it, which a socket cannot without allocating for each wait. IPv4 only. */
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <lwip/pbuf.h>
#include <lwip/tcpip.h>
#include <lwip/udp.h>
#include <sdkconfig.h>
#include <string.h>

#include "esp.h"

#if !CONFIG_LWIP_TCPIP_CORE_LOCKING
#error "a call would race lwIP: set CONFIG_LWIP_TCPIP_CORE_LOCKING=y, or delete sdkconfig.BOARD"
#endif

#define QUEUED 16 /* 320 ms of sound, or a burst of DTLS and SCTP */

struct arrival {
    struct pbuf *data;
    uint32_t ip; /* network order */
    uint16_t port;
};

static QueueHandle_t arrived;
static struct udp_pcb *socket;

enum port_error udp_start(void)
{
    static StaticQueue_t memory;
    static uint8_t slots[QUEUED * sizeof(struct arrival)];
    arrived = xQueueCreateStatic(QUEUED, sizeof(struct arrival), slots, &memory);
    return PORT_OK;
}

/* In lwIP's task. */
static void take(void *unused, struct udp_pcb *from_socket, struct pbuf *data, const ip_addr_t *from,
                 u16_t port)
{
    struct arrival arrival = {data, ip_addr_get_ip4_u32(from), port};
    (void)unused;
    (void)from_socket;
    if (xQueueSend(arrived, &arrival, 0) == pdTRUE)
        port_net_wake();
    else
        pbuf_free(data);
}

static enum port_error bind_any(struct port_address *local)
{
    LOCK_TCPIP_CORE();
    socket = udp_new();
    bool bound = socket != NULL && udp_bind(socket, IP_ADDR_ANY, 0) == ERR_OK;
    if (bound) {
        udp_recv(socket, take, NULL);
        local->port = socket->local_port;
    }
    UNLOCK_TCPIP_CORE();
    return bound ? PORT_OK : PORT_ERR_SPACE;
}

enum port_error port_udp_open(const struct port_address *toward, struct port_address *local)
{
    port_udp_close();
    memset(local, 0, sizeof *local);
    if (toward->family != 4 || !link_address(local->ip))
        return PORT_ERR_UNREACHABLE;
    local->family = 4;
    enum port_error error = bind_any(local);
    if (error != PORT_OK)
        port_udp_close();
    return error;
}

void port_udp_close(void)
{
    struct arrival arrival;
    if (socket == NULL)
        return;
    LOCK_TCPIP_CORE();
    udp_remove(socket);
    UNLOCK_TCPIP_CORE();
    socket = NULL;
    while (xQueueReceive(arrived, &arrival, 0) == pdTRUE)
        pbuf_free(arrival.data);
}

static err_t send_to(struct pbuf *datagram, const struct port_address *remote)
{
    ip_addr_t to;
    uint32_t ip;
    memcpy(&ip, remote->ip, sizeof ip);
    ip_addr_set_ip4_u32(&to, ip);
    LOCK_TCPIP_CORE();
    err_t error = udp_sendto(socket, datagram, &to, remote->port);
    UNLOCK_TCPIP_CORE();
    return error;
}

enum port_error port_udp_send(const struct port_address *remote, const uint8_t *data, size_t len)
{
    if (socket == NULL || remote->family != 4)
        return PORT_ERR_UNREACHABLE;
    struct pbuf *datagram = len <= UINT16_MAX ? pbuf_alloc(PBUF_TRANSPORT, (u16_t)len, PBUF_RAM) : NULL;
    if (datagram == NULL)
        return PORT_AGAIN;
    err_t error = pbuf_take(datagram, data, (u16_t)len);
    if (error == ERR_OK)
        error = send_to(datagram, remote);
    pbuf_free(datagram);
    return error == ERR_OK                        ? PORT_OK
           : error == ERR_MEM || error == ERR_BUF ? PORT_AGAIN
                                                  : PORT_ERR_UNREACHABLE;
}

enum port_error port_udp_receive(struct port_address *remote, uint8_t *data, size_t cap, size_t *len)
{
    struct arrival arrival;
    if (socket == NULL || xQueueReceive(arrived, &arrival, 0) != pdTRUE)
        return PORT_AGAIN;
    bool fits = arrival.data->tot_len <= cap; /* longer is nothing that speaks our protocol */
    *len = fits ? pbuf_copy_partial(arrival.data, data, arrival.data->tot_len, 0) : 0;
    pbuf_free(arrival.data);
    *remote = (struct port_address){.family = 4, .port = arrival.port};
    memcpy(remote->ip, &arrival.ip, sizeof arrival.ip);
    return PORT_OK;
}
