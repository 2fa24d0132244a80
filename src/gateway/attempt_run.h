/* SPDX-License-Identifier: Apache-2.0 */
/* Life of one attempt inside its call: made ready, reset, settled. */
#ifndef SLUICE_GATEWAY_ATTEMPT_RUN_H
#define SLUICE_GATEWAY_ATTEMPT_RUN_H

#include "gateway/call.h"

void attempt_init(struct attempt *attempt);
/* Wipes the credential that the request's own lines hold: before their arena goes. */
void attempt_forget_secret(struct attempt *attempt);
/* Gives back what this attempt owns and makes room for the next; cancels nothing. */
void attempt_reset(struct call *call);
/* ... and nothing is kept. */
void attempt_release(struct call *call);
/* Marks the attempt failed with a stable literal; `detail` for log and error text. */
void attempt_fail(struct call *call, const char *error, const char *detail);
/* Why an answer that has ended is none, or NULL: `unfinished` when no reason to stop was told,
   "provider_failed" when the reason is an error, "malformed_answer" when a call has no name.
   Dialects in front cannot say that, or would say it as a success. In the client's own dialect
   it is the provider's word, and passes; but when nothing else was said and there is another
   target, that one is tried. */
const char *attempt_fault(const struct call *call, const char *unfinished);
/* The answer is with the client as the provider gave it. */
void attempt_complete(struct call *call);
/* Is there another target that could be tried, were this attempt to fail now? */
bool call_has_another(const struct call *call);
/* The price to reckon with; *spare holds it when it is none of the target's own. */
const struct price *attempt_price(const struct call *call, const struct target *target,
                                  struct price *spare);
/* What the open attempt will be charged for what it answered so far; 0: none is open. */
int64_t attempt_cost_nd(const struct call *call);
/* The hold's record. False: the journal cannot take it. */
MUST_USE bool attempt_journal_hold(struct call *call);
/* The one charge: usage (reported, else estimated), cost, live statistics, journal. With `last` the
   call's closing record is appended together with it and the call is closed. */
void attempt_settle(struct call *call, bool last);
/* The answer is over before its end, or nobody understands it: what it says of its usage all the
 * same is metered. Before the attempt is settled, once. */
void call_hear_out(struct call *call);
/* The upstream's callbacks of an attempt. */
extern const struct upstream_ops attempt_upstream_ops;

#endif
