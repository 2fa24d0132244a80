/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of a worker to a real Redis. */
#include "gateway/cluster_ask.h"

#include "store/redis_queue.h"
#include "tests/unit/gateway/gateway_harness.h"
#include "tests/unit/store/redis_testing.h"

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma }\n"
#define LONG_MS 20000

static struct redis_server server;
static struct cluster_asks *asks;

struct heard {
    int count;
    bool none;
    char text[64];
    struct heard *then; /* ask for this */
    struct cluster_question *drop;
};

static void on_answer(void *user, const struct redisReply *answer)
{
    struct heard *heard = user;
    heard->count++;
    heard->none = answer == NULL;
    slice_to_cstr(redis_text(answer), heard->text, sizeof(heard->text));
    if (heard->then != NULL) {
        EXPECT(cluster_get(h.worker, SLICE("test:a"), LONG_MS, on_answer, heard->then) != NULL);
    }
    if (heard->drop != NULL) {
        cluster_ask_cancel(heard->drop);
    }
}

static bool is_connected(void)
{
    struct redis_queue_stats stats;
    cluster_asks_stats(asks, &stats);
    return stats.connected;
}

static void begin(void)
{
    struct error error;
    const struct redis_options options = {.host = slice_from_cstr(server.path),
                                          .deadline_ms = 400,
                                          .retry_ms = 10,
                                          .retry_max_ms = 40};
    harness_begin(YAML, false);
    EXPECT(!cluster_ask_possible(h.worker));
    EXPECT(cluster_get(h.worker, SLICE("test:a"), 1, on_answer, NULL) == NULL);
    asks = cluster_asks_open(&options, &error);
    CHECK(asks != NULL && cluster_asks_start(asks, &error) && cluster_ask_init(h.worker, asks));
    UNTIL(NULL, is_connected());
}

static void keeps_and_gets(void)
{
    struct heard there = {0};
    struct heard not_there = {0};
    struct heard second = {0};
    there.then = &second;
    EXPECT(cluster_set(h.worker, SLICE("test:a"), SLICE("kept"), 60000));
    EXPECT(cluster_get(h.worker, SLICE("test:a"), LONG_MS, on_answer, &there) != NULL);
    EXPECT(cluster_get(h.worker, SLICE("test:none"), LONG_MS, on_answer, &not_there) != NULL);
    EXPECT_INT(there.count, 0); /* never within the call */
    UNTIL(NULL, second.count == 1 && not_there.count == 1);
    EXPECT_SLICE(slice_from_cstr(there.text), "kept");
    EXPECT_SLICE(slice_from_cstr(second.text), "kept");
    EXPECT(!not_there.none && not_there.text[0] == '\0');
    EXPECT_INT(there.count, 1);
}

static void forgets_in_time(void)
{
    const struct slice words[] = {SLICE("PTTL"), SLICE(CLUSTER_KEY "test:soon")};
    struct heard gone = {0};
    EXPECT(cluster_set(h.worker, SLICE("test:soon"), SLICE("kept"), 1));
    do {
        gone = (struct heard){0};
        EXPECT(cluster_get(h.worker, SLICE("test:soon"), LONG_MS, on_answer, &gone) != NULL);
        UNTIL(NULL, gone.count == 1);
    } while (gone.text[0] != '\0');
    EXPECT(cluster_ask(h.worker, words, 2, LONG_MS, on_answer, &gone) != NULL);
    UNTIL(NULL, gone.count == 2);
    EXPECT(!gone.none);
}

/* The worker goes on while Redis says nothing, and hears in time that there is no answer. */
static void waits_no_longer_than_it_may(void)
{
    struct heard late = {0};
    struct heard soon = {0};
    kill(server.pid, SIGSTOP);
    int64_t since_ns = clock_monotonic(&clock_system);
    EXPECT(cluster_get(h.worker, SLICE("test:a"), 100, on_answer, &late) != NULL);
    EXPECT(cluster_get(h.worker, SLICE("test:a"), 20, on_answer, &soon) != NULL);
    EXPECT(elapsed_ms(since_ns) < 20);
    UNTIL(NULL, soon.count == 1);
    EXPECT(soon.none && late.count == 0);
    UNTIL(NULL, late.count == 1);
    EXPECT(late.none);
    EXPECT(elapsed_ms(since_ns) >= 100 && elapsed_ms(since_ns) < 350);
    kill(server.pid, SIGCONT);
    UNTIL(NULL, is_connected());
    EXPECT_INT(late.count + soon.count, 2); /* what comes afterwards is not heard */
}

static void cancelled_is_not_heard(void)
{
    struct heard first = {0};
    struct heard dropped = {0};
    struct heard last = {0};
    EXPECT(cluster_get(h.worker, SLICE("test:a"), LONG_MS, on_answer, &first) != NULL);
    first.drop = cluster_get(h.worker, SLICE("test:a"), LONG_MS, on_answer, &dropped);
    EXPECT(cluster_get(h.worker, SLICE("test:a"), LONG_MS, on_answer, &last) != NULL);
    UNTIL(NULL, last.count == 1);
    EXPECT_INT(first.count, 1);
    EXPECT_INT(dropped.count, 0);
}

static void is_bounded(void)
{
    static struct heard heard[CLUSTER_ASKS_MAX + 1];
    static char large[CLUSTER_KEY_SIZE + 1];
    size_t count = 0;
    EXPECT(cluster_get(h.worker, slice_of(large, sizeof(large)), 1, on_answer, NULL) == NULL);
    kill(server.pid, SIGSTOP);
    while (count <= CLUSTER_ASKS_MAX &&
           cluster_get(h.worker, SLICE("test:a"), 20, on_answer, &heard[count]) != NULL) {
        count++;
    }
    EXPECT_INT(count, CLUSTER_ASKS_MAX);
    EXPECT(!cluster_ask_possible(h.worker));
    kill(server.pid, SIGCONT);
    UNTIL(NULL, heard[0].count == 1 && heard[count - 1].count == 1);
    UNTIL(NULL, cluster_ask_possible(h.worker) && is_connected());
}

static void away_is_no_question(void)
{
    struct heard heard = {0};
    server_kill(&server);
    UNTIL(NULL, !is_connected());
    EXPECT(cluster_get(h.worker, SLICE("test:a"), 20, on_answer, &heard) == NULL);
    CHECK(server_start(&server));
    UNTIL(NULL, is_connected());
    EXPECT(cluster_get(h.worker, SLICE("test:a"), LONG_MS, on_answer, &heard) != NULL);
    UNTIL(NULL, heard.count == 1);
    EXPECT(!heard.none && heard.text[0] == '\0');
}

static void ends_with_questions_left(void)
{
    struct heard heard = {0};
    kill(server.pid, SIGSTOP);
    EXPECT(cluster_get(h.worker, SLICE("test:a"), LONG_MS, on_answer, &heard) != NULL);
    harness_drain(1000);
    uv_close((uv_handle_t *)&h.listener, NULL);
    uv_walk(&h.worker->loop.uv, on_walk, NULL);
    uv_run(&h.worker->loop.uv, UV_RUN_DEFAULT);
    cluster_asks_stop(asks);
    EXPECT_INT(heard.count, 0);
    kill(server.pid, SIGCONT);
    worker_free(h.worker);
    cluster_asks_free(asks);
    harness_budget_end();
    snapshot_unref(h.gateway.snapshot);
    target_states_release(&h.gateway.states);
    pthread_mutex_destroy(&h.gateway.lock);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (!server_start(&server)) {
        return 1;
    }
    begin();
    TEST(keeps_and_gets, "what is set is got; an answer may ask again");
    TEST(forgets_in_time, "what is set is forgotten in time");
    TEST(waits_no_longer_than_it_may, "Redis silent: none is the answer, in time");
    TEST(cancelled_is_not_heard, "what was cancelled is not heard, even by an answer before it");
    TEST(is_bounded, "questions and keys are bounded");
    TEST(away_is_no_question, "Redis away: nothing is asked");
    TEST(ends_with_questions_left, "the loop ends with questions left");
    server_remove(&server);
    return tap_done();
}
