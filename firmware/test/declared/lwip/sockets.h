#pragma once
/* lwIP's structures and constants have the names and types of POSIX; its functions have a prefix. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>

int lwip_socket(int domain, int type, int protocol);
int lwip_connect(int s, const struct sockaddr *to, socklen_t len);
int lwip_close(int s);
int lwip_fcntl(int s, int command, int value);
int lwip_select(int count, fd_set *read, fd_set *write, fd_set *error, struct timeval *timeout);
int lwip_getsockopt(int s, int level, int name, void *value, socklen_t *len);
int lwip_setsockopt(int s, int level, int name, const void *value, socklen_t len);
ssize_t lwip_send(int s, const void *data, size_t len, int flags);
ssize_t lwip_recv(int s, void *data, size_t len, int flags);
