/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How hard a request looks, 0..1. Each row is one thing that makes work harder, measured from 0
 * (absent) to 1 (as much as it matters), and closes its share of the gap that the rows before have
 * left:
 *
 *     complexity = 1 - product of (1 - share x measure)
 *
 * So every row only ever adds, none alone reaches 1, and the list can be read out to a person. For
 * work on a given text (summaries, translations, and code: what a request brings along is material,
 * not difficulty) the text's own length, marks and words say little: those rows count half.
 */
#include "route/classify.h"

#include <math.h>

/* 0 at nothing, 1 at `full` and beyond, straight between. */
static double ramp(double value, double full)
{
    return value >= full ? 1 : value <= 0 ? 0 : value / full;
}

/* The same by doublings: 0 at 0, 1 at `full`. */
static double ramp_log(double value, double first, double full)
{
    return value <= 0 ? 0 : ramp(log2(1 + value / first), log2(1 + full / first));
}

/* The sample's words, stretched to the whole of the user's turn when that was longer. */
static double measure_length(const struct features *f)
{
    double words = f->words;
    if (f->user_len > 0 && f->user_bytes > f->user_len) {
        words *= (double)f->user_bytes / (double)f->user_len;
    }
    return ramp_log(words, 24, 2400);
}

static double measure_constraints(const struct features *f)
{
    return ramp(f->constraints, 6);
}

static double measure_steps(const struct features *f)
{
    double questions = f->questions > 1 ? f->questions - 1 : 0;
    return ramp(f->steps + f->list_items + questions, 8);
}

static double measure_code(const struct features *f)
{
    return ramp_log(f->code_marks, 4, 200);
}

static double measure_math(const struct features *f)
{
    return ramp(f->operators + 0.5 * f->formulas + 0.5 * f->numbers, 16);
}

static double measure_reasoning(const struct features *f)
{
    return ramp(f->reasoning_words, 4);
}

static double measure_science(const struct features *f)
{
    return ramp(f->science_words, 5);
}

static double measure_turns(const struct features *f)
{
    return ramp_log(f->turns, 4, 60);
}

static double measure_tools(const struct features *f)
{
    return ramp(f->tools + 0.5 * f->tool_results, 10);
}

static double measure_attachments(const struct features *f)
{
    return ramp(f->images + (f->json_wanted ? 1.0 : 0.0), 4);
}

/* share, of the text, measure */
#define COMPLEXITY_ROWS(ROW)                                                                       \
    ROW(0.38, true, measure_length)                                                                \
    ROW(0.32, false, measure_constraints)                                                          \
    ROW(0.30, false, measure_steps)                                                                \
    ROW(0.36, true, measure_code)                                                                  \
    ROW(0.32, true, measure_math)                                                                  \
    ROW(0.45, true, measure_reasoning)                                                             \
    ROW(0.36, true, measure_science)                                                               \
    ROW(0.14, false, measure_turns)                                                                \
    ROW(0.16, false, measure_tools)                                                                \
    ROW(0.12, false, measure_attachments)

static bool is_work_on_text(enum task task)
{
    switch (task) {
    case TASK_CLASSIFICATION:
    case TASK_EXTRACTION:
    case TASK_SUMMARIZATION:
    case TASK_TRANSLATION:
    case TASK_REWRITE:
    case TASK_QA_CLOSED:
        return true;
    default:
        return task >= TASK_CODE_COMPLETION;
    }
}

double complexity_of(const struct features *features, enum task task)
{
    bool on_text = is_work_on_text(task);
    double simple = 1;
#define CLOSE_GAP(share, of_text, measure)                                                         \
    simple *= 1 - ((of_text) && on_text ? (share) / 2 : (share)) * measure(features);
    COMPLEXITY_ROWS(CLOSE_GAP)
#undef CLOSE_GAP
    return 1 - simple;
}
