/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_linger.h"

#include "gateway/answer_cache.h"
#include "gateway/attempt_run.h"

#define LINGER_MS 1000
#define LINGER_BYTES (64u << 10)

void call_finish_stream(struct call *call)
{
    answer_cache_finish(call);
    struct http_exchange *x = call->exchange;
    call->exchange = NULL;
    http_exchange_set_user(x, NULL);
    http_finish(x);
}

static void wait_for(struct call *call, int64_t ms)
{
    struct worker *worker = call->worker;
    call->linger_until_ns = clock_monotonic(worker->loop.clock) + ms * NS_PER_MS;
    upstream_resume(&call->attempt.request);
    if (!worker->sweeping) {
        worker->sweeping = true;
        deadline_set(&worker->linger, LINGER_MS);
    }
}

void call_linger(struct call *call)
{
    call_finish_stream(call);
    call->lingering = true;
    call->linger_bytes = LINGER_BYTES;
    wait_for(call, LINGER_MS);
}

bool call_linger_abandoned(struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    int64_t ms = call->snapshot->server.abandoned_ms;
    if (ms == 0 || !attempt->open || !attempt->upstream_open || !attempt->request.sent_whole ||
        call->check != NULL || call->worker->stopping) {
        return false;
    }
    call->attempt.request.once = true; /* the request goes with the exchange */
    http_exchange_set_user(call->exchange, NULL);
    call->exchange = NULL;
    call->abandoned = true;
    call->keeps_answer = false;
    call_shrink(call);
    wait_for(call, ms);
    return true;
}

void call_linger_finish(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    if (attempt->upstream_open) {
        upstream_cancel(&attempt->request);
        attempt->upstream_open = false;
    }
    call_hear_out(call);
    attempt->outcome = ATTEMPT_CANCELLED;
    attempt->error = call->error_code;
    attempt_settle(call, true);
    call_run(call, STEP_DONE);
}

static void end(struct call *call)
{
    if (call->abandoned) {
        call_linger_finish(call);
        return;
    }
    upstream_cancel(&call->attempt.request);
    call->attempt.upstream_open = false;
    call_run(call, STEP_DONE);
}

void call_linger_not(struct call *call)
{
    call_finish_stream(call);
    end(call);
}

void call_linger_data(struct call *call, size_t size)
{
    if (size > call->linger_bytes) {
        end(call);
        return;
    }
    call->linger_bytes -= (uint32_t)size;
}

void call_linger_end(struct worker *worker, bool late)
{
    int64_t now_ns = clock_monotonic(worker->loop.clock);
    struct call *next;
    worker->sweeping = false;
    for (struct call *call = worker->calls; call != NULL; call = next) {
        next = call->next;
        if (!call->lingering && !call->abandoned) {
            continue;
        }
        if (late && call->linger_until_ns > now_ns) {
            worker->sweeping = true;
        } else {
            end(call);
        }
    }
    if (worker->sweeping) {
        deadline_set(&worker->linger, LINGER_MS / 2);
    }
}

void call_linger_due(struct deadline *deadline)
{
    call_linger_end(deadline->owner, true);
}
