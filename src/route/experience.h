/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a target's answers have taught: how much longer or shorter they are than the table of
 * predict.c says, by task; how much it thinks; how its count of the input differs from the
 * estimate. Written by every worker after each answer, read by planning. It lies beside the
 * target's health, is found by the target's name, and is seeded from the ledger at the start.
 *
 * All is learned as logarithms of ratios, so an average is not ruled by the few long answers, and
 * a prediction still grows with the request as the table says. Each cell holds how many answers it
 * knows (at most EXPERIENCE_MEMORY count: what was long ago fades), their mean and variance, in one
 * atomic word: there is no lock and no torn value. What a forecast reads is at most 7 answers old
 * where there are 64 and more. Where little was learned the table's word counts for more; with
 * nothing learned a forecast is exactly the table's.
 */
#ifndef SLUICE_ROUTE_EXPERIENCE_H
#define SLUICE_ROUTE_EXPERIENCE_H

#include "model/task.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EXPERIENCE_MEMORY 200 /* answers */
#define EXPERIENCE_LEAST 8    /* of a target: fewer teach nothing yet */

struct experience_cell {
    atomic_uint_fast64_t state; /* count, mean, variance; 0: nothing */
    /* What a forecast needs of it: weight, factor of the mean, factor of the 90th percentile. */
    atomic_uint_fast64_t factors;
};

struct experience {
    struct experience_cell output[TASK_COUNT]; /* visible output against the table's */
    struct experience_cell outputs;            /* of all tasks: for those without answers */
    struct experience_cell
        thinking[2];              /* tokens of reasoning; [1]: where the request asked for it */
    struct experience_cell input; /* reported input against the estimate */
};

/* What was asked, and what was said of it before anything was learned. */
struct experience_request {
    enum task task;
    int64_t input;       /* estimate of features.h, whatever was counted later */
    int64_t output;      /* predict_output_tokens() without a ceiling, of all choices */
    int64_t output_high; /* its 90th percentile */
    bool thinks;         /* it asks for reasoning */
    bool plain;          /* all text: its input says how this target counts */
};

/* What came back, as the provider reported it. */
struct experience_answer {
    int64_t input;
    int64_t output; /* reasoning included */
    int64_t reasoning;
    bool cut; /* by the request's own ceiling: it would have been longer */
};

/* What to expect of one target. The highs are 90th percentiles (of the input: two deviations; the
 * estimate itself where nothing was learned). */
struct forecast {
    int64_t input;
    int64_t input_high;
    int64_t output; /* reasoning included; without the request's or the target's ceiling */
    int64_t output_high;
    int64_t thinking; /* of `output` */
};

void experience_init(struct experience *experience);
/* NULL: nothing was learned. No allocation, some nanoseconds; any thread. */
void experience_forecast(const struct experience *experience,
                         const struct experience_request *request, struct forecast *ret_forecast);
/* How many answers to this task it has learned of, as far as it remembers; NULL: none. */
unsigned experience_count(const struct experience *experience, enum task task);

/* Sums of binary logarithms of what experience_note() learns from, in thousandths, as a ledger
 * keeps them: see experience_logs(). */
struct experience_sums {
    int64_t count;
    int64_t sum;
    int64_t squares; /* of thousandths: of millionths */
};
struct experience_logs {
    bool has_output;
    bool has_thinking;
    bool has_input;
    int output; /* log2 of the ratio, in thousandths */
    int thinking;
    int input;
};
/* What an answer says, for whoever keeps it. */
void experience_logs(const struct experience_request *request,
                     const struct experience_answer *answer, struct experience_logs *ret_logs);
/* One answer, with reported usage. Any thread. */
void experience_note(struct experience *experience, const struct experience_request *request,
                     const struct experience_logs *logs);

/* A forecast's sources, for seeding. */
enum experience_kind { EXPERIENCE_OUTPUT, EXPERIENCE_THINKING, EXPERIENCE_INPUT };
/* Adds what a former process learned. `task` is that of EXPERIENCE_OUTPUT, `thinks` that of
 * EXPERIENCE_THINKING. Before other threads use it. */
void experience_seed(struct experience *experience, enum experience_kind kind, enum task task,
                     bool thinks, const struct experience_sums *sums);

#endif
