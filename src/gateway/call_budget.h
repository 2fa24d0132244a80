/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call and what its key, user, team and organisation may still spend and ask (store/budget.h).
 * Rates and calls at the same time are decided once, however many targets are tried. A hold that is
 * refused ends the plan: a dearer target would not fit either, and a cheaper one was not what the
 * plan wanted. What is refused is answered with 429 in the client's dialect, with a stable code
 * (cap_exceeded, call_cost_exceeded, rate_limited, parallel_limit), with the limit that was in the
 * way and when it is reset; x-should-retry says no where waiting a minute does not help. A key that
 * an overrun has blocked gets 403, key_blocked. Calls without a key have no limits.
 */
#ifndef SLUICE_GATEWAY_CALL_BUDGET_H
#define SLUICE_GATEWAY_CALL_BUDGET_H

#include "gateway/attempt_bound.h"

/* ADMIT: STEP_READ, or what follows a refusal. */
enum call_step call_budget_enter(struct call *call, const struct key *key);
/* PARSE: limits of the route that is meant. False: *ret_step follows. */
MUST_USE bool call_budget_model(struct call *call, enum call_step *ret_step);
/* How many tiers cheaper the plan should be. */
unsigned call_budget_pressure(struct call *call);
/* The same of a call that this caller might make; the route that it would mean, or NULL. */
unsigned caller_budget_pressure(struct worker *worker, const struct caller *caller,
                                const struct route *route);
/* ATTEMPT: what limits name the attempt's target. */
void call_budget_target(struct call *call);
/* Does a hard cap apply to the call, or to the attempt at its target? */
MUST_USE bool call_budget_capped(const struct call *call);
/* The ceiling on output that makes the worst case a bound, or makes it smaller where the operator
 * says so; `clamp` is the one that there is, 0: none. */
int64_t call_budget_clamp(const struct call *call, const struct target *target, int64_t clamp);
/* ATTEMPT: holds the bound, of money and of tokens of this minute, then the headers tell of the
 * rates. False: *ret_refusal says why, and where it is .of_target, another target may do; the
 * attempt is undone by the caller. */
MUST_USE bool call_budget_hold(struct call *call, const struct attempt_bound *bound,
                               struct budget_refusal *ret_refusal);
/* The same of any question at a target. */
MUST_USE bool call_budget_take(struct call *call, const struct target *target,
                               struct budget_want want, struct budget_hold *ret_hold,
                               struct budget_refusal *ret_refusal);
/* The request was not sent after all. */
void call_budget_release(struct call *call);
/* Ends the call with the refusal. */
enum call_step call_budget_refuse(struct call *call, const struct budget_refusal *refusal);
/*
 * STREAM: the hold has room for what the provider was asked for. One that sends more, by the
 * careful count of what came (gateway/seen.h), gets the hold extended for the most that it can be;
 * the journal has each extension before its bytes leave. A node of a cluster asks for a slice when
 * three quarters came, and where it has none yet when all of it came, the stream waits for it
 * (cluster.lease_wait): nothing more is read until it is there. So what exceeds the hold is one
 * read at most, where everything else was refused.
 */
enum stream_room {
    STREAM_FITS,
    STREAM_WAITS, /* there is room elsewhere: call_wait() */
    STREAM_CUT,   /* there is none; .capped */
};
enum stream_room call_budget_stream(struct call *call);
/* DELIVER: the last words of such a stream. */
enum call_step call_budget_cut(struct call *call);
/* What the vocabulary of the attempt's target counts with; NULL: not known, or not there yet. */
const struct tokenizer *call_budget_tokenizer(const struct call *call);
const struct tokenizer *call_budget_vocabulary(const struct call *call,
                                               const struct target *target);
/* SETTLE: the one charge of the attempt; a provider that charges more than its bound is an overrun,
 * and where a cap applies the key is blocked: true, which the record of the settle has to say.
 * `reported`: it is the provider's own account; else it blocks where more came than was asked for,
 * beyond doubt (attempt.untrue). */
MUST_USE bool call_budget_settle(struct call *call, int64_t cost_nd, bool reported);
/* What a provider charges, against what was held for it: of SETTLE, and of our own questions. */
MUST_USE bool call_budget_compare(struct call *call, const struct target *target, int64_t held_nd,
                                  int64_t cost_nd, bool surely);
/* The journal did not take the record that says so. */
void call_budget_unkept(struct call *call);
/* The closing record is written, or the call is gone. Again: nothing happens. */
void call_budget_leave(struct call *call);
/* For the records of holds. `names` lives as long as the record. */
void call_budget_scopes(const struct call *call, const struct budget_hold *hold,
                        char names[BUDGET_NAMES_SIZE], struct hold_record *record);

#endif
