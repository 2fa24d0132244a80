/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact cache: the same bytes asked again by the same client key get the same bytes again, as
 * long as the configuration says (`cache.exact.ttl`). What names an answer is a SHA-256 over the
 * path, the query, the headers that say what is wanted, and the body; so nothing is taken for the
 * same that is not. The answer is kept as the client got it, complete ones only, in the memory of
 * this process, and in Redis where nodes share one; no prompt is kept.
 *
 * A hit costs nothing: its provider is "cache", its one attempt in the ledger asked nobody and has
 * the kept usage, and its baseline is what that would have cost there (for who named a target: at
 * that target).
 */
#ifndef SLUICE_GATEWAY_ANSWER_CACHE_H
#define SLUICE_GATEWAY_ANSWER_CACHE_H

#include "gateway/call.h"

/* RECALL: a kept answer, or what PLAN decided. */
enum call_step call_recall(struct call *call);
/* Whether RECALL has something to look for. */
bool answer_cache_wanted(const struct call *call);

/* What the client gets: the content type, the bytes in order, the end of an answer that is
 * complete. Nothing happens where none is kept. */
void answer_cache_begin(struct call *call, struct slice content_type);
void answer_cache_take(struct call *call, struct slice bytes);
void answer_cache_finish(struct call *call);
/* "hit", "miss" (what comes may be kept) or "off". */
struct slice answer_cache_word(const struct call *call);
/* The names of who gave the answer that is repeated, for the record. */
void answer_cache_record(const struct call *call, struct call_record *record);
/* The client left, or the call is over. */
void answer_cache_release(struct call *call);

#endif
