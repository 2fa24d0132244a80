/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells an address of the configuration what people must know, one POST after the other, on the
 * main thread's loop. What fails is tried again some times; a short queue, whose oldest entries are
 * given up first. Its target comes from the configuration only. One thread.
 */
#ifndef SLUICE_GATEWAY_WEBHOOK_H
#define SLUICE_GATEWAY_WEBHOOK_H

#include "config/snapshot.h"
#include "net/loop.h"

struct webhook;

/* NULL: *error. The loop outlives it. */
MUST_USE struct webhook *webhook_new(struct net_loop *loop, struct error *error);
/* The address of this snapshot from now on; what waits goes there, too. */
void webhook_watch(struct webhook *webhook, const struct snapshot *snapshot);
/* Takes a copy of the JSON; nothing happens where there is no address. */
void webhook_send(struct webhook *webhook, struct slice json);
/* The same, and says what came of it, `which` with it; not after webhook_close(). It may say so at
 * once, or when a later message takes its place. */
void webhook_send_then(struct webhook *webhook, struct slice json,
                       void (*then)(void *user, uint64_t which, bool told), void *user,
                       uint64_t which);
/* Is there an address? */
bool webhook_is_ready(const struct webhook *webhook);
/* Gives up what waits; the loop has to run on until its connections are closed. NULL-safe. */
void webhook_close(struct webhook *webhook);
/* After the loop. NULL-safe. */
void webhook_free(struct webhook *webhook);

#endif
