/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/decide.h"

#include "base/clock.h"
#include "base/hash.h"
#include "config/options.h"
#include "dialect/wish.h"
#include "gateway/asker.h"
#include "gateway/wishes.h"
#include "provider/catalogue.h"
#include "route/evidence.h"
#include "route/exact.h"
#include "route/learned.h"
#include "route/reread.h"
#include "route/text_model.h"

unsigned decide_dialects(const struct chat *chat, bool emulated)
{
    unsigned dialects = 0;
    if (wishes_of(chat) != 0) {
        return wishes_speakers(chat, emulated);
    }
    for (unsigned id = 0; id < DIALECT_COUNT && chat->operation == OPERATION_EMBEDDING; id++) {
        bool knows =
            (dialect_of((enum dialect_id)id)->operations & OPERATION_BIT(OPERATION_EMBEDDING)) != 0;
        dialects |= knows ? DIALECT_BIT(id) : 0;
    }
    return dialects;
}

static struct slice plain_model(struct slice inner, struct arena *arena)
{
    if (inner.len == 0 || slice_find(inner, '\\') == SIZE_MAX) {
        return inner;
    }
    struct buf text = BUF_INIT(4096);
    json_unescape(inner, &text);
    struct slice copy = arena_copy(arena, buf_slice(&text));
    buf_release(&text);
    return copy;
}

static bool add_target(struct decision *decision, uint16_t target)
{
    if (target == NO_TARGET || decision->model_count == DECISION_MODELS_MAX) {
        return false;
    }
    decision->called[decision->model_count] = SLICE_EMPTY;
    decision->models[decision->model_count++] = target;
    return true;
}

static bool add_model(const struct policy *policy, const struct caller *caller,
                      struct decision *decision, struct slice name)
{
    uint16_t target = policy_find_target(policy, name);
    if (target == NO_TARGET) {
        target = policy_find_provider_model(policy, name);
    }
    if (target != NO_TARGET && caller != NULL &&
        !caller_may_ask_target(caller, name, &policy->targets[target])) {
        return false;
    }
    return add_target(decision, target);
}

/* --- models that have no target of their own --- */

static bool is_sound(struct slice model)
{
    for (size_t i = 0; i < model.len; i++) {
        unsigned char c = (unsigned char)model.ptr[i];
        if (c <= ' ' || c >= 0x7f) {
            return false;
        }
    }
    return model.len > 0 && model.len <= CATALOGUE_NAME_MAX && !slice_eq(model, SLICE("*"));
}

/* The target whose price the catalogue gives a model of this name, else the one for all others. */
static uint16_t stand_in_of(const struct snapshot *snapshot, uint16_t provider, struct slice model)
{
    const char *id = snapshot->providers[provider].preset->catalogue;
    struct catalogue_model known;
    uint16_t target = NO_TARGET;
    bool local = (snapshot->providers[provider].quirks & QUIRK_LOCAL) != 0;
    if (id != NULL && !local &&
        catalogue_find(slice_from_cstr(id), model, snapshot->loaded_wall_ns / NS_PER_S, &known)) {
        target = policy_find_stand_in(&snapshot->policy, provider, known.id);
    }
    return target != NO_TARGET ? target
                               : policy_find_stand_in(&snapshot->policy, provider, SLICE("*"));
}

/* "provider/model" of any model of a configured provider: *ret_model and the target that stands for
 * it, which the caller may ask; else NO_TARGET. */
static uint16_t find_stand_in(const struct snapshot *snapshot, const struct caller *caller,
                              struct slice name, struct slice *ret_model)
{
    *ret_model = name;
    struct slice provider = slice_cut(ret_model, '/');
    for (size_t i = 0; is_sound(*ret_model) && i < snapshot->provider_count; i++) {
        if (!slice_eq(snapshot->providers[i].name, provider)) {
            continue;
        }
        uint16_t target = stand_in_of(snapshot, (uint16_t)i, *ret_model);
        bool may = target != NO_TARGET &&
                   (caller == NULL ||
                    caller_may_ask_target(caller, name, &snapshot->policy.targets[target]));
        return may ? target : NO_TARGET;
    }
    return NO_TARGET;
}

static bool has_price(const struct policy *policy, uint16_t target)
{
    return policy_price(policy, &policy->targets[target]).known;
}

/* One name for each target: what is known of a call knows it by its target. */
static bool add_stand_in(const struct snapshot *snapshot, const struct caller *caller,
                         struct decision *decision, struct slice name)
{
    struct slice model;
    uint16_t target = find_stand_in(snapshot, caller, name, &model);
    if (target == NO_TARGET || !has_price(&snapshot->policy, target)) {
        return false;
    }
    for (size_t i = 0; i < decision->model_count; i++) {
        if (decision->models[i] == target) {
            return false;
        }
    }
    size_t at = decision->model_count;
    if (!add_target(decision, target)) {
        return false;
    }
    decision->called[at] = model;
    return true;
}

struct slice decide_model(const struct snapshot *snapshot, const struct decision *decision,
                          uint16_t target)
{
    const struct target *of = &snapshot->policy.targets[target];
    for (size_t i = 0; i < decision->model_count; i++) {
        if (decision->models[i] == target && decision->called[i].len > 0) {
            return decision->called[i];
        }
    }
    return of->pattern ? SLICE_EMPTY : of->model;
}

static const struct route *find_route(const struct policy *policy, const struct caller *caller,
                                      struct slice name)
{
    const struct route *route = policy_find_route(policy, name);
    return route != NULL && caller != NULL && !caller_may_ask_route(caller, name) ? NULL : route;
}

/* ":floor" and ":nitro" are OpenRouter's shorthands for sort; only where the name with its suffix
 * is no name of ours. */
static struct slice strip_shorthand(struct slice name, struct decision *decision)
{
    if (slice_ends(name, SLICE(":floor"))) {
        decision->constraints.sort = SORT_EXPECTED_PRICE;
        return slice_of(name.ptr, name.len - 6);
    }
    if (slice_ends(name, SLICE(":nitro"))) {
        decision->constraints.sort = SORT_THROUGHPUT;
        return slice_of(name.ptr, name.len - 6);
    }
    return name;
}

static bool resolve_name(const struct snapshot *snapshot, const struct caller *caller,
                         struct slice name, struct decision *decision)
{
    const struct policy *policy = &snapshot->policy;
    if (name.len == 0) {
        name = SLICE("auto");
    }
    for (int pass = 0; pass < 2; pass++) {
        decision->route = find_route(policy, caller, name);
        if (decision->route != NULL || add_model(policy, caller, decision, name)) {
            return true;
        }
        struct slice shorter = strip_shorthand(name, decision);
        if (shorter.len == name.len) {
            break;
        }
        name = shorter;
    }
    return add_stand_in(snapshot, caller, decision, name);
}

static bool resolve_next(const struct snapshot *snapshot, const struct caller *caller,
                         struct slice name, struct decision *decision)
{
    const struct policy *policy = &snapshot->policy;
    struct slice shorter = strip_shorthand(name, decision);
    return add_model(policy, caller, decision, name) ||
           add_model(policy, caller, decision, shorter) ||
           add_stand_in(snapshot, caller, decision, shorter);
}

/* One of them. A suffix says how its providers are sorted, of a route too; with others before it
 * the caller's order stands. */
static void resolve_listed(const struct snapshot *snapshot, const struct caller *caller,
                           struct slice name, struct decision *decision)
{
    enum plan_sort sort = decision->constraints.sort;
    bool first = decision->model_count == 0;
    bool found = name.len > 0 && (first ? resolve_name(snapshot, caller, name, decision)
                                        : resolve_next(snapshot, caller, name, decision));
    if (!found || !first) {
        decision->constraints.sort = sort;
    }
}

/* OpenRouter's `models`: the model first, then these, in order; names that mean nothing here are
 * skipped as long as one does. A route has targets enough: what follows it is not asked. */
static bool resolve_models(const struct snapshot *snapshot, const struct caller *caller,
                           const struct chat *chat, struct arena *arena, struct decision *decision,
                           struct error *error)
{
    const struct json_doc *doc = chat->doc;
    if (!json_is(doc, chat->models, JSON_ARRAY)) {
        return true;
    }
    if (json_count(doc, chat->models) > DECISION_NAMES_MAX) {
        error_set(error, ERROR_INVALID, "invalid_option", "At most %d models can be listed.",
                  DECISION_NAMES_MAX);
        error_at(error, "/models");
        return false;
    }
    for (uint32_t i = json_first(doc, chat->models); i != JSON_ABSENT && decision->route == NULL;
         i = json_next(doc, chat->models, i)) {
        if (json_is(doc, i, JSON_STRING)) {
            resolve_listed(snapshot, caller, json_string(doc, i, arena), decision);
        }
    }
    return true;
}

static void not_found(const struct snapshot *snapshot, const struct caller *caller,
                      struct slice name, struct error *error)
{
    struct slice model;
    int len = (int)(name.len < 120 ? name.len : 120);
    const char *text = name.ptr == NULL ? "" : name.ptr;
    uint16_t target = find_stand_in(snapshot, caller, name, &model);
    if (target != NO_TARGET && !has_price(&snapshot->policy, target)) {
        error_set(error, ERROR_NOT_FOUND, "model_not_found",
                  "The price of \"%.*s\" is not known and prices.unknown is deny: add a target "
                  "with its price, or set prices.unknown to ceiling or allow.",
                  len, text);
    } else {
        error_set(error, ERROR_NOT_FOUND, "model_not_found",
                  "No route, target or provider/model is called \"%.*s\". GET /v1/models lists "
                  "them.",
                  len, text);
    }
    error_at(error, "/model");
}

static bool resolve(const struct snapshot *snapshot, const struct caller *caller,
                    const struct chat *chat, struct arena *arena, struct decision *decision,
                    struct error *error)
{
    struct slice name = plain_model(chat->model, arena);
    bool named = chat->model.ptr != NULL;
    bool listed = json_is(chat->doc, chat->models, JSON_ARRAY);
    bool found = (named || !listed) && resolve_name(snapshot, caller, name, decision);
    if (!resolve_models(snapshot, caller, chat, arena, decision, error)) {
        return false;
    }
    if (found || decision->route != NULL || decision->model_count > 0) {
        return true;
    }
    if (!named && listed) {
        name = json_raw(chat->doc, chat->models);
    }
    not_found(snapshot, caller, name, error);
    return false;
}

/* NULL also where the caller may use everything. Out of memory shows in the arena. */
static const uint64_t *withheld_targets(const struct policy *policy, const struct caller *caller,
                                        struct arena *arena)
{
    if (caller == NULL || caller->key == NULL ||
        !key_grants_any(caller->keys, caller->key, GRANT_TARGET)) {
        return NULL;
    }
    uint64_t *bits = arena_array(arena, policy->target_count / 64 + 1, sizeof(*bits));
    for (size_t i = 0; bits != NULL && i < policy->target_count; i++) {
        bool withheld = !caller_may_use_target(caller, &policy->targets[i]);
        bits[i / 64] |= (uint64_t)withheld << (i % 64);
    }
    return bits;
}

static struct slice tag_of(const struct decision *decision, const struct caller *caller)
{
    if (decision->tag_count > 0) {
        return decision->tags[0];
    }
    if (decision->route != NULL && decision->route->tag.len > 0) {
        return decision->route->tag;
    }
    return caller == NULL ? SLICE_EMPTY : caller_tag(caller);
}

/* --- names that the caller allows or denies --- */

static bool is_target_or_provider(const struct snapshot *snapshot, struct slice name)
{
    const struct policy *policy = &snapshot->policy;
    for (size_t i = 0; i < policy->target_count; i++) {
        if (slice_eq(name, policy->targets[i].name)) {
            return true;
        }
    }
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        if (slice_eq_nocase(name, snapshot->providers[i].name)) {
            return true;
        }
    }
    return false;
}

/* The nearest of those that the caller may use; empty where none is near. */
static struct slice nearest_target(const struct snapshot *snapshot, const uint64_t *withheld,
                                   struct slice name)
{
    const struct policy *policy = &snapshot->policy;
    struct slice nearest = SLICE_EMPTY;
    unsigned best = edit_limit(name) + 1;
    for (size_t i = 0; i < policy->target_count; i++) {
        const struct target *target = &policy->targets[i];
        const struct slice names[] = {target->name, target->provider_name};
        bool hidden = withheld != NULL && (withheld[i / 64] >> (i % 64) & 1) != 0;
        for (size_t n = 0; n < ARRAY_LEN(names) && !hidden; n++) {
            unsigned distance = edit_distance(name, names[n], best);
            if (distance < best) {
                best = distance;
                nearest = names[n];
            }
        }
    }
    return nearest;
}

/* A misspelt name denies nobody, or allows nobody: neither is what was meant. */
static bool names_are_known(const struct snapshot *snapshot, const struct decision *decision,
                            const char *verb, struct slice names, struct error *error)
{
    while (names.len > 0) {
        struct slice name = slice_trim(slice_cut(&names, ','));
        if (is_target_or_provider(snapshot, name)) {
            continue;
        }
        struct slice nearest = nearest_target(snapshot, decision->withheld, name);
        return error_set(error, ERROR_INVALID, "invalid_option",
                         "There is no target or provider \"%.*s\" to %s%s%.*s%s",
                         (int)(name.len < 64 ? name.len : 64), name.ptr, verb,
                         nearest.len > 0 ? "; did you mean \"" : ".", SLICE_ARG(nearest),
                         nearest.len > 0 ? "\"?" : "");
    }
    return true;
}

bool decide_begin(const struct snapshot *snapshot, const struct caller *caller,
                  const struct chat *chat, unsigned client_dialect,
                  const struct http_request *request, int64_t wall_ns, struct arena *arena,
                  struct decision *decision, struct error *error)
{
    memset(&decision->task_given, 0,
           offsetof(struct decision, plan) - offsetof(struct decision, task_given));
    memset(&decision->classification, 0, offsetof(struct classification, chances));
    decision->route = NULL;
    decision->model_count = 0;
    decision->plan.count = 0; /* its table stays as it is until there is a plan */
    decision->plan.taken = 0;
    constraints_init(&decision->constraints);
    decision->client_dialect = client_dialect;
    if (!resolve(snapshot, caller, chat, arena, decision, error) ||
        !wishes_read_preferences(chat, arena, decision, error) ||
        !wishes_read_body(chat, arena, decision, error)) {
        return false;
    }
    for (size_t i = 0; i < decision->model_count; i++) { /* they outlive the request's bytes */
        if (decision->called[i].len > 0) {
            decision->called[i] = arena_copy(arena, decision->called[i]);
        }
    }
    decision->withheld = withheld_targets(&snapshot->policy, caller, arena);
    if (decision->route != NULL) {
        struct asker asker = {caller, chat, request, wall_ns, arena};
        decision->rules = asker_rules(&asker, decision->route);
        decision->lot = decision->route->draws ? asker_lot(&asker, decision->route) : 0;
    }
    if (arena->exhausted) { /* a name that was lost must not become another wish */
        return error_set(error, ERROR_LIMIT, "request_too_large",
                         "The request needs more memory than one call may use.");
    }
    if (request != NULL && !wishes_read_headers(request, decision, error)) {
        return false;
    }
    decision->tag = tag_of(decision, caller);
    return names_are_known(snapshot, decision, "allow", decision->constraints.allow, error) &&
           names_are_known(snapshot, decision, "deny", decision->constraints.deny, error);
}

void decide_classify(const struct snapshot *snapshot, const struct chat *chat,
                     struct features *features, struct decision *decision)
{
    bool by_rules = snapshot->classifier.kind == CLASSIFIER_RULES;
    features_extract(chat, features);
    struct classification *result = &decision->classification;
    if (snapshot->classifier.weights != NULL) {
        uint64_t tag = decision->tag.len == 0 ? 0 : hash_stable(decision->tag);
        decision->has_learned = learned_ask(snapshot->classifier.weights, &snapshot->policy, chat,
                                            tag, decision->learned);
    }
    if (decision->task_given) {
        result->complexity = complexity_of(features, result->task);
        result->confidence = 1.0;
        result->reason = "given by the caller";
        result->given = true;
        judge_task(result->task, &result->judged);
        return;
    }
    const struct text_model *model = by_rules ? NULL : text_model_default();
    classify_text(model, features, result);
    reread(model, decision->route, chat, features, result);
}

bool decide_is_checked(enum operation operation)
{
    return operation == OPERATION_CHAT || operation == OPERATION_COMPLETION;
}

const struct rule *decide_rule(const struct chat *chat, const struct features *features,
                               const struct decision *decision)
{
    const struct route *route = decision->route;
    return route == NULL || decision->rules == 0
               ? NULL
               : rule_of_request(route->rules, route->rule_count, decision->rules, features,
                                 &decision->classification, chat->stream, decision->cheaper);
}

void decide_plan_input(const struct snapshot *snapshot, const struct chat *chat,
                       const struct features *features, int64_t now_ns,
                       const struct decision *decision, struct plan_input *ret_input)
{
    *ret_input = (struct plan_input){
        .policy = &snapshot->policy,
        .route = decision->route,
        .models = decision->models,
        .model_count = decision->model_count,
        .rule = decide_rule(chat, features, decision),
        .lot = decision->lot,
        .features = features,
        .counted = decision->counted,
        .counted_tokens = decision->counted_tokens,
        .classification = decision->classification,
        .constraints = decision->constraints,
        .max_tokens = chat->max_tokens,
        .streamed = chat->stream,
        .unchecked = !decide_is_checked(chat->operation),
        .client_dialect = decision->client_dialect,
        .required_dialects = decide_dialects(chat, true),
        .cheaper = decision->cheaper,
        .call_limit_nd = decision->call_limit_nd,
        .choices = chat->choices,
        .session = decision->in_session ? &decision->session : NULL,
        .withheld = decision->withheld,
        .tag = decision->tag.len == 0 ? 0 : evidence_tag(decision->tag),
        .learned = decision->has_learned ? decision->learned : NULL,
        .now_ns = now_ns,
    };
}

static void plan_with(const struct snapshot *snapshot, const struct chat *chat,
                      const struct features *features, int64_t now_ns, bool leisure,
                      struct decision *decision)
{
    struct plan_input input;
    decide_plan_input(snapshot, chat, features, now_ns, decision, &input);
    plan_make(&input, &decision->plan);
    if (exact_plan(chat, &input, &decision->plan, leisure)) {
        decision->counted = input.counted;
        decision->counted_tokens = input.counted_tokens;
    }
}

void decide_plan(const struct snapshot *snapshot, const struct chat *chat,
                 const struct features *features, int64_t now_ns, struct decision *decision)
{
    plan_with(snapshot, chat, features, now_ns, false, decision);
}

void decide_plan_at_leisure(const struct snapshot *snapshot, const struct chat *chat,
                            const struct features *features, int64_t now_ns,
                            struct decision *decision)
{
    plan_with(snapshot, chat, features, now_ns, true, decision);
}
