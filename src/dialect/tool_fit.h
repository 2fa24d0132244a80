/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vendors take other letters and lengths in the names of tools: what one client may call its tool
 * another's provider refuses. A name that the provider's dialect does not take is told as one that
 * it does, everywhere in the request, and turned back in the answer. The same name becomes the same
 * one every time, in every process, so that later turns and prompt caches fit.
 *
 * Pure but for its memory. One owner; one for each answer.
 */
#ifndef SLUICE_DIALECT_TOOL_FIT_H
#define SLUICE_DIALECT_TOOL_FIT_H

#include "dialect/dialect.h"

struct tool_fit;

/* Does a provider of this dialect take the name (inner)? */
bool tool_name_fits(const struct dialect *dialect, struct slice name);
/* The name as it is told (inner): itself, or letters of it with a hash of the whole; NULL ptr: out
   of memory, or the arena is exhausted. */
struct slice tool_name_fit(const struct dialect *dialect, struct slice name, struct arena *arena);
/* Renames in the chat (the caller's copy; lists are replaced, not changed) what does not fit.
   *ret_fit turns the names back, and is NULL where there is nothing to turn back. False: out of
   memory. */
MUST_USE bool tool_fit_rewrite(struct chat *chat, const struct dialect *target, struct arena *arena,
                               struct tool_fit **ret_fit);
/* The frame with the client's names; valid until the next call, and as long as `frame`. False: out
   of memory. */
MUST_USE bool tool_fit_frame(struct tool_fit *fit, const struct frame *frame,
                             struct frame *ret_frame);
/* NULL-safe. */
void tool_fit_free(struct tool_fit *fit);

#endif
