/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What router weights are worth on labelled rows: each row is scored by weights that did not see it
 * (given ones, or trained on the other folds of the same rows), then judged.
 */
#ifndef SLUICE_CLI_EVAL_H
#define SLUICE_CLI_EVAL_H

#include "cli/outcomes.h"
#include "route/quality.h"

#define EVAL_FOLDS 10u
#define EVAL_TAG_FOLDS 2u /* half of the tags are not seen */
#define EVAL_TASKS_GROUPED 4u

struct eval_options {
    const struct weights *weights; /* NULL: cross-validation */
    bool unseen;                   /* folds hold back whole tags */
    bool tagged;                   /* the caller says the tag */
    bool cascade;                  /* the weak model's answer was read */
    bool prior;                    /* the default weights have their say about tasks */
    double share;                  /* of strong calls; negative: where it pays */
    uint32_t weak;                 /* models; UINT32_MAX: there is no pair */
    uint32_t strong;
};

/* What is said of one row. */
struct eval_row {
    bool scored; /* some weights were asked */
    bool takes_strong;
    uint8_t fold;   /* that held it back */
    int task;       /* enum task; -1: not judged */
    int group;      /* of the four; -1: not judged */
    float *success; /* by model; negative: no head */
};

struct task_figures {
    size_t judged; /* rows */
    double f1;     /* macro */
    double accuracy;
    struct interval f1_interval;
    struct interval accuracy_interval;
};

struct evaluation {
    const struct outcomes *outcomes;
    const struct eval_options *options;
    struct eval_row *rows;
    float *success; /* of all rows */
    /* the pair */
    struct quality quality;
    struct quality by_tag; /* scores are averages of tags alone */
    bool by_tag_known;
    double more; /* APGR than by_tag has */
    struct interval more_interval;
    struct task_figures tasks;
    struct task_figures grouped; /* classification, summarization, questions, generation */
};

/* Scores all rows. Errors of learn_weights(); "unknown_model". Release it either
 * way. */
MUST_USE bool evaluation_make(struct evaluation *evaluation, const struct outcomes *outcomes,
                              const struct eval_options *options, struct error *error);
void evaluation_release(struct evaluation *evaluation);

void evaluation_write_text(const struct evaluation *evaluation, struct buf *out);
void evaluation_write_json(const struct evaluation *evaluation, struct buf *out);
/* One JSON line a row: {id, task, p: {model: probability of success}, chosen}. */
void evaluation_write_rows(const struct evaluation *evaluation, struct buf *out);
/* Quality over the share of strong calls, as a picture. */
void evaluation_write_svg(const struct evaluation *evaluation, struct buf *out);

#endif
