/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/admin_job.h"

#include "base/memory.h"
#include "gateway/admin.h"
#include "gateway/questions.h"
#include "gateway/status.h"

#include <openssl/crypto.h>
#include <stdio.h>

static void job_work(uv_work_t *work)
{
    struct admin_job *job = CONTAINER_OF(work, struct admin_job, work);
    job->ask(job);
}

/* With the member that is wrong, where it is one. */
static void answer_failure(struct admin_job *job)
{
    const struct error *error = &job->error;
    char text[sizeof(error->pointer) + sizeof(error->text) + 2];
    snprintf(text, sizeof(text), "%s%s%s", error->pointer, error->pointer[0] != '\0' ? ": " : "",
             error->text);
    answer_error(job->exchange, error_status(error->kind), error->code, text);
}

static void free_job(struct admin_job *job)
{
    if (job->own != 0 && job->entered) {
        questions_leave(job);
    }
    OPENSSL_cleanse(job->answer.ptr, job->answer.len); /* it may hold a new key */
    buf_release(&job->answer);
    buf_release(&job->body);
    key_set_unref(job->keys);
    memory_free(job);
}

static void job_done(uv_work_t *work, int status)
{
    struct admin_job *job = CONTAINER_OF(work, struct admin_job, work);
    (void)status;
    if (job->exchange != NULL) {
        http_exchange_set_user(job->exchange, NULL);
        if (!job->ok) {
            answer_failure(job);
        } else {
            answer_json_made(job->exchange, &job->answer);
        }
    }
    free_job(job);
}

void admin_job_gone(void *pointer)
{
    struct admin_job *job = pointer;
    CHECK(job->magic == ADMIN_JOB_MAGIC);
    job->exchange = NULL;
    if (job->own != 0 && !job->started) {
        free_job(job);
    }
}

struct admin_job *admin_job_new(struct worker *worker, struct http_exchange *x,
                                void (*ask)(struct admin_job *))
{
    if (worker->gateway->ledger == NULL) {
        answer_error(x, 404, "no_ledger", "The ledger is switched off in the configuration.");
        return NULL;
    }
    struct admin_job *job = memory_array(1, sizeof(*job));
    if (job == NULL) {
        answer_error(x, 503, "no_memory", "out of memory");
        return NULL;
    }
    job->magic = ADMIN_JOB_MAGIC;
    job->gateway = worker->gateway;
    job->worker = worker;
    job->exchange = x;
    job->ask = ask;
    slice_to_cstr(slice_from_cstr(worker->gateway->ledger_path), job->path, sizeof(job->path));
    buf_init(&job->answer, JOB_ANSWER);
    buf_init(&job->body, KEY_BODY_MAX + 1);
    return job;
}

void admin_job_run(struct admin_job *job)
{
    job->started = true;
    uv_queue_work(&job->worker->loop.uv, &job->work, job_work, job_done);
}

void admin_job_start(struct worker *worker, struct admin_job *job)
{
    (void)worker;
    if (job->own == 0) {
        http_exchange_set_user(job->exchange, job);
        admin_job_run(job);
        return;
    }
    job->entered = questions_enter(job);
    if (job->entered) {
        http_exchange_set_user(job->exchange, job);
        return;
    }
    http_exchange_add_line(job->exchange, SLICE("Retry-After"), SLICE("1"));
    answer_error(job->exchange, 429, "too_many_questions",
                 "This key, or all keys together, ask too much about their calls at the same "
                 "time: ask again when there is an answer.");
    free_job(job);
}
