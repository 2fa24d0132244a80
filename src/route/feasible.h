/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside planning: what is the same for every target of one plan, and the judgement of one target.
 * Not for other layers.
 */
#ifndef SLUICE_ROUTE_FEASIBLE_H
#define SLUICE_ROUTE_FEASIBLE_H

#include "route/experience.h"
#include "route/plan.h"
#include "route/success.h"

/* In the order in which they are asked. */
enum plan_constraint {
    CONSTRAINT_OFF,
    CONSTRAINT_ALLOWED,
    CONSTRAINT_DIALECT,
    CONSTRAINT_CAPABILITY,
    CONSTRAINT_CONTEXT,
    CONSTRAINT_LOCAL,
    CONSTRAINT_TAGS,
    CONSTRAINT_TIER,
    CONSTRAINT_PRICE_KNOWN,
    CONSTRAINT_RATE,
    CONSTRAINT_COST,
    CONSTRAINT_LATENCY,
    CONSTRAINT_ALIVE,
    CONSTRAINT_COUNT
};

struct plan_facts {
    const struct plan_input *input;
    int64_t max_latency_ms; /* the tighter of caller and route, or NO_LIMIT */
    int64_t max_cost_nd;
    int declared_tier;     /* hard, or -1 */
    double dial;           /* the route's, moved by its evidence */
    enum tier wanted_tier; /* declared or derived: a preference above the declared one */
    bool local_only;
    uint64_t required_tags; /* bits */
    bool unknown_tag;       /* a required one that no target of the policy has */
    uint64_t promised_tags; /* the same of those that not every target must have as a tag: see */
    bool unknown_promise;   /* struct constraints */
    uint64_t quantized_tags;
    capability_set needs;
    int64_t choices;
    struct experience_request asked;
    int64_t escalation_nd[TIER_COUNT]; /* see expected_escalation() */
    const uint16_t *list;              /* the caller's models or the task's list */
    size_t list_count;
    bool exclusive;
    struct success_facts success;
    /* Whom the route, or the rule of it that applies, lets answer, and in which order. */
    const uint16_t *candidates;
    size_t candidate_count;
    const uint32_t *weights; /* of each candidate, or NULL */
    enum strategy strategy;
    bool by_tier;           /* targets under the wanted tier come last */
    bool by_price;          /* the expected price is what orders them */
    const uint64_t *judged; /* targets, as bits, that may come first under the wanted tier: what
                               was learned reads each answer of theirs; NULL: none */
    uint32_t constraints;   /* those that can refuse anything in this request, as bits */
    /* The last member, which nobody clears; of the first success.asked candidates. */
    struct success of_candidates[PLAN_TARGETS_MAX];
};

void plan_facts_init(const struct plan_input *input, struct plan_facts *facts);
/* Fills costs and latency of the entry, and the first constraint that it violates: a refusal, or
   REASON_COUNT when it may be taken. REASON_COST and REASON_LATENCY are judged after all but
   REASON_DEAD, which is last: a target that is refused as dead would be taken if it were alive. */
enum plan_reason feasible_judge(const struct plan_facts *facts, struct plan_entry *entry);
/* All constraints that the target violates, as bits of enum plan_constraint; the entry's costs and
 * latency are filled in. For explanations. */
uint32_t feasible_violations(const struct plan_facts *facts, const struct plan_entry *entry);
/* The refusals besides the entry's own, in the order of the constraints, each with its reason and
 * its numbers; of one reason the first. At most PLAN_FURTHER_MAX; not that it rests. */
size_t feasible_further(const struct plan_facts *facts, const struct plan_entry *entry,
                        struct plan_entry further[]);
/* Has the target every tag that route and caller require? For whoever sends a prompt somewhere
 * without a plan. */
bool feasible_tags(const struct policy *policy, const struct route *route,
                   const struct constraints *constraints, const struct target *target);
/* May it be asked, as far as the caller names targets and providers? For the same. */
/* Fallbacks are not allowed, and the caller's order leaves its provider out. */
bool feasible_out_of_order(const struct constraints *constraints, const struct target *target);
bool feasible_named(const struct constraints *constraints, const struct target *target);
/* Is the target, or its provider, named in a list with commas? */
bool target_is_named(const struct target *target, struct slice names);
/* How far a refused entry is beyond its latency and cost limits, in thousandths of the limit (the
   larger of the two); -1 when it may not be relaxed: anything but these two refused it, it is dead
   as well, or the cost limit is 0, which means free targets. */
int64_t feasible_overshoot(const struct plan_facts *facts, const struct plan_entry *entry);
/* Of STRATEGY_WEIGHTED; 0: it has none. */
uint32_t feasible_weight(const struct plan_facts *facts, uint16_t target);
/* Position of a target's provider in a list of names, or `count`. */
size_t provider_position(const struct target *target, const struct slice *names, size_t count);
/* Tokens that must fit into the context window; the entry's costs are filled in. */
int64_t feasible_context_tokens(const struct plan_facts *facts, const struct target *target,
                                const struct plan_entry *entry);

#endif
