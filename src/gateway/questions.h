/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions of clients about their own calls. They run on the pool that names and keys need as
 * well, so they stand in one line, those of all workers: QUESTIONS_RUNNING of them run at the same
 * time, of one key QUESTIONS_OF_KEY run or wait, of all QUESTIONS_MAX; whoever comes beyond that is
 * refused at once. Who leaves is out of the line.
 */
#ifndef SLUICE_GATEWAY_QUESTIONS_H
#define SLUICE_GATEWAY_QUESTIONS_H

#include <pthread.h>
#include <stdbool.h>

#define QUESTIONS_RUNNING 2 /* of the four threads that libuv's pool has */
#define QUESTIONS_OF_KEY 2
#define QUESTIONS_MAX 64

struct admin_job;
struct worker;

struct questions {
    pthread_mutex_t lock;
    struct admin_job *first; /* in the order in which they came, also those that run */
    unsigned count;
    unsigned running; /* or about to */
};

void questions_init(struct questions *questions);
void questions_release(struct questions *questions);

/* Of a worker: how it hears that it is a question's turn. */
void questions_open(struct worker *worker);
void questions_close(struct worker *worker);

/* job->own is the key. Its worker starts it when it is its turn. False: too many. */
bool questions_enter(struct admin_job *job);
/* It has its answer, or its client left before it ran. */
void questions_leave(struct admin_job *job);

#endif
