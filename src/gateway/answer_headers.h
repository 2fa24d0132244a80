/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of an answer: x-sluice-*, and what of the upstream's headers a client may see. */
#ifndef SLUICE_GATEWAY_ANSWER_HEADERS_H
#define SLUICE_GATEWAY_ANSWER_HEADERS_H

#include "gateway/call.h"

#define ANSWER_HEADERS_MAX 40
#define ANSWER_HEADERS_TEXT 1024

struct answer_headers {
    struct http_header items[ANSWER_HEADERS_MAX];
    size_t count;
    char text[ANSWER_HEADERS_TEXT]; /* memory of the values made here */
    size_t used;
};

void answer_headers_init(struct answer_headers *headers);
/* Name is a literal; the value must stay valid; invalid or empty values are left out. */
void answer_headers_add(struct answer_headers *headers, const char *name, struct slice value);
/* Call id, route, target, provider, task, tier, lane, attempts, cache, loss and the marks of a
 * plan. */
void answer_headers_of_call(struct answer_headers *headers, const struct call *call);
/* Cost and baseline, known before the body only for answers that are not streamed. */
void answer_headers_cost(struct answer_headers *headers, const struct call *call);
void answer_headers_retry_after(struct answer_headers *headers, const struct call *call);
/* May this header of an upstream's answer reach the client? Rate limits, request ids, processing
   times; never framing, cookies or connection headers. */
bool answer_header_forwarded(struct slice name);

#endif
