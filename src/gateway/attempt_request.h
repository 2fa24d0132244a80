/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an attempt's request: one that was rendered with the configuration, or, where the
 * path holds the model or the client's own headers go along, one made for this attempt.
 */
#ifndef SLUICE_GATEWAY_ATTEMPT_REQUEST_H
#define SLUICE_GATEWAY_ATTEMPT_REQUEST_H

#include "gateway/call.h"

#define ATTEMPT_COMMON_LINES                                                                       \
    "Content-Type: application/json\r\nUser-Agent: sluice/" SLUICE_VERSION "\r\n"

/* Which dialect to speak to this provider: one that stands in for another of its own, else the
   client's own if it knows it, else its default, else any that knows the operation and is among
   `speakers` (DIALECT_BIT()s; 0: all are). DIALECT_COUNT: none does. */
enum dialect_id attempt_dialect(const struct provider *provider, unsigned client,
                                enum operation operation, unsigned speakers);
/* Appends path and query of a request in this dialect: below the provider's base URL. */
MUST_USE bool attempt_path(const struct provider *provider, enum dialect_id id,
                           const struct chat *chat, struct slice model, struct buf *out);
/* Fills in template, or method, path and headers (in the call's arena); the body is there already,
   because it may have to be signed. False: "request_too_large", or "credential_unavailable": this
   provider wants a signature or a token, and there is nothing to make it of now. */
MUST_USE bool attempt_request_head(struct call *call, struct upstream_request *request,
                                   struct error *error);

#endif
