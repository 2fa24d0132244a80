/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP connection to the first of several addresses that answers (Happy Eyeballs, RFC 8305 section
 * 5): the next attempt starts when one fails, or 250 ms after the last one started; the first that
 * connects wins and the rest is closed.
 */
#ifndef SLUICE_NET_UPSTREAM_DIAL_H
#define SLUICE_NET_UPSTREAM_DIAL_H

#include "net/resolver.h"

#define DIAL_STAGGER_MS 250

struct dial;

/* on_done is called once, from a later turn of the loop: with the descriptor (non-blocking,
   TCP_NODELAY), which is then the owner's, or with -1 and the errno of the last attempt. The dial
   frees itself. NULL: out of memory. */
MUST_USE struct dial *dial_start(struct net_loop *loop, const union net_address *addresses,
                                 size_t count, uint16_t port,
                                 void (*on_done)(void *owner, int fd, int error), void *owner);
/* Closes everything; on_done will not be called. Only before on_done. */
void dial_cancel(struct dial *dial);

#endif
