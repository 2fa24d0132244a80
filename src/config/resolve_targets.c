/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: those of the section, else the curated three of every provider and what servers of
 * one's own listed; and behind them every model of the catalogue at a configured provider,
 * addressable as provider/model but in no route; and one that stands for all others of it.
 */
#include "config/resolve_price.h"

#include "model/token_family.h"
#include "provider/catalogue.h"

#include <stdio.h>

static bool find_provider(const struct snapshot *snapshot, struct slice name, uint16_t *ret_index)
{
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        if (slice_eq(snapshot->providers[i].name, name)) {
            *ret_index = (uint16_t)i;
            return true;
        }
    }
    return false;
}

static struct price free_price(void)
{
    return (struct price){.known = true};
}

/* No list says which models make vectors, but their names do: "text-embedding-3-small",
   "nomic-embed-text", "gemini-embedding-001". A target's own list of capabilities wins. */
static bool makes_vectors(struct slice model)
{
    return slice_find_slice(model, SLICE("embed")) != SIZE_MAX ||
           slice_find_slice(model, SLICE("Embed")) != SIZE_MAX;
}

/* Its server knows best, where it was asked. */
static void apply_known(const struct reader *reader, const struct provider *provider,
                        struct target *target)
{
    const struct known_models *known = &reader->options->models;
    target->asks_window = (provider->quirks & QUIRK_CUTS_PROMPTS) != 0;
    target->presumed = true;
    for (size_t i = 0; i < known->count; i++) {
        const struct known_model *model = &known->items[i];
        if (slice_eq(model->provider, provider->name) && known_model_is(model, target->model)) {
            target->capabilities =
                model->capabilities != 0 ? model->capabilities : target->capabilities;
            target->context_tokens =
                model->context_tokens > 0 ? model->context_tokens : target->context_tokens;
            return;
        }
    }
}

/* What the catalogue knows of a model, or what can be said without it. Returns when that price may
 * change; INT64_MAX: never. */
static int64_t apply_catalogue(const struct reader *reader, const struct provider *provider,
                               struct target *target)
{
    struct catalogue_model model;
    const char *id = provider->preset->catalogue;
    int64_t until_s = INT64_MAX;
    target->capabilities = provider->preset->capabilities;
    if (id != NULL &&
        catalogue_find(slice_from_cstr(id), target->model, reader->options->wall_s, &model)) {
        target->price = model.price;
        until_s = model.price_until_s;
        target->context_tokens = model.context_tokens;
        target->output_tokens = model.output_tokens;
        target->encoding = (uint8_t)token_family(target->model);
        if (model.capabilities != 0) {
            target->capabilities = model.capabilities;
        }
    }
    if (makes_vectors(target->model)) {
        target->capabilities = CAPABILITY_EMBEDDINGS;
    }
    apply_known(reader, provider, target);
    if ((provider->quirks & QUIRK_LOCAL) != 0) {
        target->price = free_price();
        target->local = true;
        until_s = INT64_MAX;
    }
    target->sorts_itself = (provider->quirks & QUIRK_ROUTING_FIELDS) != 0;
    return until_s;
}

static void note_price_change(struct reader *reader, int64_t until_s)
{
    if (until_s < reader->snapshot->prices_until_s) {
        reader->snapshot->prices_until_s = until_s;
    }
}

/* Returns when its price may change, like apply_catalogue(). */
static int64_t init_target(const struct reader *reader, struct target *target, uint16_t index,
                           struct slice name, struct slice model)
{
    const struct provider *provider = &reader->snapshot->providers[index];
    *target = (struct target){
        .name = name,
        .model = model,
        .provider_name = provider->name,
        .provider = index,
        .dialects = provider->dialects,
    };
    return apply_catalogue(reader, provider, target);
}

/* An upper bound of the targets there will be, so that the table is no larger than needed. */
static size_t count_targets(const struct reader *reader, const struct yaml *section)
{
    const struct snapshot *snapshot = reader->snapshot;
    size_t count = ARRAY_LEN(snapshot->providers->preset->curated) * snapshot->provider_count +
                   member_count(section) + reader->options->models.count +
                   snapshot->provider_count;
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

static struct slice capability_at(const void *owner, size_t i)
{
    (void)owner;
    return slice_from_cstr(capability_name((enum capability_bit)i));
}

static void read_capabilities(struct reader *reader, const struct yaml *section,
                              struct target *target)
{
    const struct yaml *list = setting_node(section, "targets.*.capabilities");
    capability_set set = 0;
    for (const struct yaml *i = item_first(list); i != NULL; i = item_next(list, i)) {
        capability_set bit = capability_from_name(i->text);
        if (bit == 0) {
            report_unknown_name(reader, i->place, i->written, "capability", capability_at, NULL,
                                CAPABILITY_COUNT);
        }
        set |= bit;
    }
    if (list != NULL) {
        target->capabilities = set;
        target->presumed = false;
    }
}

/* Its number among those of the policy; TARGET_TAGS_MAX: there is no room. */
static size_t tag_number(struct policy *policy, struct slice name)
{
    size_t at = 0;
    while (at < policy->tag_count && !slice_eq(policy->tags[at], name)) {
        at++;
    }
    if (at == policy->tag_count && at < TARGET_TAGS_MAX) {
        policy->tags[policy->tag_count++] = name;
    }
    return at;
}

/* What stays on this machine is seen by nobody: OpenRouter's words for that. */
static void tag_local(struct policy *policy, struct target *target)
{
    static const struct slice promises[] = {SLICE_INIT("no-data-collection"), SLICE_INIT("zdr")};
    for (size_t i = 0; i < ARRAY_LEN(promises) && policy->tags != NULL; i++) {
        size_t number = tag_number(policy, promises[i]);
        target->tags |= number < TARGET_TAGS_MAX ? UINT64_C(1) << number : 0;
    }
}

static void read_tags(struct reader *reader, const struct yaml *section, struct target *target)
{
    struct policy *policy = &reader->snapshot->policy;
    const struct yaml *list = setting_node(section, "targets.*.tags");
    for (const struct yaml *i = item_first(list); i != NULL && policy->tags != NULL;
         i = item_next(list, i)) {
        bool sound = i->text.len > 0 && i->text.len < 64 && slice_find(i->text, ',') == SIZE_MAX;
        size_t number = sound ? tag_number(policy, i->text) : 0;
        if (!sound) {
            report_error(reader, i->place, "bad_tag", "for example eu or no-training",
                         "a tag is a word of at most 63 bytes without commas");
        } else if (number == TARGET_TAGS_MAX) {
            report_error(reader, i->place, "too_many_tags", "use fewer different tags",
                         "targets have more than 64 different tags");
        } else {
            target->tags |= UINT64_C(1) << number;
        }
    }
    if (target->local) {
        tag_local(policy, target);
    }
}

static enum tier tier_of(const struct target *target)
{
    if (target->local && price_is_free(&target->price)) {
        return TIER_BUDGET;
    }
    return target->price.known ? tier_from_price(target->price.base.output) : TIER_MID;
}

static void read_overrides(struct reader *reader, const struct yaml *section, struct target *target)
{
    read_capabilities(reader, section, target);
    read_tags(reader, section, target);
    if (setting_given(section, "targets.*.context_tokens")) {
        target->context_tokens = setting_number(section, "targets.*.context_tokens");
    }
    if (setting_given(section, "targets.*.output_tokens")) {
        target->output_tokens = setting_number(section, "targets.*.output_tokens");
    }
    target->latency_ms = setting_number(section, "targets.*.latency_ms");
    target->off = setting_number(section, "targets.*.enabled") == 0;
    target->tier = tier_of(target);
    if (setting_given(section, "targets.*.tier")) {
        target->tier = (enum tier)setting_number(section, "targets.*.tier");
    }
}

static void warn_unknown_price(struct reader *reader, const struct yaml *section,
                               const struct target *target)
{
    bool attempted = setting_attempted(section, "targets.*.price");
    if (target->price.known || attempted || target->dialects == 0 ||
        reader->snapshot->policy.unknown_price != UNKNOWN_PRICE_DENY) {
        return;
    }
    diagnostics_add(reader->diagnostics, SEVERITY_WARNING, "unknown_price", section->key_place,
                    "add price: { input_per_mtok: ..., output_per_mtok: ... }, or local: true to "
                    "its provider, or set prices.unknown",
                    "the price of %.*s at %.*s is not in the catalogue: it will never be asked",
                    (int)(target->model.len < 80 ? target->model.len : 80), target->model.ptr,
                    SLICE_ARG(target->provider_name));
}

static struct slice provider_at(const void *owner, size_t i)
{
    const struct snapshot *snapshot = owner;
    return snapshot->providers[i].name;
}

/* The provider and the model of a target; false: it was reported. */
static bool read_identity(struct reader *reader, const struct yaml *section, uint16_t *ret_provider,
                          struct slice *ret_model)
{
    const struct snapshot *snapshot = reader->snapshot;
    const struct yaml *provider = setting_node(section, "targets.*.provider");
    const struct yaml *providers = yaml_member(reader->root, SLICE("providers"));
    *ret_model = setting_text(section, "targets.*.model");
    if (!setting_attempted(section, "targets.*.provider") ||
        !setting_attempted(section, "targets.*.model")) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "incomplete", section->key_place,
                        "for example { provider: openai, model: gpt-5.4-mini }",
                        "the target \"%.*s\" needs a provider and a model",
                        (int)(section->key.len < 100 ? section->key.len : 100), section->key.ptr);
        return false;
    }
    if (provider == NULL || ret_model->len == 0) {
        return false;
    }
    if (find_provider(snapshot, provider->text, ret_provider)) {
        return true;
    }
    if (yaml_member(providers, provider->text) == NULL) {
        report_unknown_name(reader, provider->place, provider->written, "provider", provider_at,
                            snapshot, snapshot->provider_count);
    }
    return false;
}

static void resolve_target(struct reader *reader, const struct yaml *section, size_t room)
{
    struct slice model;
    uint16_t index = 0;
    (void)check_name(reader, section, "target", false);
    if (!read_identity(reader, section, &index, &model)) {
        return;
    }
    struct target *target = add_target(reader, room);
    if (target == NULL) {
        return;
    }
    int64_t until_s = init_target(reader, target, index, section->key, model);
    int64_t own_until_s;
    bool own = resolve_price(reader, section, target, &own_until_s);
    note_price_change(reader, own ? own_until_s : until_s);
    price_complete(&reader->snapshot->policy, target);
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
        struct slice name =
            arena_printf(reader->arena, "%.*s/%s", SLICE_ARG(provider->name), curated->model);
        note_price_change(
            reader, init_target(reader, target, index, name, slice_from_cstr(curated->model)));
        price_complete(&reader->snapshot->policy, target);
        target->tier = curated->tier;
        target->latency_ms = curated->latency_ms;
        target->capabilities =
            curated->capabilities != 0 ? curated->capabilities : target->capabilities;
        target->context_tokens =
            curated->context_tokens > 0 ? curated->context_tokens : target->context_tokens;
    }
}

/* All that a server of one's own lists. */
static void add_listed(struct reader *reader, uint16_t index, size_t room)
{
    const struct provider *provider = &reader->snapshot->providers[index];
    const struct known_models *known = &reader->options->models;
    for (size_t i = 0; i < known->count; i++) {
        const struct known_model *model = &known->items[i];
        bool ours = model->listed && slice_eq(model->provider, provider->name);
        struct target *target = ours ? add_target(reader, room) : NULL;
        if (target == NULL) {
            continue;
        }
        struct slice name = arena_printf(reader->arena, "%.*s/%.*s", SLICE_ARG(provider->name),
                                         SLICE_ARG(model->model));
        struct slice own = arena_copy(reader->arena, model->model);
        note_price_change(reader, init_target(reader, target, index, name, own));
        price_complete(&reader->snapshot->policy, target);
        target->tier = tier_of(target);
        tag_local(&reader->snapshot->policy, target);
    }
}

/* Is there a target of the file for this model, or with the name that it would get? */
static bool is_taken(const struct policy *policy, size_t named, uint16_t provider,
                     struct slice model, struct slice name)
{
    for (size_t t = 0; t < named; t++) {
        const struct target *target = &policy->targets[t];
        if ((target->provider == provider && slice_eq(target->model, model)) ||
            slice_eq(target->name, name)) {
            return true;
        }
    }
    return false;
}

/* The catalogue has prices of more than can be asked here. */
static bool answers(struct slice model)
{
    static const struct slice others[] = {
        SLICE_INIT("whisper"), SLICE_INIT("moderation"), SLICE_INIT("transcribe"),
        SLICE_INIT("-tts"),    SLICE_INIT("tts-"),       SLICE_INIT("dall-e"),
        SLICE_INIT("sora"),    SLICE_INIT("gpt-image"),  SLICE_INIT("rerank"),
        SLICE_INIT("realtime"),
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (slice_find_slice(model, others[i]) != SIZE_MAX) {
            return false;
        }
    }
    return true;
}

/* Every other model of the catalogue at this provider: addressable, in no route. */
static void add_addressable(struct reader *reader, uint16_t index, size_t named, size_t room)
{
    const struct provider *provider = &reader->snapshot->providers[index];
    const char *id = provider->preset->catalogue;
    struct policy *policy = &reader->snapshot->policy;
    struct catalogue_model model;
    if (id == NULL || (provider->quirks & QUIRK_LOCAL) != 0 || provider->dialects == 0) {
        return;
    }
    for (size_t i = 0; i < catalogue_info()->models && policy->target_count < room; i++) {
        catalogue_at(i, reader->options->wall_s, &model);
        if (!slice_eq(model.provider, slice_from_cstr(id)) || !answers(model.id)) {
            continue;
        }
        struct slice name = arena_printf(reader->arena, "%.*s/%.*s", SLICE_ARG(provider->name),
                                         SLICE_ARG(model.id));
        if (is_taken(policy, named, index, model.id, name)) {
            continue;
        }
        struct target *target = add_target(reader, room);
        note_price_change(reader, init_target(reader, target, index, name, model.id));
        if (!target->price.known && model.price.known) {
            target->pattern = true; /* its rules match longer names only */
            target->price = model.price;
            target->context_tokens = model.context_tokens;
            target->output_tokens = model.output_tokens;
        }
        target->pattern = target->pattern || slice_starts(model.id, SLICE("ft:"));
        price_complete(policy, target);
        target->tier = tier_of(target);
    }
}

/* One for all models of this provider that nobody knows here: the client that names one knows what
 * it can do. Only thinking is not believed, because agents ask everybody for it. */
static void add_stand_in(struct reader *reader, uint16_t index, size_t room)
{
    const struct provider *provider = &reader->snapshot->providers[index];
    struct target *target = provider->dialects == 0 ? NULL : add_target(reader, room);
    if (target == NULL) {
        return;
    }
    bool local = (provider->quirks & QUIRK_LOCAL) != 0;
    *target = (struct target){
        .name = arena_printf(reader->arena, "%.*s/*", SLICE_ARG(provider->name)),
        .model = SLICE("*"),
        .provider_name = provider->name,
        .provider = index,
        .dialects = provider->dialects,
        .capabilities = ((UINT32_C(1) << CAPABILITY_COUNT) - 1) & ~(uint32_t)CAPABILITY_REASONING,
        .local = local,
        .asks_window = (provider->quirks & QUIRK_CUTS_PROMPTS) != 0,
        .sorts_itself = (provider->quirks & QUIRK_ROUTING_FIELDS) != 0,
        .pattern = true,
    };
    target->price = local ? free_price() : target->price;
    target->tier = tier_of(target);
    price_complete(&reader->snapshot->policy, target);
    if (local) {
        tag_local(&reader->snapshot->policy, target);
    }
}

/* Its models are found out when it is asked. */
static bool has_local_provider(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        if ((snapshot->providers[i].quirks & QUIRK_LOCAL) != 0) {
            return true;
        }
    }
    return false;
}

static void check_count(struct reader *reader, const struct yaml *section, bool given)
{
    bool found_out = !given && has_local_provider(reader->snapshot);
    if (reader->snapshot->named_targets == 0 && reader->diagnostics->errors == 0 && !found_out) {
        report_error(reader, place_of_key(section), "incomplete",
                     "for example  targets: { llama: { provider: local, model: llama3.2 } }",
                     "there is no target to send requests to");
    }
    if (member_count(section) > TARGETS_MAX) {
        report_error(reader, section->key_place, "too_large", "4,096 are allowed",
                     "there are too many targets");
    }
}

void resolve_targets(struct reader *reader)
{
    const struct yaml *section = setting_section(reader, "targets");
    struct snapshot *snapshot = reader->snapshot;
    struct policy *policy = &snapshot->policy;
    bool given = yaml_member(reader->root, SLICE("targets")) != NULL &&
                 (section == NULL || section->first != NULL);
    snapshot->prices_until_s = INT64_MAX;
    snapshot->targets_given = given;
    if (snapshot->provider_count == 0) {
        return;
    }
    size_t room = count_targets(reader, section);
    policy->targets = arena_array(reader->arena, room + 1, sizeof(*policy->targets));
    policy->tags = arena_array(reader->arena, TARGET_TAGS_MAX, sizeof(*policy->tags));
    if (policy->targets == NULL) {
        return;
    }
    for (const struct yaml *t = member_first(section); t != NULL; t = member_next(t)) {
        resolve_target(reader, t, room);
    }
    for (uint16_t i = 0; i < snapshot->provider_count && !given; i++) {
        add_curated(reader, i, room);
        add_listed(reader, i, room);
    }
    snapshot->named_targets = policy->target_count;
    for (uint16_t i = 0; i < snapshot->provider_count; i++) {
        add_addressable(reader, i, snapshot->named_targets, room - snapshot->provider_count);
    }
    for (uint16_t i = 0; i < snapshot->provider_count; i++) {
        add_stand_in(reader, i, room);
    }
    check_count(reader, section, given);
}
