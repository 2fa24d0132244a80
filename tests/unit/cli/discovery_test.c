/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/discovery.h"

#include "tests/tap.h"

struct variable {
    const char *name;
    const char *value;
};

static const char *get(const struct config_environment *environment, const char *name)
{
    const struct variable *variables = environment->user;
    for (size_t i = 0; variables[i].name != NULL; i++) {
        if (strcmp(variables[i].name, name) == 0) {
            return variables[i].value;
        }
    }
    return NULL;
}

static struct config_environment environment_of(struct variable *variables)
{
    return (struct config_environment){.get = get, .user = variables};
}

static struct snapshot *load(struct slice text, const struct config_environment *environment)
{
    struct diagnostics diagnostics;
    const struct config_options options = {
        .file = "discovery", .environment = environment, .wall_s = 1795000000, .generation = 1};
    struct snapshot *snapshot = config_load(text, &options, &diagnostics);
    if (snapshot == NULL || diagnostics.count > 0) {
        struct buf out = BUF_INIT(1u << 16);
        diagnostics_write_text(&diagnostics, "discovery", text, false, &out);
        printf("# %.*s\n", SLICE_ARG(buf_slice(&out)));
        tap_point_failed = true;
        buf_release(&out);
    }
    diagnostics_release(&diagnostics);
    return snapshot;
}

static bool has(struct slice text, const char *needle)
{
    return slice_find_slice(text, slice_from_cstr(needle)) != SIZE_MAX;
}

static void keys_become_providers(void)
{
    struct variable variables[] = {{"OPENAI_API_KEY", "sk-secret-1"},
                                   {"GROQ_API_KEY", ""},
                                   {"DEEPSEEK_API_KEY", "sk-secret-2"},
                                   {NULL, NULL}};
    struct variable own[] = {{"OPENAI_API_KEY", "sk-secret-1"}, {NULL, NULL}};
    struct config_environment environment = environment_of(variables);
    struct config_environment process = environment_of(own);
    struct discovery discovery;
    struct buf text = BUF_INIT(1u << 20);
    discovery_find(&discovery, &environment, &process, NULL);
    EXPECT_INT(discovery.count, 2);
    EXPECT_INT(discovery.target_count, 5);
    EXPECT_SLICE(discovery.items[0].where, "env OPENAI_API_KEY");
    EXPECT_SLICE(discovery.items[1].where, ".env DEEPSEEK_API_KEY");
    discovery_write(&discovery, "/tmp/x/sluice.db", &text);
    EXPECT(!has(buf_slice(&text), "secret"));
    EXPECT(has(buf_slice(&text), "api_key: \"${OPENAI_API_KEY}\""));
    struct snapshot *snapshot = load(buf_slice(&text), &environment);
    EXPECT(snapshot != NULL);
    if (snapshot != NULL) {
        EXPECT_INT(snapshot->named_targets, 5);
        EXPECT_SLICE(snapshot->ledger_path, "/tmp/x/sluice.db");
        EXPECT(has(snapshot->providers[0].headers, "sk-secret-1"));
    }
    snapshot_unref(snapshot);
    buf_release(&text);
    discovery_release(&discovery);
}

/* The text says of curated targets what the loader assumes without a section targets. */
static void curated_targets_are_as_without_a_section(void)
{
    struct variable variables[] = {
        {"OPENAI_API_KEY", "a"}, {"OPENROUTER_API_KEY", "b"}, {NULL, NULL}};
    struct config_environment environment = environment_of(variables);
    struct discovery discovery;
    struct buf text = BUF_INIT(1u << 20);
    discovery_find(&discovery, &environment, &environment, NULL);
    discovery_write(&discovery, NULL, &text);
    struct snapshot *written = load(buf_slice(&text), &environment);
    struct snapshot *plain = load(SLICE("providers: { openai: { api_key: a }, openrouter: { "
                                        "api_key: b } }\nledger: { enabled: false }\n"),
                                  &environment);
    EXPECT(written != NULL && plain != NULL);
    if (written != NULL && plain != NULL) {
        EXPECT_INT(written->named_targets, plain->named_targets);
        for (size_t i = 0; i < plain->named_targets && i < written->named_targets; i++) {
            const struct target *a = &written->policy.targets[i];
            const struct target *b = &plain->policy.targets[i];
            EXPECT(slice_eq(a->name, b->name));
            EXPECT(slice_eq(a->model, b->model));
            EXPECT_INT(a->tier, b->tier);
            EXPECT_INT(a->capabilities, b->capabilities);
            EXPECT_INT(a->context_tokens, b->context_tokens);
            EXPECT_INT(a->latency_ms, b->latency_ms);
            EXPECT_INT(a->price.base.output, b->price.base.output);
        }
        EXPECT_INT(written->ledger_path.len, 0);
    }
    snapshot_unref(written);
    snapshot_unref(plain);
    buf_release(&text);
    discovery_release(&discovery);
}

static void base_urls_of_variables_are_kept(void)
{
    struct variable variables[] = {
        {"OPENAI_API_KEY", "a"}, {"OPENAI_BASE_URL", "http://127.0.0.1:9/v1"}, {NULL, NULL}};
    struct config_environment environment = environment_of(variables);
    struct discovery discovery;
    struct buf text = BUF_INIT(1u << 20);
    discovery_find(&discovery, &environment, &environment, NULL);
    discovery_write(&discovery, NULL, &text);
    EXPECT(has(buf_slice(&text), "base_url: \"${OPENAI_BASE_URL}\""));
    struct snapshot *snapshot = load(buf_slice(&text), &environment);
    if (snapshot != NULL) {
        EXPECT_SLICE(snapshot->providers[0].base_url, "http://127.0.0.1:9/v1");
        EXPECT(snapshot->providers[0].has_credential);
    }
    snapshot_unref(snapshot);
    buf_release(&text);
    discovery_release(&discovery);
}

static void local_models_cost_nothing(void)
{
    struct known_model models[] = {
        {.model = SLICE("llama3.2:1b")},
        {.model = SLICE("org/qwen3"), .context_tokens = 4096, .capabilities = CAPABILITY_TOOLS}};
    struct discovery discovery = {.count = 1};
    struct variable none[] = {{NULL, NULL}};
    struct config_environment environment = environment_of(none);
    struct buf text = BUF_INIT(1u << 20);
    discovery.items[0] = (struct discovered){.preset = provider_preset_find(SLICE("vllm")),
                                             .where = SLICE("127.0.0.1:8000"),
                                             .base_url = SLICE("http://127.0.0.1:8000/v1"),
                                             .models = models,
                                             .model_count = 2};
    discovery_write(&discovery, "/tmp/with $dollar \"and\" quote/s.db", &text);
    struct snapshot *snapshot = load(buf_slice(&text), &environment);
    EXPECT(snapshot != NULL);
    if (snapshot != NULL) {
        EXPECT_INT(snapshot->named_targets, 2);
        EXPECT_SLICE(snapshot->policy.targets[0].name, "vllm/llama3.2:1b");
        EXPECT_SLICE(snapshot->policy.targets[1].model, "org/qwen3");
        EXPECT(price_is_free(&snapshot->policy.targets[1].price));
        EXPECT(snapshot->policy.targets[1].local);
        EXPECT_INT(snapshot->policy.targets[1].context_tokens, 4096);
        EXPECT_INT(snapshot->policy.targets[1].capabilities, CAPABILITY_TOOLS);
        EXPECT_INT(snapshot->policy.targets[0].context_tokens, 0);
        EXPECT_SLICE(snapshot->ledger_path, "/tmp/with $dollar \"and\" quote/s.db");
        EXPECT(policy_find_route(&snapshot->policy, SLICE("auto")) != NULL);
    }
    snapshot_unref(snapshot);
    buf_release(&text);
}

static void nothing_is_nothing(void)
{
    struct variable none[] = {{"PATH", "/bin"}, {NULL, NULL}};
    struct config_environment environment = environment_of(none);
    struct discovery discovery;
    discovery_find(&discovery, &environment, &environment, NULL);
    EXPECT_INT(discovery.count, 0);
    discovery_release(&discovery);
}

static void ollama_host(const char *host, const char *wanted)
{
    struct arena arena;
    arena_init(&arena, 1u << 16);
    EXPECT_SLICE(discovery_ollama_url(host, &arena), wanted);
    arena_release(&arena);
}

static void hosts_of_ollama_are_understood(void)
{
    ollama_host("127.0.0.1:1234", "http://127.0.0.1:1234");
    ollama_host("127.0.0.1", "http://127.0.0.1:11434");
    ollama_host("0.0.0.0", "http://127.0.0.1:11434");
    ollama_host("0.0.0.0:99", "http://127.0.0.1:99");
    ollama_host(":99", "http://127.0.0.1:99");
    ollama_host("[::]:99", "http://[::1]:99");
    ollama_host("[::1]", "http://[::1]:11434");
    ollama_host("http://localhost:99/", "http://localhost:99");
    ollama_host("https://box:99", "https://box:99");
    ollama_host("bad host", "");
    ollama_host("x:y", "");
}

int main(void)
{
    TEST(keys_become_providers, "keys of the environment become providers, and stay references");
    TEST(curated_targets_are_as_without_a_section,
         "curated targets are written as the loader assumes them");
    TEST(base_urls_of_variables_are_kept, "a base URL of the environment is kept, with its key");
    TEST(local_models_cost_nothing, "local models are targets that cost nothing");
    TEST(nothing_is_nothing, "without keys and probes nothing is found");
    TEST(hosts_of_ollama_are_understood, "OLLAMA_HOST is understood in its usual forms");
    return tap_done();
}
