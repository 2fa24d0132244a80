/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reasoning and seals that came with tool calls are kept under the calls' ids, so that a later turn
 * that goes back to the same provider has them although the client's dialect could not carry them
 * or the client dropped them. Notes are taken while an answer passes, kept when the attempt is
 * settled as whole, and recalled by writers of requests (struct opaque_state).
 */
#ifndef SLUICE_GATEWAY_OPAQUE_H
#define SLUICE_GATEWAY_OPAQUE_H

#include "gateway/call.h"

struct opaque_notes;

/* Of frames with reasoning, seals or calls. What does not fit or finds no memory is not noted. */
void opaque_note_frame(struct call *call, const struct frame *frame);
/* Moves the notes into the store. */
void opaque_keep(struct call *call);
/* NULL-safe. */
void opaque_notes_free(struct opaque_notes *notes);
/* request_change.recall; `user` is the call. */
bool opaque_recall(void *user, struct slice call_id, struct opaque_state *ret_state);

#endif
