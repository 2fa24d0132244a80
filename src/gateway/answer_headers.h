/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of an answer: x-sluice-*, and what of the upstream's headers a client may see. They
 * are rendered as lines straight into the worker's scratch buffer, which is valid until the answer
 * begins.
 */
#ifndef SLUICE_GATEWAY_ANSWER_HEADERS_H
#define SLUICE_GATEWAY_ANSWER_HEADERS_H

#include "gateway/call.h"

/* The worker's buffer, empty. */
struct buf *answer_headers_begin(struct call *call);
/* What was rendered; nothing at all when memory ran out, for a line must not be cut. */
static inline struct slice answer_headers_lines(const struct buf *lines)
{
    return lines->failed ? SLICE_EMPTY : buf_slice(lines);
}
/* Name is a literal; invalid or empty values are left out. */
void answer_headers_add(struct buf *lines, struct slice name, struct slice value);
/* What is known before a target is chosen. */
void answer_headers_of_plan(struct buf *lines, const struct call *call);
/* Call id, route, target, provider, task, tier, lane, attempts, cache, loss and the marks of a
 * plan. */
void answer_headers_of_call(struct buf *lines, const struct call *call);
/* Cost and baseline, known before the body only for answers that are not streamed. */
void answer_headers_cost(struct buf *lines, const struct call *call);
/* Of an error: retry-after and retry-after-ms, where it is known when trying again may help. */
void answer_headers_retry_after(struct buf *lines, const struct call *call);
/* Of an error: "x-should-retry: false" where trying the same again is useless, so that SDKs do not
 * do it: on 4xx but 408, 409, 425 and 429, where a provider refused the operator's credentials or
 * does not know the model, and where the provider that failed said so itself. Everything else is
 * left to the SDK, although all that may be tried was tried: time can help. */
void answer_headers_should_retry(struct buf *lines, const struct call *call, int status);
/* The provider's own rate-limit headers (x-ratelimit-*, anthropic-ratelimit-*) where the answer is
 * that provider's and not translated; of an error only when it was the only one asked. */
void answer_headers_limits(struct buf *lines, const struct call *call);

#endif
