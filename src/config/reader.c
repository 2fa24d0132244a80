/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include "config/values.h"

#include <stdio.h>

const struct yaml *setting_node(const struct yaml *mapping, const char *pattern)
{
    const struct option *option = option_find(slice_from_cstr(pattern));
    CHECK(option != NULL);
    return yaml_member(mapping, option_name(option));
}

int64_t setting_number(const struct yaml *mapping, const char *pattern)
{
    const struct option *option = option_find(slice_from_cstr(pattern));
    const struct yaml *node = setting_node(mapping, pattern);
    const char *why;
    int64_t value = 0;
    if (node != NULL && node->kind == YAML_SCALAR && value_number(option, node->text, &value, &why)) {
        return value;
    }
    if (option->fallback == NULL || !value_number(option, slice_from_cstr(option->fallback), &value, &why)) {
        return 0;
    }
    return value;
}

bool setting_given(const struct yaml *mapping, const char *pattern)
{
    const struct yaml *node = setting_node(mapping, pattern);
    return node != NULL && !(node->kind == YAML_SCALAR && yaml_is_null(node));
}

struct slice setting_text(const struct yaml *mapping, const char *pattern)
{
    const struct yaml *node = setting_node(mapping, pattern);
    if (node != NULL && node->kind == YAML_SCALAR) {
        return node->text;
    }
    const struct option *option = option_find(slice_from_cstr(pattern));
    return slice_from_cstr(option->fallback);
}

size_t setting_list(struct reader *reader, const struct yaml *mapping, const char *pattern, struct slice **ret_items)
{
    const struct yaml *node = setting_node(mapping, pattern);
    size_t count = 0;
    if (node == NULL || node->kind != YAML_SEQUENCE) {
        struct slice one = setting_text(mapping, pattern);
        *ret_items = arena_array(reader->arena, 1, sizeof(**ret_items));
        if (*ret_items == NULL || one.len == 0) {
            return 0;
        }
        (*ret_items)[0] = one;
        return 1;
    }
    for (const struct yaml *item = node->first; item != NULL; item = item->next) {
        count++;
    }
    *ret_items = arena_array(reader->arena, count + 1, sizeof(**ret_items));
    if (*ret_items == NULL) {
        return 0;
    }
    count = 0;
    for (const struct yaml *item = node->first; item != NULL; item = item->next) {
        if (item->kind == YAML_SCALAR) {
            (*ret_items)[count++] = item->text;
        }
    }
    return count;
}

void report_unknown_name(struct reader *reader, const struct yaml *node, struct slice name, const char *what,
                         const struct slice *names, size_t count)
{
    char hint[256];
    unsigned best = 5;
    struct slice nearest = SLICE_EMPTY;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = edit_distance(name, names[i], best);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    if (nearest.len > 0) {
        snprintf(hint, sizeof(hint), "did you mean \"%.*s\"?", SLICE_ARG(nearest));
    } else {
        size_t used = (size_t)snprintf(hint, sizeof(hint), count > 0 ? "defined here:" : "none is defined");
        for (size_t i = 0; i < count && i < 12 && used < sizeof(hint); i++) {
            used += (size_t)snprintf(hint + used, sizeof(hint) - used, "%s %.*s", i > 0 ? "," : "",
                                     SLICE_ARG(names[i]));
        }
    }
    diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "unknown_name", node->place, hint, "there is no %s \"%.*s\"",
                    what, (int)(name.len < 100 ? name.len : 100), name.ptr);
}

uint16_t setting_target(struct reader *reader, const struct yaml *node, struct slice name)
{
    const struct policy *policy = &reader->snapshot->policy;
    uint16_t index = policy_find_target(policy, name);
    if (index != NO_TARGET) {
        return index;
    }
    index = policy_find_provider_model(policy, name);
    if (index != NO_TARGET) {
        return index;
    }
    struct slice names[64];
    size_t count = 0;
    for (size_t i = 0; i < policy->target_count && count < ARRAY_LEN(names); i++) {
        names[count++] = policy->targets[i].name;
    }
    report_unknown_name(reader, node, name, "target", names, count);
    return NO_TARGET;
}
