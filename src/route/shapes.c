/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence that no single word gives: is there code, is there a passage, is there a calculation to
 * do. One row per shape. */
#include "route/score.h"

#define PASSAGE_BYTES 140
#define LONG_TEXT_BYTES 420
#define SUM_WORDS 8
#define SUM_BYTES 64
#define ASKED_POINTS 200    /* of a question word that opens the request */
#define CODE_POINTS 90      /* of a kind of work on code */
#define SPECIFIC_POINTS 150 /* of a task that a question may stand for */

/* --- facts --- */

static bool has_passage(const struct features *f)
{
    if (f->fenced_bytes * 2 > f->user_len) {
        return false;
    }
    if (f->lines >= 2 && f->long_line_bytes >= PASSAGE_BYTES &&
        (f->first_line < PASSAGE_BYTES || f->lines >= 3 || f->ends_in_question ||
         f->user_len > LONG_TEXT_BYTES)) {
        return true;
    }
    return f->quoted_bytes >= PASSAGE_BYTES ||
           (f->user_len >= LONG_TEXT_BYTES && f->sentences >= 4);
}

void shape_facts(struct scoring *s)
{
    const struct features *f = s->features;
    bool lines =
        f->code_marks >= 2 || f->code_fences > 0 || (f->code_marks == 1 && f->code_words >= 3);
    s->code_strong = lines || f->suffix || (f->completion && f->code_words >= 3);
    s->passage = has_passage(f);
    uint32_t words = f->code_words;
    s->code_share = s->code_strong ? 22
                    : words >= 5   ? 18
                    : words >= 3   ? 16
                    : words == 2   ? 13
                    : words == 1   ? 12
                                   : 0;
    s->prose_share = s->code_strong ? 9 : words >= 5 ? 11 : words >= 3 ? 13 : 16;
}

/* --- shapes --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_question(const struct features *f)
{
    return f->questions > 0;
}

static bool shape_suffix(const struct scoring *s)
{
    return s->features->suffix;
}

static bool shape_code_prompt(const struct scoring *s)
{
    return s->features->completion && s->code_strong;
}

static bool shape_text_prompt(const struct scoring *s)
{
    return s->features->completion && !s->code_strong;
}

/* Code from start to end, and no fence that is closed again: to be gone on with. */
static bool shape_unfinished_code(const struct scoring *s)
{
    const struct features *f = s->features;
    bool closed = f->code_fences > 0 && f->code_fences % 2 == 0;
    return f->starts_in_code && f->ends_in_code && !closed &&
           (f->lines >= 2 || f->english_words == 0);
}

static bool shape_open_question(const struct scoring *s)
{
    return is_question(s->features) && !s->passage;
}

static bool shape_closed_question(const struct scoring *s)
{
    return is_question(s->features) && s->passage && !s->code_strong;
}

static bool shape_options(const struct scoring *s)
{
    return s->features->options >= 3;
}

static bool shape_formula(const struct scoring *s)
{
    const struct features *f = s->features;
    return !s->code_strong && (f->formulas >= 2 || (f->formulas >= 1 && f->numbers >= 2) ||
                               (f->operators >= 2 && f->numbers >= 2));
}

/* A story with numbers in which something is counted. */
static bool shape_numbers(const struct scoring *s)
{
    const struct features *f = s->features;
    uint32_t numbers = f->numbers + f->number_words;
    bool document = s->passage && f->lines > 1;
    return !s->code_strong && !document && numbers >= 2 && numbers * 30 >= f->words &&
           (f->quantity_words >= 2 || (f->quantity_words == 1 && numbers >= 3)) && is_question(f);
}

/* "What's 17 * 23?": hardly more than two numbers with a sign between them. */
static bool shape_sum(const struct scoring *s)
{
    const struct features *f = s->features;
    if (s->code_strong || f->numbers < 2 || f->operators < 1 || f->words > SUM_WORDS ||
        f->user_len > SUM_BYTES) {
        return false;
    }
    for (size_t i = 1; i + 1 < f->user_len; i++) {
        const char *at = f->sample + i;
        bool spaced = at[-1] == ' ' && at[1] == ' ';
        const char *before = spaced && i >= 2 ? at - 2 : at - 1;
        const char *after = spaced && i + 2 < f->user_len ? at + 2 : at + 1;
        bool sign =
            *at == '*' || *at == '+' || *at == '^' || (spaced && (*at == '/' || *at == '-'));
        if (sign && is_digit(*before) && is_digit(*after)) {
            return true;
        }
    }
    return false;
}

/* "15% of 80" */
static bool shape_percent(const struct scoring *s)
{
    const struct features *f = s->features;
    return !s->code_strong && f->numbers >= 2 && f->operators >= 1 && f->words <= 16 &&
           slice_find_slice(slice_of(f->sample, f->user_len), SLICE("% of ")) != SIZE_MAX;
}

static bool shape_math_terms(const struct scoring *s)
{
    const struct features *f = s->features;
    return !s->code_strong && f->math_words >= 2 && f->math_words * 12 >= f->words;
}

static bool shape_many_math_terms(const struct scoring *s)
{
    return shape_math_terms(s) && s->features->math_words >= 4;
}

static bool shape_science(const struct scoring *s)
{
    return s->features->science_words >= 3 &&
           s->features->science_words * 30 >= s->features->words && !s->code_strong;
}

static bool shape_much_science(const struct scoring *s)
{
    return s->features->science_words >= 6 &&
           s->features->science_words * 20 >= s->features->words && !s->code_strong;
}

/* "Which of these are fruits: apple, carrot, chair" */
static bool shape_items(const struct scoring *s)
{
    bool asked = is_question(s->features) || s->points[TASK_CLASSIFICATION] > 0 ||
                 s->points[TASK_QA_OPEN] >= ASKED_POINTS;
    return asked && s->features->list_commas >= 2 && s->features->code_words < 5 &&
           !s->code_strong && !s->passage;
}

/* "Which one flies? Penguin or eagle" */
static bool shape_choice(const struct scoring *s)
{
    const struct features *f = s->features;
    bool after = f->last_or > f->last_sentence && f->last_sentence > 0;
    bool before = f->last_or > 0 && f->list_commas > 0;
    return (after || before) && !s->passage && !s->code_strong &&
           f->user_len - f->last_sentence < 120 && is_question(f);
}

/* reason, condition, task, points */
#define SHAPE_ROWS(ROW)                                                                            \
    ROW("shape: fill in the middle", shape_suffix, TASK_CODE_COMPLETION, 3000)                     \
    ROW("shape: code to complete", shape_code_prompt, TASK_CODE_COMPLETION, 700)                   \
    ROW("shape: text to complete", shape_text_prompt, TASK_GENERATION, 100)                        \
    ROW("shape: unfinished code", shape_unfinished_code, TASK_CODE_COMPLETION, 300)                \
    ROW("shape: question", shape_open_question, TASK_QA_OPEN, 70)                                  \
    ROW("shape: passage and question", shape_closed_question, TASK_QA_CLOSED, 160)                 \
    ROW("shape: options to choose from", shape_options, TASK_QA_OPEN, 120)                         \
    ROW("shape: formula", shape_formula, TASK_MATH, 280)                                           \
    ROW("shape: numbers and a question", shape_numbers, TASK_MATH, 400)                            \
    ROW("shape: sum", shape_sum, TASK_MATH, 400)                                                   \
    ROW("shape: percentage", shape_percent, TASK_MATH, 400)                                        \
    ROW("shape: terms of mathematics", shape_math_terms, TASK_MATH, 180)                           \
    ROW("shape: terms of mathematics", shape_many_math_terms, TASK_MATH, 180)                      \
    ROW("shape: terms of science", shape_science, TASK_REASONING, 200)                             \
    ROW("shape: terms of science", shape_much_science, TASK_REASONING, 300)                        \
    ROW("shape: items to sort", shape_items, TASK_CLASSIFICATION, 400)                             \
    ROW("shape: this or that", shape_choice, TASK_CLASSIFICATION, 450)

/* A question beside a given text is a question about it. */
static void close_questions(struct scoring *s)
{
    int open = s->points[TASK_QA_OPEN];
    if (!s->passage || s->code_strong || open <= 0 || s->features->options >= 3) {
        return;
    }
    s->points[TASK_QA_CLOSED] += open;
    s->touched |= UINT32_C(1) << TASK_QA_CLOSED;
    s->points[TASK_QA_OPEN] = open / 4;
    if (s->reason_points[TASK_QA_CLOSED] < s->reason_points[TASK_QA_OPEN]) {
        s->reason_points[TASK_QA_CLOSED] = s->reason_points[TASK_QA_OPEN];
        s->reason[TASK_QA_CLOSED] = "shape: passage and question";
    }
}

static int best_points(const struct scoring *s, size_t first, size_t end)
{
    int best = 0;
    uint32_t range = (uint32_t)((UINT64_C(1) << end) - (UINT64_C(1) << first));
    for (uint32_t rest = s->touched & range; rest != 0; rest &= rest - 1) {
        int points = s->points[__builtin_ctz(rest)];
        best = points > best ? points : best;
    }
    return best;
}

/* A question word says only that something is asked. Where what is asked for is plain, it says
 * little. */
static void specify_questions(struct scoring *s)
{
    int open = s->points[TASK_QA_OPEN];
    if (open <= 0) {
        return;
    }
    int specific = best_points(s, TASK_CLASSIFICATION, TASK_QA_OPEN);
    int later = best_points(s, TASK_BRAINSTORMING, TASK_CHAT);
    specific = later > specific ? later : specific;
    if (best_points(s, TASK_CODE_COMPLETION, TASK_COUNT) >= CODE_POINTS) {
        s->points[TASK_QA_OPEN] = open / 4;
    } else if (specific >= SPECIFIC_POINTS) {
        s->points[TASK_QA_OPEN] = open / 2;
    }
}

/* "Review it for security holes": the subject of a review says more than that it is one. */
static void specialise_review(struct scoring *s)
{
    int review = s->points[TASK_CODE_REVIEW];
    if (review > 0 && s->points[TASK_CODE_SECURITY] >= SPECIFIC_POINTS) {
        s->points[TASK_CODE_SECURITY] += review / 2;
        s->points[TASK_CODE_REVIEW] = review / 2;
    }
}

static void add_points(struct scoring *s, enum task task, int points, const char *reason)
{
    s->points[task] += points;
    s->touched |= UINT32_C(1) << task;
    if (points > s->reason_points[task]) {
        s->reason_points[task] = points;
        s->reason[task] = reason;
    }
}

void score_shapes(struct scoring *s)
{
#define SCORE_SHAPE(reason, holds, task, points)                                                   \
    if (holds(s)) {                                                                                \
        add_points(s, task, points, reason);                                                       \
    }
    SHAPE_ROWS(SCORE_SHAPE)
#undef SCORE_SHAPE
    specialise_review(s);
    specify_questions(s);
    close_questions(s);
}
