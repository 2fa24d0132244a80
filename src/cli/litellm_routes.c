/* SPDX-License-Identifier: Apache-2.0 */
/* Model groups, their fallbacks and aliases: each is a route of the same name. */
#include "cli/litellm.h"

#include <math.h>

#define ATTEMPTS_MAX 16
#define WEIGHT_LARGEST 1000000.0

/* Of the whole file. */
struct balance {
    const char *strategy; /* among the deployments of a group */
    struct yaml *said;    /* where the file says so, until that was noted */
    double retries;       /* -1: not said */
};

size_t litellm_group_find(const struct litellm *import, struct slice name)
{
    for (size_t i = 0; i < import->group_count; i++) {
        if (slice_eq(import->groups[i].name, name)) {
            return i;
        }
    }
    return LITELLM_GROUPS_MAX;
}

/* --- fallbacks --- */

static void add_fallback(struct litellm *import, struct litellm_group *group, struct yaml *name)
{
    size_t at = name->kind != YAML_SCALAR
                    ? LITELLM_GROUPS_MAX
                    : litellm_group_find(import, litellm_name(import, name->text));
    if (at == LITELLM_GROUPS_MAX || group->fallback_count == LITELLM_MEMBERS_MAX) {
        litellm_note(import, name, "left out: no group of model_list has this name");
        return;
    }
    for (size_t i = 0; i < group->fallback_count; i++) {
        if (group->fallbacks[i] == at) {
            return;
        }
    }
    group->fallbacks[group->fallback_count++] = at;
}

static void add_fallbacks(struct litellm *import, struct litellm_group *group, struct yaml *names)
{
    for (struct yaml *name = names->first; name != NULL; name = name->next) {
        add_fallback(import, group, name);
        name->broken = true;
    }
}

/* {"group": ["other", ...]}; "*" stands for all. */
static void read_row(struct litellm *import, struct yaml *row)
{
    for (struct yaml *names = row->first; names != NULL; names = names->next) {
        size_t group = litellm_group_find(import, litellm_name(import, names->key));
        bool all = slice_eq(names->key, SLICE("*"));
        if (names->kind != YAML_SEQUENCE || (!all && group == LITELLM_GROUPS_MAX)) {
            litellm_note(import, names, "left out: no group of model_list has this name");
            continue;
        }
        for (size_t i = 0; i < import->group_count; i++) {
            if (all || i == group) {
                add_fallbacks(import, &import->groups[i], names);
            }
        }
    }
}

static void read_fallbacks(struct litellm *import, struct yaml *section, const char *key,
                           const char *note)
{
    struct yaml *list = section == NULL ? NULL : yaml_member(section, slice_from_cstr(key));
    if (list == NULL || list->kind == YAML_SCALAR) {
        return;
    }
    if (list->kind == YAML_MAPPING) {
        read_row(import, list);
    }
    for (struct yaml *row = list->kind == YAML_SEQUENCE ? list->first : NULL; row != NULL;
         row = row->next) {
        if (row->kind == YAML_MAPPING) {
            read_row(import, row);
        }
    }
    if (note != NULL) {
        litellm_note(import, list, "%s", note);
    }
}

/* Of groups that have none of their own. */
static void read_default_fallbacks(struct litellm *import, struct yaml *section)
{
    struct yaml *list = section == NULL ? NULL : yaml_member(section, SLICE("default_fallbacks"));
    for (size_t i = 0; list != NULL && list->kind == YAML_SEQUENCE && i < import->group_count;
         i++) {
        if (import->groups[i].fallback_count == 0) {
            add_fallbacks(import, &import->groups[i], list);
        }
    }
}

/* --- aliases --- */

static void read_alias(struct litellm *import, struct yaml *alias)
{
    struct yaml *model = alias->kind == YAML_MAPPING ? litellm_take(alias, "model") : alias;
    size_t of = model == NULL || model->kind != YAML_SCALAR
                    ? LITELLM_GROUPS_MAX
                    : litellm_group_find(import, litellm_name(import, model->text));
    struct slice name = litellm_name(import, alias->key);
    if (of == LITELLM_GROUPS_MAX || import->group_count == LITELLM_GROUPS_MAX ||
        litellm_group_find(import, name) != LITELLM_GROUPS_MAX) {
        litellm_note(import, alias, "left out: it has to be a new name for a group of model_list");
        return;
    }
    model->broken = true;
    import->groups[import->group_count++] = (struct litellm_group){
        .name = name, .line = alias->key_place.line, .alias = true, .of = of};
}

/* --- writing --- */

static void read_balance(struct litellm *import, struct yaml *router, struct yaml *settings,
                         struct balance *balance)
{
    static const struct {
        const char *theirs;
        const char *ours;
        const char *note;
    } rows[] = {
        {"simple-shuffle", "weighted", NULL},
        {"latency-based-routing", "fastest", NULL},
        {"cost-based-routing", "cheapest-capable", NULL},
        {"least-busy", "weighted", "who is least busy is not known here: targets are drawn"},
        {"usage-based-routing", "weighted", "usage is not known here: targets are drawn by rpm"},
        {"usage-based-routing-v2", "weighted", "usage is not known here: targets are drawn by rpm"},
    };
    *balance = (struct balance){.strategy = "weighted", .retries = -1};
    struct yaml *strategy = router == NULL ? NULL : yaml_member(router, SLICE("routing_strategy"));
    for (size_t i = 0; strategy != NULL && i < ARRAY_LEN(rows); i++) {
        if (slice_eq(strategy->text, slice_from_cstr(rows[i].theirs))) {
            balance->strategy = rows[i].ours;
            strategy->broken = true;
            balance->said = strategy;
            if (rows[i].note != NULL) {
                litellm_note(import, strategy, "%s", rows[i].note);
            }
        }
    }
    struct yaml *retries = router == NULL ? NULL : litellm_take(router, "num_retries");
    retries = retries != NULL || settings == NULL ? retries : litellm_take(settings, "num_retries");
    if (retries != NULL && litellm_number(retries, &balance->retries)) {
        litellm_note(import, retries, "a retry asks another target, never the same one again: it "
                                      "became max_attempts of the routes");
    }
}

/* The targets of a route: its own first. */
struct members {
    const struct litellm_deployment *list[LITELLM_MEMBERS_MAX];
    size_t count;
    size_t own;
};

static void add_members(const struct litellm *import, size_t group, struct members *members)
{
    const struct litellm_group *from = &import->groups[group];
    size_t of = from->alias ? from->of : group;
    for (size_t i = 0; i < import->deployment_count; i++) {
        const struct litellm_deployment *deployment = &import->deployments[i];
        bool known = false;
        for (size_t k = 0; k < members->count; k++) {
            known = known || members->list[k] == deployment;
        }
        if (deployment->group == of && !known && members->count < LITELLM_MEMBERS_MAX) {
            members->list[members->count++] = deployment;
        }
    }
}

static void put_targets(const struct members *members, struct buf *out)
{
    buf_append_cstr(out, "    targets: [");
    for (size_t i = 0; i < members->count; i++) {
        buf_printf(out, "%s%.*s", i > 0 ? ", " : "", SLICE_ARG(members->list[i]->name));
    }
    buf_append_cstr(out, "]\n");
}

/* Whole numbers in the same proportion. A target without one comes last: so fallbacks do. */
static void put_weights(const struct members *members, struct buf *out)
{
    double largest = 0;
    bool whole = true;
    for (size_t i = 0; i < members->own; i++) {
        double weight = members->list[i]->weight;
        largest = weight > largest ? weight : largest;
        whole = whole && weight == floor(weight);
    }
    double scale = largest == 0 ? 0 : whole && largest <= WEIGHT_LARGEST ? 1 : 1000 / largest;
    buf_append_cstr(out, "    weights: { ");
    for (size_t i = 0; i < members->own; i++) {
        double weight = largest == 0 ? 1 : members->list[i]->weight * scale;
        weight = weight > 0 && weight < 1 ? 1 : weight;
        buf_printf(out, "%s%.*s: %lld", i > 0 ? ", " : "", SLICE_ARG(members->list[i]->name),
                   (long long)llround(weight));
    }
    buf_append_cstr(out, " }\n");
}

static bool has_weights(const struct members *members)
{
    for (size_t i = 0; i < members->own; i++) {
        if (members->list[i]->weight > 0) {
            return true;
        }
    }
    return false;
}

/* Fallbacks come last of a lot, of a list, and of nothing else. */
static void note_drawn(struct litellm *import, struct balance *balance)
{
    if (balance->said != NULL) {
        litellm_note(import, balance->said, "groups with fallbacks draw their targets instead: "
                                            "fallbacks come last of a lot only");
        balance->said = NULL;
    }
}

static void put_order(struct litellm *import, const struct members *members,
                      struct balance *balance, struct buf *out)
{
    bool fallbacks = members->count > members->own;
    bool drawn = strcmp(balance->strategy, "weighted") == 0;
    if (members->own == 1) {
        buf_append_cstr(out, fallbacks ? "    strategy: priority\n" : "");
    } else if (drawn || fallbacks) {
        if (!drawn) {
            note_drawn(import, balance);
        }
        buf_append_cstr(out, "    strategy: weighted\n    split_by: request\n");
        if (fallbacks || has_weights(members)) {
            put_weights(members, out);
        }
    } else {
        buf_printf(out, "    strategy: %s\n", balance->strategy);
    }
}

static void put_attempts(const struct members *members, const struct balance *balance,
                         struct buf *out)
{
    size_t own = members->own;
    if (balance->retries >= 0 && balance->retries + 1 < (double)own) {
        own = (size_t)balance->retries + 1;
    }
    size_t attempts = own + members->count - members->own;
    attempts = attempts > ATTEMPTS_MAX ? ATTEMPTS_MAX : attempts;
    if (attempts > 3 || own < members->own) {
        buf_printf(out, "    max_attempts: %zu\n", attempts);
    }
}

static void put_route(struct litellm *import, size_t at, struct balance *balance, struct buf *out)
{
    const struct litellm_group *group = &import->groups[at];
    const struct litellm_group *from = group->alias ? &import->groups[group->of] : group;
    struct members members = {.count = 0};
    add_members(import, at, &members);
    members.own = members.count;
    for (size_t i = 0; i < from->fallback_count; i++) {
        add_members(import, from->fallbacks[i], &members);
    }
    if (members.own == 0) {
        return; /* all of its deployments were left out */
    }
    buf_printf(out, "  %.*s:\n", SLICE_ARG(group->name));
    put_targets(&members, out);
    put_order(import, &members, balance, out);
    put_attempts(&members, balance, out);
}

void litellm_read_routes(struct litellm *import)
{
    static const char window[] = "became fallbacks like any other: a prompt that is too long for "
                                 "a target goes to the next one by itself";
    static const char policy[] = "became fallbacks like any other; refusals in answers: "
                                 "escalate: { when: [refusal] }";
    struct yaml *sections[] = {yaml_member(import->root, SLICE("router_settings")),
                               yaml_member(import->root, SLICE("litellm_settings"))};
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        struct yaml *section = sections[i];
        section = section != NULL && section->kind == YAML_MAPPING ? section : NULL;
        read_fallbacks(import, section, "fallbacks", NULL);
        read_fallbacks(import, section, "context_window_fallbacks", window);
        read_fallbacks(import, section, "content_policy_fallbacks", policy);
        read_default_fallbacks(import, section);
    }
    struct yaml *router = sections[0];
    struct yaml *aliases = router == NULL || router->kind != YAML_MAPPING
                               ? NULL
                               : yaml_member(router, SLICE("model_group_alias"));
    for (struct yaml *alias = aliases == NULL ? NULL : aliases->first; alias != NULL;
         alias = alias->next) {
        read_alias(import, alias);
    }
}

void litellm_write_routes(struct litellm *import, struct buf *out)
{
    struct yaml *router = yaml_member(import->root, SLICE("router_settings"));
    struct yaml *settings = yaml_member(import->root, SLICE("litellm_settings"));
    struct balance balance;
    read_balance(import, router != NULL && router->kind == YAML_MAPPING ? router : NULL,
                 settings != NULL && settings->kind == YAML_MAPPING ? settings : NULL, &balance);
    if (import->deployment_count > 0) {
        buf_append_cstr(out, "\nroutes:\n");
    }
    for (size_t i = 0; i < import->group_count; i++) {
        put_route(import, i, &balance, out);
    }
}
