/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI Embeddings, private to its files. Each input is a user's turn with one text; inputs that
 * are token numbers mean something to their own vendor only and move as they are.
 */
#ifndef SLUICE_DIALECT_EMBEDDINGS_H
#define SLUICE_DIALECT_EMBEDDINGS_H

#include "codec/json_write.h"
#include "dialect/dialect.h"
#include "dialect/reader.h"

/* From EMBEDDINGS_FIRST_KEPT on the members are kept as extras too. */
enum embeddings_member {
    EMBEDDINGS_MODEL,
    EMBEDDINGS_INPUT,
    EMBEDDINGS_FORMAT,
    EMBEDDINGS_DIMENSIONS,
    EMBEDDINGS_USER,
    EMBEDDINGS_SLUICE,
    EMBEDDINGS_MODELS,
    EMBEDDINGS_PROVIDER,
    EMBEDDINGS_SESSION_ID,
    EMBEDDINGS_MEMBERS,
    EMBEDDINGS_FIRST_KEPT = EMBEDDINGS_SESSION_ID,
};
extern const struct member_table embeddings_members;

/* embeddings_read.c */
bool embeddings_read(struct slice body, struct json_doc *doc, struct arena *arena,
                     struct chat *chat, struct error *error);

/* embeddings_write.c */
bool embeddings_write_request(const struct chat *chat, const struct request_change *change,
                              struct buf *out, struct loss *loss, struct error *error);
bool embeddings_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                     size_t *ret_edits);

/* embeddings_answer.c */
enum decode_result embeddings_decode_answer(struct decoder *d, struct slice body,
                                            struct frame *ret_frame);
bool embeddings_write_answer(const struct answer_head *head, const struct frame *frame,
                             struct buf *out);

/* embeddings_vector.c: `raw` is a JSON array of numbers or a JSON string of base64; appended in the
   wanted form. False: it is neither. */
MUST_USE bool embeddings_write_vector(struct slice raw, bool base64, struct buf *out);

#endif
