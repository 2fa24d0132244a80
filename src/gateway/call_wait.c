/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_wait.h"

#include "gateway/call_error.h"

void call_wait_prepare(struct call *call)
{
    const struct worker *worker = call->worker;
    call->claim.patient =
        worker->lease_wait_ns > 0 &&
        (call->wait_until_ns == 0 || clock_monotonic(worker->loop.clock) < call->wait_until_ns);
    call->claim.since_ns =
        call->wait_until_ns == 0 ? 0 : call->wait_until_ns - worker->lease_wait_ns;
}

/* --- who waits, oldest first --- */

static void list_add(struct worker *worker, struct call *call)
{
    call->waits = true;
    call->wait_round = worker->wait_round;
    call->wait_next = NULL;
    call->wait_previous = worker->waiting_last;
    *(worker->waiting_last == NULL ? &worker->waiting : &worker->waiting_last->wait_next) = call;
    worker->waiting_last = call;
}

static void list_remove(struct worker *worker, struct call *call)
{
    call->waits = false;
    *(call->wait_previous == NULL ? &worker->waiting : &call->wait_previous->wait_next) =
        call->wait_next;
    *(call->wait_next == NULL ? &worker->waiting_last : &call->wait_next->wait_previous) =
        call->wait_previous;
}

static void set_deadline(struct worker *worker)
{
    const struct call *first = worker->waiting;
    if (first == NULL) {
        return;
    }
    int64_t left_ns = first->wait_until_ns - clock_monotonic(worker->loop.clock);
    deadline_set(&worker->wait_deadline, left_ns <= 0 ? 1 : (uint64_t)(left_ns / NS_PER_MS) + 1);
}

enum call_step call_wait(struct call *call, enum call_step again)
{
    struct worker *worker = call->worker;
    if (call->wait_until_ns == 0) {
        call->wait_until_ns = clock_monotonic(worker->loop.clock) + worker->lease_wait_ns;
        metric_add(&worker->metrics.lease_waits, 1);
    }
    call->wait_again = again;
    list_add(worker, call);
    if (worker->waiting == call) {
        set_deadline(worker);
    }
    return STEP_WAIT;
}

void call_wait_end(struct call *call)
{
    if (!call->waits) {
        return;
    }
    list_remove(call->worker, call);
    if (call->wait_again == STEP_HOLD) {
        call_attempt_undo(call);
    }
}

/* --- going on --- */

static void go_on(struct call *call)
{
    list_remove(call->worker, call);
    if (call->wait_again == STEP_PLAN || call->wait_again == STEP_MODEL) {
        /* other calls used the worker's scratch meanwhile */
        features_extract(&call->chat, &call->worker->features);
    }
    call_run(call, call->wait_again);
}

/* A call that has to wait again goes to the end of the list, with the round's number. */
static void all_go_on(struct worker *worker)
{
    uint64_t round = ++worker->wait_round;
    while (worker->waiting != NULL && worker->waiting->wait_round != round) {
        go_on(worker->waiting);
    }
    set_deadline(worker);
}

static void on_async(uv_async_t *async)
{
    all_go_on(CONTAINER_OF(async, struct worker, wait_async));
}

/* They ask once more, without patience, and are told why not. */
static void on_deadline(struct deadline *deadline)
{
    struct worker *worker = deadline->owner;
    all_go_on(worker);
}

void call_wait_init(struct worker *worker)
{
    uv_async_init(&worker->loop.uv, &worker->wait_async, on_async);
    deadline_init(&worker->wait_deadline, &worker->loop, on_deadline, worker);
    worker->lease_wait_ns = worker->gateway->lease_wait_ns;
}

void call_wait_close(struct worker *worker)
{
    pthread_mutex_lock(&worker->gateway->lock);
    worker->wait_closed = true;
    pthread_mutex_unlock(&worker->gateway->lock);
    deadline_close(&worker->wait_deadline, NULL);
    uv_close((uv_handle_t *)&worker->wait_async, NULL);
}

void call_wait_wake(struct worker *worker)
{
    pthread_mutex_lock(&worker->gateway->lock);
    if (!worker->wait_closed) {
        uv_async_send(&worker->wait_async);
    }
    pthread_mutex_unlock(&worker->gateway->lock);
}
