/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edit lane's tool: the client's own bytes with a few values replaced, members removed and
 * members added at the end of the top level. Everything else stays byte for byte.
 */
#ifndef SLUICE_DIALECT_EDIT_H
#define SLUICE_DIALECT_EDIT_H

#include "base/buf.h"
#include "codec/json_write.h"
#include "dialect/dialect.h"

#define EDIT_VALUES_MAX 8u
#define EDIT_REMOVALS_MAX 8u

struct editor {
    const struct chat *chat;
    const struct json_doc *doc;
    const struct request_change *change;
    struct json_edit edits[EDIT_VALUES_MAX + EDIT_REMOVALS_MAX + 2u];
    size_t count;
    size_t changes;                      /* as the caller counts them */
    uint32_t removed[EDIT_REMOVALS_MAX]; /* keys in ascending order */
    size_t removed_count;
    struct buf model; /* the target's name as a JSON string */
    struct buf added; /* members for the end of the object */
};

/* Does not clear what the counts say is unused. Must be followed by editor_finish(). */
void editor_init(struct editor *e, const struct chat *chat, const struct request_change *change);
/* Replaces a value of any depth, with raw JSON that lives until editor_finish(). */
void editor_replace(struct editor *e, uint32_t value, struct slice with);
/* Adds a member of the top level. */
void editor_add(struct editor *e, struct slice key, struct slice value);
/* Removes the member of the top level with this value; JSON_ABSENT: nothing. */
void editor_remove(struct editor *e, uint32_t value);
/* `model` becomes the target's name, in place, or is added when the client gave none. */
void editor_model(struct editor *e, uint32_t value);
/* Writes the edited body and releases the editor; *ret_edits counts the changes. */
MUST_USE bool editor_finish(struct editor *e, struct buf *out, size_t *ret_edits);

/* The same with edits of the caller's own beside those of the editor: of other places, sorted, in
 * any number, and counted in e->changes by the caller. */
MUST_USE bool editor_finish_with(struct editor *e, const struct json_edit *more, size_t more_count,
                                 struct buf *out, size_t *ret_edits);

/* Is the model's name the only thing that may change, as in most requests? */
bool edit_is_model_only(const struct chat *chat, const struct request_change *change);
/* That one edit, without looking for any other: the chat says where the name stands. */
MUST_USE bool edit_model_only(const struct chat *chat, const struct request_change *change,
                              struct buf *out, size_t *ret_edits);

#endif
