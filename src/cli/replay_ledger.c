/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded calls. A ledger keeps no texts: what is known of a call is its task, its complexity, its
 * usage and what was weighed. So the tier that was required then holds, moved by as much as the
 * other policy's tables ask more or less of such a call than the present one's; targets stand under
 * it as they did. Where a lot is drawn, as many calls move as the chances changed, no more: the
 * same chances move none. A conversation stays where it was unless the policy would begin it
 * elsewhere. A target that could not take it then (a capability, the caller's
 * own wish, dead at that moment) cannot take it now, one that failed fails again, and every other
 * constraint is judged again under the other policy.
 *
 * The ledger is read twice: first for how long each target's answers to each task are, then to
 * replay. Another target's answer to the same call is taken to be longer or shorter by as much as
 * its answers are on average, where both have answered often enough.
 */
#include "cli/replay.h"

#include "base/hash.h"
#include "gateway/asker.h"
#include "route/recorded.h"
#include "route/success.h"
#include "store/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_ARENA ((size_t)256 << 20)
#define ANSWERS_LEAST 20  /* of a target to a task, before their lengths are compared */
#define CALL_SPREAD 0.7   /* of one answer's length, where nothing better is known */
#define COMMON_SPREAD 0.4 /* of a whole model's lengths against another's */
#define SPREAD_MOST 2.0
#define PRIOR_ROUNDING 2.5 /* thousandths: a success that is this near is its tier's word */
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
    const struct policy *present; /* under which the calls were recorded; NULL: not known */
    struct plan_recorded recorded;
    enum plan_reason reason; /* of the one that came first then */
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
           reason == REASON_NOT_ALLOWED || reason == REASON_DEAD || reason == REASON_LIMIT;
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

/* --- what was known of the call --- */

static enum recorded_standing standing_of(enum plan_reason reason, bool reaches)
{
    switch (reason) {
    case REASON_BELOW_TIER:
    case REASON_DOUBTED:
        return STANDING_BEHIND;
    case REASON_SESSION: /* came first for another reason */
    case REASON_MOVED:
    case REASON_LISTED:
    case REASON_PREFERRED:
    case REASON_NEAREST:
        return reaches ? STANDING_GOOD : STANDING_UNKNOWN;
    default:
        return reason <= REASON_TAKEN_LAST ? STANDING_GOOD : STANDING_UNKNOWN;
    }
}

/* What was expected then, at the other policy's price. */
static int64_t expected_again(const struct ledger_replay *r, const struct call_detail *detail,
                              const struct candidate *candidate, const struct target *target,
                              const struct usage *usage)
{
    const struct offer *offer = call_detail_offer(detail, candidate->offer);
    int64_t then_nd = offer == NULL ? 0 : price_cost(&offer->price, usage);
    int64_t now_nd = policy_cost(r->policy, target, usage);
    return then_nd <= 0 || then_nd == now_nd
               ? (then_nd == now_nd ? candidate->expected_nd : now_nd)
               : (int64_t)((double)candidate->expected_nd * (double)now_nd / (double)then_nd);
}

/* False: nothing was recorded of what was weighed. */
static bool recall(struct ledger_replay *r, const struct call_detail *detail,
                   const struct usage *usage)
{
    struct slice list = detail->row.call.candidates;
    struct plan_recorded *recorded = &r->recorded;
    recorded->required = detail->row.call.tier;
    recorded->count = 0;
    for (size_t at = 0; at + CANDIDATE_BYTES <= list.len && recorded->count < PLAN_TARGETS_MAX;
         at += CANDIDATE_BYTES) {
        struct candidate candidate = candidate_get(list.ptr + at);
        enum plan_reason reason = plan_reason_of_code(candidate.reason);
        const struct known_target *known = target_of_offer(r, detail, candidate.offer);
        uint16_t index = known == NULL ? NO_TARGET : known->target;
        const struct target *target = index == NO_TARGET ? NULL : &r->policy->targets[index];
        bool reaches = target != NULL && target->tier >= recorded->required;
        r->reason = at == 0 ? reason : r->reason;
        recorded->targets[recorded->count++] = (struct recorded_target){
            .target = index,
            .standing = (uint8_t)standing_of(reason, reaches),
            .success_permille = (uint16_t)candidate.success_permille,
            .propensity_permille = (uint16_t)candidate.propensity_permille,
            .expected_nd = target == NULL
                               ? 0
                               : expected_again(r, detail, &candidate, target, usage),
        };
    }
    return recorded->count > 0;
}

/* 0..1, by the call: the same each time, and another for each purpose. */
static double lot_of(const struct call_record *call, uint64_t purpose)
{
    uint64_t hash = hash_stable(slice_of((const char *)call->call.bytes, sizeof(call->call)));
    hash = (hash ^ purpose) * 0x9e3779b97f4a7c15u;
    return (double)((hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u >> 11) / 9007199254740992.0;
}

/* What the route asks of such a call, whatever its text says. */
static enum tier tier_by_tables(const struct route *route, const struct call_record *call)
{
    const struct classification classification = {
        .task = call->task, .complexity = call->complexity_permille / 1000.0, .given = true};
    enum tier tier = required_tier(route, &classification);
    return route->min_tier > (int)tier ? (enum tier)route->min_tier : tier;
}

/* What the text weighed is not known. Where it had raised the tier, a lower dial takes that back as
 * often as the chances that are too high for the one are not for the other, were all alike. */
static enum tier tier_again(const struct call_record *call, const struct route *before,
                            const struct route *route, enum tier now)
{
    enum tier then = call->tier;
    if (route->conservative <= 0 || route->conservative >= 1) {
        return now;
    }
    if (before == NULL) {
        return then;
    }
    int derived = (int)tier_by_tables(before, call);
    bool raised = (int)then > derived && before->conservative < 1;
    if (raised && lot_of(call, 1) * before->conservative > route->conservative) {
        return now;
    }
    int moved = (int)then + (int)now - derived;
    return moved < 0 ? TIER_BUDGET : moved >= TIER_COUNT ? TIER_PREMIUM : (enum tier)moved;
}

/* How each target stands where the dial is another one: as success.h says, by what was expected of
 * it. Who was expected to do as its tier lets expect is one of which no more was known. */
static void stand_again(struct ledger_replay *r, const struct call_record *call,
                        const struct route *before, const struct route *route)
{
    struct plan_recorded *recorded = &r->recorded;
    double complexity = call->complexity_permille / 1000.0;
    double least =
        success_prior(recorded->wanted, route->task_tier[call->task], complexity) * 1000;
    double best = 0;
    for (size_t i = 0; i < recorded->count; i++) {
        best = fmax(best, (double)recorded->targets[i].success_permille);
    }
    least = fmin(least, best) - pow(1 - route->conservative, 2) * 1000;
    for (size_t i = 0; i < recorded->count; i++) {
        struct recorded_target *known = &recorded->targets[i];
        if (known->target == NO_TARGET || known->success_permille == 0) {
            continue;
        }
        enum tier tier = r->policy->targets[known->target].tier;
        double usual = success_prior(tier, before->task_tier[call->task], complexity) * 1000;
        bool good = fabs(known->success_permille - usual) < PRIOR_ROUNDING
                        ? tier >= recorded->wanted
                        : known->success_permille >= least;
        known->standing = good ? STANDING_GOOD : STANDING_BEHIND;
    }
    recorded->required = recorded->wanted;
}

/* --- the first one --- */

static size_t place_of(const struct plan *plan, uint16_t target)
{
    for (size_t i = 0; i < plan->taken && target != NO_TARGET; i++) {
        if (plan->entries[i].target == target) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void put_first(struct plan *plan, size_t place)
{
    struct plan_entry entry = plan->entries[place];
    memmove(&plan->entries[1], &plan->entries[0], place * sizeof(plan->entries[0]));
    plan->entries[0] = entry;
}

/* By how much its chance rose, in thousandths. */
static int rise_of(const struct ledger_replay *r, const struct plan_entry *entry)
{
    const struct recorded_target *known = recorded_find(&r->recorded, entry->target);
    int then = known == NULL ? 0 : known->propensity_permille;
    return entry->propensity_permille > then ? entry->propensity_permille - then : 0;
}

/* What moved a conversation, and which target answers soonest, is not known. */
static bool stays(const struct ledger_replay *r, size_t place)
{
    const struct plan *plan = r->plan;
    const struct recorded_target *then = r->recorded.targets;
    uint16_t first = plan->entries[0].target;
    if (r->reason == REASON_SESSION || r->reason == REASON_MOVED) {
        return plan->entries[place].propensity_permille > 0 || first == then[0].target ||
               (r->recorded.count > 1 && first == then[1].target);
    }
    return r->reason == REASON_FASTEST && plan->entries[0].reason == REASON_FASTEST &&
           plan->entries[place].reason == REASON_FALLBACK;
}

/* The calls that another target gets are as few as the chances allow: one stays where it was as far
 * as its target is no less probable than it was, and goes where the chance rose. */
static void couple(struct ledger_replay *r, const struct call_record *call)
{
    struct plan *plan = r->plan;
    size_t place = place_of(plan, r->recorded.targets[0].target);
    int rises = 0;
    if (place != SIZE_MAX) {
        double now = plan->entries[place].propensity_permille;
        double then = r->recorded.targets[0].propensity_permille;
        if (stays(r, place) || (now > 0 && lot_of(call, 2) * then < now)) {
            put_first(plan, place);
            return;
        }
    }
    for (size_t i = 0; i < plan->taken; i++) {
        rises += rise_of(r, &plan->entries[i]);
    }
    double left = lot_of(call, 3) * rises;
    for (size_t i = 0; i < plan->taken && rises > 0; i++) {
        left -= rise_of(r, &plan->entries[i]);
        if (left < 0) {
            put_first(plan, i);
            return;
        }
    }
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
    if (route == NULL || !recall(r, detail, usage)) {
        plan_make(&input, r->plan);
        return;
    }
    const struct route *before =
        r->present == NULL ? NULL : policy_find_route(r->present, call->route);
    r->recorded.wanted = tier_again(call, before, route, tier_by_tables(route, call));
    if (before != NULL && fabs(before->conservative - route->conservative) > 1e-9) {
        stand_again(r, call, before, route);
    }
    input.recorded = &r->recorded;
    plan_make(&input, r->plan);
    couple(r, call);
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
    r.present = replay->present == NULL ? NULL : &replay->present->policy;
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
