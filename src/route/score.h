/* SPDX-License-Identifier: Apache-2.0 */
/* Points per task while a request is being classified. Inside the layer. */
#ifndef SLUICE_ROUTE_SCORE_H
#define SLUICE_ROUTE_SCORE_H

#include "route/features.h"
#include "route/vocabulary.h"

#define SCORE_LEAST 40 /* fewer points than this are no evidence */
#define SCORE_DOUBT 60 /* points that nobody gets: little evidence is little confidence */

struct scoring {
    const struct features *features;
    const struct vocabulary *vocabulary;
    bool passage;     /* a text is given to work on */
    bool code_strong; /* there is code, or much talk of it */
    int code_share;   /* sixteenths that rules for code count; 0: no evidence */
    int prose_share;  /* the same for all other rules */
    uint32_t touched; /* tasks, as bits, that got points */
    int points[TASK_COUNT];
    int reason_points[TASK_COUNT];
    const char *reason[TASK_COUNT]; /* where there are reason_points */
    int16_t best_of_rule[RULES_MAX];
};

_Static_assert(TASK_COUNT <= 32, "tasks are bits of scoring.touched");

/* Fills the facts above from the features' counts. */
void shape_facts(struct scoring *scoring);
/* Rules about the shape: numbers and a quantity asked for, a passage and a question, unfinished
 * code ... */
void score_shapes(struct scoring *scoring);

/* Finds the phrases that the hits [first, end) of the system prompt hold: whatever the rest of the
   request is, for what it bars is looked at when they are scored. False: they are too many. */
MUST_USE bool phrases_find(const struct features *features, const struct vocabulary *vocabulary,
                           uint32_t first, uint32_t end, struct found_phrases *found);

#endif
