/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_exact.h"

#include "base/memory.h"
#include "model/tokenizers.h"
#include "route/exact.h"
#include "route/token_count.h"

#define ARENA_MAX ((size_t)256 << 20)

struct exact_job {
    uv_work_t work;
    struct worker *worker;
    struct call *call; /* NULL: it is over */
    struct exact_count count;
};

bool exact_count_init(struct exact_count *count, struct snapshot *snapshot,
                      const struct dialect *dialect, const struct chat *chat, unsigned encoding)
{
    *count = (struct exact_count){.dialect = dialect,
                                  .operation = chat->operation,
                                  .encoding = encoding,
                                  .body = BUF_INIT(chat->body.len)};
    if (!buf_append(&count->body, chat->body)) {
        buf_release(&count->body);
        return false;
    }
    count->snapshot = snapshot_ref(snapshot);
    return true;
}

void exact_count_run(struct exact_count *count)
{
    struct tokenizers *tokenizers = count->snapshot->policy.tokenizers;
    const struct tokenizer *tokenizer =
        tokenizers_get(tokenizers, (enum token_encoding)(count->encoding - 1), true);
    struct json_doc doc;
    struct arena arena;
    struct chat chat = {.operation = count->operation, .model = SLICE("counted")};
    struct error error;
    json_doc_init(&doc);
    arena_init(&arena, ARENA_MAX);
    count->counted =
        tokenizer != NULL &&
        count->dialect->read_request(buf_slice(&count->body), &doc, &arena, &chat, &error) &&
        tokens_count(&chat, tokenizer, &count->tokens);
    arena_release(&arena);
    json_doc_release(&doc);
}

void exact_count_release(struct exact_count *count)
{
    snapshot_unref(count->snapshot);
    buf_release(&count->body);
}

static void run(uv_work_t *work)
{
    exact_count_run(&CONTAINER_OF(work, struct exact_job, work)->count);
}

static void job_free(struct exact_job *job)
{
    exact_count_release(&job->count);
    memory_free(job);
}

static void go_on(struct call *call, const struct exact_job *job)
{
    call->exact = NULL;
    if (job->count.counted) {
        call->decision->counted = job->count.encoding;
        call->decision->counted_tokens = job->count.tokens;
    }
    /* other calls used the worker's scratch meanwhile */
    features_extract(&call->chat, &call->worker->features);
    call_run(call, STEP_PLAN);
}

static void done(uv_work_t *work, int status)
{
    struct exact_job *job = CONTAINER_OF(work, struct exact_job, work);
    (void)status;
    job->worker->exact_jobs--;
    if (job->call != NULL) {
        go_on(job->call, job);
    }
    job_free(job);
}

static bool start(struct call *call, unsigned encoding)
{
    struct exact_job *job = memory_array(1, sizeof(*job));
    if (job == NULL) {
        return false;
    }
    job->worker = call->worker;
    job->call = call;
    if (!exact_count_init(&job->count, call->snapshot, call->front, &call->chat, encoding)) {
        memory_free(job);
        return false;
    }
    if (uv_queue_work(&call->worker->loop.uv, &job->work, run, done) != 0) {
        job_free(job);
        return false;
    }
    call->exact = job;
    call->worker->exact_jobs++;
    return true;
}

bool call_exact_begin(struct call *call)
{
    struct plan_input input;
    const struct worker *worker = call->worker;
    const struct policy *policy = &call->snapshot->policy;
    if (worker->features.text_bytes <= EXACT_BYTES_MAX || policy->tokenizers == NULL ||
        call->exact_tried || worker->exact_jobs >= EXACT_JOBS_MAX) {
        return false;
    }
    decide_plan_input(call->snapshot, &call->chat, &worker->features, 0, call->decision, &input);
    unsigned encoding = exact_wanted(&input, &call->decision->plan);
    call->exact_tried = encoding != 0;
    return encoding != 0 && start(call, encoding);
}

void call_exact_forget(struct call *call)
{
    if (call->exact != NULL) {
        call->exact->call = NULL;
        call->exact = NULL;
    }
}
