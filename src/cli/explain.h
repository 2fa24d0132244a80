/* SPDX-License-Identifier: Apache-2.0 */
/* sluice explain: the request that is explained, and the plan for people. */
#ifndef SLUICE_CLI_EXPLAIN_H
#define SLUICE_CLI_EXPLAIN_H

#include "gateway/decide.h"

/* A chat request with one user turn. `model` is plain text. */
void explain_write_body(struct slice model, struct slice prompt, struct buf *out);
/* The plan as a short table: facts, targets in the order they are tried, then the refused ones.
 * `now_ns` as for the plan. */
void explain_write_text(const struct snapshot *snapshot, const struct chat *chat,
                        const struct features *features, int64_t now_ns,
                        const struct decision *decision, struct buf *out);

#endif
