/* SPDX-License-Identifier: Apache-2.0 */
#include "store/redis_queue.h"

#include "redis_testing.h"
#include "tests/tap.h"

#include <pthread.h>
#include <stdatomic.h>

#define MOST 200
#define LONG_NS (20 * NS_PER_S)

static struct redis_server server;

struct question {
    struct redis_command command;
    struct slice words[4];
    atomic_int done;
    int64_t integer;
    bool answered;
    char text[32];
};

static void on_done(struct redis_command *command, struct redisReply *reply)
{
    struct question *question = (struct question *)command; /* its first member */
    question->answered = reply != NULL;
    question->integer = redis_integer(reply);
    slice_to_cstr(redis_text(reply), question->text, sizeof(question->text));
    freeReplyObject(reply);
    atomic_fetch_add(&question->done, 1);
}

static void prepare(struct question *q, size_t count, struct slice a, struct slice b,
                    struct slice c)
{
    memset(q, 0, sizeof(*q));
    q->words[0] = a;
    q->words[1] = b;
    q->words[2] = c;
    q->command = (struct redis_command){.words = q->words,
                                        .count = count,
                                        .until_ns = clock_monotonic(&clock_system) + LONG_NS,
                                        .done = on_done};
}

static struct redis_queue *open_queue(size_t most, size_t most_bytes)
{
    struct error error;
    const struct redis_queue_options options = {.redis = {.host = slice_from_cstr(server.path),
                                                          .deadline_ms = 300,
                                                          .retry_ms = 10,
                                                          .retry_max_ms = 40},
                                                .most = most,
                                                .most_bytes = most_bytes};
    struct redis_queue *queue = redis_queue_new(&options, &error);
    CHECK(queue != NULL && redis_queue_start(queue, &error));
    return queue;
}

static void close_queue(struct redis_queue *queue)
{
    redis_queue_stop(queue);
    redis_queue_free(queue);
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t since_ns = clock_monotonic(&clock_system);                                         \
        while (!(condition) && elapsed_ms(since_ns) < 20000) {                                     \
            poll(NULL, 0, 1);                                                                      \
        }                                                                                          \
        EXPECT(condition);                                                                         \
    } while (0)

static bool is_connected(struct redis_queue *queue)
{
    struct redis_queue_stats stats;
    redis_queue_stats_read(queue, &stats);
    return stats.connected;
}

static void answers_come_back(void)
{
    struct redis_queue *queue = open_queue(MOST, 1 << 20);
    struct question put;
    struct question got;
    struct question wrong;
    UNTIL(is_connected(queue));
    prepare(&put, 3, SLICE("SET"), SLICE("a"), SLICE("some text"));
    prepare(&wrong, 2, SLICE("INCR"), SLICE("a"), SLICE_EMPTY);
    prepare(&got, 2, SLICE("GET"), SLICE("a"), SLICE_EMPTY);
    EXPECT(redis_queue_put(queue, &put.command));
    EXPECT(redis_queue_put(queue, &wrong.command));
    EXPECT(redis_queue_put(queue, &got.command));
    UNTIL(atomic_load(&got.done) == 1);
    EXPECT(put.answered && got.answered);
    EXPECT_SLICE(slice_from_cstr(got.text), "some text");
    EXPECT(atomic_load(&wrong.done) == 1 && !wrong.answered); /* an error is no answer */
    EXPECT(is_connected(queue));                              /* and costs nothing else */
    close_queue(queue);
}

struct asker {
    struct redis_queue *queue;
    struct question questions[MOST];
};

static void *ask_many(void *user)
{
    struct asker *asker = user;
    for (size_t i = 0; i < MOST; i++) {
        prepare(&asker->questions[i], 2, SLICE("INCR"), SLICE("n"), SLICE_EMPTY);
        while (!redis_queue_put(asker->queue, &asker->questions[i].command)) {
            poll(NULL, 0, 1);
        }
    }
    return NULL;
}

/* Each answer once, to its own question, and each thread's in their order. */
static void many_threads_ask(void)
{
    static struct asker askers[4];
    pthread_t threads[4];
    struct redis_queue *queue = open_queue(MOST, 1 << 20);
    bool seen[4 * MOST + 1] = {false};
    for (size_t i = 0; i < 4; i++) {
        askers[i].queue = queue;
        CHECK(pthread_create(&threads[i], NULL, ask_many, &askers[i]) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        int64_t last = 0;
        pthread_join(threads[i], NULL);
        for (size_t n = 0; n < MOST; n++) {
            struct question *q = &askers[i].questions[n];
            UNTIL(atomic_load(&q->done) == 1);
            EXPECT(q->integer > last && q->integer <= 4 * MOST && !seen[q->integer]);
            last = q->integer;
            seen[last] = true;
        }
    }
    close_queue(queue);
}

static void is_bounded(void)
{
    struct redis_queue *queue = open_queue(2, 100);
    static char large[101];
    struct question questions[4];
    UNTIL(is_connected(queue));
    prepare(&questions[3], 2, SLICE("GET"), slice_of(large, sizeof(large)), SLICE_EMPTY);
    EXPECT(!redis_queue_put(queue, &questions[3].command));
    kill(server.pid, SIGSTOP); /* the first one goes out, the others wait behind it */
    prepare(&questions[0], 2, SLICE("GET"), SLICE("a"), SLICE_EMPTY);
    EXPECT(redis_queue_put(queue, &questions[0].command));
    poll(NULL, 0, 50);
    size_t taken = 0;
    for (size_t i = 1; i < 4; i++) {
        prepare(&questions[i], 2, SLICE("GET"), SLICE("a"), SLICE_EMPTY);
        taken += redis_queue_put(queue, &questions[i].command) ? 1 : 0;
    }
    EXPECT_INT(taken, 2);
    for (size_t i = 0; i < 1 + taken; i++) { /* nobody answers: none of them is answered */
        UNTIL(atomic_load(&questions[i].done) == 1);
        EXPECT(!questions[i].answered);
    }
    EXPECT_INT(atomic_load(&questions[3].done), 0);
    kill(server.pid, SIGCONT);
    UNTIL(is_connected(queue));
    close_queue(queue);
}

static void away_refuses_at_once(void)
{
    struct redis_queue *queue = open_queue(MOST, 1 << 20);
    struct question question;
    UNTIL(is_connected(queue));
    server_kill(&server);
    UNTIL(!is_connected(queue));
    prepare(&question, 2, SLICE("GET"), SLICE("a"), SLICE_EMPTY);
    EXPECT(!redis_queue_put(queue, &question.command));
    CHECK(server_start(&server));
    UNTIL(is_connected(queue));
    EXPECT(redis_queue_put(queue, &question.command));
    UNTIL(atomic_load(&question.done) == 1);
    EXPECT(question.answered);
    struct redis_queue_stats stats;
    redis_queue_stats_read(queue, &stats);
    EXPECT_INT(stats.asked, 1);
    EXPECT_INT(stats.refused, 1);
    close_queue(queue);
}

static void what_is_late_is_not_sent(void)
{
    struct redis_queue *queue = open_queue(MOST, 1 << 20);
    struct question late;
    struct question next;
    UNTIL(is_connected(queue));
    prepare(&late, 3, SLICE("SET"), SLICE("late"), SLICE("sent"));
    late.command.until_ns = clock_monotonic(&clock_system) - 1;
    prepare(&next, 2, SLICE("GET"), SLICE("late"), SLICE_EMPTY);
    EXPECT(redis_queue_put(queue, &late.command) && redis_queue_put(queue, &next.command));
    UNTIL(atomic_load(&next.done) == 1);
    EXPECT(!late.answered && next.answered);
    EXPECT_SLICE(slice_from_cstr(next.text), "");
    close_queue(queue);
}

static void a_stop_ends_what_waits(void)
{
    struct redis_queue *queue = open_queue(MOST, 1 << 20);
    static struct question questions[100];
    size_t done = 0;
    UNTIL(is_connected(queue));
    kill(server.pid, SIGSTOP);
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        prepare(&questions[i], 2, SLICE("GET"), SLICE("a"), SLICE_EMPTY);
        EXPECT(redis_queue_put(queue, &questions[i].command));
    }
    int64_t since_ns = clock_monotonic(&clock_system);
    redis_queue_stop(queue);
    EXPECT(elapsed_ms(since_ns) < 250); /* not as long as the deadline */
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        done += (size_t)atomic_load(&questions[i].done);
    }
    EXPECT_INT(done, ARRAY_LEN(questions));
    struct question after;
    prepare(&after, 2, SLICE("GET"), SLICE("a"), SLICE_EMPTY);
    EXPECT(!redis_queue_put(queue, &after.command));
    redis_queue_free(queue);
    kill(server.pid, SIGCONT);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (!server_start(&server)) {
        return 1;
    }
    TEST(answers_come_back, "each command gets its answer; an error is none");
    TEST(many_threads_ask, "many threads ask, each in its order");
    TEST(is_bounded, "no more waits than may");
    TEST(away_refuses_at_once, "Redis away: refused at once, until it is back");
    TEST(what_is_late_is_not_sent, "what is late is not sent");
    TEST(a_stop_ends_what_waits, "a stop ends what waits, each once");
    server_remove(&server);
    return tap_done();
}
