/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_fleet.h"

#include "cli/demo_workload.h"

#include <stdio.h>
#include <string.h>

static const struct demo_target mixed_targets[] = {
    {.name = "llama",
     .title = "Llama 2, local",
     .provider = "ollama",
     .model = "llama2",
     .latency_ms = 150},
    {.name = "haiku",
     .title = "Claude 3 Haiku, OpenRouter",
     .provider = "openrouter",
     .model = "anthropic/claude-3-haiku",
     .price_in = "0.80",
     .price_out = "0.80",
     .latency_ms = 250},
    {.name = "gpt4",
     .title = "GPT-4, OpenRouter",
     .provider = "openrouter",
     .model = "openai/gpt-4",
     .price_in = "15",
     .price_out = "15",
     .latency_ms = 300},
    {.name = "gpt4d",
     .title = "GPT-4, direct",
     .provider = "openai",
     .model = "gpt-4",
     .price_in = "30",
     .price_out = "30",
     .latency_ms = 250},
};

static const struct demo_target coding_targets[] = {
    {.name = "flash",
     .title = "DeepSeek V4 Flash",
     .provider = "deepseek",
     .model = "deepseek-v4-flash",
     .price_in = "0.10",
     .price_out = "0.20",
     .latency_ms = 300},
    {.name = "opus",
     .title = "Claude Opus 4.8",
     .provider = "openrouter",
     .model = "anthropic/claude-opus-4.8",
     .price_in = "5",
     .price_out = "25",
     .latency_ms = 900},
};

const struct demo_workload demo_mixed = {
    .name = "mixed",
    .title = "mixed workload",
    .targets = mixed_targets,
    .target_count = ARRAY_LEN(mixed_targets),
    .baseline = "gpt4d",
    .lines = demo_workload_mixed,
};

const struct demo_workload demo_coding_day = {
    .name = "coding_day",
    .title = "coding day",
    .targets = coding_targets,
    .target_count = ARRAY_LEN(coding_targets),
    .baseline = "opus",
    .lines = demo_workload_coding_day,
    .answer_tokens = 1000,
    .per_month = 30,
};

bool demo_price_add(struct demo_fleet *fleet, const char *text, struct error *error)
{
    struct slice value = slice_from_cstr(text);
    struct slice name = slice_cut(&value, '=');
    struct slice in = slice_cut(&value, '/');
    struct slice out = value.len > 0 ? value : in;
    int64_t rate_in;
    int64_t rate_out;
    if (name.len == 0 || !slice_to_scaled(in, 6, &rate_in) || !slice_to_scaled(out, 6, &rate_out) ||
        rate_in < 0 || rate_out < 0 || fleet->price_count == DEMO_TARGETS_MAX) {
        return error_set(error, ERROR_INVALID, "bad_price",
                         "--price wants NAME=INPUT[/OUTPUT] in dollars per million tokens, "
                         "for example gpt4=20/40");
    }
    struct demo_price *price = &fleet->prices[fleet->price_count++];
    price->target = text;
    slice_to_cstr(in, price->in, sizeof(price->in));
    slice_to_cstr(out, price->out, sizeof(price->out));
    return true;
}

static const struct demo_price *price_of(const struct demo_fleet *fleet, const char *target)
{
    size_t len = strlen(target);
    for (size_t i = fleet->price_count; i > 0; i--) {
        const struct demo_price *price = &fleet->prices[i - 1];
        if (strncmp(price->target, target, len) == 0 && price->target[len] == '=') {
            return price;
        }
    }
    return NULL;
}

/* Providers in the order of their first target: each is one server. */
static size_t provider_index(const struct demo_workload *workload, const char *provider)
{
    size_t index = 0;
    for (size_t i = 0; i < workload->target_count; i++) {
        if (strcmp(workload->targets[i].provider, provider) == 0) {
            return index;
        }
        bool first = true;
        for (size_t j = 0; j < i; j++) {
            first =
                first && strcmp(workload->targets[j].provider, workload->targets[i].provider) != 0;
        }
        index += first ? 1 : 0;
    }
    return index;
}

static void write_rules(struct demo_fleet *fleet)
{
    size_t used = 0;
    for (size_t i = 0; i < fleet->workload->target_count; i++) {
        const struct demo_target *target = &fleet->workload->targets[i];
        int len = snprintf(fleet->rules + used, sizeof(fleet->rules) - used, "%s slow-%ums\n",
                           target->model, target->latency_ms);
        used += len > 0 ? (size_t)len : 0;
    }
}

bool demo_fleet_start(struct demo_fleet *fleet, const struct demo_workload *workload,
                      unsigned divisor, struct error *error)
{
    struct sim_profile profiles[DEMO_TARGETS_MAX];
    size_t count = 0;
    memset(profiles, 0, sizeof(profiles));
    fleet->workload = workload;
    for (size_t i = 0; i < workload->target_count; i++) {
        size_t index = provider_index(workload, workload->targets[i].provider);
        profiles[index].behaviours = "announce";
        profiles[index].answer_tokens = workload->answer_tokens;
        profiles[index].name = workload->targets[i].provider;
        profiles[index].dialects = strcmp(workload->targets[i].provider, "ollama") == 0
                                       ? SIM_DIALECT_OLLAMA
                                       : SIM_DIALECT_OPENAI;
        count = index + 1 > count ? index + 1 : count;
    }
    write_rules(fleet);
    const struct sim_options options = {
        .profiles = profiles,
        .count = count,
        .rules = slice_from_cstr(fleet->rules),
        .seed = 1,
        .time_divisor = divisor,
        .record_requests = 1,
        .record_bytes = 1u << 20,
    };
    fleet->sim = sim_start(&options, error);
    return fleet->sim != NULL;
}

void demo_fleet_stop(struct demo_fleet *fleet)
{
    sim_stop(fleet->sim);
    fleet->sim = NULL;
}

static void write_target(const struct demo_fleet *fleet, const struct demo_target *target,
                         struct buf *out)
{
    const struct demo_price *price = price_of(fleet, target->name);
    const char *in = price != NULL ? price->in : target->price_in;
    const char *rate_out = price != NULL ? price->out : target->price_out;
    buf_printf(out, "  %s: { provider: %s, model: %s, latency_ms: %u", target->name,
               target->provider, target->model, target->latency_ms);
    if (in != NULL) {
        buf_printf(out, ", price: { input_per_mtok: %s, output_per_mtok: %s }", in, rate_out);
    }
    buf_append_cstr(out, " }\n");
}

void demo_fleet_write_config(const struct demo_fleet *fleet, const char *listen, const char *ledger,
                             struct buf *out)
{
    const struct demo_workload *workload = fleet->workload;
    buf_printf(out, "server: { listen: \"%s\" }\nproviders:\n", listen);
    size_t next = 0;
    for (size_t i = 0; i < workload->target_count; i++) {
        const char *provider = workload->targets[i].provider;
        if (provider_index(workload, provider) != next) {
            continue;
        }
        bool ollama = strcmp(provider, "ollama") == 0;
        buf_printf(out, "  %s: { preset: %s, base_url: \"http://127.0.0.1:%u%s\"%s }\n", provider,
                   provider, sim_port(fleet->sim, next), ollama ? "" : "/v1",
                   ollama ? "" : ", api_key: simulated");
        next++;
    }
    buf_append_cstr(out, "targets:\n");
    for (size_t i = 0; i < workload->target_count; i++) {
        write_target(fleet, &workload->targets[i], out);
    }
    buf_printf(out, "routes:\n  auto: { baseline: %s }\n", workload->baseline);
    buf_printf(out, "ledger: { path: \"%s\" }\n", ledger);
}
