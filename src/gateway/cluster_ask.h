/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions of a worker to the Redis that all nodes share (cluster.redis), for what may be lost:
 * sessions, caches. Nobody is held up: the answer, or that there is none, comes on the worker's
 * loop within the question's deadline. Where Redis is away, or too much is under way
 * (CLUSTER_ASKS_MAX of this worker, CLUSTER_ASK_BYTES of all), there is no question. The questions
 * of one worker are done in the order in which they were asked.
 *
 * Keys begin with CLUSTER_KEY and a word of their own ("session:"), so that all of them share one
 * slot of a Redis cluster, and none is taken for one of the limits ("{sluice}:m:").
 *
 * All of it on the worker's thread, unless it says otherwise.
 */
#ifndef SLUICE_GATEWAY_CLUSTER_ASK_H
#define SLUICE_GATEWAY_CLUSTER_ASK_H

#include "base/error.h"
#include "base/slice.h"

struct cluster_asker;
struct cluster_asks;
struct cluster_question;
struct redis_options;
struct redis_queue_stats;
struct redisReply;
struct worker;

#define CLUSTER_KEY "{sluice}:"
#define CLUSTER_KEY_SIZE 256
#define CLUSTER_ASKS_MAX 1024
#define CLUSTER_ASK_BYTES                                                                          \
    ((size_t)8 << 20) /* of words; those of one question are bounded by it,                        \
                         too. An answer: REDIS_ANSWER_MAX */
#define CLUSTER_WORDS_MAX 64
#define CLUSTER_SET_MS 500

/*
 * Copies the words. `answered` is called once, and not within this call, with what Redis says,
 * which lives until it returns; NULL: no answer within `ms`, or an error. See redis_text() and its
 * like in store/redis.h. It may ask and cancel. NULL `answered`: nobody wants to know. Returns
 * NULL: nothing was asked, `answered` will not be called. The question is good until it was
 * answered or cancelled.
 */
struct cluster_question *cluster_ask(struct worker *worker, const struct slice *words, size_t count,
                                     unsigned ms,
                                     void (*answered)(void *user, const struct redisReply *answer),
                                     void *user);
/* `answered` will not be called; what was asked may be done all the same. */
void cluster_ask_cancel(struct cluster_question *question);
/* Could something be asked, as far as is known here? False where there is no Redis. */
MUST_USE bool cluster_ask_possible(const struct worker *worker);

/* GET and SET of CLUSTER_KEY and `key`, which has CLUSTER_KEY_SIZE bytes at most (more: nothing is
 * asked). Of what is not there the answer's redis_text() is empty. */
struct cluster_question *cluster_get(struct worker *worker, struct slice key, unsigned ms,
                                     void (*answered)(void *user, const struct redisReply *answer),
                                     void *user);
/* True: it is under way, and nobody will know whether it arrived. */
bool cluster_set(struct worker *worker, struct slice key, struct slice value, int64_t keep_ms);

/* --- the start and the end (cluster_redis.c, worker.c) --- */

/* Before the workers; asks nobody. The options' stop_fd is not used. NULL: *error. */
MUST_USE struct cluster_asks *cluster_asks_open(const struct redis_options *redis,
                                                struct error *error);
/* Starts the thread. */
MUST_USE bool cluster_asks_start(struct cluster_asks *asks, struct error *error);
/* When the workers have ended, before they are freed. NULL-safe, as the next. */
void cluster_asks_stop(struct cluster_asks *asks);
void cluster_asks_free(struct cluster_asks *asks);
/* Any thread. */
void cluster_asks_stats(struct cluster_asks *asks, struct redis_queue_stats *ret_stats);
/* Of a worker. False: out of memory. */
MUST_USE bool cluster_ask_init(struct worker *worker, struct cluster_asks *asks);
/* Its loop ends: what is asked yet will not be answered. Does nothing where there is no Redis, as
 * the next. */
void cluster_ask_close(struct worker *worker);
void cluster_ask_release(struct worker *worker);

#endif
