/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures, sounds and files that a model made in an earlier turn. In Gemini's and Ollama's
 * dialects they stand in the assistant's turn; the others take such parts from users only and
 * refuse a conversation that has them elsewhere.
 */
#ifndef SLUICE_DIALECT_MADE_PART_H
#define SLUICE_DIALECT_MADE_PART_H

#include "dialect/dialect.h"

/* Leaves them out of the assistant's turns of the chat (the caller's copy; lists are replaced, not
   changed) where this dialect has no place for them, and lists them as "messages.N.images" and so
   on. False: the arena is exhausted. */
MUST_USE bool made_parts_drop(struct chat *chat, enum dialect_id target, struct arena *arena,
                              struct loss *loss);

#endif
