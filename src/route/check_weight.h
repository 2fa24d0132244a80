/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the result of a check weighs where outcomes of it are known: how often answers of a target,
 * to calls of a task and of a tag, were good although (or since) the check said what it said. The
 * counts are evidence (evidence.h) under names of their own, which no tag can have, and where
 * callers have keys those of each key by themselves: whose answers outcomes are of, and who says
 * them, is one tenant, and teaches nothing of others' answers. From the table of check.c, as much
 * as CHECK_WEIGHT_ANSWERS answers, to the task's counts to the tag's; never below
 * -CHECK_WEIGHT_MAX, a check that passed never more than the table says, and one that failed never
 * more than nothing: a failure speaks for no answer. Only opinions are learned: an answer that is
 * empty, or no JSON where JSON was asked for, cannot be used, whatever was said of others. Pure;
 * any thread.
 */
#ifndef SLUICE_ROUTE_CHECK_WEIGHT_H
#define SLUICE_ROUTE_CHECK_WEIGHT_H

#include "route/check.h"
#include "route/evidence.h"

#define CHECK_WEIGHT_ANSWERS 8.0
#define CHECK_WEIGHT_MAX 6.0
#define CHECK_WEIGHT_NAME_MAX 320

/* May answers show that it weighs something else? */
bool check_is_opinion(enum answer_check check);
/* "arithmetic-": the check and what it said; "" where there is nothing to learn of it. */
const char *check_weight_word(enum answer_check check, enum check_result result);
/* The name of its counts: "arithmetic-,math"; `of` is a call's tag, or its task's name; `key` the
 * client key whose call it is, 0: no key's. */
struct slice check_weight_name(struct slice word, struct slice of, bool is_tag, uint64_t key,
                               char out[CHECK_WEIGHT_NAME_MAX]);

struct check_history {
    const struct evidence *evidence; /* NULL: nothing is known */
    const struct target *target;
    enum task task;
    struct slice tag; /* or empty */
    uint64_t key;     /* the call's; 0: none */
};
/* Weighs what the checks said anew. `prior`: what they were added to. */
void checked_weigh(struct checked *checked, const struct check_history *history, double prior);

#endif
