/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/config_testing.h"

static const char *const keys[] = {"OPENAI_API_KEY=k", "OPENROUTER_API_KEY=k", "DEEPSEEK_API_KEY=k",
                                   NULL};

static struct snapshot *load(struct loading *loading, const char *text)
{
    struct snapshot *snapshot = loading_begin(loading, slice_from_cstr(text), TESTING_FILE, keys);
    if (snapshot == NULL) {
        printf("# %.*s\n", SLICE_ARG(loading_text(loading)));
    }
    EXPECT(snapshot != NULL);
    return snapshot;
}

static const struct target *find(const struct snapshot *snapshot, const char *name)
{
    static const struct target none;
    uint16_t index = NO_TARGET;
    if (snapshot != NULL) {
        index = policy_find_target(&snapshot->policy, slice_from_cstr(name));
    }
    EXPECT(index != NO_TARGET);
    return index == NO_TARGET ? &none : &snapshot->policy.targets[index];
}

#define EXAMPLE                                                                                    \
    "providers:\n"                                                                                 \
    "  local:      { preset: ollama }\n"                                                           \
    "  openrouter: { preset: openrouter }\n"                                                       \
    "  openai:     { preset: openai }\n"                                                           \
    "targets:\n"                                                                                   \
    "  llama: { provider: local, model: llama2, latency_ms: 150 }\n"                               \
    "  haiku: { provider: openrouter, model: anthropic/claude-3-haiku, tier: budget }\n"           \
    "  gpt4:  { provider: openrouter, model: openai/gpt-4, latency_ms: 300,\n"                     \
    "           price: { input_per_mtok: 15, output_per_mtok: 15 } }\n"                            \
    "  gpt4d: { provider: openai, model: gpt-4 }\n"

static void resolves_the_example(void)
{
    struct loading loading;
    const struct snapshot *snapshot = load(&loading, EXAMPLE);
    EXPECT_INT(loading.diagnostics.count, 0);
    const struct target *llama = find(snapshot, "llama");
    EXPECT(llama->local && price_is_free(&llama->price));
    EXPECT_INT(llama->tier, TIER_BUDGET);
    EXPECT_INT(llama->latency_ms, 150);
    EXPECT_INT(llama->dialects, PROVIDER_SPEAKS_OLLAMA);
    const struct target *haiku = find(snapshot, "haiku");
    EXPECT(haiku->price.known && haiku->price.base.output > haiku->price.base.input);
    EXPECT(haiku->context_tokens >= 100000);
    EXPECT_INT(haiku->tier, TIER_BUDGET);
    EXPECT_SLICE(haiku->provider_name, "openrouter");
    const struct target *gpt4 = find(snapshot, "gpt4");
    EXPECT_INT(gpt4->price.base.input, 15000000);
    EXPECT_INT(gpt4->price.base.output, 15000000);
    EXPECT_INT(gpt4->price.base.cache_read, -1);
    EXPECT_INT(gpt4->price.tier_count, 0);
    EXPECT_INT(gpt4->tier, TIER_PREMIUM);
    EXPECT(gpt4->context_tokens > 0); /* the catalogue's, although the price is not */
    const struct target *gpt4d = find(snapshot, "gpt4d");
    EXPECT_INT(gpt4d->price.base.input, 30000000);
    EXPECT_INT(gpt4d->price.base.output, 60000000);
    EXPECT_INT(gpt4d->tier, TIER_PREMIUM);
    EXPECT(snapshot != NULL && snapshot->named_targets == 4);
    loading_end(&loading);
}

static void takes_overrides(void)
{
    struct loading loading;
    const struct snapshot *snapshot =
        load(&loading,
             "providers: { openai: {} }\n"
             "targets:\n"
             "  a: { provider: openai, model: gpt-4o, tier: mid, context_tokens: 1000,\n"
             "       output_tokens: 100, enabled: no, capabilities: [tools, vision],\n"
             "       price: { input_per_mtok: 1, output_per_mtok: 2, cache_read_per_mtok: 0.5,\n"
             "                cache_write_per_mtok: 3, per_request: 0.001 } }\n"
             "  b: { provider: openai, model: gpt-4o, capabilities: streaming }\n");
    const struct target *a = find(snapshot, "a");
    EXPECT_INT(a->tier, TIER_MID);
    EXPECT_INT(a->context_tokens, 1000);
    EXPECT_INT(a->output_tokens, 100);
    EXPECT(a->off);
    EXPECT_INT(a->capabilities, CAPABILITY_TOOLS | CAPABILITY_VISION);
    EXPECT_INT(a->price.base.cache_read, 500000);
    EXPECT_INT(a->price.base.cache_write, 3000000);
    EXPECT_INT(a->price.per_request_nd, 1000000);
    const struct target *b = find(snapshot, "b");
    EXPECT_INT(b->capabilities, CAPABILITY_STREAMING);
    EXPECT(!b->off);
    loading_end(&loading);
}

static void without_targets_the_curated_ones_are_there(void)
{
    static const char *const texts[] = {"providers: { openai: {}, deepseek: {} }\n",
                                        "providers: { openai: {}, deepseek: {} }\ntargets:\n",
                                        "providers: { openai: {}, deepseek: {} }\ntargets: {}\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct loading loading;
        const struct snapshot *snapshot = load(&loading, texts[i]);
        EXPECT_INT(snapshot == NULL ? 0 : snapshot->named_targets, 5);
        const struct target *first = find(snapshot, "openai/gpt-6-luna");
        EXPECT_INT(first->tier, TIER_BUDGET);
        EXPECT(first->price.known && first->latency_ms > 0);
        EXPECT((first->capabilities & CAPABILITY_TOOLS) != 0);
        loading_end(&loading);
    }
}

static void other_models_are_addressable(void)
{
    struct loading loading;
    const struct snapshot *snapshot = load(&loading, EXAMPLE);
    const struct target *mini = find(snapshot, "openai/gpt-4o-mini");
    EXPECT(mini->price.known);
    EXPECT_INT(mini->tier, TIER_BUDGET);
    size_t named = 0;
    if (snapshot != NULL) {
        EXPECT_INT(policy_find_provider_model(&snapshot->policy, SLICE("openrouter/openai/gpt-4")),
                   policy_find_target(&snapshot->policy, SLICE("gpt4")));
        EXPECT_INT(policy_find_target(&snapshot->policy, SLICE("openrouter/openai/gpt-4")),
                   NO_TARGET);
        EXPECT_INT(policy_find_target(&snapshot->policy, SLICE("local/llama3")), NO_TARGET);
        for (size_t r = 0; r < snapshot->policy.route_count; r++) {
            named += snapshot->policy.routes[r].candidate_count;
        }
        EXPECT_INT(named, 4);
    }
    loading_end(&loading);
}

static void names_are_unique(void)
{
    struct loading loading;
    /* a target with the name that the catalogue would give to another model */
    const struct snapshot *snapshot =
        load(&loading, "providers: { openai: {}, openrouter: {} }\n"
                       "targets: { openai/gpt-4o: { provider: openrouter, model: x,\n"
                       "  price: { input_per_mtok: 1, output_per_mtok: 1 } } }\n");
    if (snapshot != NULL) {
        const struct policy *policy = &snapshot->policy;
        for (size_t i = 0; i < policy->target_count; i++) {
            bool pattern = policy->targets[i].pattern;
            EXPECT_INT(policy_find_target(policy, policy->targets[i].name),
                       pattern ? NO_TARGET : i);
        }
        EXPECT(policy->target_count > 300);
    }
    loading_end(&loading);
}

static void knows_unknown_prices(void)
{
    struct loading loading;
    const struct snapshot *snapshot =
        load(&loading, "providers: { lab: { base_url: http://127.0.0.1:1/v1 } }\n"
                       "targets: { a: { provider: lab, model: m } }\n");
    const struct target *a = find(snapshot, "a");
    EXPECT(!a->price.known);
    EXPECT_INT(a->tier, TIER_MID);
    EXPECT(loading_find(&loading, "unknown_price") != NULL);
    loading_end(&loading);
    snapshot = load(&loading, "providers: { lab: { base_url: http://127.0.0.1:1/v1 } }\n"
                              "targets: { a: { provider: lab, model: m } }\n"
                              "prices: { unknown: allow }\n");
    EXPECT_INT(loading.diagnostics.count, 0);
    loading_end(&loading);
}

/* Prices of the hour: the snapshot says when it grows old. */
static void says_when_prices_change(void)
{
    struct loading loading;
    const struct snapshot *snapshot =
        load(&loading, "providers: { local: { preset: ollama } }\n"
                       "targets: { a: { provider: local, model: m } }\n");
    EXPECT(snapshot != NULL && snapshot->prices_until_s == INT64_MAX);
    loading_end(&loading);
    int64_t earliest = INT64_MAX;
    for (size_t i = 0; i < catalogue_info()->models; i++) {
        struct catalogue_model model;
        catalogue_at(i, TESTING_WALL_S, &model);
        if (slice_eq(model.provider, SLICE("deepseek")) && model.price_until_s < earliest) {
            earliest = model.price_until_s;
        }
    }
    snapshot = load(&loading, "providers: { deepseek: {} }\n");
    EXPECT_INT(snapshot == NULL ? 0 : snapshot->prices_until_s, earliest);
    EXPECT(earliest > TESTING_WALL_S);
    loading_end(&loading);
}

#define LAB "providers: { lab: { base_url: http://127.0.0.1:1/v1 } }\n"
#define PRICED(price) LAB "targets: { a: { provider: lab, model: m, price: " price " } }\n"

static void prices_have_every_part(void)
{
    struct loading loading;
    const struct snapshot *snapshot =
        load(&loading, PRICED("{ input_per_mtok: 3, output_per_mtok: 15, cache_write_1h_per_mtok:"
                              " 6, audio_input_per_mtok: 32, audio_output_per_mtok: 64,"
                              " reasoning_per_mtok: 8, image_input_per_mtok: 5,"
                              " image_output_per_mtok: 30, tiers: { 400000: { input_per_mtok: 12 },"
                              " 200000: { input_per_mtok: 6, output_per_mtok: 22.5 } } }"));
    EXPECT_INT(loading.diagnostics.count, 0);
    const struct price *price = &find(snapshot, "a")->price;
    EXPECT_INT(price->base.cache_write_1h, 6000000);
    EXPECT_INT(price->base.audio_input, 32000000);
    EXPECT_INT(price->base.audio_output, 64000000);
    EXPECT_INT(price->base.reasoning, 8000000);
    EXPECT_INT(price->base.image_input, 5000000);
    EXPECT_INT(price->base.image_output, 30000000);
    EXPECT(find(snapshot, "a")->speaks && find(snapshot, "a")->draws);
    EXPECT_INT(price->tier_count, 2);
    EXPECT_INT(price->tiers[0].above_input, 200000);
    EXPECT_INT(price->tiers[0].rates.output, 22500000);
    EXPECT_INT(price->tiers[0].rates.reasoning, 8000000);
    EXPECT_INT(price->tiers[1].above_input, 400000);
    EXPECT_INT(price->tiers[1].rates.input, 12000000);
    EXPECT_INT(price->tiers[1].rates.output, 15000000);
    loading_end(&loading);
}

/* It is 2026-11-18. */
static void prices_begin_on_a_day(void)
{
    struct loading loading;
    const struct snapshot *snapshot = load(
        &loading, PRICED("{ input_per_mtok: 1, output_per_mtok: 1, from: {"
                         " 2026-12-24: { input_per_mtok: 5, output_per_mtok: 5 },"
                         " 2026-11-18: { input_per_mtok: 3, output_per_mtok: 4, per_request: 0.001,"
                         " tiers: { 1000: { output_per_mtok: 9 } } },"
                         " 2026-12-01: { input_per_mtok: 4, output_per_mtok: 5 },"
                         " 2024-02-29: { input_per_mtok: 2, output_per_mtok: 2 } } }"));
    EXPECT_INT(loading.diagnostics.count, 0);
    const struct price *price = &find(snapshot, "a")->price;
    EXPECT_INT(price->base.input, 3000000);
    EXPECT_INT(price->per_request_nd, 1000000);
    EXPECT_INT(price->tier_count, 1);
    EXPECT_INT(price->tiers[0].rates.output, 9000000);
    EXPECT_INT(snapshot->prices_until_s, 1796083200); /* 2026-12-01 */
    loading_end(&loading);
}

static void wrong_prices_are_reported(void)
{
    static const struct {
        const char *text;
        const char *code;
    } rows[] = {
        {PRICED("{ input_per_mtok: 1 }"), "incomplete"},
        {PRICED(
             "{ input_per_mtok: 1, output_per_mtok: 1, tiers: { many: { input_per_mtok: 2 } } }"),
         "bad_tier"},
        {PRICED("{ input_per_mtok: 1, output_per_mtok: 1, tiers: { 0: { input_per_mtok: 2 } } }"),
         "bad_tier"},
        {PRICED("{ input_per_mtok: 1, output_per_mtok: 1, tiers: { 10: {} } }"), "incomplete"},
        {PRICED(
             "{ input_per_mtok: 1, output_per_mtok: 1, tiers: { 1: { input_per_mtok: 2 },"
             " 2: { input_per_mtok: 2 }, 3: { input_per_mtok: 2 }, 4: { input_per_mtok: 2 } } }"),
         "too_many_tiers"},
        {PRICED("{ input_per_mtok: 1, output_per_mtok: 1, from: { 2026-02-29: { input_per_mtok: 2,"
                " output_per_mtok: 2 } } }"),
         "bad_date"},
        {PRICED("{ input_per_mtok: 1, output_per_mtok: 1, from: { soon: { input_per_mtok: 2,"
                " output_per_mtok: 2 } } }"),
         "bad_date"},
        {PRICED("{ input_per_mtok: 1, output_per_mtok: 1, from: { 2026-02-28: { input_per_mtok: 2 }"
                " } }"),
         "incomplete"},
        {PRICED("{ input_per_mtok: 1, output_per_mtok: 1, reasoning: 2 }"), "unknown_key"},
        {PRICED("{ input_per_mtok: 1, output_per_mtok: 1, image_output_per_mtok: 0.0000001 }"),
         "bad_value"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loading loading;
        (void)loading_cstr(&loading, rows[i].text);
        const struct diagnostic *found = loading_find(&loading, rows[i].code);
        EXPECT(found != NULL);
        if (found == NULL) {
            printf("# wanted %s, got\n%.*s\n", rows[i].code, SLICE_ARG(loading_text(&loading)));
        }
        loading_end(&loading);
    }
}

/* What it makes beside text is never charged at less than is known. */
static void the_ceiling_is_for_sound_and_images(void)
{
    struct loading loading;
    const struct snapshot *snapshot =
        load(&loading, LAB "targets:\n"
                           "  a: { provider: lab, model: m, price: { input_per_mtok: 1,"
                           " output_per_mtok: 2, image_output_per_mtok: 30,"
                           " tiers: { 10: { output_per_mtok: 200 } } } }\n"
                           "  free: { provider: lab, model: n, price: { input_per_mtok: 0,"
                           " output_per_mtok: 0 } }\n"
                           "prices: { ceiling: { output_per_mtok: 90 } }\n");
    EXPECT_INT(loading.diagnostics.count, 0);
    const struct target *a = find(snapshot, "a");
    EXPECT_INT(a->price.base.audio_output, 90000000);
    EXPECT_INT(a->price.base.image_output, 30000000);
    EXPECT_INT(a->price.tiers[0].rates.audio_output, 200000000);
    EXPECT(!a->speaks && a->draws);
    EXPECT(price_is_free(&find(snapshot, "free")->price));
    EXPECT_INT(find(snapshot, "free")->price.base.audio_output, -1);
    loading_end(&loading);
    snapshot =
        load(&loading,
             PRICED("{ input_per_mtok: 1, output_per_mtok: 2 }") "prices: { unknown: allow }\n");
    EXPECT_INT(find(snapshot, "a")->price.base.image_output, -1);
    loading_end(&loading);
    /* the catalogue's picture of 1,290 tokens, and its speech without a price */
    snapshot = load(&loading, "prices: { ceiling: { output_per_mtok: 120 } }\n"
                              "providers: { gemini: {}, openai: {} }\ntargets:\n"
                              "  p: { provider: gemini, model: gemini-2.5-flash-image }\n"
                              "  s: { provider: openai, model: gpt-4o-audio-preview }\n");
    EXPECT_INT(find(snapshot, "p")->price.base.image_output, 30000000);
    EXPECT(find(snapshot, "p")->draws);
    EXPECT_INT(find(snapshot, "s")->price.base.audio_output, 120000000);
    EXPECT(!find(snapshot, "s")->speaks);
    loading_end(&loading);
}

static void has_a_ceiling(void)
{
    struct buf text = BUF_INIT(1u << 20);
    struct loading loading;
    buf_append_cstr(&text, "providers: { openai: {}, local: { preset: ollama } }\ntargets:\n");
    for (int i = 0; i < 4096; i++) {
        buf_printf(&text, "  t%d: { provider: local, model: m }\n", i);
    }
    const struct snapshot *snapshot = loading_begin(&loading, buf_slice(&text), TESTING_FILE, keys);
    EXPECT(snapshot != NULL && snapshot->policy.target_count == TARGETS_MAX);
    loading_end(&loading);
    buf_append_cstr(&text, "  one_more: { provider: local, model: m }\n");
    EXPECT(loading_begin(&loading, buf_slice(&text), TESTING_FILE, keys) == NULL);
    EXPECT(loading_find(&loading, "too_large") != NULL);
    EXPECT_INT(loading.diagnostics.errors, 1);
    loading_end(&loading);
    buf_release(&text);
}

/* What a server of one's own said goes where the file says nothing. */
static void known_models_fill_in(void)
{
    const struct known_model models[] = {
        {.provider = SLICE("local"),
         .model = SLICE("llama2:latest"),
         .capabilities = CAPABILITY_STREAMING | CAPABILITY_VISION,
         .context_tokens = 4096,
         .listed = true},
        {.provider = SLICE("other"), .model = SLICE("qwen3"), .context_tokens = 1, .listed = true},
    };
    struct config_options options = {.file = "x.yaml",
                                     .environment = &config_environment_process,
                                     .wall_s = 1795000000,
                                     .models = {models, ARRAY_LEN(models)}};
    struct diagnostics diagnostics;
    struct snapshot *snapshot =
        config_load(SLICE("providers: { local: { preset: ollama } }\n"
                          "targets: { a: { provider: local, model: llama2 },\n"
                          "  b: { provider: local, model: llama2, capabilities: [tools] },\n"
                          "  c: { provider: local, model: qwen3 } }\n"),
                    &options, &diagnostics);
    EXPECT_INT(snapshot == NULL ? 0 : snapshot->named_targets, 3);
    EXPECT_INT(find(snapshot, "a")->capabilities, CAPABILITY_STREAMING | CAPABILITY_VISION);
    EXPECT_INT(find(snapshot, "a")->context_tokens, 4096);
    EXPECT_INT(find(snapshot, "b")->capabilities, CAPABILITY_TOOLS);
    EXPECT_INT(find(snapshot, "c")->context_tokens, 0);
    EXPECT_INT(find(snapshot, "c")->capabilities & (CAPABILITY_TOOLS | CAPABILITY_SUFFIX), 0);
    diagnostics_release(&diagnostics);
    snapshot_unref(snapshot);
    snapshot = config_load(SLICE("providers: { local: { preset: ollama } }\n"), &options,
                           &diagnostics);
    EXPECT_INT(snapshot == NULL ? 0 : snapshot->named_targets, 1);
    EXPECT(find(snapshot, "local/llama2:latest")->local);
    diagnostics_release(&diagnostics);
    snapshot_unref(snapshot);
}

/* In the table, found by no name, in no route. */
static void others_have_a_stand_in(void)
{
    struct loading loading;
    const struct snapshot *snapshot = load(&loading, EXAMPLE);
    if (snapshot != NULL) {
        const struct policy *policy = &snapshot->policy;
        uint16_t local = policy_find_stand_in(policy, 0, SLICE("*"));
        uint16_t openai = policy_find_stand_in(policy, 2, SLICE("*"));
        uint16_t tuned = policy_find_stand_in(policy, 2, SLICE("ft:gpt-4o-mini"));
        EXPECT(local != NO_TARGET && openai != NO_TARGET && tuned != NO_TARGET);
        EXPECT(price_is_free(&policy->targets[local].price) && policy->targets[local].local);
        EXPECT(!policy->targets[openai].price.known);
        EXPECT(policy->targets[tuned].price.known);
        EXPECT(policy->targets[tuned].pattern);
        EXPECT_INT(policy_find_target(policy, SLICE("local/*")), NO_TARGET);
        EXPECT_INT(policy_find_provider_model(policy, SLICE("local/*")), NO_TARGET);
        EXPECT_INT(policy_find_target(policy, SLICE("openai/ft:gpt-4o-mini")), NO_TARGET);
        EXPECT_INT(policy_find_target(policy, SLICE("openai/whisper-1")), NO_TARGET);
    }
    loading_end(&loading);
}

int main(void)
{
    TEST(resolves_the_example, "prices, tiers and windows come from catalogue and file");
    TEST(takes_overrides, "takes what the file says over the catalogue");
    TEST(without_targets_the_curated_ones_are_there, "without targets the curated ones are there");
    TEST(known_models_fill_in, "what a local server said of its models fills in what is open");
    TEST(others_have_a_stand_in, "what is in no catalogue has a target that stands for it");
    TEST(other_models_are_addressable, "other models are addressable, and in no route");
    TEST(names_are_unique, "no two targets have one name");
    TEST(knows_unknown_prices, "an unknown price is unknown, and warned about");
    TEST(says_when_prices_change, "says when the first price may change");
    TEST(prices_have_every_part, "a price has rates for every part, and tiers");
    TEST(prices_begin_on_a_day, "prices begin on a day");
    TEST(wrong_prices_are_reported, "what is wrong in a price is said");
    TEST(the_ceiling_is_for_sound_and_images, "sound and images without a rate have the ceiling's");
    TEST(has_a_ceiling, "more targets than the table holds are an error");
    return tap_done();
}
