/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/provider.h"

#include "provider/catalogue.h"

#include "tests/tap.h"

#define NOON_IN_AUTUMN 1790856000 /* 2026-10-01T12:00:00Z */

static const struct provider_preset *preset(const char *name)
{
    return provider_preset_find(slice_from_cstr(name));
}

static bool is_local(const struct provider_preset *p)
{
    return (p->quirks & QUIRK_LOCAL) != 0;
}

static void all_are_there(void)
{
    static const char *const names[] = {"openai",     "openrouter",
                                        "ollama",     "deepseek",
                                        "groq",       "mistral",
                                        "together",   "xai",
                                        "perplexity", "fireworks",
                                        "vllm",       "llamacpp",
                                        "lmstudio",   "openai-compatible",
                                        "anthropic",  "gemini",
                                        "azure",      "vertex",
                                        "bedrock"};
    EXPECT_INT(provider_preset_count, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct provider_preset *p = preset(names[i]);
        EXPECT(p != NULL && strcmp(p->name, names[i]) == 0);
    }
    EXPECT(preset("OpenAI") == NULL);
    EXPECT(preset("") == NULL);
}

static void rows_are_complete(void)
{
    for (size_t i = 0; i < provider_preset_count; i++) {
        const struct provider_preset *p = &provider_presets[i];
        EXPECT(p->title != NULL && p->title[0] != '\0');
        EXPECT((p->dialects & (1u << p->default_dialect)) != 0);
        EXPECT((p->capabilities & CAPABILITY_STREAMING) != 0);
        EXPECT((p->auth == AUTH_API_KEY_HEADER) == (p->auth_header != NULL));
        EXPECT((p->probe_port != 0) == (p->probe_path != NULL));
        if (p->base_url != NULL) {
            size_t len = strlen(p->base_url);
            EXPECT(len > 8 && p->base_url[len - 1] != '/');
            EXPECT(strncmp(p->base_url, is_local(p) ? "http://127.0.0.1" : "https://",
                           is_local(p) ? 16 : 8) == 0);
        }
    }
}

static void hosted_rows_name_their_key(void)
{
    for (size_t i = 0; i < provider_preset_count; i++) {
        const struct provider_preset *p = &provider_presets[i];
        bool own = p->base_url == NULL && (p->base_url_env != NULL || p->base_url_template != NULL);
        bool hosted = own || (p->base_url != NULL && !is_local(p));
        EXPECT(hosted == (p->key_env != NULL || p->auth == AUTH_GOOGLE_SERVICE_ACCOUNT));
        EXPECT((p->auth == AUTH_AWS_SIGV4) == (p->aws_service != NULL));
        EXPECT(hosted == (p->catalogue != NULL));
        EXPECT((hosted && !own) == (p->curated[0].model != NULL));
        EXPECT(is_local(p) == (p->probe_port != 0));
    }
}

static void check_curated(const struct provider_preset *p, const struct curated_target *target)
{
    struct catalogue_model model;
    bool found = catalogue_find(slice_from_cstr(p->catalogue), slice_from_cstr(target->model),
                                NOON_IN_AUTUMN, &model);
    bool good = found && model.price.known && model.price.base.output > 0 &&
                model.capabilities == target->capabilities &&
                model.context_tokens == target->context_tokens && target->latency_ms > 0;
    if (!good) {
        printf("# %s: %s: found %d, capabilities %x not %x, context %lld\n", p->name, target->model,
               found, found ? model.capabilities : 0, target->capabilities,
               found ? (long long)model.context_tokens : 0);
    }
    EXPECT(good);
}

static void curated_targets_have_prices(void)
{
    for (size_t i = 0; i < provider_preset_count; i++) {
        const struct provider_preset *p = &provider_presets[i];
        for (size_t t = 0; t < ARRAY_LEN(p->curated) && p->curated[t].model != NULL; t++) {
            check_curated(p, &p->curated[t]);
            EXPECT(t == 0 || p->curated[t].tier > p->curated[t - 1].tier);
        }
        EXPECT(p->curated[0].model != NULL || p->curated[1].model == NULL);
        EXPECT(p->curated[1].model != NULL || p->curated[2].model == NULL);
    }
}

static void probes(void)
{
    EXPECT_INT(preset("ollama")->probe_port, 11434);
    EXPECT(strcmp(preset("ollama")->probe_path, "/api/tags") == 0);
    EXPECT_INT(preset("llamacpp")->probe_port, 8080);
    EXPECT_INT(preset("vllm")->probe_port, 8000);
    EXPECT_INT(preset("lmstudio")->probe_port, 1234);
    EXPECT(strcmp(preset("vllm")->probe_path, "/v1/models") == 0);
}

int main(void)
{
    TEST(all_are_there, "every preset is found by its exact name");
    TEST(rows_are_complete, "rows are complete");
    TEST(hosted_rows_name_their_key,
         "vendors have keys, prices and targets; local servers are probed");
    TEST(curated_targets_have_prices,
         "curated targets agree with the catalogue, in ascending tiers");
    TEST(probes, "local servers are probed where they listen");
    return tap_done();
}
