/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long texts are counted off the loop: where a limit lies between what a request's tokens may be
 * (route/exact.h) and its texts are longer than a loop may stand still for, a thread of the pool
 * reads a copy of the body and counts; the call is planned again with what it found. A worker has
 * EXACT_JOBS_MAX of them at once; whoever comes beyond that, and where there is no memory, the
 * estimate decides as if no vocabulary were known. A client that leaves is not waited for.
 */
#ifndef SLUICE_GATEWAY_CALL_EXACT_H
#define SLUICE_GATEWAY_CALL_EXACT_H

#include "gateway/call.h"

#define EXACT_JOBS_MAX 2u

/* What such a thread does; sees nothing of the worker. Owns its snapshot and its body. */
struct exact_count {
    struct snapshot *snapshot;
    const struct dialect *dialect;
    enum operation operation;
    unsigned encoding; /* as in struct target */
    struct buf body;   /* its own copy */
    bool counted;
    struct token_estimate tokens;
};
/* False: out of memory; nothing is to be released. */
MUST_USE bool exact_count_init(struct exact_count *count, struct snapshot *snapshot,
                               const struct dialect *dialect, const struct chat *chat,
                               unsigned encoding);
void exact_count_run(struct exact_count *count);
void exact_count_release(struct exact_count *count);

/* After a plan. True: the count is under way, and STEP_PLAN comes again. */
bool call_exact_begin(struct call *call);
/* The call ends, or goes another way. */
void call_exact_forget(struct call *call);

#endif
