/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens from bytes, inside the layer. */
#ifndef SLUICE_ROUTE_TOKENS_H
#define SLUICE_ROUTE_TOKENS_H

#include "route/text.h"

/* Adds the classes of `len` bytes to the counts; changes nothing. For texts that are not searched
 * for words. */
void tokens_count_bytes(const char *text, size_t len, struct byte_counts *counts);
/* Fills features->tokens. `sampled` is what the rules looked at, a part of the chat's texts. */
void tokens_estimate(const struct chat *chat, const struct byte_counts *sampled,
                     struct features *features);

#endif
