/* SPDX-License-Identifier: Apache-2.0 */
#include "config/validate.h"

#include "config/values.h"

#include <stdio.h>

#define PATTERN_BYTES_MAX 160
#define NAME_BYTES_MAX 120

/* Options that people know from elsewhere or that the documentation of later versions has: refused with a reason. */
static const struct {
    const char *path;
    const char *hint;
} not_built[] = {
    {"cache", "answers are not cached by this version; remove the section"},
    {"routes.*.session", "conversations are not kept together by this version; remove the section"},
    {"routes.*.rules", "rules are not built; use tasks"},
    {"routes.*.strategy", "the strategy is always the cheapest capable target"},
};

static const struct option *child_of(struct slice parent, struct slice name, char *pattern)
{
    int len = snprintf(pattern, PATTERN_BYTES_MAX, "%.*s%s%.*s", SLICE_ARG(parent), parent.len > 0 ? "." : "",
                       SLICE_ARG(name));
    if (len > 0 && len < PATTERN_BYTES_MAX) {
        const struct option *option = option_find(slice_of(pattern, (size_t)len));
        if (option != NULL) {
            return option;
        }
    }
    len = snprintf(pattern, PATTERN_BYTES_MAX, "%.*s.*", SLICE_ARG(parent));
    return len > 0 && len < PATTERN_BYTES_MAX ? option_find(slice_of(pattern, (size_t)len)) : NULL;
}

static void list_children(struct slice parent, char *hint, size_t size)
{
    size_t used = (size_t)snprintf(hint, size, "valid here:");
    for (size_t i = 0; i < option_count && used < size; i++) {
        struct slice name = option_name(&option_table[i]);
        if (option_is_child(&option_table[i], parent) && !slice_eq(name, SLICE("*"))) {
            int n = snprintf(hint + used, size - used, "%s %.*s", used > 11 ? "," : "", SLICE_ARG(name));
            used += n > 0 ? (size_t)n : 0;
        }
    }
}

static bool report_not_built(const struct yaml *node, const char *path, struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < ARRAY_LEN(not_built); i++) {
        if (strcmp(not_built[i].path, path) == 0) {
            diagnostics_add(diagnostics, SEVERITY_ERROR, "not_built", node->key_place, not_built[i].hint,
                            "\"%.*s\" is not built yet", SLICE_ARG(node->key));
            return true;
        }
    }
    return false;
}

static void report_unknown(const struct yaml *node, struct slice parent, struct diagnostics *diagnostics)
{
    char hint[256];
    char path[PATTERN_BYTES_MAX];
    snprintf(path, sizeof(path), "%.*s%s%.*s", SLICE_ARG(parent), parent.len > 0 ? "." : "", SLICE_ARG(node->key));
    if (report_not_built(node, path, diagnostics)) {
        return;
    }
    const struct option *near = option_suggest(parent, node->key);
    if (near != NULL) {
        snprintf(hint, sizeof(hint), "did you mean \"%.*s\"?", SLICE_ARG(option_name(near)));
    } else {
        list_children(parent, hint, sizeof(hint));
    }
    struct slice shown = slice_of(node->key.ptr, node->key.len < NAME_BYTES_MAX ? node->key.len : NAME_BYTES_MAX);
    diagnostics_add(diagnostics, SEVERITY_ERROR, "unknown_key", node->key_place, hint, "unknown key \"%.*s\"%s%.*s",
                    SLICE_ARG(shown), parent.len > 0 ? " in " : "", SLICE_ARG(parent));
}

static void report_type(const struct yaml *node, const struct option *option, const char *why,
                        struct diagnostics *diagnostics)
{
    char hint[256] = "";
    if (option->type == OPTION_CHOICE) {
        snprintf(hint, sizeof(hint), "valid: %s", option->choices);
    } else if (why != NULL && strcmp(why, "out of range") == 0) {
        snprintf(hint, sizeof(hint), "valid: %lld to %lld%s", (long long)option->minimum,
                 (long long)option->maximum, option->type == OPTION_DURATION ? " ms" : "");
    } else if (why != NULL) {
        snprintf(hint, sizeof(hint), "%s", why);
    }
    diagnostics_add(diagnostics, SEVERITY_ERROR, "bad_value", node->place, hint, "%.*s must be %s",
                    SLICE_ARG(option_name(option)), option_type_name(option->type));
}

static void validate_scalar(const struct yaml *node, const struct option *option, struct diagnostics *diagnostics)
{
    int64_t value;
    const char *why = NULL;
    if (option->type == OPTION_STRING || option->type == OPTION_SECRET || option->type == OPTION_STRING_LIST) {
        if (node->text.len == 0) {
            report_type(node, option, "it must not be empty", diagnostics);
        }
        return;
    }
    if (option->type == OPTION_SECTION || option->type == OPTION_LIST_OR_SECTION) {
        if (!yaml_is_null(node) || option->type == OPTION_LIST_OR_SECTION) {
            report_type(node, option, NULL, diagnostics);
        }
        return;
    }
    if (!value_number(option, node->text, &value, &why)) {
        report_type(node, option, why, diagnostics);
    }
}

static void validate_list(const struct yaml *node, const struct option *option, struct diagnostics *diagnostics)
{
    if (option->type != OPTION_STRING_LIST && option->type != OPTION_LIST_OR_SECTION) {
        report_type(node, option, NULL, diagnostics);
        return;
    }
    if (node->first == NULL) {
        report_type(node, option, "the list is empty", diagnostics);
    }
    for (const struct yaml *item = node->first; item != NULL; item = item->next) {
        if (item->kind != YAML_SCALAR || item->text.len == 0) {
            report_type(item, option, NULL, diagnostics);
        }
    }
}

static void validate_node(struct yaml *node, const struct option *option, struct diagnostics *diagnostics);

/* long recursion is impossible: the depth of the tree is bounded when it is parsed */
static void validate_children(struct yaml *mapping, struct slice pattern, struct diagnostics *diagnostics)
{
    char buffer[PATTERN_BYTES_MAX];
    for (struct yaml *node = mapping->first; node != NULL; node = node->next) {
        const struct option *option = child_of(pattern, node->key, buffer);
        if (option == NULL) {
            report_unknown(node, pattern, diagnostics);
            continue;
        }
        node->pattern = option->path;
        validate_node(node, option, diagnostics);
    }
}

static void validate_node(struct yaml *node, const struct option *option, struct diagnostics *diagnostics)
{
    switch (node->kind) {
    case YAML_SCALAR:
        validate_scalar(node, option, diagnostics);
        break;
    case YAML_SEQUENCE:
        validate_list(node, option, diagnostics);
        break;
    case YAML_MAPPING:
        if (option->type != OPTION_SECTION && option->type != OPTION_LIST_OR_SECTION) {
            report_type(node, option, NULL, diagnostics);
        } else {
            validate_children(node, slice_from_cstr(option->path), diagnostics);
        }
        break;
    }
}

void validate_tree(struct yaml *root, struct diagnostics *diagnostics)
{
    if (root->kind != YAML_MAPPING) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, "bad_value", root->place, "sections are server, providers, targets, routes ...",
                        "the configuration must be a mapping of sections");
        return;
    }
    validate_children(root, SLICE_EMPTY, diagnostics);
}
