/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vertex AI where it is not Gemini's API, private to its files: behind only. Chats are Gemini's
 * there too; vectors are made by :predict or, newer models, :embedContent with options of its own
 * shape, and tokens are counted without the wrapping request. The base URL ends in
 * "/publishers/google". Sources: the reference of Vertex AI's text embeddings API and of
 * CountTokensRequest; Google's own SDK has the same rule for models.
 */
#ifndef SLUICE_DIALECT_VERTEX_H
#define SLUICE_DIALECT_VERTEX_H

#include "dialect/dialect.h"

/* Is it made by :embedContent, one input at a time? Else by :predict. */
bool vertex_embeds_content(struct slice model);
bool vertex_write_request(const struct chat *chat, const struct request_change *change,
                          struct buf *out, struct loss *loss, struct error *error);

#endif
