/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong is named by its full path as the file has it ("routes.auto.basline"), not by the
 * pattern of the table, and comes with what would be right. A node that was reported is broken, so
 * that nothing is complained of twice.
 */
#include "config/validate.h"

#include "config/interpolate.h"
#include "config/redact.h"
#include "config/values.h"

#include <stdio.h>

#define PATTERN_BYTES_MAX 160
#define PATH_BYTES_MAX 120
#define HINT_BYTES_MAX 256

/* Options that people know from elsewhere, with what says the same here. */
static const struct {
    const char *path;
    const char *hint;
} foreign[] = {
    {"keys.caps", "caps are set for each key, user or team: sluice key limit --help"},
    {"keys.limits", "limits are set for each key, user or team: sluice key limit --help"},
    {"include", "there is one file: put everything into it"},
    {"model_list", "this is of LiteLLM; here providers, targets and routes say the same"},
    {"router_settings", "this is of LiteLLM; here routes say the same"},
    {"litellm_settings", "this is of LiteLLM; remove it"},
    {"general_settings", "this is of LiteLLM; here server, keys and ledger say the same"},
};

static const struct option *child_of(struct slice parent, struct slice name)
{
    char pattern[PATTERN_BYTES_MAX];
    int len = snprintf(pattern, sizeof(pattern), "%.*s%s%.*s", SLICE_ARG(parent),
                       parent.len > 0 ? "." : "", SLICE_ARG(name));
    bool plain = slice_find(name, '*') == SIZE_MAX && slice_find(name, '.') == SIZE_MAX;
    if (plain && len > 0 && len < (int)sizeof(pattern)) {
        const struct option *option = option_find(slice_of(pattern, (size_t)len));
        if (option != NULL) {
            return option;
        }
    }
    len = snprintf(pattern, sizeof(pattern), "%.*s.*", SLICE_ARG(parent));
    return parent.len > 0 ? option_find(slice_of(pattern, (size_t)len)) : NULL;
}

/* --- hints --- */

/* The buffer as a hint; what does not fit is cut. */
static void finish(struct buf *hint, char out[HINT_BYTES_MAX])
{
    slice_to_cstr(buf_slice(hint), out, HINT_BYTES_MAX);
    buf_release(hint);
}

static void hint_children(struct slice parent, char out[HINT_BYTES_MAX])
{
    struct buf hint = BUF_INIT(4096);
    const char *separator = "valid here: ";
    for (size_t i = 0; i < option_count; i++) {
        struct slice name = option_name(&option_table[i]);
        if (option_is_child(&option_table[i], parent) && !slice_eq(name, SLICE("*"))) {
            buf_printf(&hint, "%s%.*s", separator, SLICE_ARG(name));
            separator = ", ";
        }
    }
    finish(&hint, out);
}

/* "routes.*.baseline" -> "baseline belongs to routes.NAME" */
static void hint_elsewhere(const struct option *option, char out[HINT_BYTES_MAX])
{
    struct buf hint = BUF_INIT(4096);
    struct slice path = slice_from_cstr(option->path);
    struct slice name = option_name(option);
    path.len -= path.len > name.len ? name.len + 1 : name.len;
    if (path.len == 0) {
        buf_printf(&hint, "%.*s is a section of its own, at the left margin", SLICE_ARG(name));
    } else {
        buf_printf(&hint, "%.*s belongs to the section ", SLICE_ARG(name));
        for (size_t i = 0; i < path.len; i++) {
            if (path.ptr[i] == '*') {
                buf_append_cstr(&hint, "NAME");
            } else {
                buf_append_char(&hint, path.ptr[i]);
            }
        }
    }
    finish(&hint, out);
}

static void hint_unknown(struct slice parent, struct slice name, char out[HINT_BYTES_MAX])
{
    const struct option *near = option_suggest(parent, name);
    const struct option *elsewhere = option_elsewhere(name);
    if (near != NULL) {
        snprintf(out, HINT_BYTES_MAX, "did you mean \"%.*s\"?", SLICE_ARG(option_name(near)));
    } else if (elsewhere != NULL) {
        hint_elsewhere(elsewhere, out);
    } else {
        hint_children(parent, out);
    }
}

static bool is_near_word(struct slice word, struct slice given)
{
    unsigned limit = edit_limit(given);
    return slice_eq_nocase(word, given) || slice_starts(given, word) ||
           (given.len >= 3 && slice_starts(word, given)) ||
           edit_distance(word, given, limit) <= limit;
}

static void hint_choice(const struct option *option, struct slice given, char out[HINT_BYTES_MAX])
{
    struct slice rest = slice_from_cstr(option->choices);
    out[0] = '\0';
    while (rest.len > 0) {
        struct slice word = slice_cut(&rest, '|');
        if (is_near_word(word, given)) {
            snprintf(out, HINT_BYTES_MAX, "did you mean \"%.*s\"?", SLICE_ARG(word));
        }
    }
}

static void hint_value(const struct yaml *node, const struct option *option, const char *why,
                       char out[HINT_BYTES_MAX])
{
    const char *hint = "";
    if (option->type == OPTION_CHOICE) {
        hint_choice(option, node->text, out);
        return;
    }
    if (why != NULL && why != value_out_of_range) {
        hint = why;
    } else if (option->type == OPTION_SECTION && node->kind == YAML_SEQUENCE) {
        hint = "no list: each member begins with its name and a colon";
    } else if (option->type == OPTION_SECTION) {
        hint = "its options stand in { ... }, or indented on lines of their own";
    } else if (option->type == OPTION_INTEGER && slice_ends(option_name(option), SLICE("_ms"))) {
        hint = "in milliseconds, without a unit";
    }
    snprintf(out, HINT_BYTES_MAX, "%s", hint);
}

/* "a whole number", "from 1 to 64", "auto, json or text" */
static void write_expectation(const struct option *option, const char *why, struct buf *out)
{
    if (why == value_out_of_range) {
        buf_append_cstr(out, option->type == OPTION_AUTO_INTEGER ? "auto, or from " : "from ");
        option_write_bounds(option, out);
        return;
    }
    struct slice rest = slice_from_cstr(option->type == OPTION_CHOICE ? option->choices : NULL);
    if (rest.len == 0) {
        buf_append_cstr(out, option_type_name(option->type));
    }
    for (const char *separator = ""; rest.len > 0;) {
        struct slice word = slice_cut(&rest, '|');
        buf_printf(out, "%s%.*s", separator, SLICE_ARG(word));
        separator = slice_find(rest, '|') == SIZE_MAX ? " or " : ", ";
    }
}

/* --- reports --- */

static const char *hint_foreign(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        if (strcmp(foreign[i].path, path) == 0) {
            return foreign[i].hint;
        }
    }
    return NULL;
}

static void report_unknown(const struct yaml *node, struct slice parent,
                           struct diagnostics *diagnostics)
{
    char hint[HINT_BYTES_MAX];
    char path[PATTERN_BYTES_MAX];
    snprintf(path, sizeof(path), "%.*s%s%.*s", SLICE_ARG(parent), parent.len > 0 ? "." : "",
             SLICE_ARG(node->key));
    const char *known = hint_foreign(path);
    if (known == NULL) {
        hint_unknown(parent, node->key, hint);
    }
    yaml_path(node->parent, path, PATH_BYTES_MAX);
    int shown = (int)(node->key.len < 60 ? node->key.len : 60);
    diagnostics_add(diagnostics, SEVERITY_ERROR, "unknown_key", node->key_place,
                    known != NULL ? known : hint, "unknown %s \"%.*s\"%s%s",
                    parent.len > 0 ? "key" : "section", shown, node->key.ptr,
                    parent.len > 0 ? " in " : "", path);
}

static void report_value(struct yaml *node, const struct option *option, const char *why,
                         struct diagnostics *diagnostics)
{
    char hint[HINT_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    struct buf expected = BUF_INIT(512);
    struct yaml_place place = node->place;
    struct slice from = SLICE_EMPTY;
    if (slice_find_slice(node->written, SLICE("${")) != SIZE_MAX) {
        from = slice_of(node->written.ptr, node->written.len < 60 ? node->written.len : 60);
    }
    if (yaml_is_null(node) && node->key.ptr != NULL) {
        place = node->key_place; /* there is nothing to point at */
    }
    write_expectation(option, why, &expected);
    hint_value(node, option, why, hint);
    node->broken = true;
    diagnostics_add(diagnostics, SEVERITY_ERROR, "bad_value", place, hint,
                    "%s must be %.*s%s%.*s%s", yaml_path(node, path, sizeof(path)),
                    SLICE_ARG(buf_slice(&expected)), from.len > 0 ? "; what " : "", SLICE_ARG(from),
                    from.len > 0 ? " stands for is not" : "");
    buf_release(&expected);
}

static void report_empty(struct yaml *node, const char *message, struct diagnostics *diagnostics)
{
    char path[PATH_BYTES_MAX];
    bool null = yaml_is_null(node) && node->key.ptr != NULL;
    node->broken = true;
    diagnostics_add(diagnostics, SEVERITY_ERROR, "bad_value", null ? node->key_place : node->place,
                    "give a value, or remove it", "%s %s", yaml_path(node, path, sizeof(path)),
                    message);
}

/* --- the kinds of nodes --- */

static void validate_scalar(struct yaml *node, const struct option *option,
                            struct diagnostics *diagnostics)
{
    int64_t value;
    const char *why = NULL;
    bool null = yaml_is_null(node);
    switch (option->type) {
    case OPTION_SECTION:
        if (!null) {
            report_value(node, option, NULL, diagnostics);
        }
        break;
    case OPTION_STRING:
    case OPTION_SECRET:
    case OPTION_STRING_LIST:
    case OPTION_LIST_OR_SECTION:
        if (null || slice_trim(node->text).len == 0) {
            report_empty(node, "is empty", diagnostics);
        }
        break;
    default:
        if (null) {
            report_empty(node, "has no value", diagnostics);
        } else if (!value_number(option, node->text, &value, &why)) {
            report_value(node, option, why, diagnostics);
        }
    }
}

static void validate_list(struct yaml *node, const struct option *option,
                          struct diagnostics *diagnostics)
{
    if (option->type != OPTION_STRING_LIST && option->type != OPTION_LIST_OR_SECTION) {
        report_value(node, option, NULL, diagnostics);
        return;
    }
    if (node->first == NULL && !node->broken) {
        report_empty(node, "is an empty list", diagnostics);
    }
    for (struct yaml *item = node->first; item != NULL; item = item->next) {
        if (item->broken) {
            continue;
        }
        if (item->kind != YAML_SCALAR) {
            report_value(item, option, "each item is one word or a text", diagnostics);
        } else if (slice_trim(item->text).len == 0) {
            report_empty(item, "has an empty item", diagnostics);
        }
    }
}

static void validate_node(struct yaml *node, const struct option *option,
                          struct diagnostics *diagnostics)
{
    node->option = option;
    if (node->kind == YAML_SEQUENCE) {
        validate_list(node, option, diagnostics);
    } else if (node->kind == YAML_SCALAR && !node->broken) {
        validate_scalar(node, option, diagnostics);
    } else if (node->kind == YAML_MAPPING && option->type != OPTION_SECTION &&
               option->type != OPTION_LIST_OR_SECTION) {
        report_value(node, option, NULL, diagnostics);
    }
}

/* --- secrets --- */

/* Everything in `node`, the keys too: the option is a secret, or sounds like one. */
static void hide_all(struct yaml *root, struct diagnostics *diagnostics)
{
    for (struct yaml *node = root; node != NULL; node = yaml_walk(root, node)) {
        if (node != root && node->key.ptr != NULL) {
            diagnostics_hide(diagnostics, node->key_place);
        }
        if (node->kind == YAML_SCALAR && interpolate_has_literal(node->written)) {
            diagnostics_hide(diagnostics, node->place);
        }
    }
}

static void hide_secret(struct yaml *node, struct diagnostics *diagnostics)
{
    bool known = node->option != NULL;
    if (known ? node->option->type == OPTION_SECRET : redact_name_is_secret(node->key)) {
        hide_all(node, diagnostics);
    }
}

/* A member of a mapping whose option is known. */
static void validate_member(struct yaml *node, struct diagnostics *diagnostics)
{
    struct slice parent = SLICE_EMPTY;
    if (node->parent->option != NULL) {
        parent = slice_from_cstr(node->parent->option->path);
    }
    const struct option *option = child_of(parent, node->key);
    if (option != NULL) {
        validate_node(node, option, diagnostics);
    } else if (!node->broken) {
        report_unknown(node, parent, diagnostics);
    }
}

static bool is_open(const struct yaml *mapping, const struct yaml *root)
{
    return mapping == root ||
           (mapping->option != NULL && (mapping->option->type == OPTION_SECTION ||
                                        mapping->option->type == OPTION_LIST_OR_SECTION));
}

void validate_tree(struct yaml *root, struct diagnostics *diagnostics)
{
    if (root->kind != YAML_MAPPING) {
        root->broken = true;
        diagnostics_add(diagnostics, SEVERITY_ERROR, "bad_value", root->place,
                        "for example  providers: { openai: { api_key: \"${OPENAI_API_KEY}\" } }",
                        "the configuration must consist of sections");
        return;
    }
    for (struct yaml *node = yaml_walk(root, root); node != NULL; node = yaml_walk(root, node)) {
        if (node->parent->kind != YAML_MAPPING) {
            continue;
        }
        if (is_open(node->parent, root)) {
            validate_member(node, diagnostics);
        }
        hide_secret(node, diagnostics);
    }
}
