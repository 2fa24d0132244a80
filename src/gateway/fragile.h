/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that cannot read what a provider of their own dialect rightly sends, known by their
 * headers. A stream that passes untouched is changed for them, and for nobody else, in the spans
 * that they fail on (docs/dialects.md). Facts: the sources of @openrouter/sdk 1.3.19,
 * @openrouter/ai-sdk-provider 2.10.0 and portkey-ai 3.1.0.
 */
#ifndef SLUICE_GATEWAY_FRAGILE_H
#define SLUICE_GATEWAY_FRAGILE_H

#include "net/http.h"

#include "base/buf.h"

enum fragile {
    FRAGILE_NULL_USAGE = 1,  /* refuses chunks with `"usage":null` */
    FRAGILE_LINE_MARKS = 2,  /* takes U+0085, U+2028 and U+2029 for ends of lines */
    FRAGILE_USAGE_ASKED = 4, /* wants the usage of a stream and does not say so */
};
/* Flags of enum fragile; 0: an ordinary client. */
unsigned fragile_client(const struct http_request *request);
/* Appends JSON text or whole events with those characters escaped; elsewhere than in strings they
 * cannot be. */
void fragile_escape_marks(struct slice text, struct buf *out);

#endif
