/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_hold.h"

#include "gateway/call_stream.h"

void call_hold(struct call *call)
{
    struct worker *worker = call->worker;
    if (call->attempt.held_until_ns != 0) {
        return;
    }
    call->attempt.held_until_ns =
        clock_monotonic(worker->loop.clock) + (int64_t)worker->hold_ms * NS_PER_MS;
    if (!worker->holding) {
        worker->holding = true;
        deadline_set(&worker->hold, worker->hold_ms);
    }
}

static bool is_held(const struct call *call)
{
    return call->attempt.held_until_ns != 0 && !call->committed && call->attempt.upstream_open &&
           call->exchange != NULL;
}

void call_hold_due(struct deadline *deadline)
{
    struct worker *worker = deadline->owner;
    int64_t now_ns = clock_monotonic(worker->loop.clock);
    worker->holding = false;
    for (struct call *call = worker->calls; call != NULL; call = call->next) {
        if (!is_held(call)) {
            continue;
        }
        if (call->attempt.held_until_ns > now_ns) {
            worker->holding = true;
        } else {
            stream_release(call);
        }
    }
    if (worker->holding) {
        deadline_set(&worker->hold, worker->hold_ms / 2);
    }
}
