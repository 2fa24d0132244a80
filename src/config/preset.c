/* SPDX-License-Identifier: Apache-2.0 */
#include "config/preset.h"

static const struct {
    struct slice name;
    const char *text;
} presets[] = {
    /* An agent at work: many turns with tools, of which few are hard. */
    {SLICE_INIT("coding"), "conservative: 0.6\n"
                           "max_attempts: 4\n"},
    /* People who wait for words. */
    {SLICE_INIT("chat"), "conservative: 0.5\n"
                         "max_attempts: 3\n"},
    /* Nobody waits: cheap ones first, and rather late than never. */
    {SLICE_INIT("batch"), "conservative: 0.3\n"
                          "max_attempts: 8\n"
                          "on_infeasible: nearest\n"},
};

const char *preset_text(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
        if (slice_eq(presets[i].name, name)) {
            return presets[i].text;
        }
    }
    return NULL;
}

static void append(struct yaml *mapping, struct yaml *member)
{
    member->parent = mapping;
    member->next = NULL;
    if (mapping->last == NULL) {
        mapping->first = member;
    } else {
        mapping->last->next = member;
    }
    mapping->last = member;
    mapping->count++;
}

static void fill(struct reader *reader, struct yaml *route, const char *text)
{
    bool whole;
    struct yaml *preset =
        yaml_parse(slice_from_cstr(text), reader->arena, reader->diagnostics, &whole);
    struct yaml *next;
    for (struct yaml *m = preset == NULL ? NULL : preset->first; m != NULL; m = next) {
        next = m->next;
        if (yaml_member(route, m->key) == NULL) {
            append(route, m);
        }
    }
}

void preset_apply(struct reader *reader, struct yaml *root)
{
    struct yaml *routes = yaml_member(root, SLICE("routes"));
    if (routes == NULL || routes->kind != YAML_MAPPING) {
        return;
    }
    for (struct yaml *route = routes->first; route != NULL; route = route->next) {
        struct yaml *name =
            route->kind == YAML_MAPPING ? yaml_member(route, SLICE("preset")) : NULL;
        const char *text = name == NULL ? NULL : preset_text(name->text);
        if (text != NULL) {
            fill(reader, route, text);
        }
    }
}
