/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: facts + constraints + route -> ordered targets with a reason for each one taken or
 * refused. Pure: the clock's reading is passed in, live state is only read; `sluice explain`,
 * /sluice/v1/explain and the real path call this one function. About a microsecond for ten targets;
 * no allocation.
 */
#ifndef SLUICE_ROUTE_PLAN_H
#define SLUICE_ROUTE_PLAN_H

#include "base/buf.h"
#include "route/classify.h"
#include "route/experience.h"
#include "route/policy.h"
#include "route/session.h"

enum plan_sort { SORT_BY_ROUTE, SORT_EXPECTED_PRICE, SORT_LATENCY, SORT_THROUGHPUT };

/* What the caller asked for: headers, the `sluice` object, OpenRouter's fields. The tighter of
 * caller and route holds. */
struct constraints {
    int64_t max_latency_ms; /* or NO_LIMIT */
    int64_t max_cost_nd;    /* or NO_LIMIT; 0: free targets only */
    int min_tier;           /* or -1 */
    bool local_only;
    bool allow_fallbacks;   /* default true; false: no provider that `order` leaves out, or, without
                               one, the first target alone */
    enum plan_sort sort;    /* SORT_BY_ROUTE: as its strategy says */
    int64_t max_input_pd;   /* max_price.prompt, pico-dollars per token, or NO_LIMIT */
    int64_t max_output_pd;  /* max_price.completion, or NO_LIMIT */
    int64_t max_request_nd; /* max_price.request, nano-dollars, or NO_LIMIT */
    bool require_parameters;
    const struct slice *order; /* provider names first, in this order */
    size_t order_count;
    const struct slice *only; /* provider names or NULL */
    size_t only_count;
    const struct slice *ignore;
    size_t ignore_count;
    struct slice require; /* tags that a target must have, with commas between; or empty */
    struct slice allow;   /* names of targets or providers, likewise: no others */
    struct slice deny;    /* none of these */
    /* Of OpenRouter's `provider`; targets at a provider that knows these members itself are left to
     * it. Tags with commas between, or empty: a target must have all of these, or one of those. */
    struct slice promises;
    struct slice quantizations;
};
void constraints_init(struct constraints *constraints);

struct plan_recorded;
struct plan_input {
    const struct policy *policy;
    const struct route *route; /* NULL when `forced` or `models` name targets */
    const uint16_t *models; /* explicit targets, tried in this order (a target name, provider/model,
                               OpenRouter `models`) */
    size_t model_count;
    const struct rule *rule; /* of the route, that applies; NULL: none */
    uint64_t lot;            /* of STRATEGY_WEIGHTED: the same one draws the same target */
    const struct features *features;
    unsigned counted; /* encoding (see struct target) that the texts were counted */
    struct token_estimate counted_tokens; /* with; 0: they were not */
    struct classification classification;
    struct constraints constraints;
    int64_t max_tokens;      /* of the request; 0: not given */
    bool streamed;           /* latency is the first token, else completion */
    bool unchecked;          /* no check reads the answers of its operation (embeddings) */
    unsigned client_dialect; /* enum dialect_id, for ties and for operations that need the same
                                dialect */
    int64_t call_limit_nd;   /* what the worst case of the call may be, say limits of who pays; 0:
                                none. The plan does not go by it, only exact.h */
    int64_t choices;         /* answers that are asked for; 0: one */
    unsigned cheaper;        /* so many tiers below the derived one: spending is near a cap */
    const struct session_view *session; /* of the conversation, where a target has it; else NULL */
    const uint64_t *withheld;           /* bits by target: as if they were not there; NULL: none */
    unsigned required_dialects; /* bits, 0: any: operations that only some dialects can carry */
    uint64_t tag;               /* evidence_tag() of the call's word; 0: it has none but its task */
    const uint16_t *learned; /* success by target->learned, permille; 0: not known; NULL: of none */
    const struct plan_recorded *recorded; /* of a call planned again (recorded.h), or NULL */
    int64_t now_ns;                       /* monotonic */
};

enum plan_reason {
    /* taken */
    REASON_LISTED, /* the task's list or the caller's models, in order */
    REASON_PREFERRED,
    REASON_CHEAPEST,   /* by expected price, reaches the tier */
    REASON_FASTEST,    /* by latency or throughput, as was asked; reaches the tier */
    REASON_DRAWN,      /* by lot, as the weights say */
    REASON_FIRST,      /* the first in the operator's order that satisfies the request */
    REASON_BALANCED,   /* most success for its price */
    REASON_LIST_PRICE, /* least dollars per token, reaches the tier */
    REASON_FALLBACK,   /* feasible, dearer or slower: later in the plan */
    REASON_BELOW_TIER, /* feasible, under the derived tier: last resort */
    REASON_SESSION,    /* the conversation is there, and stays */
    REASON_MOVED,      /* the conversation comes here: struct plan says why */
    REASON_PROVEN,     /* the first, under the derived tier, and believed good enough */
    REASON_JUDGED,     /* the first, under the derived tier: its answer is read before it counts */
    REASON_DOUBTED,    /* reaches the derived tier, but its answers did not: later in the plan */
    REASON_NEAREST,    /* not feasible; on_infeasible: nearest took it */
    REASON_TAKEN_LAST = REASON_NEAREST,
    /* refused */
    REASON_OFF,
    REASON_DEAD,
    REASON_CAPABILITY,
    REASON_CONTEXT,
    REASON_LATENCY,
    REASON_COST,
    REASON_PRICE_UNKNOWN,
    REASON_NOT_LOCAL,
    REASON_MIN_TIER,
    REASON_NOT_ALLOWED, /* only / ignore / max_price */
    REASON_NOT_LISTED,  /* an exclusive list of the task leaves it out */
    REASON_DIALECT,
    REASON_TAG,   /* it has not every tag that is required */
    REASON_LIMIT, /* was taken, but a limit of who pays that names it has no room for the call */
    REASON_COUNT
};
const char *plan_reason_name(enum plan_reason reason); /* "over_cost" ...: stable */
/* Numbers for records, 1 .. 63: they never change, whatever the order above is. */
unsigned plan_reason_code(enum plan_reason reason);
/* REASON_COUNT: no reason has this number. */
enum plan_reason plan_reason_of_code(unsigned code);

struct plan_entry {
    uint16_t target;
    uint8_t reason; /* enum plan_reason */
    bool taken;
    /* How probable it was, before the choice, that this one comes first; 1000 for the first and 0
     * for all others as long as nothing is drawn by lot; they sum to 1000. What is learned from the
     * answers later needs it. */
    uint16_t propensity_permille;
    uint16_t success_permille; /* how probable it is that its answer is good enough; 0: not known */
    int64_t expected_input;    /* tokens, as this target counts them */
    int64_t expected_output;   /* of all choices, reasoning included */
    int64_t high_input;        /* that it hardly exceeds, as far as that was learned */
    int64_t high_output;       /* at the 90th percentile */
    int64_t expected_cost_nd;  /* input, less what the session's prompt cache takes off it, and
                                  predicted output at this target */
    int64_t expected_total_nd; /* with what else it may entail, see expected_price.h: the order */
    int64_t high_cost_nd;      /* of high_input and high_output: what max_cost is held against */
    int64_t worst_cost_nd;     /* upper bounds of input and output: what a hold is made of */
    int64_t expected_latency_ms; /* 0: not known */
    int64_t high_latency_ms;     /* at the 90th percentile: what max_latency is held against */
    int64_t wanted; /* the number that ruled it out: limit in ms, nd, tokens, or missing capability
                       bits */
    int64_t actual;
};

#define CONSERVATIVE_DEFAULT 0.7 /* without a route */
#define PLAN_TARGETS_MAX 64      /* considered in one plan; the rest is counted in `overflow` */

struct plan {
    /* Taken ones first, in the order they are tried; behind the last one the next is made. */
    struct plan_entry entries[PLAN_TARGETS_MAX + 1];
    size_t count;
    size_t taken;
    size_t overflow;
    enum tier required_tier; /* derived or declared */
    bool tier_is_hard;
    bool below_tier; /* the first one is under the derived tier: a header says so */
    bool relaxed; /* on_infeasible: nearest relaxed max_cost or max_latency; nothing else ever is */
    int64_t max_cost_nd; /* effective, or NO_LIMIT */
    int64_t max_latency_ms;
    double dial;                /* where the route's `conservative` stands: evidence may move it */
    enum session_state session; /* SESSION_NONE without one */
    bool loop_held; /* it would have gone elsewhere, but for the tool loop that it is in */
    int64_t expected_output_tokens;  /* of the first one that was taken, else by the table */
    uint16_t baseline;               /* target, or NO_TARGET */
    const struct rule *rule;         /* of the route, that applied; or NULL */
    struct experience_request asked; /* what an answer is compared with later */
};

void plan_make(const struct plan_input *input, struct plan *plan);

/* f(task, complexity, conservative): the tier that this request should reach. */
enum tier required_tier(const struct route *route, const struct classification *classification);
/* The same with the dial elsewhere than the route has it. */
enum tier required_tier_at(double dial, const struct route *route,
                           const struct classification *classification);
/* Output tokens to expect, and the 90th percentile, from task and input when nothing was learned
 * yet. */
int64_t predict_output_tokens(enum task task, const struct features *features, int64_t max_tokens,
                              int64_t *ret_high);
/* What a refused target violates besides what refused it, each as an entry of its own: reason and
 * numbers. Nothing of those that a list leaves out. */
#define PLAN_FURTHER_MAX 16
size_t plan_entry_further(const struct plan_input *input, const struct plan_entry *entry,
                          struct plan_entry further[PLAN_FURTHER_MAX]);
/* One sentence for people, of a refused one with all that it violates: "costs $0.012 at most, the
 * limit is $0.005". Appends plain text. */
void plan_entry_explain(const struct plan_input *input, const struct plan_entry *entry,
                        struct buf *out);

#endif
