/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: those of the section, else the curated three of every provider; and behind them every model of the catalogue at a
 * configured provider, addressable as provider/model but in no route.
 */
#include "config/reader.h"

#include "provider/catalogue.h"

#include <stdio.h>

static struct provider *find_provider(struct snapshot *snapshot, struct slice name, uint16_t *ret_index)
{
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        if (slice_eq(snapshot->providers[i].name, name)) {
            *ret_index = (uint16_t)i;
            return &snapshot->providers[i];
        }
    }
    return NULL;
}

static struct price free_price(void)
{
    return (struct price){.known = true};
}

/* What the catalogue knows of a model, or what can be said without it. */
static void apply_catalogue(const struct reader *reader, const struct provider *provider, struct target *target)
{
    struct catalogue_model model;
    const char *id = provider->preset->catalogue;
    target->capabilities = provider->preset->capabilities;
    if (id != NULL &&
        catalogue_find(slice_from_cstr(id), target->model, reader->options->wall_s, &model)) {
        target->price = model.price;
        target->context_tokens = model.context_tokens;
        target->output_tokens = model.output_tokens;
        if (model.capabilities != 0) {
            target->capabilities = model.capabilities;
        }
    }
    if ((provider->quirks & QUIRK_LOCAL) != 0) {
        target->price = free_price();
        target->local = true;
    }
}

static void init_target(const struct reader *reader, struct target *target, uint16_t index, struct slice name,
                        struct slice model)
{
    const struct provider *provider = &reader->snapshot->providers[index];
    *target = (struct target){
        .name = name,
        .model = model,
        .provider_name = provider->name,
        .provider = index,
        .dialects = provider->dialects,
    };
    apply_catalogue(reader, provider, target);
}

/* An upper bound of the targets there will be, so that the table is no larger than needed. */
static size_t count_targets(const struct reader *reader, const struct yaml *section)
{
    const struct snapshot *snapshot = reader->snapshot;
    size_t count = 3 * snapshot->provider_count;
    for (const struct yaml *t = section == NULL ? NULL : section->first; t != NULL; t = t->next) {
        count++;
    }
    for (size_t i = 0; i < catalogue_info()->models; i++) {
        struct catalogue_model model;
        catalogue_at(i, reader->options->wall_s, &model);
        for (size_t p = 0; p < snapshot->provider_count; p++) {
            const char *id = snapshot->providers[p].preset->catalogue;
            count += id != NULL && slice_eq(model.provider, slice_from_cstr(id)) ? 1 : 0;
        }
    }
    return count < TARGETS_MAX ? count : TARGETS_MAX;
}

static struct target *add_target(struct reader *reader, size_t room)
{
    struct policy *policy = &reader->snapshot->policy;
    if (policy->target_count >= room) {
        return NULL;
    }
    return &policy->targets[policy->target_count++];
}

static void read_rates(const struct yaml *price, struct target *target)
{
    target->price = (struct price){
        .known = true,
        .base =
            {
                .input = setting_number(price, "targets.*.price.input_per_mtok"),
                .output = setting_number(price, "targets.*.price.output_per_mtok"),
                .cache_read = -1,
                .cache_write = -1,
                .cache_write_1h = -1,
                .audio_input = -1,
                .audio_output = -1,
            },
        .per_request_nd = setting_number(price, "targets.*.price.per_request"),
    };
    if (setting_given(price, "targets.*.price.cache_read_per_mtok")) {
        target->price.base.cache_read = setting_number(price, "targets.*.price.cache_read_per_mtok");
    }
    if (setting_given(price, "targets.*.price.cache_write_per_mtok")) {
        target->price.base.cache_write = setting_number(price, "targets.*.price.cache_write_per_mtok");
    }
}

static void read_price(struct reader *reader, const struct yaml *section, struct target *target)
{
    const struct yaml *price = setting_node(section, "targets.*.price");
    if (price == NULL || price->kind != YAML_MAPPING) {
        return;
    }
    if (!setting_given(price, "targets.*.price.input_per_mtok") || !setting_given(price, "targets.*.price.output_per_mtok")) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", price->key_place,
                        "give input_per_mtok and output_per_mtok, in dollars per million tokens",
                        "a price needs both rates");
        return;
    }
    read_rates(price, target);
}

static void read_capabilities(struct reader *reader, const struct yaml *section, struct target *target)
{
    const struct yaml *node = setting_node(section, "targets.*.capabilities");
    struct slice *names;
    if (node == NULL) {
        return;
    }
    size_t count = setting_list(reader, section, "targets.*.capabilities", &names);
    capability_set set = 0;
    for (size_t i = 0; i < count; i++) {
        capability_set bit = capability_from_name(names[i]);
        if (bit == 0) {
            struct slice known[CAPABILITY_COUNT];
            for (int c = 0; c < CAPABILITY_COUNT; c++) {
                known[c] = slice_from_cstr(capability_name((enum capability_bit)c));
            }
            report_unknown_name(reader, node, names[i], "capability", known, CAPABILITY_COUNT);
        }
        set |= bit;
    }
    target->capabilities = set;
}

static void read_overrides(struct reader *reader, const struct yaml *section, struct target *target)
{
    read_price(reader, section, target);
    read_capabilities(reader, section, target);
    if (setting_given(section, "targets.*.context_tokens")) {
        target->context_tokens = setting_number(section, "targets.*.context_tokens");
    }
    if (setting_given(section, "targets.*.output_tokens")) {
        target->output_tokens = setting_number(section, "targets.*.output_tokens");
    }
    target->latency_ms = setting_number(section, "targets.*.latency_ms");
    target->off = setting_number(section, "targets.*.enabled") == 0;
    bool free_local = target->local && price_is_free(&target->price);
    target->tier = free_local ? TIER_BUDGET : tier_from_price(target->price.base.output);
    if (!target->price.known) {
        target->tier = TIER_MID;
    }
    if (setting_given(section, "targets.*.tier")) {
        target->tier = (enum tier)setting_number(section, "targets.*.tier");
    }
}

static void warn_unknown_price(struct reader *reader, const struct yaml *section, const struct target *target)
{
    if (target->price.known || reader->snapshot->policy.unknown_price != UNKNOWN_PRICE_DENY) {
        return;
    }
    diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "unknown_price", section->key_place,
                    "give targets.NAME.price, or set prices.unknown: ceiling or allow",
                    "the price of %.*s at %.*s is not in the catalogue: it will never be asked",
                    SLICE_ARG(target->model), SLICE_ARG(target->provider_name));
}

static void resolve_target(struct reader *reader, const struct yaml *section, size_t room)
{
    struct snapshot *snapshot = reader->snapshot;
    const struct yaml *provider_node = setting_node(section, "targets.*.provider");
    struct slice model = setting_text(section, "targets.*.model");
    uint16_t index = 0;
    if (provider_node == NULL || model.len == 0) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", section->key_place,
                        "for example { provider: openai, model: gpt-4o-mini }", "the target \"%.*s\" needs a provider and a model",
                        SLICE_ARG(section->key));
        return;
    }
    if (find_provider(snapshot, provider_node->text, &index) == NULL) {
        struct slice names[64];
        size_t count = 0;
        for (size_t i = 0; i < snapshot->provider_count && count < ARRAY_LEN(names); i++) {
            names[count++] = snapshot->providers[i].name;
        }
        report_unknown_name(reader, provider_node, provider_node->text, "provider", names, count);
        return;
    }
    struct target *target = add_target(reader, room);
    if (target == NULL) {
        return;
    }
    init_target(reader, target, index, section->key, model);
    read_overrides(reader, section, target);
    warn_unknown_price(reader, section, target);
}

static void add_curated(struct reader *reader, uint16_t index, size_t room)
{
    const struct provider *provider = &reader->snapshot->providers[index];
    for (size_t i = 0; i < ARRAY_LEN(provider->preset->curated); i++) {
        const struct curated_target *curated = &provider->preset->curated[i];
        struct target *target = curated->model == NULL ? NULL : add_target(reader, room);
        if (target == NULL) {
            continue;
        }
        struct slice name = arena_printf(reader->arena, "%.*s/%s", SLICE_ARG(provider->name), curated->model);
        init_target(reader, target, index, name, slice_from_cstr(curated->model));
        target->tier = curated->tier;
        target->latency_ms = curated->latency_ms;
        target->capabilities = curated->capabilities != 0 ? curated->capabilities : target->capabilities;
        target->context_tokens = curated->context_tokens > 0 ? curated->context_tokens : target->context_tokens;
    }
}

/* Every other model of the catalogue at this provider: addressable, in no route. */
static void add_addressable(struct reader *reader, uint16_t index, size_t named, size_t room)
{
    const struct provider *provider = &reader->snapshot->providers[index];
    const char *id = provider->preset->catalogue;
    struct policy *policy = &reader->snapshot->policy;
    if (id == NULL || (provider->quirks & QUIRK_LOCAL) != 0) {
        return;
    }
    struct slice catalogue = slice_from_cstr(id);
    for (size_t i = 0; i < catalogue_info()->models; i++) {
        struct catalogue_model model;
        catalogue_at(i, reader->options->wall_s, &model);
        bool taken = !slice_eq(model.provider, catalogue);
        for (size_t t = 0; t < named && !taken; t++) {
            taken = policy->targets[t].provider == index && slice_eq(policy->targets[t].model, model.id);
        }
        struct target *target = taken ? NULL : add_target(reader, room);
        if (target != NULL) {
            struct slice name =
                arena_printf(reader->arena, "%.*s/%.*s", SLICE_ARG(provider->name), SLICE_ARG(model.id));
            init_target(reader, target, index, name, model.id);
            target->tier = target->price.known ? tier_from_price(target->price.base.output) : TIER_MID;
        }
    }
}

void resolve_targets(struct reader *reader)
{
    const struct yaml *section = yaml_member(reader->root, SLICE("targets"));
    struct snapshot *snapshot = reader->snapshot;
    struct policy *policy = &snapshot->policy;
    size_t room = count_targets(reader, section);
    policy->targets = arena_array(reader->arena, room + 1, sizeof(*policy->targets));
    if (policy->targets == NULL || snapshot->provider_count == 0) {
        return;
    }
    for (const struct yaml *t = section == NULL ? NULL : section->first; t != NULL; t = t->next) {
        resolve_target(reader, t, room);
    }
    for (uint16_t i = 0; i < snapshot->provider_count && section == NULL; i++) {
        add_curated(reader, i, room);
    }
    size_t named = policy->target_count;
    snapshot->named_targets = named;
    for (uint16_t i = 0; i < snapshot->provider_count; i++) {
        add_addressable(reader, i, named, room);
    }
    if (named == 0 && reader->diagnostics->errors == 0) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete",
                        section == NULL ? (struct yaml_place){0, 0, 0} : section->key_place,
                        "add targets: { name: { provider: ..., model: ... } }", "there is no target to send requests to");
    }
}
