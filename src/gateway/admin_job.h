/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to the database on libuv's thread pool: made on the loop, asked in the pool,
 * answered on the loop again, unless the client left meanwhile. What clients ask of their own calls
 * stands in a line for that, so that others find threads in the pool (questions.h). `ask` fills in
 * `answer`, or `error` and leaves `ok` false; it sees nothing of the worker.
 */
#ifndef SLUICE_GATEWAY_ADMIN_JOB_H
#define SLUICE_GATEWAY_ADMIN_JOB_H

#include "gateway/feedback.h"
#include "gateway/key_api.h"
#include "gateway/worker.h"
#include "store/report.h"

#define JOB_ARENA (64u << 20)
#define JOB_ANSWER (64u << 20)
#define JOB_WORD_MAX 128

/* Of a question in the line (questions.h). */
enum question_turn { TURN_NONE, TURN_WAITS, TURN_GRANTED, TURN_RUNS };

struct admin_job {
    uint32_t magic;
    uv_work_t work;
    struct gateway *gateway;
    struct worker *worker;          /* of the loop only */
    struct http_exchange *exchange; /* NULL: the client left */
    void (*ask)(struct admin_job *job);
    uint64_t own;            /* what this key did is asked for, and nothing else; 0: everything */
    bool entered;            /* it stands in the line, */
    bool started;            /* or it was its turn; both are of the loop */
    enum question_turn turn; /* what follows is guarded by the line's lock */
    struct admin_job *next;
    char path[1024]; /* of the ledger */
    struct buf answer;
    struct error error;
    bool ok;
    /* What is asked, each question its own. */
    char cursor[REPORT_CURSOR_SIZE];
    struct id id;
    size_t limit;
    enum report_by by;
    int64_t since_s;
    uint64_t after;
    char word[JOB_WORD_MAX];
    char label[FEEDBACK_LABEL_MAX + 1];
    enum key_operation operation;
    struct buf body;          /* a copy */
    struct key_set *keys;     /* its own reference, with */
    const struct key *caller; /* the administrator who asks; NULL: the owner */
    char actor[JOB_WORD_MAX]; /* as the audit log names it */
    char source[JOB_WORD_MAX];
};

/* Whose calls may be asked for: *ret_own as in struct admin_job. False: it was answered. */
MUST_USE bool admin_find_own(struct worker *worker, struct http_exchange *x, uint64_t *ret_own);

/* NULL: it was answered. */
struct admin_job *admin_job_new(struct worker *worker, struct http_exchange *x,
                                void (*ask)(struct admin_job *));
/* At once; what a client asks (job->own) when it is its turn. */
void admin_job_start(struct worker *worker, struct admin_job *job);
/* Its turn has come. */
void admin_job_run(struct admin_job *job);

/* Value of a query parameter, as it stands; without a pointer when it is not there. */
struct slice query_parameter(struct http_exchange *x, struct slice name);

#endif
