/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question belongs to the thread of Redis from the moment it is put until it is done, then to its
 * worker, whose loop frees it. Meanwhile nobody may wait for it any more (`over`).
 */
#include "gateway/cluster_ask.h"

#include "base/buf.h"
#include "base/memory.h"
#include "gateway/worker.h"
#include "store/redis_queue.h"

#include <inttypes.h>
#include <stdio.h>

struct cluster_asks {
    struct redis_queue *queue;
};

/* Of one worker. */
struct cluster_asker {
    struct redis_queue *queue;
    struct cluster_question *waiting; /* those that somebody waits for */
    size_t count;                     /* of all that are not freed */
    struct deadline late;
    int64_t late_ns; /* what it is set to; 0: off */
    uv_async_t async;
    pthread_mutex_t lock; /* guards the rest */
    struct cluster_question *done;
    struct cluster_question *done_last;
    bool closed;
};

struct cluster_question {
    struct redis_command command;
    struct cluster_asker *asker;
    struct cluster_question *next; /* of those that wait */
    struct cluster_question *previous;
    struct cluster_question *done_next;
    void (*answered)(void *user, const struct redisReply *answer);
    void *user;
    struct redisReply *reply; /* when it is done */
    bool over;
    struct slice words[]; /* their text is behind them */
};

/* --- answers -----------------------------------------------------------------------------------
 */

static void free_question(struct cluster_question *question)
{
    freeReplyObject(question->reply);
    memory_free(question);
}

static void end_wait(struct cluster_question *question)
{
    if (question->over) {
        return;
    }
    question->over = true;
    *(question->previous == NULL ? &question->asker->waiting : &question->previous->next) =
        question->next;
    if (question->next != NULL) {
        question->next->previous = question->previous;
    }
}

static void answer(struct cluster_question *question, const struct redisReply *reply)
{
    bool over = question->over;
    end_wait(question);
    if (!over && question->answered != NULL) {
        question->answered(question->user, reply);
    }
}

/* On the thread of Redis. Where the worker has gone nobody is left but us. */
static void on_done(struct redis_command *command, struct redisReply *reply)
{
    struct cluster_question *question = CONTAINER_OF(command, struct cluster_question, command);
    struct cluster_asker *asker = question->asker;
    question->reply = reply;
    pthread_mutex_lock(&asker->lock);
    bool closed = asker->closed;
    bool first = asker->done == NULL;
    if (!closed) {
        *(first ? &asker->done : &asker->done_last->done_next) = question;
        asker->done_last = question;
    }
    if (!closed && first) {
        uv_async_send(&asker->async);
    }
    pthread_mutex_unlock(&asker->lock);
    if (closed) {
        free_question(question);
    }
}

static struct cluster_question *take_done(struct cluster_asker *asker)
{
    pthread_mutex_lock(&asker->lock);
    struct cluster_question *done = asker->done;
    asker->done = NULL;
    pthread_mutex_unlock(&asker->lock);
    return done;
}

static void on_async(uv_async_t *async)
{
    struct cluster_asker *asker = CONTAINER_OF(async, struct cluster_asker, async);
    struct cluster_question *done = take_done(asker);
    while (done != NULL) {
        struct cluster_question *question = done;
        done = question->done_next;
        asker->count--;
        answer(question, question->reply);
        free_question(question);
    }
}

/* --- those that come too late ------------------------------------------------------------------
 */

static void watch(struct cluster_asker *asker, int64_t until_ns)
{
    if (asker->late_ns == 0 || until_ns < asker->late_ns) {
        int64_t left_ns = until_ns - clock_monotonic(&clock_system);
        asker->late_ns = until_ns;
        deadline_set(&asker->late, left_ns <= 0 ? 1 : (uint64_t)(left_ns / NS_PER_MS) + 1);
    }
}

/* An answer may ask again, or cancel others: after each the list is looked at from its head. */
static bool answer_a_late_one(struct cluster_asker *asker, int64_t now)
{
    struct cluster_question *question = asker->waiting;
    while (question != NULL && question->command.until_ns > now) {
        question = question->next;
    }
    if (question != NULL) {
        answer(question, NULL);
    }
    return question != NULL;
}

static void on_late(struct deadline *deadline)
{
    struct cluster_asker *asker = deadline->owner;
    int64_t now = clock_monotonic(&clock_system);
    asker->late_ns = 0;
    while (answer_a_late_one(asker, now)) {
    }
    for (struct cluster_question *q = asker->waiting; q != NULL; q = q->next) {
        watch(asker, q->command.until_ns);
    }
}

/* --- questions ---------------------------------------------------------------------------------
 */

static struct cluster_question *new_question(const struct slice *words, size_t count)
{
    size_t bytes = 0;
    struct cluster_question *question = NULL;
    for (size_t i = 0; i < count; i++) {
        if (words[i].len > CLUSTER_ASK_BYTES - bytes) {
            return NULL;
        }
        bytes += words[i].len;
    }
    question = memory_alloc(sizeof(*question) + count * sizeof(words[0]) + bytes);
    if (question == NULL) {
        return NULL;
    }
    memset(question, 0, sizeof(*question));
    char *text = (char *)&question->words[count];
    for (size_t i = 0; i < count; i++) {
        question->words[i] = slice_of(text, words[i].len);
        if (words[i].len > 0) {
            memcpy(text, words[i].ptr, words[i].len);
        }
        text += words[i].len;
    }
    question->command.words = question->words;
    question->command.count = count;
    question->command.done = on_done;
    return question;
}

struct cluster_question *cluster_ask(struct worker *worker, const struct slice *words, size_t count,
                                     unsigned ms,
                                     void (*answered)(void *user, const struct redisReply *answer),
                                     void *user)
{
    struct cluster_asker *asker = worker->asker;
    CHECK(count > 0 && count <= CLUSTER_WORDS_MAX);
    if (asker == NULL || asker->count >= CLUSTER_ASKS_MAX) {
        return NULL;
    }
    struct cluster_question *question = new_question(words, count);
    if (question == NULL) {
        return NULL;
    }
    question->asker = asker;
    question->answered = answered;
    question->user = user;
    question->command.until_ns = clock_monotonic(&clock_system) + (int64_t)ms * NS_PER_MS;
    question->next = asker->waiting;
    if (question->next != NULL) {
        question->next->previous = question;
    }
    asker->waiting = question;
    asker->count++;
    if (!redis_queue_put(asker->queue, &question->command)) {
        end_wait(question);
        asker->count--;
        free_question(question);
        return NULL;
    }
    watch(asker, clock_monotonic(&clock_system) + (int64_t)ms * NS_PER_MS);
    return question;
}

void cluster_ask_cancel(struct cluster_question *question)
{
    end_wait(question);
}

bool cluster_ask_possible(const struct worker *worker)
{
    return worker->asker != NULL && worker->asker->count < CLUSTER_ASKS_MAX;
}

/* CLUSTER_KEY and the rest. Empty: it is too long. */
static struct slice key_text(struct slice key, char out[sizeof(CLUSTER_KEY) + CLUSTER_KEY_SIZE])
{
    if (key.len > CLUSTER_KEY_SIZE) {
        return SLICE_EMPTY;
    }
    memcpy(out, CLUSTER_KEY, sizeof(CLUSTER_KEY) - 1);
    memcpy(out + sizeof(CLUSTER_KEY) - 1, key.ptr, key.len);
    return slice_of(out, sizeof(CLUSTER_KEY) - 1 + key.len);
}

struct cluster_question *cluster_get(struct worker *worker, struct slice key, unsigned ms,
                                     void (*answered)(void *user, const struct redisReply *answer),
                                     void *user)
{
    char text[sizeof(CLUSTER_KEY) + CLUSTER_KEY_SIZE];
    const struct slice words[] = {SLICE("GET"), key_text(key, text)};
    return words[1].len == 0 ? NULL
                             : cluster_ask(worker, words, ARRAY_LEN(words), ms, answered, user);
}

bool cluster_set(struct worker *worker, struct slice key, struct slice value, int64_t keep_ms)
{
    char text[sizeof(CLUSTER_KEY) + CLUSTER_KEY_SIZE];
    char keep[24];
    snprintf(keep, sizeof(keep), "%" PRId64, keep_ms < 1 ? 1 : keep_ms);
    const struct slice words[] = {SLICE("SET"), key_text(key, text), value, SLICE("PX"),
                                  slice_from_cstr(keep)};
    return words[1].len > 0 &&
           cluster_ask(worker, words, ARRAY_LEN(words), CLUSTER_SET_MS, NULL, NULL) != NULL;
}

/* --- the start and the end ---------------------------------------------------------------------
 */

struct cluster_asks *cluster_asks_open(const struct redis_options *redis, struct error *error)
{
    const struct redis_queue_options options = {
        .redis = *redis, .most = CLUSTER_ASKS_MAX * 4, .most_bytes = CLUSTER_ASK_BYTES};
    struct cluster_asks *asks = memory_array(1, sizeof(*asks));
    if (asks == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    asks->queue = redis_queue_new(&options, error);
    if (asks->queue == NULL) {
        memory_free(asks);
        return NULL;
    }
    return asks;
}

bool cluster_asks_start(struct cluster_asks *asks, struct error *error)
{
    return redis_queue_start(asks->queue, error);
}

void cluster_asks_stop(struct cluster_asks *asks)
{
    if (asks != NULL) {
        redis_queue_stop(asks->queue);
    }
}

void cluster_asks_free(struct cluster_asks *asks)
{
    if (asks != NULL) {
        redis_queue_free(asks->queue);
        memory_free(asks);
    }
}

void cluster_asks_stats(struct cluster_asks *asks, struct redis_queue_stats *ret_stats)
{
    redis_queue_stats_read(asks->queue, ret_stats);
}

bool cluster_ask_init(struct worker *worker, struct cluster_asks *asks)
{
    struct cluster_asker *asker = memory_array(1, sizeof(*asker));
    if (asker == NULL) {
        return false;
    }
    asker->queue = asks->queue;
    pthread_mutex_init(&asker->lock, NULL);
    uv_async_init(&worker->loop.uv, &asker->async, on_async);
    deadline_init(&asker->late, &worker->loop, on_late, asker);
    worker->asker = asker;
    return true;
}

void cluster_ask_close(struct worker *worker)
{
    struct cluster_asker *asker = worker->asker;
    if (asker == NULL) {
        return;
    }
    pthread_mutex_lock(&asker->lock);
    asker->closed = true;
    struct cluster_question *done = asker->done;
    asker->done = NULL;
    pthread_mutex_unlock(&asker->lock);
    while (done != NULL) {
        struct cluster_question *question = done;
        done = question->done_next;
        free_question(question);
    }
    deadline_close(&asker->late, NULL);
    uv_close((uv_handle_t *)&asker->async, NULL);
}

void cluster_ask_release(struct worker *worker)
{
    if (worker->asker != NULL) {
        pthread_mutex_destroy(&worker->asker->lock);
        memory_free(worker->asker);
        worker->asker = NULL;
    }
}
