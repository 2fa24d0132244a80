/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include "codec/pem.h"
#include "config/paths.h"
#include "config/values.h"

#include <stdio.h>

#define NAME_BYTES_MAX 200
#define NAMES_LISTED 10

/* --- values --- */

static const struct option *option_of(const char *pattern)
{
    const struct option *option = option_find(slice_from_cstr(pattern));
    CHECK(option != NULL);
    return option;
}

const struct yaml *setting_node(const struct yaml *mapping, const char *pattern)
{
    const struct yaml *node = yaml_member(mapping, option_name(option_of(pattern)));
    return node == NULL || node->broken ? NULL : node;
}

const struct yaml *setting_section(const struct reader *reader, const char *name)
{
    return setting_node(reader->root, name);
}

int64_t setting_number(const struct yaml *mapping, const char *pattern)
{
    const struct option *option = option_of(pattern);
    const struct yaml *node = setting_node(mapping, pattern);
    const char *why;
    int64_t value = 0;
    if (node != NULL && node->kind == YAML_SCALAR &&
        value_number(option, node->text, &value, &why)) {
        return value;
    }
    if (option->fallback == NULL ||
        !value_number(option, slice_from_cstr(option->fallback), &value, &why)) {
        return 0;
    }
    return value;
}

bool setting_given(const struct yaml *mapping, const char *pattern)
{
    const struct yaml *node = setting_node(mapping, pattern);
    return node != NULL && !yaml_is_null(node);
}

bool setting_attempted(const struct yaml *mapping, const char *pattern)
{
    return yaml_member(mapping, option_name(option_of(pattern))) != NULL;
}

struct slice setting_text(const struct yaml *mapping, const char *pattern)
{
    const struct yaml *node = setting_node(mapping, pattern);
    if (node != NULL && node->kind == YAML_SCALAR) {
        return node->text;
    }
    return slice_from_cstr(option_of(pattern)->fallback);
}

struct slice setting_path(struct reader *reader, const struct yaml *mapping, const char *pattern)
{
    return path_beside(reader->arena, slice_from_cstr(reader->options->file),
                       setting_text(mapping, pattern));
}

struct slice setting_file(struct reader *reader, const struct yaml *mapping, const char *pattern)
{
    struct slice path = setting_path(reader, mapping, pattern);
    const char *why = path.len == 0 ? NULL : path_unreadable(path);
    if (why != NULL) {
        const struct yaml *node = setting_node(mapping, pattern);
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "unreadable_file", node->place,
                        "the user that runs sluice must be able to read it", "cannot read %.*s: %s",
                        (int)(path.len < 150 ? path.len : 150), path.ptr, why);
    }
    return path;
}

struct slice setting_certificates(struct reader *reader, const struct yaml *mapping,
                                  const char *pattern)
{
    struct slice path = setting_file(reader, mapping, pattern);
    struct error error;
    if (path.len > 0 && path_unreadable(path) == NULL && !pem_certificates(path, &error)) {
        report_error(reader, setting_node(mapping, pattern)->place, "bad_file",
                     "name a file of certificates in PEM (-----BEGIN CERTIFICATE-----)",
                     error.text);
    }
    return path;
}

size_t setting_list(struct reader *reader, const struct yaml *mapping, const char *pattern,
                    struct slice **ret_items)
{
    const struct yaml *list = setting_node(mapping, pattern);
    size_t count = 0;
    *ret_items = arena_array(reader->arena, item_count(list) + 1, sizeof(**ret_items));
    if (*ret_items == NULL) {
        return 0;
    }
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        (*ret_items)[count++] = i->text;
    }
    struct slice fallback = slice_from_cstr(option_of(pattern)->fallback);
    if (list == NULL && fallback.len > 0) {
        (*ret_items)[count++] = fallback;
    }
    return count;
}

/* --- members and items --- */

static const struct yaml *usable(const struct yaml *node)
{
    while (node != NULL && node->broken) {
        node = node->next;
    }
    return node;
}

const struct yaml *member_first(const struct yaml *mapping)
{
    return mapping == NULL || mapping->kind != YAML_MAPPING ? NULL : usable(mapping->first);
}

const struct yaml *member_next(const struct yaml *member)
{
    return usable(member->next);
}

size_t member_count(const struct yaml *mapping)
{
    size_t count = 0;
    for (const struct yaml *m = member_first(mapping); m != NULL; m = member_next(m)) {
        count++;
    }
    return count;
}

const struct yaml *item_first(const struct yaml *list)
{
    if (list == NULL || list->kind == YAML_MAPPING) {
        return NULL;
    }
    return list->kind == YAML_SCALAR ? list : usable(list->first);
}

const struct yaml *item_next(const struct yaml *list, const struct yaml *item)
{
    return list == item ? NULL : usable(item->next);
}

size_t item_count(const struct yaml *list)
{
    size_t count = 0;
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        count++;
    }
    return count;
}

struct yaml_place place_of_key(const struct yaml *node)
{
    return node == NULL ? YAML_NO_PLACE : node->key_place;
}

/* --- names --- */

void report_error(struct reader *reader, struct yaml_place place, const char *code,
                  const char *hint, const char *message)
{
    diagnostics_add(reader->diagnostics, SEVERITY_ERROR, code, place, hint, "%s", message);
}

static bool name_is_valid(struct slice name, bool in_paths)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == ',' || (in_paths && c == '/')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= NAME_BYTES_MAX;
}

bool check_name(struct reader *reader, const struct yaml *node, const char *what, bool in_paths)
{
    if (name_is_valid(node->key, in_paths)) {
        return true;
    }
    diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_name", node->key_place,
                    in_paths ? "use letters, digits, - . _ and the like; no blanks, no slashes"
                             : "use letters, digits, - . _ / and the like; no blanks, no commas",
                    "this cannot be the name of a %s", what);
    return false;
}

static void hint_names(struct slice (*name_at)(const void *owner, size_t i), const void *owner,
                       size_t count, struct buf *hint)
{
    buf_append_cstr(hint, count > 0 ? "there are: " : "");
    for (size_t i = 0; i < count && i < NAMES_LISTED; i++) {
        struct slice name = name_at(owner, i);
        buf_printf(hint, "%s%.*s", i > 0 ? ", " : "", SLICE_ARG(name));
    }
    if (count > NAMES_LISTED) {
        buf_printf(hint, " and %zu more", count - NAMES_LISTED);
    }
}

void report_unknown_name(struct reader *reader, struct yaml_place place, struct slice name,
                         const char *what, struct slice (*name_at)(const void *owner, size_t i),
                         const void *owner, size_t count)
{
    unsigned best = edit_limit(name) + 1;
    struct slice nearest = SLICE_EMPTY;
    char text[256];
    for (size_t i = 0; i < count; i++) {
        struct slice candidate = name_at(owner, i);
        unsigned distance = edit_distance(name, candidate, best);
        if (distance < best || (nearest.len == 0 && slice_eq_nocase(name, candidate))) {
            best = distance;
            nearest = candidate;
        }
    }
    struct buf hint = BUF_INIT(8192);
    if (nearest.len > 0) {
        buf_printf(&hint, "did you mean \"%.*s\"?", SLICE_ARG(nearest));
    } else {
        hint_names(name_at, owner, count, &hint);
    }
    slice_to_cstr(buf_slice(&hint), text, sizeof(text));
    buf_release(&hint);
    diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "unknown_name", place, text,
                    "there is no %s \"%.*s\"", what, (int)(name.len < 100 ? name.len : 100),
                    name.ptr);
}

static struct slice name_in_list(const void *owner, size_t i)
{
    const struct slice *names = owner;
    return names[i];
}

/* Near names may be any that a client could write; listed are those of the configuration. */
static void report_unknown_target(struct reader *reader, const struct yaml *node)
{
    const struct snapshot *snapshot = reader->snapshot;
    const struct policy *policy = &snapshot->policy;
    bool shown = reader->diagnostics->count < DIAGNOSTICS_MAX; /* else only counted */
    size_t named = shown ? snapshot->named_targets : 0;
    size_t targets = shown ? policy->target_count : 0;
    size_t count = 0;
    bool near = false;
    unsigned limit = edit_limit(node->written);
    struct slice *names = arena_array(reader->arena, targets + named + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < targets; i++) {
        names[count++] = policy->targets[i].name;
    }
    for (size_t i = 0; names != NULL && i < named; i++) {
        names[count++] =
            arena_printf(reader->arena, "%.*s/%.*s", SLICE_ARG(policy->targets[i].provider_name),
                         SLICE_ARG(policy->targets[i].model));
    }
    for (size_t i = 0; i < count && !near; i++) {
        near = edit_distance(node->written, names[i], limit) <= limit;
    }
    report_unknown_name(reader, node->place, node->written, "target", name_in_list, names,
                        near || names == NULL ? count : named);
}

/* Is the name one of the file, whose own mistake was reported where it stands? */
static bool failed_itself(const struct reader *reader, struct slice name)
{
    const struct snapshot *snapshot = reader->snapshot;
    if (yaml_member(yaml_member(reader->root, SLICE("targets")), name) != NULL) {
        return true;
    }
    struct slice provider = slice_cut(&name, '/');
    for (size_t i = 0; i < snapshot->provider_count && name.len > 0; i++) {
        if (slice_eq(snapshot->providers[i].name, provider)) {
            return snapshot->providers[i].dialects == 0;
        }
    }
    return false;
}

uint16_t setting_target(struct reader *reader, const struct yaml *node)
{
    const struct policy *policy = &reader->snapshot->policy;
    uint16_t index = policy_find_target(policy, node->text);
    if (index == NO_TARGET) {
        index = policy_find_provider_model(policy, node->text);
    }
    if (index == NO_TARGET && !failed_itself(reader, node->text)) {
        report_unknown_target(reader, node);
    }
    return index;
}
