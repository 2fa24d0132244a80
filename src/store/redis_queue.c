/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pthread_setname_np */
#include "store/redis_queue.h"

#include "base/bell.h"
#include "base/memory.h"

#include <poll.h>
#include <pthread.h>

#define BATCH 64
#define IDLE_MS 1000

struct redis_queue {
    struct redis_queue_options options;
    struct redis *redis; /* the thread's */
    pthread_t thread;
    bool started;
    int wake_fd;
    int stop_fd;
    pthread_mutex_t lock; /* guards the rest */
    struct redis_command *first;
    struct redis_command *last;
    size_t count;
    size_t bytes;
    bool stopping;
    struct redis_queue_stats stats;
};

static int64_t now_ns(void)
{
    return clock_monotonic(&clock_system);
}

/* --- putting -----------------------------------------------------------------------------------
 */

static size_t count_bytes(const struct redis_command *command)
{
    size_t bytes = 0;
    for (size_t i = 0; i < command->count; i++) {
        bytes += command->words[i].len;
    }
    return bytes;
}

bool redis_queue_put(struct redis_queue *queue, struct redis_command *command)
{
    command->next = NULL;
    command->bytes = count_bytes(command);
    pthread_mutex_lock(&queue->lock);
    bool taken = queue->stats.connected && !queue->stopping && queue->count < queue->options.most &&
                 command->bytes <= queue->options.most_bytes - queue->bytes;
    bool idle = queue->first == NULL;
    if (taken) {
        *(idle ? &queue->first : &queue->last->next) = command;
        queue->last = command;
        queue->count++;
        queue->bytes += command->bytes;
        queue->stats.asked++;
    } else {
        queue->stats.refused++;
    }
    pthread_mutex_unlock(&queue->lock);
    if (taken && idle) {
        bell_ring(queue->wake_fd);
    }
    return taken;
}

/* --- the thread --------------------------------------------------------------------------------
 */

static size_t take_some(struct redis_queue *queue, struct redis_command *taken[BATCH])
{
    size_t count = 0;
    pthread_mutex_lock(&queue->lock);
    while (queue->first != NULL && count < BATCH) {
        struct redis_command *command = queue->first;
        queue->first = command->next;
        queue->count--;
        queue->bytes -= command->bytes;
        taken[count++] = command;
    }
    pthread_mutex_unlock(&queue->lock);
    return count;
}

static void note(struct redis_queue *queue, bool connected, size_t failures)
{
    pthread_mutex_lock(&queue->lock);
    queue->stats.connected = connected;
    queue->stats.failures += failures;
    pthread_mutex_unlock(&queue->lock);
}

/* An error as an answer is no answer. */
static bool hand_back(struct redis_command *command, struct redisReply *reply)
{
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        freeReplyObject(reply);
        reply = NULL;
    }
    command->done(command, reply);
    return reply != NULL;
}

/* Those that have been given up meanwhile are not sent. */
static size_t still_wanted(struct redis_command *commands[BATCH], size_t count, size_t *failures)
{
    size_t kept = 0;
    int64_t now = now_ns();
    for (size_t i = 0; i < count; i++) {
        if (commands[i]->until_ns > now) {
            commands[kept++] = commands[i];
        } else {
            *failures += hand_back(commands[i], NULL) ? 0 : 1;
        }
    }
    return kept;
}

static void ask_some(struct redis_queue *queue, struct redis_command *commands[BATCH], size_t count)
{
    struct redis_words words[BATCH];
    struct redisReply *replies[BATCH] = {NULL};
    size_t failures = 0;
    count = still_wanted(commands, count, &failures);
    for (size_t i = 0; i < count; i++) {
        words[i] = (struct redis_words){.words = commands[i]->words, .count = commands[i]->count};
    }
    redis_ask_many(queue->redis, words, count, replies);
    note(queue, redis_is_connected(queue->redis), 0);
    for (size_t i = 0; i < count; i++) {
        failures += hand_back(commands[i], replies[i]) ? 0 : 1;
    }
    note(queue, redis_is_connected(queue->redis), failures);
}

static void wait_idle(struct redis_queue *queue, bool connected)
{
    struct redis_message message;
    int64_t retry_ms = redis_retry_in_ms(queue->redis);
    struct pollfd fds[] = {
        {.fd = queue->wake_fd, .events = POLLIN},
        {.fd = queue->stop_fd, .events = POLLIN},
        {.fd = redis_fd(queue->redis), .events = POLLIN},
    };
    int ms = connected || retry_ms > IDLE_MS ? IDLE_MS : (int)retry_ms;
    if (poll(fds, ARRAY_LEN(fds), ms) <= 0) {
        return;
    }
    (void)bell_take(queue->wake_fd);
    if (fds[2].revents != 0 && redis_next(queue->redis, &message)) {
        freeReplyObject(message.reply); /* unasked: nothing to us; a lost connection is noticed */
    }
}

static bool is_stopping(struct redis_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool stopping = queue->stopping;
    pthread_mutex_unlock(&queue->lock);
    return stopping;
}

static void *run(void *user)
{
    struct redis_queue *queue = user;
    struct redis_command *commands[BATCH];
    pthread_setname_np(pthread_self(), "redis-queue");
    while (!is_stopping(queue)) {
        bool connected = redis_connect(queue->redis, NULL);
        note(queue, connected, 0);
        size_t count = take_some(queue, commands);
        if (count > 0) {
            ask_some(queue, commands, count);
        } else {
            wait_idle(queue, connected);
        }
    }
    return NULL;
}

/* --- the start and the end ---------------------------------------------------------------------
 */

struct redis_queue *redis_queue_new(const struct redis_queue_options *options, struct error *error)
{
    struct redis_queue *queue = memory_array(1, sizeof(*queue));
    if (queue == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    queue->options = *options;
    pthread_mutex_init(&queue->lock, NULL);
    queue->wake_fd = bell_open();
    queue->stop_fd = bell_open();
    queue->options.redis.stop_fd = queue->stop_fd;
    queue->redis = redis_new(&queue->options.redis);
    if (queue->redis == NULL || queue->wake_fd < 0 || queue->stop_fd < 0) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        redis_queue_free(queue);
        return NULL;
    }
    return queue;
}

bool redis_queue_start(struct redis_queue *queue, struct error *error)
{
    queue->started = pthread_create(&queue->thread, NULL, run, queue) == 0;
    return queue->started ||
           error_set(error, ERROR_ENVIRONMENT, "no_thread", "no thread for Redis can be started");
}

void redis_queue_stop(struct redis_queue *queue)
{
    struct redis_command *commands[BATCH];
    size_t count = 0;
    if (queue == NULL) {
        return;
    }
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_mutex_unlock(&queue->lock);
    bell_ring(queue->stop_fd);
    if (queue->started) {
        pthread_join(queue->thread, NULL);
        queue->started = false;
    }
    while ((count = take_some(queue, commands)) > 0) {
        for (size_t i = 0; i < count; i++) {
            (void)hand_back(commands[i], NULL);
        }
    }
}

void redis_queue_free(struct redis_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    redis_free(queue->redis);
    bell_close(queue->wake_fd);
    bell_close(queue->stop_fd);
    pthread_mutex_destroy(&queue->lock);
    memory_free(queue);
}

void redis_queue_stats_read(struct redis_queue *queue, struct redis_queue_stats *ret_stats)
{
    pthread_mutex_lock(&queue->lock);
    *ret_stats = queue->stats;
    pthread_mutex_unlock(&queue->lock);
}
