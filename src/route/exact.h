/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is it worth while to count a request's tokens? Only where a limit lies between what it may be and
 * what it may not: the window of a target, what the call may cost, or the worst case that a limit
 * of its key allows one call. Pure, but for the
 * counting itself, which is linear in the chat.
 */
#ifndef SLUICE_ROUTE_EXACT_H
#define SLUICE_ROUTE_EXACT_H

#include "route/plan.h"

/* Longer texts are not counted on a loop, which would stand still; the gateway's calls are counted
 * by another thread (gateway/call_exact.h). 32 KB take less than a millisecond. */
#define EXACT_BYTES_MAX ((size_t)32 << 10)

/* The encoding (as in struct target) of the first target in the plan whose limit the estimate
 * cannot decide; 0: there is none. */
unsigned exact_wanted(const struct plan_input *input, const struct plan *plan);
/* Counts, where that is wanted and its tokenizer is there, and plans again. True: it did; *input
 * has the count then. `leisure`: texts of any length, and a tokenizer is waited for. */
bool exact_plan(const struct chat *chat, struct plan_input *input, struct plan *plan, bool leisure);

#endif
