/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a provider says of its rate limits in the headers of an answer, and the same in the words of
 * the client's dialect. OpenAI: x-ratelimit-{limit,remaining,reset}-{requests,tokens}, resets as
 * durations ("6m0s"). Anthropic: anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset} and
 * the same for input-tokens and output-tokens, resets as times (RFC 3339). Others (OpenRouter,
 * Together, GitHub) leave the last word out of OpenAI's names: those are requests, and their resets
 * may be points in time, in seconds or milliseconds since 1970. The other dialects have no such
 * headers. Pure functions.
 */
#ifndef SLUICE_GATEWAY_RATE_LIMITS_H
#define SLUICE_GATEWAY_RATE_LIMITS_H

#include "base/buf.h"
#include "dialect/dialect.h"
#include "net/http.h"

struct rate_limit {
    int64_t limit; /* -1: not said, also the next two */
    int64_t remaining;
    int64_t reset_ms; /* from now */
};
struct rate_limits {
    struct rate_limit requests;
    struct rate_limit tokens; /* both kinds together; where only kinds are told, the tighter one */
    struct rate_limit input_tokens;
    struct rate_limit output_tokens;
};

/* False: the headers say nothing. `wall_ns` is now. */
bool rate_limits_read(const struct http_header *headers, size_t count, int64_t wall_ns,
                      struct rate_limits *ret_limits);
/* Appends header lines, as far as the client's dialect has them. */
void rate_limits_write(const struct rate_limits *limits, enum dialect_id front, int64_t wall_ns,
                       struct buf *lines);

#endif
