/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /sluice/v1/explain: the body is a chat request; nothing is sent anywhere. The same functions
 * decide as for a call, and long texts are counted where a call's would be: by a thread of the pool
 * (call_exact.h), after which the decision is made once more.
 */
#include "gateway/admin.h"

#include "base/memory.h"
#include "dialect/dialect.h"
#include "gateway/admin_job.h"
#include "gateway/call_budget.h"
#include "gateway/call_exact.h"
#include "gateway/conversation.h"
#include "gateway/decide.h"
#include "gateway/refusals.h"
#include "gateway/status.h"
#include "route/exact.h"

/* What one question needs while it is decided. */
struct explanation {
    struct worker *worker;
    struct http_exchange *exchange;
    struct slice body;                 /* the exchange's */
    const struct exact_count *counted; /* NULL: nobody has */
    struct arena arena;
    struct json_doc doc;
    struct chat chat;
    struct decision *decision;
};

/* A question whose texts are being counted. */
struct explain_job {
    struct admin_job job; /* of it: magic, exchange, worker, work */
    struct slice body;
    struct exact_count count;
};

static void explain(struct explanation *e);

static void count(uv_work_t *work)
{
    struct admin_job *job = CONTAINER_OF(work, struct admin_job, work);
    exact_count_run(&CONTAINER_OF(job, struct explain_job, job)->count);
}

static void done(uv_work_t *work, int status)
{
    struct admin_job *job = CONTAINER_OF(work, struct admin_job, work);
    struct explain_job *counting = CONTAINER_OF(job, struct explain_job, job);
    (void)status;
    job->worker->exact_jobs--;
    if (job->exchange != NULL) {
        struct explanation e = {.worker = job->worker,
                                .exchange = job->exchange,
                                .body = counting->body,
                                .counted = &counting->count};
        http_exchange_set_user(job->exchange, NULL);
        explain(&e);
    }
    exact_count_release(&counting->count);
    memory_free(counting);
}

static bool start(const struct explanation *e, unsigned encoding)
{
    struct explain_job *counting = memory_array(1, sizeof(*counting));
    struct worker *worker = e->worker;
    if (counting == NULL) {
        return false;
    }
    counting->job.magic = ADMIN_JOB_MAGIC;
    counting->job.worker = worker;
    counting->job.exchange = e->exchange;
    counting->body = e->body;
    if (!exact_count_init(&counting->count, worker->snapshot, dialect_of(DIALECT_OPENAI_CHAT),
                          &e->chat, encoding)) {
        memory_free(counting);
        return false;
    }
    if (uv_queue_work(&worker->loop.uv, &counting->job.work, count, done) != 0) {
        exact_count_release(&counting->count);
        memory_free(counting);
        return false;
    }
    http_exchange_set_user(e->exchange, counting);
    worker->exact_jobs++;
    return true;
}

/* As call_exact_begin() for a call. */
static bool count_begins(const struct explanation *e)
{
    const struct worker *worker = e->worker;
    struct plan_input input;
    if (e->counted != NULL || worker->features.text_bytes <= EXACT_BYTES_MAX ||
        worker->snapshot->policy.tokenizers == NULL || worker->exact_jobs >= EXACT_JOBS_MAX) {
        return false;
    }
    decide_plan_input(worker->snapshot, &e->chat, &worker->features, 0, e->decision, &input);
    unsigned encoding = exact_wanted(&input, &e->decision->plan);
    return encoding != 0 && start(e, encoding);
}

static bool begin(struct explanation *e, struct caller *caller, struct error *error)
{
    const struct worker *worker = e->worker;
    error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    e->decision = arena_alloc(&e->arena, sizeof(*e->decision));
    return e->decision != NULL && exchange_caller(e->worker, e->exchange, caller, error) &&
           dialect_of(DIALECT_OPENAI_CHAT)
               ->read_request(e->body, &e->doc, &e->arena, &e->chat, error) &&
           decide_begin(worker->snapshot, caller, &e->chat, DIALECT_OPENAI_CHAT,
                        http_exchange_request(e->exchange), clock_wall(worker->loop.clock),
                        &e->arena, e->decision, error);
}

static void plan(struct explanation *e, const struct caller *caller)
{
    struct worker *worker = e->worker;
    conversation_recall(
        worker->gateway->sessions, worker->snapshot, &e->chat, http_exchange_request(e->exchange),
        caller->key == NULL ? 0 : caller->key->id, clock_wall(worker->loop.clock), e->decision);
    decide_classify(worker->snapshot, &e->chat, &worker->features, e->decision);
    e->decision->cheaper = caller_budget_pressure(worker, caller, e->decision->route);
    if (e->counted != NULL && e->counted->counted) {
        e->decision->counted = e->counted->encoding;
        e->decision->counted_tokens = e->counted->tokens;
    }
    decide_plan(worker->snapshot, &e->chat, &worker->features, clock_monotonic(worker->loop.clock),
                e->decision);
}

static void answer(const struct explanation *e)
{
    struct buf out = BUF_INIT(JOB_ANSWER);
    decide_write_json(e->worker->snapshot, &e->chat, &e->worker->features, e->decision, &out);
    answer_json_made(e->exchange, &out);
    buf_release(&out);
}

static void explain(struct explanation *e)
{
    struct caller caller;
    struct error error;
    arena_init(&e->arena, JOB_ARENA);
    json_doc_init(&e->doc);
    e->chat = (struct chat){.stream = false}; /* what a path could have said */
    if (!begin(e, &caller, &error)) {
        answer_error_of(e->exchange, &error);
    } else {
        plan(e, &caller);
        if (!count_begins(e)) {
            answer(e);
        }
    }
    json_doc_release(&e->doc);
    arena_release(&e->arena);
}

void admin_explain(struct worker *worker, struct http_exchange *x, struct slice rest,
                   struct slice body)
{
    (void)rest;
    struct explanation e = {.worker = worker, .exchange = x, .body = body};
    explain(&e);
}
