/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is believed of a request before anybody has seen an answer: how likely a usual target of
 * each tier answers it well enough. By the task alone (judge_task()) as long as nothing else is
 * known; where the text looks like what the default weights were trained on, their word moves it
 * (model.h). Evidence about one target comes on top of it and is not looked at here. Pure; any
 * thread.
 */
#ifndef SLUICE_ROUTE_JUDGE_H
#define SLUICE_ROUTE_JUDGE_H

#include "model/task.h"

struct judgement {
    /* Of the tiers' usual targets, rising from budget to premium; 0: not judged. */
    uint16_t success_permille[TIER_COUNT];
    /* How much the text looks like the training, 0: not at all (the task alone speaks). */
    uint16_t familiarity_permille;
};

/* Chances by the task alone; familiarity 0. */
void judge_task(enum task task, struct judgement *judgement);

#endif
