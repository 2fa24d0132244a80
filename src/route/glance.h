/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a learned model looks at in a request, as rows of its table: words and pairs of words of the
 * two ends of the last user turn (a request states itself there), where some of them stand, what
 * the rules said, and the request's shape. Words count by their first bytes, which stands for their
 * stem; words of scripts that write no spaces as characters and pairs of them. From features and
 * rule points alone, which are the same for the same text: the decision, training and evaluation
 * see the same. No allocation; a few hundred nanoseconds. Any thread.
 */
#ifndef SLUICE_ROUTE_GLANCE_H
#define SLUICE_ROUTE_GLANCE_H

#include "route/classify.h"

#define GLANCE_ROWS_LOG 15
#define GLANCE_ROWS (1u << GLANCE_ROWS_LOG)
#define GLANCE_END ((size_t)128) /* bytes that are looked at, at either end */
#define GLANCE_WORDS_MAX 256u    /* rows of words */
#define GLANCE_FACTS_MAX 184u    /* of places, rules and shape */
#define GLANCE_COUNT_MAX (GLANCE_WORDS_MAX + GLANCE_FACTS_MAX)
/* Rows are told as places in a table whose rows have so many bytes: no sum multiplies. */
#define GLANCE_STEP_LOG 5
#define GLANCE_STEP (1u << GLANCE_STEP_LOG)

struct glance {
    uint32_t words; /* the first ones: rows of words */
    uint32_t count; /* with those of places, rules and shape */
    /* x GLANCE_STEP; room behind the last, for several are written at once */
    uint32_t rows[GLANCE_COUNT_MAX + 8];
};

void glance_make(const struct features *features, const struct rule_points *points,
                 struct glance *glance);
/* The same without wide vectors. */
void glance_make_narrow(const struct features *features, const struct rule_points *points,
                        struct glance *glance);
/* The same of a plain text, as the only user turn of a chat. `scratch` holds the features. */
MUST_USE bool glance_text(struct slice text, struct features *scratch, struct glance *glance);

#endif
