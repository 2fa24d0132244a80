/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded calls. A ledger keeps no texts: what is known of a call is its task, its complexity, its
 * usage and what was weighed. So a target that could not take it then (a capability, the caller's
 * own wish, dead at that moment) cannot take it now, one that failed fails again, and every other
 * constraint is judged again under the other policy.
 *
 * The ledger is read twice: first for how long each target's answers to each task are, then to
 * replay. Another target's answer to the same call is taken to be longer or shorter by as much as
 * its answers are on average, where both have answered often enough.
 */
#include "cli/replay.h"

#include "gateway/asker.h"
#include "route/plan.h"
#include "store/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_ARENA ((size_t)256 << 20)
#define ANSWERS_LEAST 20  /* of a target to a task, before their lengths are compared */
#define CALL_SPREAD 0.7   /* of one answer's length, where nothing better is known */
#define COMMON_SPREAD 0.4 /* of a whole model's lengths against another's */
#define SPREAD_MOST 2.0
#define EMBEDDINGS SLICE("/v1/embeddings")

/* Natural logarithms of output tokens. */
struct lengths {
    int64_t count;
    double sum;
    double squares;
};

/* A recorded target, as it is found again. */
struct known_target {
    uint16_t target; /* in the other policy, or NO_TARGET */
    struct lengths lengths[TASK_COUNT];
    int64_t total_ms; /* of its answers, summed up */
    int64_t answers;
};

struct ledger_replay {
    struct replay *replay;
    const struct policy *policy;
    struct map by_offer;  /* offer's id -> struct known_target */
    struct map by_target; /* provider, model and name -> the same */
    struct arena names;   /* of both maps' values */
    struct features *features;
    struct plan *plan;
    uint64_t withheld[TARGETS_MAX / 64];
    char id[ID_TEXT_LEN + 1];
};

/* --- targets --- */

/* The target of the same model at the same provider; by its name where there are several. */
static uint16_t find_target(const struct policy *policy, struct slice provider, struct slice model,
                            struct slice name)
{
    uint16_t found = NO_TARGET;
    for (size_t i = 0; i < policy->target_count; i++) {
        const struct target *target = &policy->targets[i];
        if (!slice_eq(target->provider_name, provider) || !slice_eq(target->model, model)) {
            continue;
        }
        if (found == NO_TARGET || slice_eq(target->name, name)) {
            found = (uint16_t)i;
        }
    }
    return found;
}

static struct known_target *know_target(struct ledger_replay *r, struct slice provider,
                                        struct slice model, struct slice name)
{
    char text[1024];
    int len = snprintf(text, sizeof(text), "%.*s\n%.*s\n%.*s", SLICE_ARG(provider),
                       SLICE_ARG(model), SLICE_ARG(name));
    struct slice key = slice_of(text, len < 1024 ? (size_t)len : sizeof(text) - 1);
    struct known_target *known = map_get(&r->by_target, key);
    if (known != NULL) {
        return known;
    }
    known = ARENA_NEW(&r->names, struct known_target);
    if (known == NULL || !map_set(&r->by_target, key, known)) {
        r->replay->tally.failed = true;
        return NULL;
    }
    known->target = find_target(r->policy, provider, model, name);
    return known;
}

static struct known_target *target_of_offer(struct ledger_replay *r,
                                            const struct call_detail *detail, uint64_t id)
{
    struct slice key = slice_of((const char *)&id, sizeof(id));
    struct known_target *known = map_get(&r->by_offer, key);
    const struct offer *offer = known != NULL ? NULL : call_detail_offer(detail, id);
    if (offer != NULL) {
        known = know_target(r, offer->provider, offer->model, offer->target);
        r->replay->tally.failed |= known != NULL && !map_set(&r->by_offer, key, known);
    }
    return known;
}

static struct known_target *target_of_attempt(struct ledger_replay *r,
                                              const struct settle_record *attempt)
{
    return know_target(r, attempt->provider, attempt->model, attempt->target);
}

/* The attempt that was delivered, or NULL; of what the exact cache repeated nobody was asked. */
static const struct settle_record *answer_of(const struct call_detail *detail)
{
    for (size_t i = detail->count; i > 0; i--) {
        const struct settle_record *attempt = &detail->attempts[i - 1];
        if (attempt->purpose == ATTEMPT_FOR_ANSWER && attempt->outcome == ATTEMPT_OK &&
            attempt_answered(attempt) && attempt->basis != CHARGE_CACHE) {
            return attempt;
        }
    }
    return NULL;
}

/* --- lengths --- */

static void learn_lengths(struct ledger_replay *r, const struct call_detail *detail)
{
    const struct settle_record *answer = answer_of(detail);
    struct known_target *known =
        answer == NULL || answer->usage.output <= 0 ? NULL : target_of_attempt(r, answer);
    if (known != NULL) {
        struct lengths *lengths = &known->lengths[detail->row.call.task];
        double length = log((double)answer->usage.output);
        lengths->count++;
        lengths->sum += length;
        lengths->squares += length * length;
        known->total_ms += answer->total_us / 1000;
        known->answers++;
    }
}

static double variance_of(const struct lengths *lengths)
{
    double n = (double)lengths->count;
    double mean = lengths->sum / n;
    return fmax(lengths->squares / n - mean * mean, 0);
}

struct factor {
    double length; /* of the other target's answer by this one's */
    double spread;
    double common;
};

/* What is said of an answer by `to` when `from` gave one. */
static struct factor factor_of(const struct lengths *from, const struct lengths *to)
{
    struct factor factor = {1, CALL_SPREAD, COMMON_SPREAD};
    if (from == NULL || to == NULL || from->count < ANSWERS_LEAST || to->count < ANSWERS_LEAST) {
        return factor;
    }
    double n = (double)from->count;
    double m = (double)to->count;
    factor.length = exp(to->sum / m - from->sum / n);
    factor.spread = fmin(sqrt(variance_of(to)), SPREAD_MOST);
    factor.common = fmin(sqrt(variance_of(from) / n + variance_of(to) / m), SPREAD_MOST);
    return factor;
}

/* --- one call under the other policy --- */

/* Reasons that hold whatever the policy is. */
static bool holds_still(enum plan_reason reason)
{
    return reason == REASON_CAPABILITY || reason == REASON_DIALECT ||
           reason == REASON_NOT_ALLOWED || reason == REASON_DEAD;
}

static void withhold(struct ledger_replay *r, const struct call_detail *detail)
{
    struct slice list = detail->row.call.candidates;
    memset(r->withheld, 0, sizeof(r->withheld));
    for (size_t at = 0; at + CANDIDATE_BYTES <= list.len; at += CANDIDATE_BYTES) {
        struct candidate candidate = candidate_get(list.ptr + at);
        if (!holds_still(plan_reason_of_code(candidate.reason))) {
            continue;
        }
        const struct known_target *known = target_of_offer(r, detail, candidate.offer);
        if (known != NULL && known->target != NO_TARGET) {
            r->withheld[known->target / 64] |= UINT64_C(1) << (known->target % 64);
        }
    }
}

static struct slice no_word(const void *owner, const struct rule_word *word)
{
    (void)owner;
    (void)word;
    return SLICE_EMPTY; /* headers and metadata are not recorded */
}

static const struct rule *rule_of(const struct ledger_replay *r, const struct route *route,
                                  const struct call_record *call,
                                  const struct classification *classification)
{
    struct rule_asker asker = {
        .key_name = call->key_name,
        .minute = asker_minute(call->wall_ns),
        .look_up = no_word,
    };
    uint64_t possible = rules_of_asker(route->rules, route->rule_count, &asker);
    return rule_of_request(route->rules, route->rule_count, possible, r->features, classification,
                           call->streamed, 0);
}

static void set_features(struct features *features, const struct call_record *call,
                         const struct usage *usage)
{
    features->tokens = (struct token_estimate){
        .low = usage->input, .expected = usage->input, .high = usage->input};
    features->needs = slice_eq(call->endpoint, EMBEDDINGS) ? CAPABILITY_EMBEDDINGS : 0;
}

static void plan_again(struct ledger_replay *r, const struct call_detail *detail,
                       const struct usage *usage, const struct route *route)
{
    const struct call_record *call = &detail->row.call;
    set_features(r->features, call, usage);
    withhold(r, detail);
    struct plan_input input = {
        .policy = r->policy,
        .route = route,
        .features = r->features,
        .classification = {.task = call->task,
                           .complexity = call->complexity_permille / 1000.0,
                           .confidence = 1,
                           .reason = "recorded",
                           .given = true},
        .streamed = call->streamed,
        .lot = asker_lot_of(route, slice_of((const char *)call->call.bytes, sizeof(call->call))),
        .withheld = r->withheld,
    };
    constraints_init(&input.constraints);
    input.rule = rule_of(r, route, call, &input.classification);
    plan_make(&input, r->plan);
}

/* What the recorded attempts at this target cost without an answer; negative: there was none. */
static int64_t failure_nd(struct ledger_replay *r, const struct call_detail *detail,
                          uint16_t target)
{
    int64_t cost = -1;
    for (size_t i = 0; i < detail->count; i++) {
        const struct settle_record *attempt = &detail->attempts[i];
        const struct known_target *known =
            attempt->outcome == ATTEMPT_FAILED ? target_of_attempt(r, attempt) : NULL;
        if (known != NULL && known->target == target) {
            cost = (cost < 0 ? 0 : cost) + attempt->cost_nd;
        }
    }
    return cost;
}

/* The same target: what it cost, unless the other policy has another price for it. */
static void choose_same(struct ledger_replay *r, const struct call_detail *detail,
                        const struct settle_record *answer, const struct target *target,
                        struct replay_choice *after)
{
    const struct offer *offer = call_detail_offer(detail, answer->offer);
    struct price price = policy_price(r->policy, target);
    bool same = offer == NULL || memcmp(&offer->price.base, &price.base, sizeof(price.base)) == 0;
    after->cost_nd += same ? answer->cost_nd : policy_cost(r->policy, target, &answer->usage);
}

/* Another target: the same input without a warm cache, and an answer of a length that is predicted.
 */
static void choose_other(struct ledger_replay *r, enum task task,
                         const struct settle_record *answer, uint16_t target,
                         struct replay_choice *after)
{
    const struct target *other = &r->policy->targets[target];
    const struct known_target *from = target_of_attempt(r, answer);
    const struct known_target *to = know_target(r, other->provider_name, other->model, other->name);
    struct factor factor = factor_of(from == NULL ? NULL : &from->lengths[task],
                                     to == NULL ? NULL : &to->lengths[task]);
    struct usage usage = {.input = answer->usage.input};
    int64_t input_nd = policy_cost(r->policy, other, &usage);
    usage.output = (int64_t)((double)answer->usage.output * factor.length + 0.5);
    int64_t cost_nd = policy_cost(r->policy, other, &usage);
    after->cost_nd += cost_nd;
    after->output_nd = cost_nd - input_nd;
    after->spread = factor.spread;
    after->common_spread = factor.common;
    after->latency_ms = to == NULL || to->answers == 0 ? 0 : to->total_ms / to->answers;
}

/* Walks the plan as a call does: who failed then fails again. */
static void choose(struct ledger_replay *r, const struct call_detail *detail,
                   const struct settle_record *answer, struct replay_choice *after)
{
    const struct known_target *answered = target_of_attempt(r, answer);
    for (size_t i = 0; i < r->plan->taken; i++) {
        const struct plan_entry *entry = &r->plan->entries[i];
        const struct target *target = &r->policy->targets[entry->target];
        bool same = answered != NULL && answered->target == entry->target;
        int64_t failed_nd = same ? -1 : failure_nd(r, detail, entry->target);
        if (failed_nd >= 0) {
            after->cost_nd += failed_nd;
            continue;
        }
        after->target = target->name;
        after->tier = target->tier;
        if (same) {
            after->latency_ms = detail->row.call.total_us / 1000;
            choose_same(r, detail, answer, target, after);
        } else {
            choose_other(r, detail->row.call.task, answer, entry->target, after);
        }
        return;
    }
}

/* The same target may have another name in the other policy: that is no change. */
static struct slice name_before(const struct ledger_replay *r, const struct known_target *known,
                                const struct settle_record *answer)
{
    bool found = known != NULL && known->target != NO_TARGET;
    return found ? r->policy->targets[known->target].name : answer->target;
}

static const struct route *route_of(struct ledger_replay *r, const struct call_record *call)
{
    struct replay *replay = r->replay;
    if (replay->route != NULL) {
        return policy_find_route(r->policy, slice_from_cstr(replay->route));
    }
    const struct route *route = policy_find_route(r->policy, call->route);
    if (route == NULL) {
        replay->tally.rerouted++;
        route = policy_find_route(r->policy, SLICE("auto"));
    }
    return route;
}

static void replay_one(struct ledger_replay *r, const struct call_detail *detail)
{
    const struct call_record *call = &detail->row.call;
    const struct settle_record *answer = answer_of(detail);
    struct replay_tally *tally = &r->replay->tally;
    if (call->route.len == 0 || answer == NULL) {
        *(answer == NULL ? &tally->unanswered : &tally->named) += 1;
        return;
    }
    const struct known_target *known = target_of_attempt(r, answer);
    plan_again(r, detail, &answer->usage, route_of(r, call));
    struct replay_call replayed = {
        .id = slice_from_cstr(id_format(call->call, r->id)),
        .task = call->task,
        .before = {.target = name_before(r, known, answer),
                   .tier = known != NULL && known->target != NO_TARGET
                               ? r->policy->targets[known->target].tier
                               : call->tier,
                   .cost_nd = call->cost_nd,
                   .latency_ms = call->total_us / 1000},
        .baseline_nd = -1,
    };
    choose(r, detail, answer, &replayed.after);
    if (r->plan->baseline != NO_TARGET) {
        struct usage usage = {.input = answer->usage.input, .output = answer->usage.output};
        replayed.baseline_nd =
            policy_cost(r->policy, &r->policy->targets[r->plan->baseline], &usage);
    }
    replay_take(r->replay, &replayed);
}

/* --- all of them --- */

static bool each_call(struct ledger_replay *r, const char *path, int64_t since_s,
                      void (*take)(struct ledger_replay *r, const struct call_detail *detail),
                      struct error *error)
{
    struct detail_page page = {.last = report_id_at(since_s * NS_PER_S)};
    struct arena arena;
    struct id end;
    bool ok;
    memset(&end, 0xFF, sizeof(end));
    arena_init(&arena, PAGE_ARENA);
    do {
        arena_reset(&arena);
        ok = report_details(path, page.last, end, REPORT_CALLS_MAX, &arena, &page, error);
        for (size_t i = 0; ok && i < page.count; i++) {
            take(r, &page.rows[i]);
        }
    } while (ok && page.more && !r->replay->tally.failed);
    arena_release(&arena);
    if (ok && r->replay->tally.failed) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    return ok;
}

bool replay_ledger(struct replay *replay, const char *path, int64_t since_s, struct error *error)
{
    struct ledger_replay r = {.replay = replay, .policy = &replay->policy->policy};
    if (replay->route != NULL &&
        policy_find_route(r.policy, slice_from_cstr(replay->route)) == NULL) {
        return error_set(error, ERROR_INVALID, "no_route", "the policy has no route \"%.100s\"",
                         replay->route);
    }
    r.features = calloc(1, sizeof(*r.features));
    r.plan = calloc(1, sizeof(*r.plan));
    map_init(&r.by_offer);
    map_init(&r.by_target);
    arena_init(&r.names, PAGE_ARENA);
    bool ok = r.features != NULL && r.plan != NULL;
    if (!ok) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    } else {
        r.features->choices = 1;
        ok = each_call(&r, path, since_s, learn_lengths, error) &&
             each_call(&r, path, since_s, replay_one, error);
    }
    map_release(&r.by_offer);
    map_release(&r.by_target);
    arena_release(&r.names);
    free(r.features);
    free(r.plan);
    return ok;
}
