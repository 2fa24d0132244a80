/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a route's dial (`conservative`) does on labelled rows: a route of a budget and a premium
 * target, the pair, plans each row at eleven places of the dial. Once with nothing known but the
 * text, and once with evidence that grows row by row, in an order that the rows' ids give: each
 * row is planned before what both answers to it were worth is known.
 */
#ifndef SLUICE_CLI_EVAL_DIAL_H
#define SLUICE_CLI_EVAL_DIAL_H

#include "cli/outcomes.h"

#define DIAL_PLACES 11

struct dial_place {
    double dial;
    double share[2];   /* of strong calls: without evidence, with it */
    double quality[2]; /* average score of what was chosen */
};

struct dial_table {
    size_t rows; /* that know both */
    double weak; /* average scores */
    double strong;
    struct dial_place places[DIAL_PLACES];
};

/* False: out of memory. */
MUST_USE bool eval_dial(const struct outcomes *outcomes, uint32_t weak, uint32_t strong,
                        struct dial_table *ret_table);
void eval_dial_write_text(const struct dial_table *table, struct buf *out);
void eval_dial_write_json(const struct dial_table *table, struct buf *out);

#endif
