/* SPDX-License-Identifier: Apache-2.0 */
/* Birth and death of calls: recycled per worker, so that a steady load allocates nothing for them.
 */
#ifndef SLUICE_GATEWAY_CALL_NEW_H
#define SLUICE_GATEWAY_CALL_NEW_H

#include "gateway/call.h"

/* A call for this exchange with the worker's snapshot pinned; hangs itself on the exchange. NULL:
 * out of memory. */
struct call *call_new(struct worker *worker, struct http_exchange *x,
                      const struct endpoint *endpoint);
/* Releases everything; the exchange must be over or detached, the upstream request over. */
void call_free(struct call *call);
/* Really frees what is kept for reuse. */
void call_free_kept(struct worker *worker);
/* The client's secret: Authorization: Bearer, else x-api-key; empty when there is none. */
struct slice request_secret(const struct http_request *request);

#endif
