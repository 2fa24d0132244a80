/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that Responses clients build on by `previous_response_id`. Where we translated, we keep
 * the conversation's items and put them into the next request; where a provider of that dialect
 * answered, it has its own store, and we only remember which target it was, so that the next turn
 * goes there again. Kept in memory for a day, for the same client key only.
 */
#ifndef SLUICE_GATEWAY_STORED_H
#define SLUICE_GATEWAY_STORED_H

#include "gateway/call.h"

/* After the request was read: brings back what it builds on. *ret_body is the body to read instead,
   or stays empty; *ret_target the target that has the rest, or NO_TARGET. False: *error. */
MUST_USE bool stored_recall(struct call *call, struct slice *ret_body, uint16_t *ret_target,
                            struct error *error);
/* Before the request is read again with that. */
void stored_note_items(struct call *call);
/* Where the request was read with what it builds on: makes the error's pointer one into the request
   as the client sent it. */
void stored_place(const struct call *call, struct error *error);
/* Each frame of an answer that may be built on; the first one begins the record. */
void stored_frame(struct call *call, const struct frame *frame);
/* The answer is whole: keeps it. */
void stored_keep(struct call *call);

#endif
