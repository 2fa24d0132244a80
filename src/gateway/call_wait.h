/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In a cluster a call may have to wait for a slice of a limit (store/budget_lease.h): at ADMIT, for
 * the limits of the model it asks for, for its tokens, and for its hold; and a stream that turns
 * out longer than its hold has room for (call_budget_stream()). It waits at most
 * cluster.lease_wait, without blocking anybody; the thread that got the slice wakes the workers,
 * and each call that waits tries its step again. What does not come in time is refused like any
 * limit. A client that leaves, or the end of a drain, ends the wait.
 */
#ifndef SLUICE_GATEWAY_CALL_WAIT_H
#define SLUICE_GATEWAY_CALL_WAIT_H

#include "gateway/call.h"

/* Before the budget is asked: may the call wait, should it lack a slice? */
void call_wait_prepare(struct call *call);
/* The budget said `leasable`. The call goes on with `again` later; returns STEP_WAIT. */
enum call_step call_wait(struct call *call, enum call_step again);
/* The budget gave what was asked for. */
static inline void call_wait_over(struct call *call)
{
    call->wait_until_ns = 0;
}
/* The call ends, whether it waits or not: nobody will wake it. */
void call_wait_end(struct call *call);

/* Of a worker: the wake and the deadline of those that wait. */
void call_wait_init(struct worker *worker);
/* Its loop ends. */
void call_wait_close(struct worker *worker);
/* Any thread: everybody who waits tries again. */
void call_wait_wake(struct worker *worker);

#endif
