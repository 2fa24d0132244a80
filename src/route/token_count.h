/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a request, its texts counted by a tokenizer instead of estimated by their bytes. Pure.
 */
#ifndef SLUICE_ROUTE_TOKEN_COUNT_H
#define SLUICE_ROUTE_TOKEN_COUNT_H

#include "model/tokenizer.h"
#include "route/features.h"

/* The bounds are as wide as what stands around the texts: framing, tools, pictures. Linear in the
 * chat. False: out of memory. */
MUST_USE bool tokens_count(const struct chat *chat, const struct tokenizer *tokenizer,
                           struct token_estimate *ret_tokens);

#endif
