/* SPDX-License-Identifier: Apache-2.0 */
/* The line of clients' questions, with questions that last as long as the test wants. */
#include "gateway/questions.h"

#include "base/memory.h"
#include "gateway/admin.h"
#include "gateway/admin_job.h"
#include "tests/tap.h"

#include <semaphore.h>

static struct gateway gateway;
static struct worker workers[2];
static sem_t may_end;
static atomic_uint running;
static atomic_uint most;
static atomic_uint asked;

static void ask(struct admin_job *job)
{
    (void)job;
    unsigned now = atomic_fetch_add(&running, 1) + 1;
    unsigned seen = atomic_load(&most);
    while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now)) {
    }
    while (sem_wait(&may_end) != 0) {
    }
    atomic_fetch_add(&asked, 1);
    atomic_fetch_sub(&running, 1);
}

static struct admin_job *job_of(uint64_t key, unsigned worker)
{
    struct admin_job *job = memory_array(1, sizeof(*job));
    CHECK(job != NULL);
    *job = (struct admin_job){.magic = ADMIN_JOB_MAGIC,
                              .gateway = &gateway,
                              .worker = &workers[worker],
                              .ask = ask,
                              .own = key};
    buf_init(&job->answer, 16);
    buf_init(&job->body, 16);
    return job;
}

/* Whether it may stand in the line; then it does. */
static struct admin_job *enter(uint64_t key, unsigned worker)
{
    struct admin_job *job = job_of(key, worker);
    job->entered = questions_enter(job);
    if (!job->entered) {
        memory_free(job);
        return NULL;
    }
    return job;
}

static void turn_loops(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(workers); i++) {
        uv_run(&workers[i].loop.uv, UV_RUN_NOWAIT);
    }
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        turn_loops();                                                                              \
    } while (!(condition))

static void begin(void)
{
    questions_init(&gateway.questions);
    sem_init(&may_end, 0, 0);
    atomic_store(&most, 0);
    atomic_store(&asked, 0);
    for (unsigned i = 0; i < ARRAY_LEN(workers); i++) {
        workers[i].gateway = &gateway;
        CHECK(net_loop_init(&workers[i].loop, &clock_system));
        questions_open(&workers[i]);
    }
}

static void end(void)
{
    EXPECT(gateway.questions.first == NULL);
    EXPECT_INT(gateway.questions.count, 0);
    EXPECT_INT(gateway.questions.running, 0);
    for (unsigned i = 0; i < ARRAY_LEN(workers); i++) {
        questions_close(&workers[i]);
        uv_run(&workers[i].loop.uv, UV_RUN_DEFAULT);
        net_loop_release(&workers[i].loop);
    }
    sem_destroy(&may_end);
    questions_release(&gateway.questions);
}

static void let_go(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        sem_post(&may_end);
    }
}

static void few_run_at_once(void)
{
    begin();
    for (unsigned i = 0; i < 20; i++) {
        EXPECT(enter(1 + i, i % 2) != NULL);
    }
    UNTIL(atomic_load(&running) == QUESTIONS_RUNNING);
    for (unsigned i = 1; i <= 20; i++) {
        let_go(1);
        UNTIL(atomic_load(&asked) == i);
    }
    UNTIL(gateway.questions.count == 0);
    EXPECT_INT(atomic_load(&most), QUESTIONS_RUNNING);
    end();
}

static void one_key_has_few(void)
{
    begin();
    for (unsigned i = 0; i < QUESTIONS_OF_KEY; i++) {
        EXPECT(enter(7, i % 2) != NULL);
    }
    EXPECT(enter(7, 0) == NULL);
    EXPECT(enter(7, 1) == NULL);
    EXPECT(enter(8, 1) != NULL); /* another one is not kept out by it */
    let_go(QUESTIONS_OF_KEY + 1);
    UNTIL(gateway.questions.count == 0);
    EXPECT(enter(7, 0) != NULL);
    let_go(1);
    UNTIL(gateway.questions.count == 0);
    end();
}

static void all_have_a_ceiling(void)
{
    begin();
    for (unsigned i = 0; i < QUESTIONS_MAX; i++) {
        EXPECT(enter(1 + i, 0) != NULL);
    }
    EXPECT(enter(1000, 1) == NULL);
    let_go(QUESTIONS_MAX);
    UNTIL(gateway.questions.count == 0);
    EXPECT_INT(atomic_load(&asked), QUESTIONS_MAX);
    end();
}

static void who_leaves_is_not_asked(void)
{
    struct admin_job *jobs[6];
    begin();
    for (unsigned i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = enter(1 + i, i % 2);
        CHECK(jobs[i] != NULL);
    }
    admin_job_gone(jobs[0]); /* it was its turn, and its worker has not heard */
    UNTIL(atomic_load(&running) == QUESTIONS_RUNNING);
    admin_job_gone(jobs[1]); /* it runs */
    admin_job_gone(jobs[4]); /* it waits */
    EXPECT_INT(gateway.questions.count, 4);
    let_go(4);
    UNTIL(gateway.questions.count == 0);
    EXPECT_INT(atomic_load(&asked), 4);
    end();
}

int main(void)
{
    TEST(few_run_at_once, "a few questions run at once, the others follow");
    TEST(one_key_has_few, "one key has few questions in the line");
    TEST(all_have_a_ceiling, "and all keys together not too many");
    TEST(who_leaves_is_not_asked, "whose client left before its turn is not asked");
    return tap_done();
}
