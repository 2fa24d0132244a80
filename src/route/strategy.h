/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a route orders the targets that may answer. A lot is drawn by weighted rendezvous hashing
 * (D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998; weights as
 * -w / ln u): each target's number depends on the lot and on its own name and weight alone, so a
 * target that goes away moves only those that it had, and who comes second is drawn, too. Pure.
 */
#ifndef SLUICE_ROUTE_STRATEGY_H
#define SLUICE_ROUTE_STRATEGY_H

#include "base/slice.h"

enum strategy {
    STRATEGY_CHEAPEST,   /* the expected price, among those that reach the tier */
    STRATEGY_FASTEST,    /* the latency, among those that reach the tier */
    STRATEGY_WEIGHTED,   /* by lot */
    STRATEGY_PRIORITY,   /* in the order in which they are listed */
    STRATEGY_BALANCED,   /* success less what the price is worth */
    STRATEGY_LIST_PRICE, /* dollars per token, whatever the request is: to compare with */
    STRATEGY_COUNT
};
#define STRATEGY_WORDS "cheapest-capable|fastest|weighted|priority|balanced|list-price"
/* Its word of these. */
const char *strategy_name(enum strategy strategy);

/* Requests with the same one stay with the same target of a weighted route. */
enum split { SPLIT_SESSION, SPLIT_USER, SPLIT_KEY, SPLIT_REQUEST };
#define SPLIT_WORDS "session|user|key|request"

#define STRATEGY_WEIGHT_MAX 1000000

/* Does the tier that was derived from the task rank targets? Where the operator orders them, or
 * weighs quality against price, it does not. */
static inline bool strategy_by_tier(enum strategy strategy)
{
    return strategy == STRATEGY_CHEAPEST || strategy == STRATEGY_FASTEST ||
           strategy == STRATEGY_LIST_PRICE;
}

/* The target's number for this lot: the least comes first. A weight of 0 comes last of all. */
int64_t strategy_draw(uint64_t lot, struct slice target, uint32_t weight);
/* success - lambda x dollars, turned round so that the least is the best. `success` in
 * thousandths, `lambda` in success for a dollar. */
int64_t strategy_balance(unsigned success_permille, int64_t cost_nd, double lambda);

#endif
