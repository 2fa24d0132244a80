/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway makes good itself where a provider's dialect has no word for it (see wish.h):
 *
 * - stop sequences: the answer ends at the first one that is met, and the provider need not be
 *   heard any longer. However the text is cut into pieces, only bytes that can begin a stop
 *   sequence are held back.
 * - JSON without a schema: a tool that takes any object must be called, and its arguments are the
 *   answer's text.
 * - "a tool must be called": the named one alone is offered, and an answer without a call is the
 *   failure of its target, which the caller sees to.
 *
 * Pure but for its memory. A request is rewritten before it is written for the provider, its
 * answer's frames go through emulation_frame() on their way to the client's encoder. One owner.
 */
#ifndef SLUICE_DIALECT_EMULATE_H
#define SLUICE_DIALECT_EMULATE_H

#include "dialect/dialect.h"

struct emulation;

/* Which of these wishes can be made good for this chat. */
unsigned emulation_able(const struct chat *chat, unsigned wishes);
/* Takes out of the chat (the caller's copy; lists are replaced, not changed) what is emulated.
   False: the arena is exhausted. */
MUST_USE bool emulation_rewrite(struct chat *chat, unsigned wishes, struct arena *arena);
/* For one answer to the chat as the client sent it, which need not live on. NULL: out of memory. */
struct emulation *emulation_new(const struct chat *chat, unsigned wishes);
/* NULL-safe. */
void emulation_free(struct emulation *emulation);
/* The frame as the client shall see it; valid until the next call, and as long as `frame`. With the
   one in which a stop sequence is met the answer ends (it is terminal; with usage of zero where the
   frame tells none, see emulation_usage()). False: out of memory. */
MUST_USE bool emulation_frame(struct emulation *emulation, const struct frame *frame,
                              struct frame *ret_frame);
/* A stop sequence was met: nothing after it is part of the answer. */
bool emulation_is_cut(const struct emulation *emulation);
/* What the answer that was cut used, for the frame that ended it. */
void emulation_usage(struct emulation *emulation, const struct usage *usage);

#endif
