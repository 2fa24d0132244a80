/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seal on a thought, or what only its maker can read of it, travels to clients of other dialects
 * behind a mark of ours with the maker's dialect: "sluice.seal.DIALECT:SEAL",
 * "sluice.data.DIALECT:DATA". So it finds its maker again, and nobody else is shown it as its own.
 */
#ifndef SLUICE_DIALECT_SEAL_MARK_H
#define SLUICE_DIALECT_SEAL_MARK_H

#include "dialect/dialect.h"

#define SEAL_MARK "sluice.seal."
#define SEAL_DATA_MARK "sluice.data."

/* Appends the mark of this EVENT_SIGNATURE or EVENT_OPAQUE, up to the colon. */
void seal_mark_write(struct buf *out, const struct event *event);
/* Does this text (inner) begin with a mark? */
bool seal_is_marked(struct slice inner);
/* Takes what stands behind a mark into the part's signature or data, with its maker; nothing where
   there is no mark, no known maker or nothing behind it. */
void seal_mark_read(struct slice inner, struct chat_part *part);

#endif
