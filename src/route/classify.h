/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task and complexity from features, by word rules that can be explained: matches are on words
 * ("prototype" is not "type", "show" is not "how"), negation is heeded ("do not summarize"), the
 * rule that won is named. Pure; about a microsecond.
 */
#ifndef SLUICE_ROUTE_CLASSIFY_H
#define SLUICE_ROUTE_CLASSIFY_H

#include "model/task.h"
#include "route/features.h"
#include "route/judge.h"

/* A task and how probable a learned model holds it. */
struct task_chance {
    uint8_t task;
    uint16_t permille;
};
#define TASK_CHANCES 3

struct classification {
    enum task task;
    double confidence;  /* 0..1: share of the winning score */
    double complexity;  /* 0..1 */
    const char *reason; /* the rule: a literal such as "word: summarize" */
    bool given;         /* the caller said the task */
    uint8_t set_aside;  /* what was not read for this: enum aside, see reread.h */
    struct judgement judged;
    bool by_model;             /* a learned model was asked, too: */
    bool repeats;              /* of what it looked at, see glance_repeats() */
    float chances[TASK_LANES]; /* of each task, zeros behind */
};

/* What the rules gave: the learned model looks at it, too. */
struct rule_points {
    int of[TASK_COUNT];
    uint32_t touched; /* bits of the tasks that have any */
    enum task best;
};

void classify(const struct features *features, struct classification *classification);
/* The same, with the points; complexity is left to the caller, who may come to another task. */
void classify_points(const struct features *features, struct classification *classification,
                     struct rule_points *ret_points);
/* The most probable tasks, falling, of equals the first one; permille 0: none. For people. */
void classification_likely(const struct classification *classification,
                           struct task_chance likely[TASK_CHANCES]);
/* Complexity alone (when the task was given). */
double complexity_of(const struct features *features, enum task task);

#endif
