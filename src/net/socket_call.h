/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recv(2) and send(2) as the kernel has them. In a program with threads those of the C library are
 * points where a thread can be cancelled, which nobody does here, and take three times the
 * instructions for it. errno is set as usual; a peer that left is EPIPE and no signal.
 */
#ifndef SLUICE_NET_SOCKET_CALL_H
#define SLUICE_NET_SOCKET_CALL_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline ssize_t socket_recv(int fd, void *into, size_t size)
{
    return syscall(SYS_recvfrom, fd, into, size, 0, NULL, NULL);
}

static inline ssize_t socket_send(int fd, const void *from, size_t len)
{
    return syscall(SYS_sendto, fd, from, len, MSG_NOSIGNAL, NULL, 0);
}

#endif
