/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vendors and servers that Sluice knows, one row each. Base URLs are what the dialects' paths
 * go below. Curated targets are models that a vendor serves today and that the price catalogue
 * knows; a vendor with fewer than three such models names fewer: a name that answers 404 would cost
 * every call an attempt. Latencies are only a start: the median time to the first token that is
 * plausible for the model, until there are measurements. Checked against the vendors' documentation
 * in November 2026.
 */
#include "provider/provider.h"

#include "base/check.h"

#define CHAT PROVIDER_SPEAKS_OPENAI_CHAT
#define COMPLETIONS PROVIDER_SPEAKS_OPENAI_COMPLETIONS
#define OLLAMA PROVIDER_SPEAKS_OLLAMA
#define RESPONSES PROVIDER_SPEAKS_OPENAI_RESPONSES
#define EMBEDDINGS PROVIDER_SPEAKS_OPENAI_EMBEDDINGS

#define CAN(name) CAPABILITY_##name
#define STREAMS_JSON (CAN(JSON_OBJECT) | CAN(JSON_SCHEMA) | CAN(STREAMING))
#define AGENT (CAN(TOOLS) | CAN(PARALLEL_TOOLS) | STREAMS_JSON)
#define THINKER (AGENT | CAN(REASONING))
#define SEER (THINKER | CAN(VISION))
#define SEER_WITH_FILES (SEER | CAN(DOCUMENTS))
#define ALL_SENSES (SEER_WITH_FILES | CAN(AUDIO))
#define SEARCHER (CAN(JSON_SCHEMA) | CAN(STREAMING))

const struct provider_preset provider_presets[] = {
    {
        .name = "openai",
        .title = "OpenAI",
        .base_url = "https://api.openai.com/v1",
        .key_env = "OPENAI_API_KEY",
        .base_url_env = "OPENAI_BASE_URL",
        .catalogue = "openai",
        .dialects = CHAT | COMPLETIONS | RESPONSES | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .quirks = QUIRK_MAX_COMPLETION_TOKENS,
        .capabilities = AGENT,
        .curated =
            {
                {"gpt-6-luna", TIER_BUDGET, SEER_WITH_FILES, 1050000, 600},
                {"gpt-5.4-mini", TIER_MID, SEER_WITH_FILES, 400000, 700},
                {"gpt-6-sol", TIER_PREMIUM, SEER_WITH_FILES, 1050000, 1200},
            },
    },
    {
        .name = "anthropic",
        .title = "Anthropic",
        .base_url = "https://api.anthropic.com/v1",
        .key_env = "ANTHROPIC_API_KEY",
        .catalogue = "anthropic",
        .dialects = PROVIDER_SPEAKS_ANTHROPIC,
        .default_dialect = PROVIDER_DIALECT_ANTHROPIC,
        .auth = AUTH_API_KEY_HEADER,
        .auth_header = "x-api-key",
        .capabilities = AGENT,
        .curated =
            {
                {"claude-haiku-4-5", TIER_BUDGET, SEER_WITH_FILES, 200000, 700},
                {"claude-sonnet-5", TIER_MID, SEER_WITH_FILES, 1000000, 1000},
                {"claude-opus-5-5", TIER_PREMIUM, SEER_WITH_FILES, 1000000, 1500},
            },
    },
    {
        .name = "gemini",
        .title = "Google Gemini",
        .base_url = "https://generativelanguage.googleapis.com/v1beta",
        .key_env = "GEMINI_API_KEY",
        .catalogue = "google",
        .dialects = PROVIDER_SPEAKS_GEMINI,
        .default_dialect = PROVIDER_DIALECT_GEMINI,
        .auth = AUTH_API_KEY_HEADER,
        .auth_header = "x-goog-api-key",
        .capabilities = AGENT | CAN(VISION) | CAN(DOCUMENTS) | CAN(AUDIO),
        .curated =
            {
                {"gemini-3.5-flash-lite", TIER_BUDGET, ALL_SENSES, 1000000, 500},
                {"gemini-3.8-flash", TIER_MID, ALL_SENSES, 1000000, 700},
                {"gemini-3.1-pro-preview", TIER_PREMIUM, ALL_SENSES, 1048576, 1500},
            },
    },
    {
        .name = "vertex",
        .title = "Google Vertex AI",
        .base_url_template = "https://{location-}aiplatform.googleapis.com/v1/projects/{project}"
                             "/locations/{location}/publishers/google",
        .catalogue = "google",
        .dialects = PROVIDER_SPEAKS_GEMINI | PROVIDER_SPEAKS_VERTEX,
        .default_dialect = PROVIDER_DIALECT_GEMINI,
        .auth = AUTH_GOOGLE_SERVICE_ACCOUNT,
        .capabilities = AGENT | CAN(VISION) | CAN(DOCUMENTS) | CAN(AUDIO),
    },
    {
        .name = "bedrock",
        .title = "Amazon Bedrock",
        .base_url_template = "https://bedrock-runtime.{region}.amazonaws.com",
        .key_env = "AWS_BEARER_TOKEN_BEDROCK",
        .catalogue = "aws",
        .dialects = PROVIDER_SPEAKS_BEDROCK,
        .default_dialect = PROVIDER_DIALECT_BEDROCK,
        .auth = AUTH_AWS_SIGV4,
        .aws_service = "bedrock",
        .capabilities = CAN(TOOLS) | CAN(PARALLEL_TOOLS) | CAN(STREAMING),
    },
    {
        .name = "azure",
        .title = "Azure OpenAI",
        /* https://RESOURCE.openai.azure.com/openai/v1: everyone's is another; models are the names
           of one's own deployments */
        .key_env = "AZURE_OPENAI_API_KEY",
        .base_url_env = "AZURE_OPENAI_BASE_URL",
        .catalogue = "azure",
        .dialects = CHAT | RESPONSES | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_API_KEY_HEADER,
        .auth_header = "api-key",
        .quirks = QUIRK_MAX_COMPLETION_TOKENS | QUIRK_API_VERSION,
        .capabilities = AGENT,
    },
    {
        .name = "openrouter",
        .title = "OpenRouter",
        .base_url = "https://openrouter.ai/api/v1",
        .key_env = "OPENROUTER_API_KEY",
        .base_url_env = "OPENROUTER_BASE_URL",
        .catalogue = "openrouter",
        .dialects = CHAT | COMPLETIONS | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .quirks =
            QUIRK_REPORTS_COST | QUIRK_ROUTING_FIELDS | QUIRK_CACHE_MARKS | QUIRK_REASONING_DETAILS,
        .capabilities = CAN(TOOLS) | CAN(JSON_OBJECT) | CAN(STREAMING),
        .curated =
            {
                {"deepseek/deepseek-v4-flash", TIER_BUDGET, THINKER, 1000000, 900},
                {"anthropic/claude-haiku-4.5", TIER_MID, SEER_WITH_FILES, 200000, 800},
                {"anthropic/claude-opus-5.5", TIER_PREMIUM, SEER_WITH_FILES, 1000000, 1500},
            },
    },
    {
        .name = "ollama",
        .title = "Ollama",
        .base_url = "http://127.0.0.1:11434",
        .base_url_env = "OLLAMA_BASE_URL",
        .dialects = OLLAMA,
        .default_dialect = PROVIDER_DIALECT_OLLAMA,
        .auth = AUTH_BEARER,
        .quirks = QUIRK_LOCAL | QUIRK_CUTS_PROMPTS,
        /* What every model of it can do; it is asked for the rest (config/known_model.h). */
        .capabilities = STREAMS_JSON | CAN(COMPLETION),
        .probe_port = 11434,
        .probe_path = "/api/tags",
        .facts = FACTS_OLLAMA_SHOW,
    },
    {
        .name = "deepseek",
        .title = "DeepSeek",
        .base_url = "https://api.deepseek.com/v1",
        .key_env = "DEEPSEEK_API_KEY",
        .base_url_env = "DEEPSEEK_BASE_URL",
        .catalogue = "deepseek",
        .dialects = CHAT,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .quirks = QUIRK_REPLAY_REASONING,
        .capabilities = CAN(TOOLS) | CAN(PARALLEL_TOOLS) | CAN(JSON_OBJECT) | CAN(STREAMING),
        /* Two models are all that is served; deepseek-chat and -reasoner ended in July 2026. */
        .curated =
            {
                {"deepseek-v4-flash", TIER_BUDGET,
                 CAN(TOOLS) | CAN(PARALLEL_TOOLS) | CAN(JSON_OBJECT) | CAN(STREAMING) |
                     CAN(REASONING) | CAN(LOGPROBS),
                 1000000, 900},
                {"deepseek-v4-pro", TIER_PREMIUM,
                 CAN(TOOLS) | CAN(PARALLEL_TOOLS) | CAN(JSON_OBJECT) | CAN(STREAMING) |
                     CAN(REASONING) | CAN(LOGPROBS),
                 1000000, 1500},
            },
    },
    {
        .name = "groq",
        .title = "Groq",
        .base_url = "https://api.groq.com/openai/v1",
        .key_env = "GROQ_API_KEY",
        .base_url_env = "GROQ_BASE_URL",
        .catalogue = "groq",
        .dialects = CHAT,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .quirks = QUIRK_MAX_COMPLETION_TOKENS,
        .capabilities = CAN(TOOLS) | CAN(JSON_OBJECT) | CAN(STREAMING),
        /* Its two production models; the Llama ones ended in August 2026, the rest are previews. */
        .curated =
            {
                {"openai/gpt-oss-20b", TIER_BUDGET, CAN(TOOLS) | STREAMS_JSON | CAN(REASONING),
                 131072, 200},
                {"openai/gpt-oss-120b", TIER_MID, CAN(TOOLS) | STREAMS_JSON | CAN(REASONING),
                 131072, 250},
            },
    },
    {
        .name = "mistral",
        .title = "Mistral",
        .base_url = "https://api.mistral.ai/v1",
        .key_env = "MISTRAL_API_KEY",
        .base_url_env = "MISTRAL_BASE_URL",
        .catalogue = "mistral",
        .dialects = CHAT | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        /* Answers 422 to members it does not know; the last chunk of a stream carries usage anyway.
         */
        .quirks = QUIRK_NO_STREAM_OPTIONS,
        .capabilities = AGENT,
        .curated =
            {
                {"mistral-small-2603", TIER_BUDGET, SEER_WITH_FILES, 262144, 450},
                {"mistral-large-2512", TIER_MID, AGENT | CAN(VISION) | CAN(DOCUMENTS), 262144, 700},
                {"mistral-medium-3-5", TIER_PREMIUM, SEER_WITH_FILES, 262144, 700},
            },
    },
    {
        .name = "together",
        .title = "Together AI",
        .base_url = "https://api.together.xyz/v1",
        .key_env = "TOGETHER_API_KEY",
        .base_url_env = "TOGETHER_BASE_URL",
        .catalogue = "together",
        .dialects = CHAT | COMPLETIONS | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .capabilities = CAN(JSON_OBJECT) | CAN(STREAMING) | CAN(COMPLETION),
        .curated =
            {
                {"meta-llama/Meta-Llama-3-8B-Instruct-Lite", TIER_BUDGET,
                 CAN(STREAMING) | CAN(COMPLETION) | CAN(LOGPROBS), 8192, 350},
                {"meta-llama/Llama-3.3-70B-Instruct-Turbo", TIER_MID,
                 CAN(TOOLS) | STREAMS_JSON | CAN(COMPLETION) | CAN(LOGPROBS), 131072, 500},
            },
    },
    {
        .name = "fireworks",
        .title = "Fireworks AI",
        .base_url = "https://api.fireworks.ai/inference/v1",
        .key_env = "FIREWORKS_API_KEY",
        .base_url_env = "FIREWORKS_BASE_URL",
        .catalogue = "fireworks",
        .dialects = CHAT | COMPLETIONS | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .capabilities = STREAMS_JSON | CAN(COMPLETION),
        .curated =
            {
                {"accounts/fireworks/models/deepseek-v4-flash", TIER_BUDGET,
                 THINKER | CAN(COMPLETION) | CAN(LOGPROBS), 1040000, 600},
                {"accounts/fireworks/models/glm-5p2", TIER_MID,
                 THINKER | CAN(COMPLETION) | CAN(LOGPROBS), 1040000, 800},
                {"accounts/fireworks/models/kimi-k3", TIER_PREMIUM,
                 SEER | CAN(COMPLETION) | CAN(LOGPROBS), 1040000, 900},
            },
    },
    {
        .name = "xai",
        .title = "xAI",
        .base_url = "https://api.x.ai/v1",
        .key_env = "XAI_API_KEY",
        .base_url_env = "XAI_BASE_URL",
        .catalogue = "x-ai",
        .dialects = CHAT,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .capabilities = AGENT,
        .curated =
            {
                {"grok-build-0.1", TIER_BUDGET, THINKER, 256000, 700},
                {"grok-4.3", TIER_MID, THINKER, 1000000, 900},
                {"grok-4.6", TIER_PREMIUM, SEER, 500000, 1200},
            },
    },
    {
        .name = "perplexity",
        .title = "Perplexity",
        .base_url = "https://api.perplexity.ai",
        .key_env = "PERPLEXITY_API_KEY",
        .base_url_env = "PERPLEXITY_BASE_URL",
        .catalogue = "perplexity",
        .dialects = CHAT,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .quirks = QUIRK_NO_STREAM_OPTIONS, /* every chunk carries usage */
        .capabilities = CAN(STREAMING),
        /* The Sonar models of Chat Completions; the vendor moves its users to an API of its own. */
        .curated =
            {
                {"sonar", TIER_BUDGET, SEARCHER, 128000, 1500},
                {"sonar-reasoning-pro", TIER_MID, SEARCHER | CAN(VISION) | CAN(REASONING), 128000,
                 3000},
                {"sonar-pro", TIER_PREMIUM, SEARCHER | CAN(VISION), 200000, 2000},
            },
    },
    {
        .name = "vllm",
        .title = "vLLM",
        .base_url = "http://127.0.0.1:8000/v1",
        .base_url_env = "VLLM_BASE_URL",
        .dialects = CHAT | COMPLETIONS | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .quirks = QUIRK_LOCAL,
        .capabilities = CAN(TOOLS) | STREAMS_JSON | CAN(LOGPROBS) | CAN(COMPLETION),
        .probe_port = 8000,
        .probe_path = "/v1/models",
    },
    {
        .name = "llamacpp",
        .title = "llama.cpp",
        .base_url = "http://127.0.0.1:8080/v1",
        .base_url_env = "LLAMACPP_BASE_URL",
        .dialects = CHAT | COMPLETIONS | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .quirks = QUIRK_LOCAL,
        .capabilities = CAN(TOOLS) | STREAMS_JSON | CAN(LOGPROBS) | CAN(COMPLETION),
        .probe_port = 8080,
        .probe_path = "/v1/models",
        .facts = FACTS_LLAMACPP_PROPS,
    },
    {
        .name = "lmstudio",
        .title = "LM Studio",
        .base_url = "http://127.0.0.1:1234/v1",
        .base_url_env = "LMSTUDIO_BASE_URL",
        .dialects = CHAT | COMPLETIONS | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .quirks = QUIRK_LOCAL,
        /* No JSON mode without a schema. */
        .capabilities = CAN(TOOLS) | CAN(JSON_SCHEMA) | CAN(STREAMING) | CAN(COMPLETION),
        .probe_port = 1234,
        .probe_path = "/v1/models",
    },
    {
        .name = "openai-compatible",
        .title = "OpenAI-compatible server",
        .dialects = CHAT | COMPLETIONS | EMBEDDINGS,
        .default_dialect = PROVIDER_DIALECT_OPENAI_CHAT,
        .auth = AUTH_BEARER,
        .capabilities = CAN(TOOLS) | STREAMS_JSON | CAN(COMPLETION),
    },
};

const size_t provider_preset_count = ARRAY_LEN(provider_presets);

const struct provider_preset *provider_preset_find(struct slice name)
{
    for (size_t i = 0; i < provider_preset_count; i++) {
        if (slice_eq(name, slice_from_cstr(provider_presets[i].name))) {
            return &provider_presets[i];
        }
    }
    return NULL;
}
