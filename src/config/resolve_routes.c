/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes. Every name in them is looked up here, so that a route can name only what exists; what a
 * route could never do (no candidate left) is a warning, since a target may come back.
 */
#include "config/reader.h"
#include "config/resolve_strategy.h"
#include "model/tag.h"

#include <stdio.h>

/* Reports a name that the list has already; `targets` are those before it. */
static bool is_repeated(struct reader *reader, const struct yaml *item, const uint16_t *targets,
                        size_t count, uint16_t index)
{
    for (size_t i = 0; i < count; i++) {
        if (targets[i] == index) {
            diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "duplicate_name", item->place,
                            "remove it", "\"%.*s\" stands twice in this list",
                            (int)(item->written.len < 100 ? item->written.len : 100),
                            item->written.ptr);
            return true;
        }
    }
    return false;
}

uint16_t *resolve_target_list(struct reader *reader, const struct yaml *list, size_t *ret_count)
{
    uint16_t *targets = arena_array(reader->arena, item_count(list) + 1, sizeof(*targets));
    *ret_count = 0;
    if (targets == NULL) {
        return NULL;
    }
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        uint16_t index = setting_target(reader, i);
        if (index != NO_TARGET && !is_repeated(reader, i, targets, *ret_count, index)) {
            targets[(*ret_count)++] = index;
        }
    }
    return targets;
}

static void all_candidates(struct reader *reader, struct route *route)
{
    size_t count = reader->snapshot->named_targets;
    route->candidates = arena_array(reader->arena, count + 1, sizeof(*route->candidates));
    for (size_t i = 0; i < count && route->candidates != NULL; i++) {
        route->candidates[route->candidate_count++] = (uint16_t)i;
    }
}

/* --- tasks --- */

static struct slice task_at(const void *owner, size_t i)
{
    (void)owner;
    return slice_from_cstr(task_name((enum task)i));
}

static bool read_task(struct reader *reader, const struct yaml *node, enum task *ret_task)
{
    if (task_from_name(node->key, ret_task)) {
        return true;
    }
    report_unknown_name(reader, node->key_place, node->key, "task", task_at, NULL, TASK_COUNT);
    return false;
}

static struct task_policy *read_task_policy(struct reader *reader, const struct yaml *node)
{
    struct task_policy *policy = ARENA_NEW(reader->arena, struct task_policy);
    if (policy == NULL) {
        return NULL;
    }
    policy->min_tier = -1;
    if (node->kind != YAML_MAPPING) {
        policy->exclusive = true;
        policy->targets = resolve_target_list(reader, node, &policy->count);
        return policy;
    }
    const struct yaml *prefer = setting_node(node, "routes.*.tasks.*.prefer");
    const struct yaml *only = setting_node(node, "routes.*.tasks.*.only");
    if (prefer != NULL && only != NULL) {
        report_error(reader, only->key_place, "contradiction", "keep one of them",
                     "prefer and only exclude each other");
    }
    const struct yaml *list = only != NULL ? only : prefer;
    policy->exclusive = only != NULL;
    if (list != NULL) {
        policy->targets = resolve_target_list(reader, list, &policy->count);
    }
    if (setting_given(node, "routes.*.tasks.*.min_tier")) {
        policy->min_tier = (int)setting_number(node, "routes.*.tasks.*.min_tier");
    }
    return policy;
}

static void resolve_tasks(struct reader *reader, const struct yaml *section, struct route *route)
{
    const struct yaml *tasks = setting_node(section, "routes.*.tasks");
    const struct yaml *tiers = setting_node(section, "routes.*.tiers");
    enum task task;
    enum tier tier;
    for (int i = 0; i < TASK_COUNT; i++) {
        route->task_tier[i] = task_default_tier((enum task)i);
    }
    for (const struct yaml *t = member_first(tiers); t != NULL; t = member_next(t)) {
        if (read_task(reader, t, &task) && tier_from_name(t->text, &tier)) {
            route->task_tier[task] = tier;
        }
    }
    for (const struct yaml *t = member_first(tasks); t != NULL; t = member_next(t)) {
        if (read_task(reader, t, &task)) {
            route->task_policy[task] = read_task_policy(reader, t);
        }
    }
}

/* --- one route, and all --- */

static int64_t read_limit(const struct yaml *section, const char *pattern)
{
    return setting_given(section, pattern) ? setting_number(section, pattern) : NO_LIMIT;
}

/* The dial itself where there is none. */
static double read_bound(const struct yaml *section, const char *pattern, const struct route *route)
{
    return setting_given(section, pattern) ? (double)setting_number(section, pattern) / 1000.0
                                           : route->conservative;
}

static void read_limits(const struct yaml *section, struct route *route)
{
    route->max_latency_ms = read_limit(section, "routes.*.max_latency_ms");
    route->max_cost_nd = read_limit(section, "routes.*.max_cost_usd");
    route->min_tier = setting_given(section, "routes.*.min_tier")
                          ? (int)setting_number(section, "routes.*.min_tier")
                          : -1;
    route->conservative = (double)setting_number(section, "routes.*.conservative") / 1000.0;
    route->conservative_min = read_bound(section, "routes.*.conservative_min", route);
    route->conservative_max = read_bound(section, "routes.*.conservative_max", route);
    route->on_infeasible =
        (enum infeasible_policy)setting_number(section, "routes.*.on_infeasible");
    route->max_attempts = (unsigned)setting_number(section, "routes.*.max_attempts");
    route->local_only = setting_number(section, "routes.*.local_only") != 0;
    route->pace = setting_number(section, "routes.*.pace") != 0;
}

static void read_strategy(struct reader *reader, const struct yaml *section, struct route *route)
{
    static const struct strategy_options options = {"routes.*.strategy", "routes.*.weights"};
    struct arrangement arrangement = {.targets = route->candidates,
                                      .count = route->candidate_count};
    resolve_strategy(reader, section, &options, &arrangement);
    route->strategy = arrangement.strategy;
    route->weights = arrangement.weights;
    route->draws = route->strategy == STRATEGY_WEIGHTED;
    route->split = (enum split)setting_number(section, "routes.*.split_by");
    route->lambda = (double)setting_number(section, "routes.*.lambda") / 1000.0;
}

static void read_session(const struct yaml *section, struct route *route)
{
    const struct yaml *session = setting_node(section, "routes.*.session");
    route->sticky = setting_number(session, "routes.*.session.sticky") != 0;
    route->sticky_opening = setting_number(session, "routes.*.session.opening") != 0;
    route->tool_loops = setting_number(session, "routes.*.session.tool_loops") != 0;
    route->session_ttl_ms = setting_number(session, "routes.*.session.ttl");
}

static struct slice tag_at(const void *owner, size_t i)
{
    const struct policy *policy = owner;
    return policy->tags[i];
}

static void read_required_tags(struct reader *reader, const struct yaml *section,
                               struct route *route)
{
    const struct policy *policy = &reader->snapshot->policy;
    const struct yaml *list = setting_node(section, "routes.*.require");
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        size_t at = 0;
        while (at < policy->tag_count && !slice_eq(policy->tags[at], i->text)) {
            at++;
        }
        if (at == policy->tag_count) {
            report_unknown_name(reader, i->place, i->written, "tag of a target", tag_at, policy,
                                policy->tag_count);
        } else {
            route->required_tags |= UINT64_C(1) << at;
        }
    }
}

static bool can_be_chosen(const struct policy *policy, const struct route *route,
                          const struct target *target)
{
    struct price price = policy_price(policy, target);
    bool priced = price.known && (route->max_cost_nd != 0 || price_is_free(&price));
    return !target->off && priced && (target->local || !route->local_only) &&
           (route->required_tags & ~target->tags) == 0 && (int)target->tier >= route->min_tier &&
           (route->max_latency_ms == NO_LIMIT || target->latency_ms <= route->max_latency_ms);
}

/* A list of a task or a rule replaces the candidates, so only a route without them is hopeless for
 * sure. */
static void warn_hopeless(struct reader *reader, const struct yaml *section,
                          const struct route *route)
{
    const struct policy *policy = &reader->snapshot->policy;
    for (size_t i = 0; i < route->candidate_count; i++) {
        if (can_be_chosen(policy, route, &policy->targets[route->candidates[i]])) {
            return;
        }
    }
    if (section == NULL || route->candidate_count == 0 || reader->diagnostics->errors > 0 ||
        setting_given(section, "routes.*.tasks") || route->rule_count > 0) {
        return;
    }
    diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "no_candidate", place_of_key(section),
                    "check enabled, prices, latency_ms and tiers of its targets against its limits",
                    "no target of the route %.*s satisfies the limits of the route",
                    (int)(route->name.len < 100 ? route->name.len : 100), route->name.ptr);
}

static void check_dial(struct reader *reader, const struct yaml *section, const struct route *route)
{
    if (route->conservative_min > route->conservative ||
        route->conservative_max < route->conservative) {
        report_error(reader, place_of_key(section), "contradiction",
                     "conservative_min <= conservative <= conservative_max",
                     "conservative is outside of the bounds that it may be moved between");
    }
}

static void read_tag(struct reader *reader, const struct yaml *section, struct route *route)
{
    const struct yaml *node = setting_node(section, "routes.*.tag");
    route->tag = setting_text(section, "routes.*.tag");
    if (node != NULL && !tag_is_sound(route->tag)) {
        report_error(reader, node->place, "bad_value",
                     "1 to 63 bytes, without commas, control characters and outer spaces",
                     "this is no tag");
    }
}

static void resolve_route(struct reader *reader, const struct yaml *section, struct route *route)
{
    const struct yaml *targets = setting_node(section, "routes.*.targets");
    const struct yaml *baseline = setting_node(section, "routes.*.baseline");
    route->baseline = baseline == NULL ? NO_TARGET : setting_target(reader, baseline);
    read_limits(section, route);
    check_dial(reader, section, route);
    read_required_tags(reader, section, route);
    read_tag(reader, section, route);
    read_session(section, route);
    if (targets != NULL) {
        route->candidates = resolve_target_list(reader, targets, &route->candidate_count);
    } else {
        all_candidates(reader, route);
    }
    read_strategy(reader, section, route);
    resolve_rules(reader, section, route);
    resolve_tasks(reader, section, route);
    resolve_escalation(reader, section, route);
    warn_hopeless(reader, section, route);
}

/* Names of routes and targets are one space: both are what a client asks for as the model. */
static void check_clash(struct reader *reader, const struct yaml *section)
{
    const struct policy *policy = &reader->snapshot->policy;
    uint16_t index = policy_find_target(policy, section->key);
    int len = (int)(section->key.len < 100 ? section->key.len : 100);
    if (index == NO_TARGET) {
        return;
    }
    if (index < reader->snapshot->named_targets) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "name_clash", section->key_place,
                        "rename one of them", "\"%.*s\" is the name of a target too", len,
                        section->key.ptr);
    } else {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "name_clash", section->key_place,
                        "give the route a name of its own",
                        "\"%.*s\" is a model of one of the providers", len, section->key.ptr);
    }
}

/* The route auto is always there. */
static void add_auto(struct reader *reader)
{
    struct policy *policy = &reader->snapshot->policy;
    const struct yaml *targets = setting_section(reader, "targets");
    const struct yaml *target = yaml_member(targets, SLICE("auto"));
    struct route *route = &policy->routes[policy->route_count++];
    if (target != NULL) {
        report_error(reader, target->key_place, "name_clash", "rename the target",
                     "\"auto\" is the name of the route that has every target");
    }
    route->name = SLICE("auto");
    resolve_route(reader, NULL, route);
}

void resolve_routes(struct reader *reader)
{
    const struct yaml *section = setting_section(reader, "routes");
    struct policy *policy = &reader->snapshot->policy;
    policy->routes = arena_array(reader->arena, member_count(section) + 1, sizeof(*policy->routes));
    if (policy->routes == NULL) {
        return;
    }
    for (const struct yaml *r = member_first(section); r != NULL; r = member_next(r)) {
        struct route *route = &policy->routes[policy->route_count++];
        route->name = r->key;
        if (check_name(reader, r, "route", false)) {
            check_clash(reader, r);
        }
        resolve_route(reader, r, route);
    }
    if (yaml_member(section, SLICE("auto")) == NULL) {
        add_auto(reader);
    }
}
