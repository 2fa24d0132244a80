/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_new.h"

#include "gateway/attempt_run.h"

#include "base/memory.h"

#define DOC_NODES_KEPT 4096

struct slice request_secret(const struct http_request *request)
{
    struct slice value =
        http_header_find(request->headers, request->header_count, SLICE("authorization"));
    if (value.len > 7 && slice_eq_nocase(slice_of(value.ptr, 7), SLICE("bearer "))) {
        return slice_trim(slice_from(value, 7));
    }
    return http_header_find(request->headers, request->header_count, SLICE("x-api-key"));
}

static struct call *call_take(struct worker *worker)
{
    struct call *call = worker->free_calls;
    if (call == NULL) {
        return memory_array(1, sizeof(*call));
    }
    worker->free_calls = call->next_free;
    worker->free_count--;
    struct json_doc doc = call->doc;
    memset(call, 0, sizeof(*call));
    call->doc = doc;
    return call;
}

struct call *call_new(struct worker *worker, struct http_exchange *x,
                      const struct endpoint *endpoint)
{
    struct call *call = call_take(worker);
    if (call == NULL) {
        return NULL;
    }
    call->magic = CALL_MAGIC;
    call->worker = worker;
    call->exchange = x;
    call->snapshot = snapshot_ref(worker->snapshot);
    call->endpoint = endpoint;
    call->front = dialect_of(endpoint->dialect);
    call->started_ns = http_exchange_started(x);
    call->started_wall_ns = clock_wall(worker->loop.clock);
    call->id = id_make(worker->loop.clock, &worker->random);
    id_format(call->id, call->id_text);
    arena_init(&call->arena, CALL_ARENA_BUDGET);
    call->baseline = NO_TARGET;
    call->max_cost_nd = NO_LIMIT;
    call->task = TASK_OTHER;
    attempt_init(&call->attempt);
    http_exchange_set_user(x, call);
    return call;
}

static void doc_trim(struct json_doc *doc)
{
    if (doc->cap > DOC_NODES_KEPT) {
        json_doc_release(doc);
        json_doc_init(doc);
    }
}

void call_free(struct call *call)
{
    struct worker *worker = call->worker;
    attempt_reset(call);
    if (call->encoder != NULL) {
        call->front->encoder_free(call->encoder);
    }
    arena_release(&call->arena);
    snapshot_unref(call->snapshot);
    call->magic = 0;
    buf_clear(&worker->out);
    buf_trim(&worker->out, WORKER_OUT_KEPT);
    if (worker->free_count >= WORKER_CALLS_KEPT) {
        json_doc_release(&call->doc);
        memory_free(call);
        return;
    }
    doc_trim(&call->doc);
    call->next_free = worker->free_calls;
    worker->free_calls = call;
    worker->free_count++;
}

void call_free_kept(struct worker *worker)
{
    while (worker->free_calls != NULL) {
        struct call *call = worker->free_calls;
        worker->free_calls = call->next_free;
        json_doc_release(&call->doc);
        memory_free(call);
    }
    worker->free_count = 0;
}
