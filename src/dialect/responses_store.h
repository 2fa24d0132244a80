/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `previous_response_id` and item references of Responses clients, for providers that know nothing
 * of them. Pure functions: whoever keeps the answers (the gateway) stores what the record gives
 * under the response's id and brings it back when a request asks for it.
 *
 * After a call, in any lane and from any dialect behind (chat->dialect is DIALECT_OPENAI_RESPONSES
 * and chat->store is not 0):
 *
 *     struct responses_record *record = responses_record_new(&head);
 *     for each frame from the decoder: responses_record_frame(record, &frame);
 *     if (responses_record_finish(record, chat, &json)) {
 *         keep `json` under responses_record_key(record), for this client only;
 *     }
 *     responses_record_free(record);
 *
 * `chat` is the request as it went to the providers, that is: expanded. `json` is an array: all its
 * items and those of this answer. It is complete in itself: no chain of answers has to be followed.
 * The key is the response's id as the client saw it, without its "resp_": of our own ids that is
 * the call's id, so head.call_id must be the encoder's.
 *
 * Before a call:
 *
 *     size_t count = responses_stored_keys(chat, keys, ARRAY_LEN(keys));
 *     for each key: stored[i].key = keys[i]; stored[i].items = what was kept, or NULL;
 *     if (count > 0 && responses_expand(chat, stored, count, &body, &error)) {
 *         read `body` again with the dialect's read_request: that chat goes to the providers;
 *     }
 *
 * A target of the provider that made the answer, in the same dialect, keeps the client's own bytes:
 * it has its own store. An id that is none of ours (responses_is_own_id) is such a provider's.
 * A previous answer that was not kept is the client's error: code "previous_response_not_found",
 * status 400, as OpenAI says it.
 */
#ifndef SLUICE_DIALECT_RESPONSES_STORE_H
#define SLUICE_DIALECT_RESPONSES_STORE_H

#include "dialect/dialect.h"

#define RESPONSES_STORED_MAX 16u /* answers that one request may build on */

/* --- keeping --- */

struct responses_record;

/* `head` as for an encoder; head->chat may be NULL. NULL: out of memory. */
struct responses_record *responses_record_new(const struct answer_head *head);
/* NULL-safe. */
void responses_record_free(struct responses_record *record);
/* False: out of memory, or the answer is too large to be kept: the record is of no more use. */
bool responses_record_frame(struct responses_record *record, const struct frame *frame);
/* Plain text; valid after the first frame and as long as the record. */
struct slice responses_record_key(const struct responses_record *record);
/* The same of any response's id (plain). */
struct slice responses_stored_key(struct slice response_id);
/* Appends the array. False: nothing to keep, because the answer did not finish (failed, broken
   off), or *out is at its ceiling. */
bool responses_record_finish(const struct responses_record *record, const struct chat *chat,
                             struct buf *out);

/* --- bringing back --- */

/* Did we make this id of a response (plain or inner)? After "resp_" ours have a call's id. */
bool responses_is_own_id(struct slice id);

/* The keys (slices of the request) of stored answers that the request builds on, without doubles:
   that of previous_response_id first, then those of references to items of ours, the newest first.
   References to other items are left alone. */
size_t responses_stored_keys(const struct chat *chat, struct slice *keys, size_t max);

struct responses_stored {
    struct slice key;   /* as responses_stored_keys() gave it */
    struct slice items; /* what responses_record_finish() gave, or NULL: it is not known */
};

/* Appends the request's body with the stored items: those of previous_response_id in front of its
   own `input`, referenced ones in the place of their references, without previous_response_id. All
   else stays byte for byte. False: an id is not known ("previous_response_not_found" or
   "item_not_found", with a pointer), or *out is at its ceiling ("request_too_large"). */
bool responses_expand(const struct chat *chat, const struct responses_stored *stored, size_t count,
                      struct buf *out, struct error *error);

#endif
