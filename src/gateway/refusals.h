/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers that were refused, for the audit log: noted by any worker without waiting, written in
 * batches on libuv's thread pool by the main loop. A flood fills neither memory nor the database:
 * beyond a burst so many a second are kept, and of the others the number.
 */
#ifndef SLUICE_GATEWAY_REFUSALS_H
#define SLUICE_GATEWAY_REFUSALS_H

#include "gateway/caller.h"
#include "gateway/endpoint.h"
#include "gateway/worker.h"

#define REFUSALS_BURST 100
#define REFUSALS_PER_S 2

struct refusals;

/* Writes to the ledger at `path` (copied). NULL: out of memory. */
MUST_USE struct refusals *refusals_new(const struct clock *clock, const char *path);
/* Writes what is left, and frees it. NULL-safe. Nothing may be under way. */
void refusals_free(struct refusals *refusals);
/* The main loop: begins to write, if there is something and nothing is under way. */
void refusals_write(struct refusals *refusals, uv_loop_t *loop);

/* Any thread. False: suppressed. Texts are copied. */
bool refusals_add(struct refusals *refusals, struct slice actor, struct slice source,
                  struct slice subject, const char *outcome, struct slice detail);

/* Any thread: may one more refusal be recorded, by the caller itself? False: it is counted as
 * suppressed. */
bool refusals_allow(struct refusals *refusals);

/* The client of this exchange was refused at this endpoint. */
void refusal_note(struct worker *worker, const struct http_exchange *x,
                  const struct endpoint *endpoint, const struct caller_refusal *refusal);

/* Who asks on an exchange whose head was let through: on an admin listener and where no key was
 * given nobody in particular. False (rare): the key has ended meanwhile. */
MUST_USE bool exchange_caller(struct worker *worker, const struct http_exchange *x,
                              struct caller *ret_caller, struct error *error);

/* Who administers on it: *ret_caller has no key on the unix socket (the owner may do everything),
 * else an administrator's. False: its key has ended since the head was let through. */
MUST_USE bool exchange_admin(struct worker *worker, const struct http_exchange *x,
                             struct caller *ret_caller, struct error *error);

#endif
