/* SPDX-License-Identifier: Apache-2.0 */
#include "config/preset.h"

/* None keeps conversations together: where tiers differ that costs more than it saves (see
 * docs/guides/sessions.md). */
static const struct {
    struct slice name;
    const char *text;
} presets[] = {
    /* An agent at work: many turns with tools, of which few are hard. */
    {SLICE_INIT("coding"),
     "conservative: 0.6\n"
     "max_attempts: 4\n"
     "escalate:\n"
     "  when: [empty, refusal, truncated, invalid_json, invalid_schema, tool_arguments]\n"
     "  stream: early\n"},
    /* People who wait for words. */
    {SLICE_INIT("chat"), "conservative: 0.5\n"
                         "max_attempts: 3\n"
                         "escalate:\n"
                         "  when: [empty, refusal, wrong_language, repetition]\n"
                         "  stream: early\n"},
    /* Nobody waits: cheap ones first, every answer looked at whole, and rather late than never. */
    {SLICE_INIT("batch"), "conservative: 0.3\n"
                          "max_attempts: 8\n"
                          "on_infeasible: nearest\n"
                          "escalate:\n"
                          "  when: [empty, refusal, truncated, wrong_language, repetition,\n"
                          "    invalid_json, invalid_schema, tool_arguments]\n"},
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

/* escalate.max_attempts is another word for it. */
static bool says_attempts(const struct yaml *route)
{
    const struct yaml *escalate = yaml_member(route, SLICE("escalate"));
    return escalate != NULL && escalate->kind == YAML_MAPPING &&
           yaml_member(escalate, SLICE("max_attempts")) != NULL;
}

static void add_missing(struct yaml *section, struct yaml *preset)
{
    struct yaml *next;
    for (struct yaml *m = preset->first; m != NULL; m = next) {
        next = m->next;
        if (yaml_member(section, m->key) == NULL) {
            append(section, m);
        }
    }
}

/* What is said stays; of a section that is said in part, the rest is the preset's. */
static void merge(struct yaml *route, struct yaml *preset)
{
    struct yaml *next;
    bool attempts = says_attempts(route);
    for (struct yaml *m = preset->first; m != NULL; m = next) {
        struct yaml *said = yaml_member(route, m->key);
        next = m->next;
        if (said != NULL && said->kind == YAML_MAPPING && m->kind == YAML_MAPPING) {
            add_missing(said, m);
        } else if (said == NULL && !(attempts && slice_eq(m->key, SLICE("max_attempts")))) {
            append(route, m);
        }
    }
}

static void fill(struct reader *reader, struct yaml *route, const char *text)
{
    bool whole;
    struct yaml *preset =
        yaml_parse(slice_from_cstr(text), reader->arena, reader->diagnostics, &whole);
    if (preset != NULL) {
        merge(route, preset);
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
