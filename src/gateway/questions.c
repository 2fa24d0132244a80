/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/questions.h"

#include "gateway/admin_job.h"

void questions_init(struct questions *questions)
{
    *questions = (struct questions){.first = NULL};
    pthread_mutex_init(&questions->lock, NULL);
}

void questions_release(struct questions *questions)
{
    pthread_mutex_destroy(&questions->lock);
}

/* --- with the lock --- */

static bool has_room(const struct questions *questions, uint64_t key)
{
    unsigned of_key = 0;
    for (const struct admin_job *job = questions->first; job != NULL; job = job->next) {
        of_key += job->own == key ? 1 : 0;
    }
    return questions->count < QUESTIONS_MAX && of_key < QUESTIONS_OF_KEY;
}

/* A worker whose question is in the line has not closed its handle. */
static void grant(struct questions *questions)
{
    for (struct admin_job *job = questions->first;
         job != NULL && questions->running < QUESTIONS_RUNNING; job = job->next) {
        if (job->turn == TURN_WAITS) {
            job->turn = TURN_GRANTED;
            questions->running++;
            uv_async_send(&job->worker->question_async);
        }
    }
}

/* --- */

bool questions_enter(struct admin_job *job)
{
    struct questions *questions = &job->gateway->questions;
    pthread_mutex_lock(&questions->lock);
    bool enters = has_room(questions, job->own);
    if (enters) {
        struct admin_job **last = &questions->first;
        while (*last != NULL) {
            last = &(*last)->next;
        }
        *last = job;
        job->turn = TURN_WAITS;
        questions->count++;
        grant(questions);
    }
    pthread_mutex_unlock(&questions->lock);
    return enters;
}

void questions_leave(struct admin_job *job)
{
    struct questions *questions = &job->gateway->questions;
    pthread_mutex_lock(&questions->lock);
    struct admin_job **at = &questions->first;
    while (*at != job) {
        CHECK(*at != NULL);
        at = &(*at)->next;
    }
    *at = job->next;
    questions->count--;
    questions->running -= job->turn == TURN_WAITS ? 0 : 1;
    job->turn = TURN_NONE;
    grant(questions);
    pthread_mutex_unlock(&questions->lock);
}

static struct admin_job *next_granted(struct worker *worker)
{
    struct questions *questions = &worker->gateway->questions;
    pthread_mutex_lock(&questions->lock);
    struct admin_job *job = questions->first;
    while (job != NULL && (job->worker != worker || job->turn != TURN_GRANTED)) {
        job = job->next;
    }
    if (job != NULL) {
        job->turn = TURN_RUNS;
    }
    pthread_mutex_unlock(&questions->lock);
    return job;
}

static void on_async(uv_async_t *async)
{
    struct worker *worker = CONTAINER_OF(async, struct worker, question_async);
    struct admin_job *job;
    while ((job = next_granted(worker)) != NULL) {
        admin_job_run(job);
    }
}

void questions_open(struct worker *worker)
{
    uv_async_init(&worker->loop.uv, &worker->question_async, on_async);
}

void questions_close(struct worker *worker)
{
    uv_close((uv_handle_t *)&worker->question_async, NULL);
}
