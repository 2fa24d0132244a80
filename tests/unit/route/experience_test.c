/* SPDX-License-Identifier: Apache-2.0 */
#include "route/experience.h"

#include "tests/tap.h"

#include <pthread.h>

static struct experience experience;
static struct experience_request request;

static void reset(void)
{
    experience_init(&experience);
    request = (struct experience_request){
        .task = TASK_QA_OPEN, .input = 1000, .output = 200, .output_high = 600, .plain = true};
}

static void note(const struct experience_answer *seen)
{
    struct experience_logs logs;
    experience_logs(&request, seen, &logs);
    experience_note(&experience, &request, &logs);
}

static void answer(int64_t input, int64_t output, int64_t reasoning)
{
    note(&(struct experience_answer){.input = input, .output = output, .reasoning = reasoning});
}

static struct forecast forecast(void)
{
    struct forecast result;
    experience_forecast(&experience, &request, &result);
    return result;
}

static void expect_within(int64_t actual, int64_t low, int64_t high)
{
    EXPECT(actual >= low && actual <= high);
    if (tap_point_failed) {
        printf("# %lld is not in %lld .. %lld\n", (long long)actual, (long long)low,
               (long long)high);
    }
}

static void nothing_learned_is_the_table(void)
{
    reset();
    struct forecast of_nobody;
    experience_forecast(NULL, &request, &of_nobody);
    struct forecast fresh = forecast();
    EXPECT_INT(of_nobody.output, 200);
    EXPECT_INT(of_nobody.output_high, 600);
    EXPECT_INT(of_nobody.input, 1000);
    EXPECT_INT(of_nobody.input_high, 1000);
    EXPECT_INT(fresh.output, 200);
    EXPECT_INT(fresh.output_high, 600);
    EXPECT_INT(fresh.thinking, 0);
    EXPECT_INT(experience_count(&experience, TASK_QA_OPEN), 0);
}

static void equal_answers_are_soon_expected(void)
{
    reset();
    for (int i = 0; i < 100; i++) {
        answer(1000, 50, 0);
    }
    expect_within(forecast().output, 48, 64);
    expect_within(forecast().output_high, 50, 90);
    EXPECT_INT(experience_count(&experience, TASK_QA_OPEN), 100);
}

static void few_answers_teach_nothing_and_some_a_little(void)
{
    reset();
    for (int i = 0; i < EXPERIENCE_LEAST - 1; i++) {
        answer(1000, 20, 0);
    }
    EXPECT_INT(forecast().output, 200);
    EXPECT_INT(forecast().output_high, 600);
    answer(1000, 20, 0);
    expect_within(forecast().output, 60, 120);
    expect_within(forecast().output_high, 180, 320);
}

static void a_forecast_still_grows_with_the_request(void)
{
    reset();
    for (int i = 0; i < 200; i++) {
        answer(1000, 400, 0);
    }
    int64_t small = forecast().output;
    request.output *= 10;
    request.output_high *= 10;
    expect_within(forecast().output, small * 9, small * 11);
}

/* Half of the answers are 50, half are 800: the mean is 425, one in ten is longer than 800. */
static void the_mean_and_the_tail_follow_the_spread(void)
{
    reset();
    for (int i = 0; i < 400; i++) {
        answer(1000, i % 2 == 0 ? 50 : 800, 0);
    }
    expect_within(forecast().output, 340, 680);
    expect_within(forecast().output_high, 800, 1600);
}

static void what_was_long_ago_fades(void)
{
    reset();
    for (int i = 0; i < 2000; i++) {
        answer(1000, 1000, 0);
    }
    for (int i = 0; i < 5 * EXPERIENCE_MEMORY; i++) {
        answer(1000, 100, 0);
    }
    expect_within(forecast().output, 95, 125);
}

static void other_tasks_of_the_target_speak_for_one_without_answers(void)
{
    reset();
    for (int i = 0; i < 100; i++) {
        answer(1000, 400, 0); /* twice what the table says */
    }
    request.task = TASK_CHAT;
    expect_within(forecast().output, 380, 450);
    answer(1000, 400, 0);
    expect_within(forecast().output, 280, 520);
}

/* An answer that is as expected must not make the expectation worse. */
static void the_first_answer_to_a_task_does_not_bring_the_table_back(void)
{
    reset();
    for (int i = 0; i < 200; i++) {
        answer(1000, 2, 0); /* a hundredth of what the table says */
    }
    request.task = TASK_CHAT;
    int64_t before = forecast().output;
    int64_t before_high = forecast().output_high;
    expect_within(before, 2, 8);
    for (int i = 0; i < 5; i++) {
        answer(1000, 2, 0);
        expect_within(forecast().output, 2, before + 2);
        expect_within(forecast().output_high, 2, 2 * before_high);
    }
}

static void thinking_is_apart_by_whether_it_was_asked_for(void)
{
    reset();
    request.thinks = true;
    for (int i = 0; i < 200; i++) {
        answer(1000, 200 + 3000, 3000);
    }
    expect_within(forecast().thinking, 2850, 3100);
    expect_within(forecast().output, 3000, 3400);
    request.thinks = false;
    EXPECT_INT(forecast().thinking, 0);
    for (int i = 0; i < 200; i++) {
        answer(1000, 200, 0);
    }
    EXPECT_INT(forecast().thinking, 0);
    expect_within(forecast().output, 190, 230);
}

static void the_input_is_calibrated_with_its_spread(void)
{
    reset();
    for (int i = 0; i < 200; i++) {
        answer(i % 2 == 0 ? 1450 : 1550, 200, 0);
    }
    expect_within(forecast().input, 1470, 1510);
    expect_within(forecast().input_high, 1530, 1750);
    request.plain = false;
    for (int i = 0; i < 200; i++) {
        answer(90000, 200, 0); /* a picture says nothing of how text is counted */
    }
    expect_within(forecast().input, 1470, 1510);
}

static void a_cut_answer_says_at_least(void)
{
    reset();
    const struct experience_answer cut = {.input = 1000, .output = 20, .cut = true};
    for (int i = 0; i < 100; i++) {
        note(&cut);
    }
    EXPECT_INT(forecast().output, 200);
    const struct experience_answer longer = {.input = 1000, .output = 400, .cut = true};
    for (int i = 0; i < 100; i++) {
        note(&longer);
    }
    expect_within(forecast().output, 380, 460);
}

static void nonsense_is_borne(void)
{
    reset();
    request.output = 0;
    answer(-5, -7, INT64_MAX);
    request.output = 1;
    request.input = INT64_MAX;
    request.output_high = INT64_MAX;
    answer(INT64_MAX, INT64_MAX, 0);
    answer(1, INT64_MAX, INT64_MAX);
    EXPECT(forecast().output >= 0 && forecast().output_high >= 0);
    EXPECT(forecast().input >= 0 && forecast().input_high >= 0);
}

/* What a process sums up of its answers, and another one begins with. */
static void seeding_is_as_good_as_having_seen_it(void)
{
    struct experience_sums output = {0};
    struct experience_sums input = {0};
    struct experience_sums thinking = {0};
    reset();
    for (int i = 0; i < 100; i++) {
        struct experience_answer seen = {
            .input = 1400 + i, .output = 900 + 10 * i, .reasoning = 500};
        struct experience_logs logs;
        experience_logs(&request, &seen, &logs);
        EXPECT(logs.has_output && logs.has_input && logs.has_thinking);
        output.count++;
        output.sum += logs.output;
        output.squares += (int64_t)logs.output * logs.output;
        input.count++;
        input.sum += logs.input;
        input.squares += (int64_t)logs.input * logs.input;
        thinking.count++;
        thinking.sum += logs.thinking;
        thinking.squares += (int64_t)logs.thinking * logs.thinking;
        experience_note(&experience, &request, &logs);
    }
    struct forecast seen = forecast();
    experience_init(&experience);
    experience_seed(&experience, EXPERIENCE_OUTPUT, TASK_QA_OPEN, false, &output);
    experience_seed(&experience, EXPERIENCE_INPUT, TASK_QA_OPEN, false, &input);
    experience_seed(&experience, EXPERIENCE_THINKING, TASK_QA_OPEN, false, &thinking);
    struct forecast seeded = forecast();
    expect_within(seeded.output, seen.output * 97 / 100, seen.output * 103 / 100);
    expect_within(seeded.output_high, seen.output_high * 97 / 100, seen.output_high * 103 / 100);
    expect_within(seeded.input, seen.input * 99 / 100, seen.input * 101 / 100);
    expect_within(seeded.thinking, seen.thinking * 97 / 100, seen.thinking * 103 / 100);
}

#define THREADS 4
#define ROUNDS 20000

static void *hammer(void *user)
{
    int64_t base = *(const int64_t *)user;
    for (int i = 0; i < ROUNDS; i++) {
        answer(1200, base + i % 7, 0);
        if (forecast().output_high < 0) {
            return user;
        }
    }
    return NULL;
}

static void threads_never_tear_a_cell(void)
{
    pthread_t threads[THREADS];
    int64_t bases[THREADS];
    reset();
    for (int i = 0; i < THREADS; i++) {
        bases[i] = 400;
        EXPECT(pthread_create(&threads[i], NULL, hammer, &bases[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *torn = &experience;
        pthread_join(threads[i], &torn);
        EXPECT(torn == NULL);
    }
    EXPECT_INT(experience_count(&experience, TASK_QA_OPEN), EXPERIENCE_MEMORY);
    expect_within(forecast().output, 385, 425);
    expect_within(forecast().input, 1180, 1210);
}

int main(void)
{
    TEST(nothing_learned_is_the_table, "with nothing learned a forecast is the table's");
    TEST(equal_answers_are_soon_expected, "answers of one length are soon expected");
    TEST(few_answers_teach_nothing_and_some_a_little, "few answers teach nothing, some a little");
    TEST(a_forecast_still_grows_with_the_request, "a forecast grows with the request");
    TEST(the_mean_and_the_tail_follow_the_spread, "mean and 90th percentile follow the spread");
    TEST(what_was_long_ago_fades, "what was long ago fades");
    TEST(other_tasks_of_the_target_speak_for_one_without_answers,
         "other tasks of a target speak for one without answers");
    TEST(the_first_answer_to_a_task_does_not_bring_the_table_back,
         "the first answer to a task does not bring the table back");
    TEST(thinking_is_apart_by_whether_it_was_asked_for, "thinking is learned apart");
    TEST(the_input_is_calibrated_with_its_spread, "the input's ratio is learned with its spread");
    TEST(a_cut_answer_says_at_least, "an answer that was cut says at least so much");
    TEST(nonsense_is_borne, "nonsense is borne");
    TEST(seeding_is_as_good_as_having_seen_it, "a seeded forecast is that of who saw the answers");
    TEST(threads_never_tear_a_cell, "threads never tear a cell");
    return tap_done();
}
