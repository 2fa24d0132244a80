/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <stdio.h>

static uint16_t *read_targets(struct reader *reader, const struct yaml *list, size_t *ret_count)
{
    size_t count = 0;
    *ret_count = 0;
    if (list->kind == YAML_SCALAR) {
        uint16_t *one = arena_array(reader->arena, 1, sizeof(*one));
        uint16_t index = setting_target(reader, list, list->text);
        if (one != NULL && index != NO_TARGET) {
            one[0] = index;
            *ret_count = 1;
        }
        return one;
    }
    for (const struct yaml *item = list->first; item != NULL; item = item->next) {
        count++;
    }
    uint16_t *targets = arena_array(reader->arena, count + 1, sizeof(*targets));
    for (const struct yaml *item = list->first; item != NULL && targets != NULL; item = item->next) {
        uint16_t index = item->kind == YAML_SCALAR ? setting_target(reader, item, item->text) : NO_TARGET;
        if (index != NO_TARGET) {
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

static bool read_task(struct reader *reader, const struct yaml *node, enum task *ret_task)
{
    if (task_from_name(node->key, ret_task)) {
        return true;
    }
    struct slice names[TASK_COUNT];
    for (int i = 0; i < TASK_COUNT; i++) {
        names[i] = slice_from_cstr(task_name((enum task)i));
    }
    struct yaml at = *node;
    at.place = node->key_place;
    report_unknown_name(reader, &at, node->key, "task", names, TASK_COUNT);
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
        policy->targets = read_targets(reader, node, &policy->count);
        return policy;
    }
    const struct yaml *prefer = setting_node(node, "routes.*.tasks.*.prefer");
    const struct yaml *only = setting_node(node, "routes.*.tasks.*.only");
    if (prefer != NULL && only != NULL) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "contradiction", only->key_place, "keep one of them",
                        "prefer and only exclude each other");
    }
    const struct yaml *list = only != NULL ? only : prefer;
    policy->exclusive = only != NULL;
    if (list != NULL) {
        policy->targets = read_targets(reader, list, &policy->count);
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
    for (int i = 0; i < TASK_COUNT; i++) {
        route->task_tier[i] = task_default_tier((enum task)i);
    }
    for (const struct yaml *t = tiers == NULL ? NULL : tiers->first; t != NULL; t = t->next) {
        enum tier tier;
        if (read_task(reader, t, &task) && tier_from_name(t->text, &tier)) {
            route->task_tier[task] = tier;
        }
    }
    for (const struct yaml *t = tasks == NULL ? NULL : tasks->first; t != NULL; t = t->next) {
        if (read_task(reader, t, &task)) {
            route->task_policy[task] = read_task_policy(reader, t);
        }
    }
}

/* Only what is built may be asked for. */
static void resolve_escalation(struct reader *reader, const struct yaml *section, struct route *route)
{
    const struct yaml *escalate = setting_node(section, "routes.*.escalate");
    const struct yaml *when = setting_node(escalate, "routes.*.escalate.when");
    for (const struct yaml *w = when == NULL ? NULL : when->kind == YAML_SCALAR ? when : when->first; w != NULL;
         w = when->kind == YAML_SCALAR ? NULL : w->next) {
        if (!slice_eq(w->text, SLICE("error"))) {
            diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "not_built", w->place,
                            "only error is built: remove the others", "escalation on \"%.*s\" is not built yet",
                            SLICE_ARG(w->text));
        }
    }
    if (setting_given(escalate, "routes.*.escalate.max_attempts")) {
        route->max_attempts = (unsigned)setting_number(escalate, "routes.*.escalate.max_attempts");
    }
}

static int64_t read_limit(const struct yaml *section, const char *pattern)
{
    return setting_given(section, pattern) ? setting_number(section, pattern) : NO_LIMIT;
}

static void resolve_route(struct reader *reader, const struct yaml *section, struct route *route)
{
    const struct yaml *targets = setting_node(section, "routes.*.targets");
    const struct yaml *baseline = setting_node(section, "routes.*.baseline");
    route->baseline = baseline == NULL ? NO_TARGET : setting_target(reader, baseline, baseline->text);
    route->max_latency_ms = read_limit(section, "routes.*.max_latency_ms");
    route->max_cost_nd = read_limit(section, "routes.*.max_cost_usd");
    route->min_tier = setting_given(section, "routes.*.min_tier") ? (int)setting_number(section, "routes.*.min_tier") : -1;
    route->conservative = (double)setting_number(section, "routes.*.conservative") / 1000.0;
    route->on_infeasible = (enum infeasible_policy)setting_number(section, "routes.*.on_infeasible");
    route->max_attempts = (unsigned)setting_number(section, "routes.*.max_attempts");
    route->local_only = setting_number(section, "routes.*.local_only") != 0;
    if (targets != NULL) {
        route->candidates = read_targets(reader, targets, &route->candidate_count);
    } else {
        all_candidates(reader, route);
    }
    resolve_tasks(reader, section, route);
    resolve_escalation(reader, section, route);
}

static bool name_is_taken(const struct policy *policy, struct slice name)
{
    return policy_find_target(policy, name) != NO_TARGET;
}

void resolve_routes(struct reader *reader)
{
    const struct yaml *section = yaml_member(reader->root, SLICE("routes"));
    struct policy *policy = &reader->snapshot->policy;
    size_t count = 0;
    bool has_auto = false;
    for (const struct yaml *r = section == NULL ? NULL : section->first; r != NULL; r = r->next) {
        count++;
        has_auto = has_auto || slice_eq(r->key, SLICE("auto"));
    }
    policy->routes = arena_array(reader->arena, count + 1, sizeof(*policy->routes));
    if (policy->routes == NULL) {
        return;
    }
    for (const struct yaml *r = section == NULL ? NULL : section->first; r != NULL; r = r->next) {
        if (name_is_taken(policy, r->key)) {
            diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "name_clash", r->key_place, "rename one of them",
                            "\"%.*s\" is the name of a target too", SLICE_ARG(r->key));
        }
        struct route *route = &policy->routes[policy->route_count++];
        route->name = r->key;
        resolve_route(reader, r, route);
    }
    if (!has_auto) {
        struct route *route = &policy->routes[policy->route_count++];
        route->name = SLICE("auto");
        resolve_route(reader, NULL, route);
    }
}
