/* SPDX-License-Identifier: Apache-2.0 */
/* model_list: each deployment is a target; what reaches it is a provider, shared by those that say
 * the same of it. */
#include "cli/litellm.h"

#include <math.h>
#include <stdio.h>

/* LiteLLM's words for vendors, by which model names begin. */
static const struct vendor {
    const char *name;
    const char *preset;
    const char *base_url; /* of servers that speak OpenAI's API and are no preset of ours */
    const char *key_env;
} vendors[] = {
    {"anthropic", "anthropic", NULL, NULL},
    {"azure", "azure", NULL, NULL},
    {"azure_text", "azure", NULL, NULL},
    {"bedrock", "bedrock", NULL, NULL},
    {"cerebras", NULL, "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"},
    {"custom_openai", "openai-compatible", NULL, NULL},
    {"dashscope", NULL, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
     "DASHSCOPE_API_KEY"},
    {"deepinfra", NULL, "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"},
    {"deepseek", "deepseek", NULL, NULL},
    {"fireworks_ai", "fireworks", NULL, NULL},
    {"gemini", "gemini", NULL, NULL},
    {"github", NULL, "https://models.github.ai/inference", "GITHUB_API_KEY"},
    {"groq", "groq", NULL, NULL},
    {"hosted_vllm", "vllm", NULL, NULL},
    {"hyperbolic", NULL, "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"},
    {"litellm_proxy", "openai-compatible", NULL, NULL},
    {"llamafile", "llamacpp", NULL, NULL},
    {"lm_studio", "lmstudio", NULL, NULL},
    {"mistral", "mistral", NULL, NULL},
    {"moonshot", NULL, "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"},
    {"nebius", NULL, "https://api.studio.nebius.ai/v1", "NEBIUS_API_KEY"},
    {"nvidia_nim", NULL, "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"},
    {"ollama", "ollama", NULL, NULL},
    {"ollama_chat", "ollama", NULL, NULL},
    {"openai", "openai", NULL, NULL},
    {"openai_like", "openai-compatible", NULL, NULL},
    {"openrouter", "openrouter", NULL, NULL},
    {"perplexity", "perplexity", NULL, NULL},
    {"sambanova", NULL, "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"},
    {"text-completion-openai", "openai", NULL, NULL},
    {"together_ai", "together", NULL, NULL},
    {"vertex_ai", "vertex", NULL, NULL},
    {"vertex_ai_beta", "vertex", NULL, NULL},
    {"vllm", "vllm", NULL, NULL},
    {"xai", "xai", NULL, NULL},
};

/* Models that LiteLLM knows without a vendor in front. */
static const struct {
    const char *begins;
    const char *vendor;
} bare_models[] = {
    {"gpt-", "openai"},       {"chatgpt-", "openai"},    {"o1", "openai"},
    {"o3", "openai"},         {"o4", "openai"},          {"text-embedding-", "openai"},
    {"ft:gpt-", "openai"},    {"claude-", "anthropic"},  {"gemini-", "vertex_ai"},
    {"mistral-", "mistral"},  {"deepseek-", "deepseek"}, {"sonar", "perplexity"},
};

static const char *const place_keys[PLACES] = {
    [PLACE_API_BASE] = "api_base",
    [PLACE_API_KEY] = "api_key",
    [PLACE_API_VERSION] = "api_version",
    [PLACE_ORGANIZATION] = "organization",
    [PLACE_HEADERS] = "extra_headers",
    [PLACE_AWS_ID] = "aws_access_key_id",
    [PLACE_AWS_SECRET] = "aws_secret_access_key",
    [PLACE_AWS_TOKEN] = "aws_session_token",
    [PLACE_AWS_REGION] = "aws_region_name",
    [PLACE_PROJECT] = "vertex_project",
    [PLACE_LOCATION] = "vertex_location",
    [PLACE_CREDENTIALS] = "vertex_credentials",
    [PLACE_TIMEOUT] = "timeout",
    [PLACE_STREAM_TIMEOUT] = "stream_timeout",
};

static const struct vendor *find_vendor(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(vendors); i++) {
        if (slice_eq(name, slice_from_cstr(vendors[i].name))) {
            return &vendors[i];
        }
    }
    return NULL;
}

static const struct vendor *vendor_of_bare(struct slice model)
{
    for (size_t i = 0; i < ARRAY_LEN(bare_models); i++) {
        if (slice_starts(model, slice_from_cstr(bare_models[i].begins))) {
            return find_vendor(slice_from_cstr(bare_models[i].vendor));
        }
    }
    return NULL;
}

/* --- reading --- */

/* What `credential_list` has under the name that the deployment gives. */
static struct yaml *find_credential(struct litellm *import, struct yaml *params)
{
    struct yaml *name = litellm_take(params, "litellm_credential_name");
    struct yaml *list = yaml_member(import->root, SLICE("credential_list"));
    for (struct yaml *i = list == NULL || name == NULL ? NULL : list->first; i != NULL;
         i = i->next) {
        struct yaml *its = i->kind == YAML_MAPPING ? litellm_take(i, "credential_name") : NULL;
        if (its != NULL && slice_eq(its->text, name->text)) {
            struct yaml *info = yaml_member(i, SLICE("credential_info"));
            if (info != NULL) {
                info->broken = true; /* words for people */
            }
            return yaml_member(i, SLICE("credential_values"));
        }
    }
    if (name != NULL) {
        litellm_note(import, name, "there is no such entry in credential_list of this file");
    }
    return NULL;
}

static bool same_node(const struct yaml *a, const struct yaml *b)
{
    if (a == NULL || b == NULL || a->kind != b->kind || a->count != b->count) {
        return a == b;
    }
    if (a->kind == YAML_SCALAR) {
        return slice_eq(a->text, b->text);
    }
    const struct yaml *x = a->first;
    const struct yaml *y = b->first;
    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        if (!slice_eq(x->key, y->key) || !same_node(x, y)) {
            return false;
        }
    }
    return x == y;
}

static bool same_provider(const struct litellm_provider *a, const struct litellm_provider *b)
{
    bool same = slice_eq(slice_from_cstr(a->preset), slice_from_cstr(b->preset)) &&
                a->base_url == b->base_url;
    for (unsigned place = 0; same && place < PLACES; place++) {
        same = same_node(a->places[place], b->places[place]);
    }
    return same;
}

static bool provider_taken(const struct litellm *import, struct slice name)
{
    for (size_t i = 0; i < import->provider_count; i++) {
        if (slice_eq(import->providers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool target_taken(const struct litellm *import, struct slice name)
{
    for (size_t i = 0; i < import->deployment_count; i++) {
        if (slice_eq(import->deployments[i].name, name)) {
            return true;
        }
    }
    return litellm_group_find(import, name) != LITELLM_GROUPS_MAX;
}

/* LITELLM_PROVIDERS_MAX: there are too many. */
static size_t add_provider(struct litellm *import, const struct litellm_provider *provider)
{
    for (size_t i = 0; i < import->provider_count; i++) {
        if (same_provider(&import->providers[i], provider)) {
            return i;
        }
    }
    if (import->provider_count == LITELLM_PROVIDERS_MAX) {
        return LITELLM_PROVIDERS_MAX;
    }
    struct litellm_provider *added = &import->providers[import->provider_count];
    *added = *provider;
    added->name =
        litellm_unique(import, litellm_name(import, provider->vendor), provider_taken);
    return import->provider_count++;
}

/* Cuts the vendor off `model`. NULL: nobody that we know, and nothing says where it is. */
static const struct vendor *split_model(struct litellm *import, struct yaml *params,
                                        struct slice *model, struct slice *ret_word)
{
    struct yaml *custom = litellm_take(params, "custom_llm_provider");
    struct slice rest = *model;
    struct slice word = slice_cut(&rest, '/');
    const struct vendor *vendor = word.len == model->len ? NULL : find_vendor(word);
    if (vendor != NULL) {
        *model = rest;
    } else if (custom != NULL) {
        word = custom->text;
        vendor = find_vendor(word);
    } else if (word.len == model->len) {
        vendor = vendor_of_bare(*model);
        word = vendor == NULL ? SLICE("server") : slice_from_cstr(vendor->name);
    }
    if (vendor == NULL && yaml_member(params, SLICE("api_base")) != NULL) {
        *model = word.len < model->len && custom == NULL ? rest : *model;
        vendor = find_vendor(SLICE("custom_openai"));
        litellm_note(import, yaml_member(params, SLICE("model")),
                     "taken for a server that speaks OpenAI's API");
    }
    *ret_word = word;
    return vendor;
}

static bool is_openai_itself(const struct yaml *base)
{
    return base == NULL || slice_find_slice(base->text, SLICE("api.openai.com")) < base->text.len;
}

/* What only some vendors have in front of their models' names. */
static struct slice strip_model(struct litellm *import, struct yaml *node, const char *preset,
                                struct slice model)
{
    static const char *const ways[] = {"converse/", "invoke/", "converse_like/", "responses/",
                                       "chat/"};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (slice_starts(model, slice_from_cstr(ways[i]))) {
            model = slice_from(model, strlen(ways[i]));
            litellm_note(import, node, "\"%s\" in the model's name says how it is asked; here the "
                                       "client's own dialect does, or providers.*.dialect",
                         ways[i]);
        }
    }
    if (strcmp(preset, "bedrock") == 0 && slice_starts(model, SLICE("us-"))) {
        litellm_note(import, node, "a region in front of a model: providers.*.region says it here");
    }
    return model;
}

/* Does a provider of this preset have an option for it? */
static bool place_fits(const char *preset, unsigned place)
{
    switch ((enum litellm_place)place) {
    case PLACE_API_VERSION:
        return strcmp(preset, "azure") == 0;
    case PLACE_AWS_ID:
    case PLACE_AWS_SECRET:
    case PLACE_AWS_TOKEN:
    case PLACE_AWS_REGION:
        return strcmp(preset, "bedrock") == 0;
    case PLACE_PROJECT:
    case PLACE_LOCATION:
    case PLACE_CREDENTIALS:
        return strcmp(preset, "vertex") == 0;
    default:
        return true;
    }
}

static void read_places(struct litellm *import, struct yaml *params, struct yaml *credential,
                        struct litellm_provider *provider)
{
    static const struct {
        enum litellm_place place;
        const char *key;
    } others[] = {{PLACE_HEADERS, "headers"}, {PLACE_API_BASE, "base_url"}};
    for (unsigned place = 0; place < PLACES; place++) {
        struct yaml *node = litellm_take(params, place_keys[place]);
        if (node == NULL && credential != NULL) {
            node = litellm_take(credential, place_keys[place]);
        }
        if (node != NULL && !place_fits(provider->preset, place)) {
            litellm_note(import, node, "a provider of preset %s has no use for it",
                         provider->preset);
            node = NULL;
        }
        provider->places[place] = node;
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (provider->places[others[i].place] == NULL) {
            provider->places[others[i].place] = litellm_take(params, others[i].key);
        }
    }
}

static bool read_place(struct litellm *import, struct yaml *params, struct yaml *model,
                       struct litellm_deployment *deployment)
{
    struct litellm_provider provider = {0};
    struct yaml *credential = find_credential(import, params);
    deployment->model = slice_trim(model->text);
    const struct vendor *vendor =
        split_model(import, params, &deployment->model, &provider.vendor);
    if (vendor == NULL) {
        return false;
    }
    provider.preset = vendor->preset == NULL ? "openai-compatible" : vendor->preset;
    read_places(import, params, credential, &provider);
    provider.base_url = vendor->base_url;
    provider.key_env = vendor->key_env;
    if (strcmp(provider.preset, "openai") == 0 &&
        !is_openai_itself(provider.places[PLACE_API_BASE])) {
        provider.preset = "openai-compatible";
    }
    deployment->model = strip_model(import, model, provider.preset, deployment->model);
    deployment->provider = add_provider(import, &provider);
    return deployment->provider < LITELLM_PROVIDERS_MAX;
}

/* How often a deployment is drawn, as LiteLLM has it: its weight, else requests, else tokens of a
 * minute. As limits they are of keys here. */
static void read_weight(struct litellm *import, struct yaml *params,
                        struct litellm_deployment *deployment)
{
    static const struct {
        const char *key;
        const char *flag;
    } rates[] = {{"rpm", "--rpm"}, {"tpm", "--tpm"}};
    double value = 0;
    struct yaml *weight = litellm_take(params, "weight");
    if (weight != NULL && litellm_number(weight, &value)) {
        deployment->weight = value;
    }
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        struct yaml *node = yaml_member(params, slice_from_cstr(rates[i].key));
        if (node != NULL && litellm_number(node, &value)) {
            deployment->weight = deployment->weight > 0 ? deployment->weight : value;
            litellm_note(import, node,
                         "says here how often the target is drawn; as a limit: sluice key limit "
                         "WHO --model %.*s %s N",
                         SLICE_ARG(deployment->name), rates[i].flag);
        }
    }
}

static size_t add_group(struct litellm *import, const struct yaml *name)
{
    size_t at = litellm_group_find(import, litellm_name(import, name->text));
    if (at != LITELLM_GROUPS_MAX || import->group_count == LITELLM_GROUPS_MAX) {
        return at;
    }
    import->groups[import->group_count] = (struct litellm_group){
        .name = litellm_name(import, name->text), .line = name->place.line};
    return import->group_count++;
}

/* "openai/" + "*": whoever asks for provider/model gets it without a target. */
static bool is_wildcard(const struct yaml *node)
{
    return slice_find(node->text, '*') < node->text.len;
}

static void read_wildcard(struct litellm *import, struct yaml *entry, struct yaml *params,
                          struct yaml *model)
{
    struct litellm_deployment any = {0};
    if (read_place(import, params, model, &any)) {
        struct slice provider = import->providers[any.provider].name;
        litellm_note(import, yaml_member(entry, SLICE("model_name")),
                     "no target: clients ask for %.*s/MODEL, which needs none",
                     SLICE_ARG(provider));
    } else {
        litellm_note(import, entry, "left out: there is no preset for it; give its providers.* a "
                                    "base_url");
    }
}

/* Numbers that the catalogue would otherwise tell. */
static void mark_info(struct yaml *info)
{
    static const char *const known[] = {"input_cost_per_token", "output_cost_per_token",
                                        "max_input_tokens", "max_output_tokens",
                                        "cache_read_input_token_cost"};
    for (size_t i = 0; info != NULL && info->kind == YAML_MAPPING && i < ARRAY_LEN(known); i++) {
        (void)litellm_take(info, known[i]);
    }
    struct yaml *mode = info == NULL ? NULL : yaml_member(info, SLICE("mode"));
    if (mode != NULL && (slice_eq(mode->text, SLICE("chat")) ||
                         slice_eq(mode->text, SLICE("completion")) ||
                         slice_eq(mode->text, SLICE("embedding")))) {
        mode->broken = true; /* the catalogue, or the provider, knows */
    }
}

static void read_deployment(struct litellm *import, struct yaml *entry)
{
    struct yaml *name = entry->kind == YAML_MAPPING ? litellm_take(entry, "model_name") : NULL;
    struct yaml *params =
        name == NULL ? NULL : yaml_member(entry, SLICE("litellm_params"));
    struct yaml *model =
        params == NULL || params->kind != YAML_MAPPING ? NULL : litellm_take(params, "model");
    if (model == NULL || name->kind != YAML_SCALAR || model->kind != YAML_SCALAR ||
        import->deployment_count == LITELLM_DEPLOYMENTS_MAX) {
        litellm_note(import, entry, "left out: a deployment has model_name and "
                                    "litellm_params.model");
        return;
    }
    struct litellm_deployment *deployment = &import->deployments[import->deployment_count];
    *deployment = (struct litellm_deployment){.params = params};
    if (is_wildcard(name) || is_wildcard(model)) {
        read_wildcard(import, entry, params, model);
        return;
    }
    if (!read_place(import, params, model, deployment)) {
        litellm_note(import, entry, "left out: there is no preset for its vendor; a server that "
                                    "speaks OpenAI's API needs api_base");
        return;
    }
    deployment->group = add_group(import, name);
    if (deployment->group == LITELLM_GROUPS_MAX) {
        return;
    }
    struct slice provider = import->providers[deployment->provider].name;
    deployment->name = litellm_unique(
        import,
        litellm_name(import, arena_printf(&import->arena, "%.*s-%.*s", SLICE_ARG(provider),
                                          SLICE_ARG(deployment->model))),
        target_taken);
    import->deployment_count++;
    deployment->info = yaml_member(entry, SLICE("model_info"));
    mark_info(deployment->info);
    mark_info(params);
    (void)litellm_take(params, "drop_params"); /* what cannot be carried is left out, and said */
    read_weight(import, params, deployment);
}

/* Names of groups first, so that no target takes one. */
void litellm_read_models(struct litellm *import)
{
    struct yaml *list = yaml_member(import->root, SLICE("model_list"));
    struct yaml *first = list != NULL && list->kind == YAML_SEQUENCE ? list->first : NULL;
    for (struct yaml *entry = first; entry != NULL; entry = entry->next) {
        const struct yaml *name =
            entry->kind == YAML_MAPPING ? yaml_member(entry, SLICE("model_name")) : NULL;
        if (name != NULL && name->kind == YAML_SCALAR && !is_wildcard(name)) {
            (void)add_group(import, name);
        }
    }
    for (struct yaml *entry = first; entry != NULL; entry = entry->next) {
        read_deployment(import, entry);
    }
}

/* --- writing --- */

static void put_line(struct buf *out, const char *key, struct slice value)
{
    buf_printf(out, "    %s: %.*s\n", key, SLICE_ARG(value));
}

static struct slice strip_endpoint(struct slice url)
{
    static const struct slice endpoints[] = {SLICE_INIT("/chat/completions"),
                                             SLICE_INIT("/completions"), SLICE_INIT("/embeddings"),
                                             SLICE_INIT("/messages")};
    while (slice_ends(url, SLICE("/"))) {
        url.len--;
    }
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        if (slice_ends(url, endpoints[i])) {
            url.len -= endpoints[i].len;
        }
    }
    return url;
}

/* LiteLLM puts more behind some bases than we do. */
static const char *base_suffix(const struct litellm_provider *provider, struct slice url)
{
    if (strcmp(provider->preset, "azure") == 0 && !slice_ends(url, SLICE("/openai")) &&
        !slice_ends(url, SLICE("/v1"))) {
        return provider->places[PLACE_API_VERSION] != NULL ? "/openai" : "/openai/v1";
    }
    return strcmp(provider->preset, "anthropic") == 0 && !slice_ends(url, SLICE("/v1")) ? "/v1"
                                                                                        : "";
}

static void put_base(struct litellm *import, const struct litellm_provider *provider,
                     struct buf *out)
{
    const struct yaml *base = provider->places[PLACE_API_BASE];
    if (base == NULL && provider->base_url != NULL) {
        put_line(out, "base_url", slice_from_cstr(provider->base_url));
        return;
    }
    if (base == NULL || base->kind != YAML_SCALAR) {
        return;
    }
    struct slice url = strip_endpoint(slice_trim(base->text));
    const char *suffix = base_suffix(provider, url);
    put_line(out, "base_url",
             litellm_text(import, arena_printf(&import->arena, "%.*s%s", SLICE_ARG(url), suffix)));
}

static void put_secret(struct litellm *import, const struct litellm_provider *provider,
                       enum litellm_place place, const char *key, const char *what,
                       struct buf *out)
{
    const struct yaml *node = provider->places[place];
    if (node != NULL && node->kind == YAML_SCALAR) {
        put_line(out, key,
                 litellm_secret(import, node->text, node->place.line, provider->name, what));
    }
}

static void put_text(struct litellm *import, const struct litellm_provider *provider,
                     enum litellm_place place, const char *key, struct buf *out)
{
    const struct yaml *node = provider->places[place];
    if (node != NULL && node->kind == YAML_SCALAR) {
        put_line(out, key, litellm_text(import, node->text));
    }
}

static void put_key(struct litellm *import, const struct litellm_provider *provider,
                    struct buf *out)
{
    if (provider->places[PLACE_API_KEY] == NULL && provider->key_env != NULL) {
        put_line(out, "api_key",
                 arena_printf(&import->arena, "\"${%s}\"", provider->key_env));
    }
    put_secret(import, provider, PLACE_API_KEY, "api_key", "API_KEY", out);
}

static void put_headers(struct litellm *import, const struct litellm_provider *provider,
                        struct buf *out)
{
    const struct yaml *organization = provider->places[PLACE_ORGANIZATION];
    const struct yaml *headers = provider->places[PLACE_HEADERS];
    if (organization == NULL && (headers == NULL || headers->kind != YAML_MAPPING)) {
        return;
    }
    buf_append_cstr(out, "    headers:\n");
    if (organization != NULL && organization->kind == YAML_SCALAR) {
        buf_printf(out, "      OpenAI-Organization: %.*s\n",
                   SLICE_ARG(litellm_text(import, organization->text)));
    }
    for (const struct yaml *h = headers == NULL || headers->kind != YAML_MAPPING ? NULL
                                                                                : headers->first;
         h != NULL; h = h->next) {
        struct slice value =
            litellm_secret(import, h->text, h->place.line, provider->name, "HEADER");
        buf_printf(out, "      %.*s: %.*s\n", SLICE_ARG(litellm_name(import, h->key)),
                   SLICE_ARG(value));
    }
}

static void put_timeout(const struct litellm_provider *provider, enum litellm_place place,
                        const char *key, struct buf *out)
{
    double seconds;
    const struct yaml *node = provider->places[place];
    if (node != NULL && litellm_number(node, &seconds) && seconds >= 0.001 && seconds <= 3600) {
        long long ms = llround(seconds * 1000);
        buf_printf(out, "    %s: %lld%s\n", key, ms % 1000 == 0 ? ms / 1000 : ms,
                   ms % 1000 == 0 ? "s" : "ms");
    }
}

/* Google's key file is a file here. */
static void put_google(struct litellm *import, const struct litellm_provider *provider,
                       struct buf *out)
{
    struct yaml *node = provider->places[PLACE_CREDENTIALS];
    put_text(import, provider, PLACE_PROJECT, "project", out);
    put_text(import, provider, PLACE_LOCATION, "location", out);
    if (node == NULL || node->kind != YAML_SCALAR) {
        return;
    }
    if (slice_starts(slice_trim(node->text), SLICE("{"))) {
        litellm_note(import, node,
                     "the key itself stands in the file: write it to a file of its own and name "
                     "that in providers.%.*s.service_account",
                     SLICE_ARG(provider->name));
    } else {
        put_line(out, "service_account", litellm_text(import, node->text));
    }
}

static void put_provider(struct litellm *import, const struct litellm_provider *provider,
                         struct buf *out)
{
    buf_printf(out, "  %.*s:\n    preset: %s\n", SLICE_ARG(provider->name), provider->preset);
    put_base(import, provider, out);
    put_key(import, provider, out);
    if (strcmp(provider->preset, "azure") == 0) {
        put_text(import, provider, PLACE_API_VERSION, "api_version", out);
    }
    if (strcmp(provider->preset, "bedrock") == 0) {
        put_secret(import, provider, PLACE_AWS_ID, "access_key_id", "AWS_ACCESS_KEY_ID", out);
        put_secret(import, provider, PLACE_AWS_SECRET, "secret_access_key",
                   "AWS_SECRET_ACCESS_KEY", out);
        put_secret(import, provider, PLACE_AWS_TOKEN, "session_token", "AWS_SESSION_TOKEN", out);
        put_text(import, provider, PLACE_AWS_REGION, "region", out);
    }
    if (strcmp(provider->preset, "vertex") == 0) {
        put_google(import, provider, out);
    }
    put_headers(import, provider, out);
    put_timeout(provider, PLACE_TIMEOUT, "total_timeout", out);
    put_timeout(provider, PLACE_STREAM_TIMEOUT, "first_byte_timeout", out);
}

static const struct yaml *info_of(const struct litellm_deployment *deployment, const char *key)
{
    const struct yaml *node = deployment->info == NULL
                                  ? NULL
                                  : yaml_member(deployment->info, slice_from_cstr(key));
    return node != NULL ? node : yaml_member(deployment->params, slice_from_cstr(key));
}

/* Dollars a token are millions of dollars a million tokens. */
static bool put_rate(const struct litellm_deployment *deployment, const char *theirs,
                     const char *ours, bool first, struct buf *out)
{
    double value;
    const struct yaml *node = info_of(deployment, theirs);
    if (node == NULL || !litellm_number(node, &value) || value < 0 || value > 1) {
        return false;
    }
    char text[48];
    int len = snprintf(text, sizeof(text), "%.6f", value * 1e6);
    while (len > 2 && text[len - 1] == '0' && text[len - 2] != '.') {
        len--;
    }
    buf_printf(out, "%s%s: %.*s", first ? "" : ", ", ours, len, text);
    return true;
}

static void put_price(const struct litellm_deployment *deployment, struct buf *out)
{
    struct buf price = BUF_INIT(512);
    if (put_rate(deployment, "input_cost_per_token", "input_per_mtok", true, &price) &&
        put_rate(deployment, "output_cost_per_token", "output_per_mtok", false, &price)) {
        (void)put_rate(deployment, "cache_read_input_token_cost", "cache_read_per_mtok", false,
                       &price);
        buf_printf(out, "    price: { %.*s }\n", SLICE_ARG(buf_slice(&price)));
    }
    buf_release(&price);
}

static void put_count(const struct litellm_deployment *deployment, const char *theirs,
                      const char *ours, struct buf *out)
{
    double value;
    const struct yaml *node = info_of(deployment, theirs);
    if (node != NULL && litellm_number(node, &value) && value >= 1 && value <= 1e8) {
        buf_printf(out, "    %s: %lld\n", ours, (long long)value);
    }
}

static void put_target(struct litellm *import, const struct litellm_deployment *deployment,
                       struct buf *out)
{
    struct slice provider = import->providers[deployment->provider].name;
    buf_printf(out, "  %.*s:\n    provider: %.*s\n", SLICE_ARG(deployment->name),
               SLICE_ARG(provider));
    put_line(out, "model", litellm_text(import, deployment->model));
    put_price(deployment, out);
    put_count(deployment, "max_input_tokens", "context_tokens", out);
    put_count(deployment, "max_output_tokens", "output_tokens", out);
}

void litellm_write_models(struct litellm *import, struct buf *out)
{
    if (import->provider_count > 0) {
        buf_append_cstr(out, "\nproviders:\n");
    }
    for (size_t i = 0; i < import->provider_count; i++) {
        put_provider(import, &import->providers[i], out);
    }
    if (import->deployment_count > 0) {
        buf_append_cstr(out, "\ntargets:\n");
    }
    for (size_t i = 0; i < import->deployment_count; i++) {
        put_target(import, &import->deployments[i], out);
    }
}
