/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Birth and death of calls: recycled per worker with a bounded part of their memory, so that a
 * steady load allocates nothing for them.
 */
#ifndef SLUICE_GATEWAY_CALL_NEW_H
#define SLUICE_GATEWAY_CALL_NEW_H

#include "gateway/call.h"

#define CALL_FRAME_BYTES_MAX (32u << 20) /* a picture in base64 is one frame */

/* A call for this exchange with the worker's snapshot pinned; hangs itself on the exchange. NULL:
 * out of memory. */
struct call *call_new(struct worker *worker, struct http_exchange *x,
                      const struct endpoint *endpoint);
/* NULL: out of memory. */
struct decision *call_take_decision(struct call *call);
struct decoder *call_take_decoder(struct call *call, const struct dialect *dialect);
void call_give_decoder(struct call *call, const struct dialect *dialect, struct decoder *decoder);
/* Frees the request side's memory: what is of no use once the answer has begun. */
void call_release_request(struct call *call);
/* Releases everything; the exchange must be over or detached, the upstream request over. */
void call_free(struct call *call);
/* Frees a call object itself, which call_free() has reset. */
void call_destroy(struct call *call);
/* More than one Authorization: who is asking would depend on who reads it. */
bool request_secret_ambiguous(const struct http_request *request);
/* Is the body in a content coding? None is taken, since a few bytes could become very many. */
bool request_is_encoded(const struct http_request *request);
/* The client's secret: Authorization: Bearer, else x-api-key (Anthropic's endpoints ask them in the
   other order, as Anthropic does), else x-goog-api-key, else `key` in the query of Gemini's
   endpoints; empty when there is none. */
struct slice request_secret(const struct http_request *request);

#endif
