/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_ping.h"

#include "gateway/call_stream.h"

/* Nothing is sent before its verdict: we make it silent, whatever the lane. */
static bool is_held(const struct call *call)
{
    return call->check != NULL && call->streamed && !call->committed && call->exchange != NULL &&
           call->front->stream_ping.ptr != NULL;
}

static bool has_pings(const struct call *call)
{
    if (is_held(call)) {
        return true;
    }
    return call->committed && call->exchange != NULL && call->attempt.open &&
           call->attempt.lane == LANE_TRANSLATE && call->front->stream_ping.ptr != NULL;
}

void call_ping_watch(struct call *call)
{
    struct worker *worker = call->worker;
    if (has_pings(call) && !worker->pinging) {
        worker->pinging = true;
        deadline_set(&worker->ping, worker->ping_ms);
    }
}

void call_ping_due(struct deadline *deadline)
{
    struct worker *worker = deadline->owner;
    worker->pinging = false;
    for (struct call *call = worker->calls; call != NULL; call = call->next) {
        if (!has_pings(call)) {
            continue;
        }
        worker->pinging = true;
        if (is_held(call) && !call->announced) {
            int64_t now_ns = clock_monotonic(worker->loop.clock);
            if (now_ns - call->started_ns < (int64_t)worker->ping_ms * NS_PER_MS) {
                continue;
            }
            stream_announce(call);
        }
        if (!call->wrote && !http_write(call->exchange, call->front->stream_ping)) {
            upstream_pause(&call->attempt.request);
        }
        call->wrote = false;
    }
    if (worker->pinging) {
        deadline_set(&worker->ping, worker->ping_ms);
    }
}
