/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in the client's request something stands: the JSON pointers of errors that are found after
 * reading. Nothing is kept for them: a chat's texts are slices of the request's bytes, so the
 * document tells which member a slice is in, and that is looked up only when an error is made. What
 * was copied (joined texts, base64 in another alphabet) is found by another slice of the same part.
 * A pointer that cannot be found is empty. Each sets the pointer of *error and nothing else of it.
 */
#ifndef SLUICE_DIALECT_PLACE_H
#define SLUICE_DIALECT_PLACE_H

#include "dialect/dialect.h"

void place_part(const struct chat *chat, const struct chat_part *part, struct error *error);
/* The turn, or its first part, where the client's dialect has no such turn of its own. */
void place_message(const struct chat *chat, size_t index, struct error *error);
/* The member of the client's dialect that asks for this. */
void place_wish(const struct chat *chat, enum wish wish, struct error *error);
/* Of several needs: that of the first one in the list of capabilities. */
void place_need(const struct chat *chat, capability_set needs, struct error *error);

#endif
