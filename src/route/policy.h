/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What routing chooses from and by: targets and routes, as the configuration resolved them.
 * Immutable once built (part of a snapshot), shared by all threads; only `health` and `experience`
 * point at live state, which survives a reload because it is found by the target's name.
 */
#ifndef SLUICE_ROUTE_POLICY_H
#define SLUICE_ROUTE_POLICY_H

#include "model/capability.h"
#include "model/price.h"
#include "model/task.h"
#include "route/check.h"
#include "route/rule.h"

#define NO_TARGET UINT16_MAX
#define TARGETS_MAX 4096
#define NO_LIMIT (-1) /* of a latency or a cost; 0 is a limit of zero */

/* The window of a target that asks_window and of which none is known, where a route chooses: what
   such servers give a model of which nobody says more. A caller that names the target knows. */
#define WINDOW_UNTOLD 4096

struct evidence;
#define TARGET_TAGS_MAX 64 /* different ones in a policy */

struct experience;
struct tokenizers;
struct target_health;

struct target {
    struct slice name;          /* "haiku": unique */
    struct slice model;         /* the provider's name for the model */
    struct slice provider_name; /* "openrouter" */
    uint16_t provider;          /* index in the snapshot's providers */
    unsigned dialects;          /* bits of enum dialect_id that its provider speaks */
    struct price price;
    int64_t context_tokens; /* 0: not known, no limit is applied */
    int64_t output_tokens;  /* most it answers; 0: not known */
    capability_set capabilities;
    enum tier tier;
    uint64_t name_hash; /* as evidence_name() says; 0: not asked yet */
    int64_t latency_ms; /* configured: used until there is data; 0: not given */
    bool speaks;        /* its price has a rate for audio that it makes ... */
    bool draws;         /* ... for images; without it the ceiling stands there (policy.h) */
    bool local;         /* for local-only requests */
    bool pattern;       /* no model has its name: it stands for those that a client names, and is in
                           no list and no route; see policy_find_stand_in() */
    bool presumed;      /* its capabilities are not the configuration's word */
    bool asks_window;   /* its server cuts longer prompts, unless it is asked for a larger window */
    bool sorts_itself;  /* its provider knows OpenRouter's `provider` object and keeps to it */
    bool off;           /* switched off in the configuration */
    uint64_t tags;      /* bits by position in the policy's: "eu", "no-training" */
    uint8_t encoding; /* 1 + enum token_encoding that counts its tokens exactly; 0: none is known */
    uint8_t learned;  /* 1 + head of the operator's weights that knows it; 0: none does */
    struct target_health *health;
    struct experience *experience; /* what its answers have taught; NULL: nothing */
};

/* A task's list in a route. Exclusive: tried in this order, nothing else. Else (`prefer`): its
   members first, the rest of the route follows in its own order. */
struct task_policy {
    uint16_t *targets;
    size_t count;
    bool exclusive;
    int min_tier; /* enum tier, or -1: none */
};

enum infeasible_policy { INFEASIBLE_ERROR, INFEASIBLE_NEAREST };
enum unknown_price { UNKNOWN_PRICE_DENY, UNKNOWN_PRICE_CEILING, UNKNOWN_PRICE_ALLOW };
enum task_classifier { CLASSIFIER_MODEL, CLASSIFIER_RULES, CLASSIFIER_EXTERNAL };

/* What happens to the answers of a route before they are delivered. */
enum stream_mode { STREAM_BUFFERED, STREAM_EARLY };
struct weights;
struct escalation {
    struct check_settings checks;
    enum stream_mode stream;
    const struct weights *weights; /* of CHECK_LEARNED, or NULL */
    const uint64_t *judged;        /* targets whose answers those know, as bits; NULL: none */
    uint16_t judge;                /* a target, or NO_TARGET */
    struct slice rubric;           /* plain, or empty */
    double judge_threshold;        /* 0..1 */
    int64_t judge_ms;
};

struct route {
    struct slice name;
    uint64_t evidence;    /* as evidence_route() says; 0: not asked yet */
    struct slice tag;     /* of calls that bring none; or empty */
    uint16_t *candidates; /* targets of this route, in configuration order */
    size_t candidate_count;
    uint16_t baseline;       /* NO_TARGET: the dearest candidate by output price */
    int64_t max_latency_ms;  /* or NO_LIMIT */
    int64_t max_cost_nd;     /* or NO_LIMIT */
    int min_tier;            /* hard, or -1 */
    double conservative;     /* 0: trust the cheapest, 1: always the strongest */
    double conservative_min; /* evidence moves it by itself between these two; equal: it does not */
    double conservative_max;
    enum infeasible_policy on_infeasible;
    unsigned max_attempts;               /* of one call, at least 1 */
    const struct escalation *escalation; /* NULL: answers are delivered as they are */
    bool local_only;
    uint64_t required_tags;          /* that a target must have, as bits */
    bool pace;                       /* near any cap of who pays, cheaper tiers */
    bool sticky;                     /* conversations stay with their target */
    bool sticky_opening;             /* also those that only their opening names */
    bool tool_loops;                 /* results of a tool go to the target that made the call */
    int64_t session_ttl_ms;          /* silent for so long, a conversation is a new one */
    enum tier task_tier[TASK_LANES]; /* default table with the route's changes, zeros behind */
    struct task_policy *task_policy[TASK_COUNT]; /* NULL: none */
    enum strategy strategy;
    const uint32_t *weights; /* of each candidate; NULL: STRATEGY_WEIGHTED is nowhere asked for */
    double lambda;           /* of STRATEGY_BALANCED: success that a dollar is worth */
    enum split split;
    bool draws;               /* it, or one of its rules, is STRATEGY_WEIGHTED */
    const struct rule *rules; /* the first that applies */
    size_t rule_count;
};

struct policy {
    struct target *targets;
    size_t target_count;
    struct route *routes;
    size_t route_count;
    enum unknown_price unknown_price;
    struct price_rates ceiling; /* rates that UNKNOWN_PRICE_CEILING charges */
    struct evidence *evidence;  /* what answers were worth so far: live, as `health`; NULL: none */
    struct slice *tags;         /* of targets: each once */
    struct tokenizers *tokenizers; /* live; NULL: nothing is counted exactly */
    size_t tag_count;              /* at most TARGET_TAGS_MAX */
};

/* NO_TARGET / NULL when absent. */
uint16_t policy_find_target(const struct policy *policy, struct slice name);
/* "provider/model" as a client writes it: a target of that provider and model. Neither finds a
   pattern by its own name. */
uint16_t policy_find_provider_model(const struct policy *policy, struct slice text);
/* What stands for the models of a provider that have no target of their own, or for those of one
   that the catalogue gives one price ("ft:gpt-4o"): its target `model` ("*" for the first). */
uint16_t policy_find_stand_in(const struct policy *policy, uint16_t provider, struct slice model);
const struct route *policy_find_route(const struct policy *policy, struct slice name);
/* The price to reckon with under the unknown-price policy: the target's own, the ceiling, or zero
 * for `allow`. */
struct price policy_price(const struct policy *policy, const struct target *target);
/* The usage at that price; 0 where there is none. */
int64_t policy_cost(const struct policy *policy, const struct target *target,
                    const struct usage *usage);

#endif
