/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of many threads to Redis, none of which waits: a thread with a connection of its own
 * sends what was put since it last looked, in one write, and hands each answer back. Commands of
 * one thread are done in the order in which they were put. Nothing is sent twice; where the
 * connection is lost it is not known whether a command was done. So this is for what may be lost:
 * sessions, caches.
 *
 * Redis away: commands are refused at once, until the thread has it back.
 */
#ifndef SLUICE_STORE_REDIS_QUEUE_H
#define SLUICE_STORE_REDIS_QUEUE_H

#include "store/redis.h"

struct redis_queue;

struct redis_command {
    /* Its owner's; they stay as they are until `done`. */
    const struct slice *words;
    size_t count;
    int64_t until_ns; /* monotonic: it is not sent any more then */
    /* On the queue's thread, once. The answer is the owner's: freeReplyObject(). */
    void (*done)(struct redis_command *command, struct redisReply *reply);
    struct redis_command *next; /* the queue's */
    size_t bytes;
};

struct redis_queue_options {
    struct redis_options redis; /* stop_fd is not used */
    size_t most;                /* commands that wait; */
    size_t most_bytes;          /* of their words */
};

/* Asks nobody yet. NULL: *error. */
MUST_USE struct redis_queue *redis_queue_new(const struct redis_queue_options *options,
                                             struct error *error);
MUST_USE bool redis_queue_start(struct redis_queue *queue, struct error *error);
/* Any thread. False: Redis is away, too much waits, or it was stopped; `done` is not called. Else
 * it is, with NULL where there is no answer or an error is the answer. */
MUST_USE bool redis_queue_put(struct redis_queue *queue, struct redis_command *command);
/* Ends the thread; what waits is done without an answer. NULL-safe. */
void redis_queue_stop(struct redis_queue *queue);
/* NULL-safe; stopped, and nobody puts anything any more. */
void redis_queue_free(struct redis_queue *queue);

struct redis_queue_stats {
    bool connected;
    uint64_t asked;    /* commands that were taken */
    uint64_t refused;  /* not taken */
    uint64_t failures; /* taken, and done without an answer */
};
void redis_queue_stats_read(struct redis_queue *queue, struct redis_queue_stats *ret_stats);

#endif
