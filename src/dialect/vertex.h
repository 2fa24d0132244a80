/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vertex AI where it is not Gemini's API, private to its files: behind only. Chats are Gemini's
 * there too; vectors are made by :predict or, of newer models, by :embedContent and its batch with
 * options in a shape of its own, and tokens are counted without the wrapping request. The base URL
 * ends in
 * "/publishers/google". Sources: the reference of Vertex AI's text embeddings API and of
 * CountTokensRequest; Google's own SDK has the same rule for models.
 */
#ifndef SLUICE_DIALECT_VERTEX_H
#define SLUICE_DIALECT_VERTEX_H

#include "dialect/dialect.h"

/* How this model makes so many vectors at once. */
enum vertex_method {
    VERTEX_PREDICT, /* any number of instances */
    VERTEX_EMBED,   /* :embedContent: one input */
    VERTEX_BATCH,   /* :batchEmbedContents */
    VERTEX_NONE     /* it takes one input, and there are more */
};
enum vertex_method vertex_method_of(struct slice model, size_t inputs);
bool vertex_write_request(const struct chat *chat, const struct request_change *change,
                          struct buf *out, struct loss *loss, struct error *error);

#endif
