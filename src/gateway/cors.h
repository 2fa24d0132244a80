/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Web pages that call from a browser (the Fetch standard's CORS). Allowed are the origins of
 * server.cors.origins and those that a client key in the ledger lists; the browser asks before it
 * sends the key, so at that moment any key's will do, and which key it was is checked with the call
 * (caller.h). Pages of other origins get no leave, and the browser keeps them from calling. Only
 * for endpoints that client keys may use.
 */
#ifndef SLUICE_GATEWAY_CORS_H
#define SLUICE_GATEWAY_CORS_H

#include "gateway/endpoint.h"
#include "gateway/worker.h"

/* Answers a browser that asks whether a page may call: 204, or 403 "origin_not_allowed". False: it
 * is no such question, nothing was answered. */
MUST_USE bool cors_preflight(struct worker *worker, struct http_exchange *x,
                             const struct endpoint *endpoint);
/* A request of a page of an allowed origin: its script may read the answer, whatever that is. */
void cors_allow(struct worker *worker, struct http_exchange *x, const struct endpoint *endpoint);

#endif
