/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was learned of texts in general, before any operator's own outcomes: the probability of each
 * task, and, for questions like those that were put to models of known quality, how likely a usual
 * target of each tier answers them. One table of small integers, a row for each row of a glance, a
 * lane for each thing that is asked: a few hundred nanoseconds, no allocation. Immutable; any
 * thread.
 *
 * The file: a header with a checksum, then the table; little endian. The default is part of the
 * program (data/weights/ORIGIN.md says what it was made from, `make weights` makes it).
 */
#ifndef SLUICE_ROUTE_TEXT_MODEL_H
#define SLUICE_ROUTE_TEXT_MODEL_H

#include "base/error.h"
#include "route/glance.h"
#include "route/judge.h"

#define TEXT_LANES 32u
#define TEXT_ZERO 128 /* what 0 is in the table */
enum text_lane {
    LANE_TASKS = 0,
    LANE_SUCCESS = TASK_COUNT,  /* does a small model answer it? */
    LANE_JUDGED,                /* is it like the texts that outcomes are known of? */
    LANE_NONE = TEXT_LANES - 2, /* TEXT_ZERO: sums of the last lane are told by it (lanes.c) */
    LANE_SEEN = TEXT_LANES - 1, /* TEXT_ZERO + 1: several texts of the training have the row */
};
_Static_assert(TEXT_LANES == TASK_LANES, "chances are lanes");
_Static_assert(LANE_JUDGED < LANE_NONE, "there is a lane for each question");

#define TEXT_MODEL_VERSION 1u
struct text_model_header {
    char magic[8];
    uint32_t version;
    uint32_t rows;
    uint32_t lanes;
    uint32_t sum; /* CRC-32C of the table, then of the floats below */
    float word_value;
    float fact_value;
    float coverage; /* median share of a training text's words that others have */
    float scales[TEXT_LANES];
    uint8_t reserved[92];
};
_Static_assert(sizeof(struct text_model_header) == 256, "the table is aligned");

struct text_model {
    struct text_model_header header;
    uint8_t table[GLANCE_ROWS][TEXT_LANES];
} __attribute__((aligned(64)));

const struct text_model *text_model_default(void);
uint32_t text_model_sum(const struct text_model *model);

struct text_opinion {
    float tasks[TEXT_LANES]; /* probabilities; zeros behind the last task */
    enum task best;
    struct judgement judged; /* success by tier for the best task; see judge.h */
};
void text_model_ask(const struct text_model *model, const struct glance *glance,
                    struct text_opinion *ret_opinion);
/* Task, complexity and judgement by the rules and the model together: the model, which knows what
 * the rules said, decides; where it agrees with them, their reason stands. NULL: the rules alone.
 */
void classify_text(const struct text_model *model, const struct features *features,
                   struct classification *ret_classification);
/* Log odds of the lanes, as training sees them. */
void text_model_scores(const struct text_model *model, const struct glance *glance,
                       float scores[TEXT_LANES]);

#endif
