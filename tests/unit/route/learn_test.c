/* SPDX-License-Identifier: Apache-2.0 */
/* A small world whose truth is known: "weak" fails on prompts with the word "hard". */
#include "route/learn.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

#include "tests/tap.h"

#include <math.h>
#include <stdio.h>

#define ROWS 600

static char texts[ROWS][96];
static struct learn_row rows[ROWS];
static struct learn_outcome outcomes[ROWS][2];
static const struct slice models[] = {SLICE_INIT("weak"), SLICE_INIT("strong")};
static struct learn_set set = {.rows = rows, .count = ROWS, .models = models, .model_count = 2};
static struct text_vector vector;

static void make_world(void)
{
    static const char *const fillers[] = {"apple", "river", "stone", "cloud", "paper", "green"};
    struct random random;
    random_seed(&random, 3);
    for (size_t i = 0; i < ROWS; i++) {
        bool hard = random_below(&random, 2) == 1;
        bool luck = random_below(&random, 10) == 0;
        (void)snprintf(texts[i], sizeof(texts[i]), "%s a %s question about %s and %s",
                       i % 3 == 0 ? "summarize" : "classify", hard ? "hard" : "plain",
                       fillers[random_below(&random, 6)], fillers[random_below(&random, 6)]);
        outcomes[i][0] = (struct learn_outcome){.model = 0, .score = hard == luck ? 1 : 0};
        outcomes[i][1] = (struct learn_outcome){.model = 1, .score = 1};
        rows[i] = (struct learn_row){
            .id = hash_stable(slice_of((const char *)&i, sizeof(i))),
            .tag = 1 + i % 2,
            .task = i % 3 == 0 ? TASK_SUMMARIZATION : TASK_CLASSIFICATION,
            .prompt = slice_from_cstr(texts[i]),
            .outcomes = outcomes[i],
            .outcome_count = 2,
        };
    }
}

static double success_of(const struct weights *weights, const char *model, const char *text)
{
    uint32_t head = weights_find(weights, HEAD_MODEL, slice_from_cstr(model));
    vector_of_text(slice_from_cstr(text), &vector);
    const struct weights_question question = {.vector = &vector};
    return head == WEIGHTS_NO_HEAD ? -1 : weights_success(weights, head, &question);
}

static bool learn(struct weights *weights)
{
    struct error error;
    bool learned = learn_weights(&set, NULL, weights, &error);
    EXPECT(learned);
    return learned;
}

static void learns_who_fails_where(void)
{
    struct weights weights;
    if (!learn(&weights)) {
        return;
    }
    double easy = success_of(&weights, "weak", "classify a plain question about stone and cloud");
    double hard = success_of(&weights, "weak", "classify a hard question about stone and cloud");
    EXPECT(easy > 0.8 && hard < 0.2);
    EXPECT(success_of(&weights, "strong", texts[0]) > 0.95);
    weights_release(&weights);
}

static void shrinks_on_strange_texts(void)
{
    struct weights weights;
    if (!learn(&weights)) {
        return;
    }
    uint32_t head = weights_find(&weights, HEAD_MODEL, SLICE("weak"));
    double average = 1 / (1 + exp(-(double)weights.heads[head].average));
    double strange = success_of(&weights, "weak",
                                "hard zebra unicorn walrus ostrich penguin lynx "
                                "marmot badger ferret otter weasel");
    EXPECT(fabs(strange - average) < 1e-9);
    vector_of_text(slice_from_cstr(texts[1]), &vector);
    EXPECT(head_familiarity(&weights.heads[head], &vector) == 1);
    weights_release(&weights);
}

static void tells_tasks(void)
{
    struct weights weights;
    float tasks[TASK_COUNT];
    if (!learn(&weights)) {
        return;
    }
    vector_of_text(SLICE("summarize a plain question about paper and river"), &vector);
    EXPECT_INT(weights_task(&weights, &vector, NULL, tasks), TASK_SUMMARIZATION);
    EXPECT(tasks[TASK_SUMMARIZATION] > 0.8F && tasks[TASK_MATH] == 0);
    weights_release(&weights);
}

static void uses_tags(void)
{
    struct weights weights;
    for (size_t i = 0; i < ROWS; i++) { /* of one tag the weak model never fails */
        outcomes[i][0].score = rows[i].tag == 1 ? 1 : 0;
    }
    if (learn(&weights)) {
        uint32_t head = weights_find(&weights, HEAD_MODEL, SLICE("weak"));
        struct weights_question question = {.vector = &vector, .tag = 1};
        vector_of_text(slice_from_cstr(texts[5]), &vector);
        double first = weights_success(&weights, head, &question);
        question.tag = 2;
        double second = weights_success(&weights, head, &question);
        EXPECT(first > 0.75 && second < 0.25);
        weights_release(&weights);
    }
    make_world();
}

static void is_deterministic(void)
{
    struct weights weights[2];
    struct buf bytes[2] = {BUF_INIT(WEIGHTS_BYTES_MAX), BUF_INIT(WEIGHTS_BYTES_MAX)};
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(learn(&weights[i]) && weights_write(&weights[i], &bytes[i]));
        weights_release(&weights[i]);
    }
    EXPECT(slice_eq(buf_slice(&bytes[0]), buf_slice(&bytes[1])));
    buf_release(&bytes[0]);
    buf_release(&bytes[1]);
}

static void leaves_rows_out(void)
{
    static uint8_t use[ROWS];
    struct weights weights;
    struct error error;
    memset(use, 0, sizeof(use));
    memset(use, 1, 30);
    EXPECT(learn_weights(&set, use, &weights, &error));
    EXPECT_INT(weights.heads[weights_find(&weights, HEAD_MODEL, SLICE("weak"))].rows, 30);
    weights_release(&weights);
    memset(use, 0, sizeof(use));
    EXPECT(!learn_weights(&set, use, &weights, &error));
    EXPECT(strcmp(error.code, "too_few_rows") == 0);
}

static void pairs_that_pay(void)
{
    struct weights weights;
    struct weights_pair pair;
    if (!learn(&weights)) {
        return;
    }
    uint32_t weak = weights_find(&weights, HEAD_MODEL, SLICE("weak"));
    uint32_t strong = weights_find(&weights, HEAD_MODEL, SLICE("strong"));
    weights_pair_read(&weights, weak, strong, false, NULL, &pair);
    EXPECT_INT(pair.rows, ROWS);
    EXPECT(pair.strong_is_better && !pair.pays); /* the strong one is never worse */
    weights_release(&weights);
}

/* Which model does well is another in each tag, and words tell the tag. */
static void make_tagged_world(void)
{
    static const char *const words[] = {"law", "sea", "sun", "ice", "war", "art", "oil", "map"};
    for (size_t i = 0; i < ROWS; i++) {
        size_t tag = i / 3 % ARRAY_LEN(words);
        (void)snprintf(texts[i], sizeof(texts[i]), "a question number %zu about %s", i, words[tag]);
        outcomes[i][0].score = tag % 2 == 0 ? 1 : 0;
        outcomes[i][1].score = tag % 2 == 0 && i % 3 > 0 ? 0 : 1;
        rows[i].prompt = slice_from_cstr(texts[i]);
        rows[i].tag = 1 + tag;
    }
}

static void pairs_that_do_not_pay_for_strangers(void)
{
    struct weights weights;
    make_tagged_world();
    if (learn(&weights)) {
        struct weights_pair pair;
        uint32_t weak = weights_find(&weights, HEAD_MODEL, SLICE("weak"));
        uint32_t strong = weights_find(&weights, HEAD_MODEL, SLICE("strong"));
        weights_pair_read(&weights, weak, strong, true, NULL, &pair);
        EXPECT(pair.strong_is_better && pair.pays);
        weights_pair_read(&weights, weak, strong, false, NULL, &pair);
        EXPECT(pair.strong_is_better && !pair.pays);
        weights.sample_count = 0; /* no row knows both */
        weights_pair_read(&weights, weak, strong, false, NULL, &pair);
        EXPECT(pair.rows == 0 && pair.strong_is_better && !pair.pays);
        weights_release(&weights);
    }
    make_world();
}

/* `tags` kinds of work. "hard" is what the weak model fails on; in `turned` of ten kinds it is
 * the other way round. */
static void make_kinds(size_t tags, size_t turned)
{
    for (size_t i = 0; i < ROWS; i++) {
        size_t tag = i % tags;
        bool hard = i / tags % 2 == 0;
        (void)snprintf(texts[i], sizeof(texts[i]), "a %s question about subject%zu and %zu",
                       hard ? "hard" : "plain", tag, i % 7);
        outcomes[i][0].score = hard == (tag % 10 < turned) ? 1 : 0;
        rows[i].tag = 1 + tag;
        rows[i].prompt = slice_from_cstr(texts[i]);
    }
}

/* How much surer one is of the weak model where the text is not hard. */
static double told_apart(const struct weights *weights, uint64_t tag, bool withheld)
{
    static const char *const prompts[] = {"a hard question about subject1 and 3",
                                          "a plain question about subject1 and 3"};
    uint32_t head = weights_find(weights, HEAD_MODEL, SLICE("weak"));
    double success[2];
    for (size_t i = 0; i < 2; i++) {
        const struct weights_question question = {
            .vector = &vector, .tag = tag, .tag_withheld = withheld};
        vector_of_text(slice_from_cstr(prompts[i]), &vector);
        success[i] = weights_success(weights, head, &question);
    }
    return success[1] - success[0];
}

static void strangers_move_as_far_as_it_transfers(void)
{
    static const struct {
        size_t tags;
        size_t turned;
        bool transfers;
    } worlds[] = {{20, 0, true}, {20, 4, false}, {16, 3, false}, {4, 0, false}};
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        struct weights weights;
        make_kinds(worlds[i].tags, worlds[i].turned);
        if (learn(&weights)) {
            double stranger = told_apart(&weights, 999, false);
            EXPECT(worlds[i].transfers ? stranger > 0.3 : stranger == 0);
            EXPECT(told_apart(&weights, 999, true) == stranger);
            EXPECT(worlds[i].turned > 0 || told_apart(&weights, 2, true) > 0.5);
            EXPECT(told_apart(&weights, 0, false) == told_apart(&weights, 2, true));
            weights_release(&weights);
        }
        make_world();
    }
}

static void says_what_no_tag_was_held_back_from(void)
{
    struct weights weights;
    for (size_t i = 0; i < ROWS; i++) {
        rows[i].tag = 0;
    }
    if (learn(&weights)) {
        uint32_t head = weights_find(&weights, HEAD_MODEL, SLICE("weak"));
        EXPECT(weights.transfer[head] == 1); /* no row had a tag: a new one says nothing */
        weights_release(&weights);
    }
    make_world();
}

/* Rows of another kind, without tags and in a style of their own: a question of the first kind ends
 * in "Answer:", a sum does not. In these "hard" is what the weak model is good at. */
static void make_second_kind(void)
{
    static const char *const numbers[] = {"one", "two", "three", "four", "five", "six"};
    for (size_t i = 0; i < ROWS; i++) {
        bool hard = i / 2 % 2 == 0;
        if (i % 2 == 0) {
            (void)snprintf(texts[i] + strlen(texts[i]), 40, "\nOptions: yes, no\nAnswer:");
            continue;
        }
        (void)snprintf(texts[i], sizeof(texts[i]), "add %s to %s sum of %s times %s",
                       numbers[i % 6], hard ? "hard" : "plain", numbers[i / 6 % 6],
                       numbers[i / 36 % 6]);
        outcomes[i][0].score = hard ? 1 : 0;
        rows[i].prompt = slice_from_cstr(texts[i]);
        rows[i].tag = 0;
    }
    for (size_t i = 0; i < ROWS; i += 2) {
        rows[i].prompt = slice_from_cstr(texts[i]);
    }
}

/* What is known of a kind of work holds in another kind's style, too: style says nothing of it. */
static void learns_kinds_of_rows_together(void)
{
    static const struct {
        const char *plain;
        const char *hard;
        bool hard_is_better;
    } styles[] = {
        {"classify a plain question about stone and cloud\nOptions: yes, no\nAnswer:",
         "classify a hard question about stone and cloud\nOptions: yes, no\nAnswer:", false},
        {"classify a plain question about stone and cloud",
         "classify a hard question about stone and cloud", false},
        {"add one to plain sum of two times three", "add one to hard sum of two times three", true},
        {"add one to plain sum of two times three\nAnswer:",
         "add one to hard sum of two times three\nAnswer:", true},
        {"add one to plain sum of two times three\nOptions: yes, no\nAnswer:",
         "add one to hard sum of two times three\nOptions: yes, no\nAnswer:", true},
    };
    struct weights weights;
    struct weights_pair pair;
    make_second_kind();
    if (learn(&weights)) {
        for (size_t i = 0; i < ARRAY_LEN(styles); i++) {
            double gain = success_of(&weights, "weak", styles[i].hard) -
                          success_of(&weights, "weak", styles[i].plain);
            EXPECT(styles[i].hard_is_better ? gain > 0.25 : gain < -0.25);
        }
        uint32_t weak = weights_find(&weights, HEAD_MODEL, SLICE("weak"));
        uint32_t strong = weights_find(&weights, HEAD_MODEL, SLICE("strong"));
        weights_pair_read(&weights, weak, strong, false, NULL, &pair);
        EXPECT_INT(pair.rows, ROWS); /* of both kinds */
        weights_release(&weights);
    }
    make_world();
}

static void shares_come_out(void)
{
    static struct share_dial dial;
    struct random random;
    for (unsigned tenth = 0; tenth <= 10; tenth++) {
        size_t taken = 0;
        random_seed(&random, tenth);
        share_init(&dial, tenth / 10.0);
        for (unsigned i = 0; i < 50; i++) {
            share_learn(&dial, -0.9, 1); /* a sample that is nothing like the traffic */
        }
        for (unsigned i = 0; i < 5000; i++) {
            double score = i % 2 == 0 ? 0.25 : random_unit(&random); /* many ties */
            taken += share_takes(&dial, score, random_next(&random));
        }
        EXPECT(fabs((double)taken / 5000 - tenth / 10.0) < 0.02);
    }
    EXPECT(share_takes(&dial, (double)NAN, 1)); /* all of them */
}

/* Of few calls, too, and of a file that is sorted by what is asked. */
static void shares_come_out_of_few_calls(void)
{
    static struct share_dial dial;
    for (unsigned tenth = 1; tenth < 10; tenth++) {
        for (unsigned order = 0; order < 3; order++) {
            unsigned taken = 0;
            share_init(&dial, tenth / 10.0);
            for (unsigned i = 0; i < 100; i++) {
                share_learn(&dial, -0.9, SHARE_SAMPLE / 100); /* most of the training is easy */
            }
            for (unsigned i = 0; i < 100; i++) {
                unsigned place = order == 0 ? i : order == 1 ? 99 - i : i * 37 % 100;
                taken += share_takes(&dial, place / 200.0, i * 0x9e3779b97f4a7c15u);
            }
            EXPECT(fabs(taken / 100.0 - tenth / 10.0) <= 0.05);
        }
    }
}

static void survives_want_of_memory(void)
{
#ifdef SLUICE_FAULTS
    struct error error;
    bool learned = false;
    for (int64_t nth = 0; !learned && nth < 500; nth++) {
        struct weights weights;
        memory_fail_nth(nth);
        learned = learn_weights(&set, NULL, &weights, &error);
        if (learned) {
            weights_release(&weights);
        } else {
            EXPECT(strcmp(error.code, "no_memory") == 0 && weights.heads == NULL);
        }
    }
    memory_fail_nth(-1);
    EXPECT(learned); /* in the end none was left to fail */
#endif
}

int main(void)
{
    make_world();
    TEST(learns_who_fails_where, "learns on which prompts a model fails");
    TEST(shrinks_on_strange_texts, "says the average of what does not look like the training");
    TEST(tells_tasks, "tells tasks apart");
    TEST(uses_tags, "a tag moves what is expected");
    TEST(is_deterministic, "the same rows give the same bytes");
    TEST(leaves_rows_out, "rows can be left out; too few are an error");
    TEST(pairs_that_pay, "a pair of which one is never worse does not pay");
    TEST(pairs_that_do_not_pay_for_strangers,
         "what only pays on kinds of work that were seen needs their tag");
    TEST(strangers_move_as_far_as_it_transfers,
         "a tag never seen gets the average, unless tags held back show that texts tell");
    TEST(says_what_no_tag_was_held_back_from, "without tags a new tag changes nothing");
    TEST(learns_kinds_of_rows_together,
         "what rows of one kind say holds in the style of another's");
    TEST(shares_come_out, "the share that was asked for comes out on other traffic, with ties");
    TEST(shares_come_out_of_few_calls, "of a hundred calls, too, within five points");
    TEST(survives_want_of_memory, "a failing allocation is an error");
    return tap_done();
}
