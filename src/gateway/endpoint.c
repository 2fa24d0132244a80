/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/endpoint.h"

#include "gateway/admin.h"
#include "gateway/feedback.h"
#include "gateway/models.h"
#include "gateway/status.h"

#define GEMINI(version, verb, what, streams)                                                       \
    {                                                                                              \
        .name = SLICE_INIT(version "/models/{model}" verb),                                        \
        .path = SLICE_INIT(version "/models/"), .suffix = SLICE_INIT(verb), .prefix = true,        \
        .method = HTTP_POST_METHOD, .access = ACCESS_KEY, .inference = true,                       \
        .dialect = DIALECT_GEMINI, .operation = (what), .model_in_path = true, .stream = (streams) \
    }

const struct endpoint endpoints[] = {
    {.name = SLICE_INIT("/v1/chat/completions"),
     .path = SLICE_INIT("/v1/chat/completions"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .inference = true,
     .dialect = DIALECT_OPENAI_CHAT},
    {.name = SLICE_INIT("/v1/completions"),
     .path = SLICE_INIT("/v1/completions"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .inference = true,
     .dialect = DIALECT_OPENAI_COMPLETIONS},
    {.name = SLICE_INIT("/v1/messages"),
     .path = SLICE_INIT("/v1/messages"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .inference = true,
     .dialect = DIALECT_ANTHROPIC},
    {.name = SLICE_INIT("/v1/messages/count_tokens"),
     .path = SLICE_INIT("/v1/messages/count_tokens"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .inference = true,
     .dialect = DIALECT_ANTHROPIC,
     .operation = OPERATION_TOKEN_COUNT},
    {.name = SLICE_INIT("/v1/responses"),
     .path = SLICE_INIT("/v1/responses"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .inference = true,
     .dialect = DIALECT_OPENAI_RESPONSES},
    {.name = SLICE_INIT("/v1/embeddings"),
     .path = SLICE_INIT("/v1/embeddings"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .inference = true,
     .dialect = DIALECT_OPENAI_EMBEDDINGS,
     .operation = OPERATION_EMBEDDING},
    {.name = SLICE_INIT("/api/chat"),
     .path = SLICE_INIT("/api/chat"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .inference = true,
     .dialect = DIALECT_OLLAMA},
    {.name = SLICE_INIT("/api/generate"),
     .path = SLICE_INIT("/api/generate"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .inference = true,
     .dialect = DIALECT_OLLAMA,
     .operation = OPERATION_COMPLETION},
    {.name = SLICE_INIT("/api/embed"),
     .path = SLICE_INIT("/api/embed"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .inference = true,
     .dialect = DIALECT_OLLAMA,
     .operation = OPERATION_EMBEDDING},
    /* Google's SDKs do not agree on the version: one says v1beta, another v1. */
    GEMINI("/v1beta", ":generateContent", OPERATION_CHAT, false),
    GEMINI("/v1beta", ":streamGenerateContent", OPERATION_CHAT, true),
    GEMINI("/v1beta", ":countTokens", OPERATION_TOKEN_COUNT, false),
    GEMINI("/v1beta", ":embedContent", OPERATION_EMBEDDING, false),
    GEMINI("/v1beta", ":batchEmbedContents", OPERATION_EMBEDDING, false),
    GEMINI("/v1", ":generateContent", OPERATION_CHAT, false),
    GEMINI("/v1", ":streamGenerateContent", OPERATION_CHAT, true),
    GEMINI("/v1", ":countTokens", OPERATION_TOKEN_COUNT, false),
    GEMINI("/v1", ":embedContent", OPERATION_EMBEDDING, false),
    GEMINI("/v1", ":batchEmbedContents", OPERATION_EMBEDDING, false),
    {.name = SLICE_INIT("/v1/models"),
     .path = SLICE_INIT("/v1/models"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_KEY,
     .answer = models_list},
    {.name = SLICE_INIT("/v1/models/{id}"),
     .path = SLICE_INIT("/v1/models/"),
     .prefix = true,
     .method = HTTP_GET_METHOD,
     .access = ACCESS_KEY,
     .answer = models_one},
    {.name = SLICE_INIT("/v1beta/models"),
     .path = SLICE_INIT("/v1beta/models"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_KEY,
     .answer = models_gemini_list},
    {.name = SLICE_INIT("/v1beta/models/{model}"),
     .path = SLICE_INIT("/v1beta/models/"),
     .prefix = true,
     .method = HTTP_GET_METHOD,
     .access = ACCESS_KEY,
     .answer = models_gemini_one},
    {.name = SLICE_INIT("/api/tags"),
     .path = SLICE_INIT("/api/tags"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_KEY,
     .answer = models_ollama_tags},
    {.name = SLICE_INIT("/api/ps"),
     .path = SLICE_INIT("/api/ps"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_KEY,
     .answer = models_ollama_running},
    {.name = SLICE_INIT("/api/version"),
     .path = SLICE_INIT("/api/version"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_KEY,
     .answer = models_ollama_version},
    {.name = SLICE_INIT("/api/show"),
     .path = SLICE_INIT("/api/show"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .answer = models_ollama_show},
    {.name = SLICE_INIT("/livez"),
     .path = SLICE_INIT("/livez"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_PUBLIC,
     .answer = status_livez},
    {.name = SLICE_INIT("/readyz"),
     .path = SLICE_INIT("/readyz"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_PUBLIC,
     .answer = status_readyz},
    {.name = SLICE_INIT("/metrics"),
     .path = SLICE_INIT("/metrics"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_SCRAPE,
     .answer = status_metrics},
    {.name = SLICE_INIT("/sluice/v1/explain"),
     .path = SLICE_INIT("/sluice/v1/explain"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_KEY,
     .answer = admin_explain},
    {.name = SLICE_INIT("/sluice/v1/calls"),
     .path = SLICE_INIT("/sluice/v1/calls"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_OWN,
     .answer = admin_calls},
    {.name = SLICE_INIT("/sluice/v1/calls/{id}"),
     .path = SLICE_INIT("/sluice/v1/calls/"),
     .prefix = true,
     .method = HTTP_GET_METHOD,
     .access = ACCESS_OWN,
     .answer = admin_call},
    {.name = SLICE_INIT("/sluice/v1/feedback"),
     .path = SLICE_INIT("/sluice/v1/feedback"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_OWN,
     .answer = feedback_take},
    {.name = SLICE_INIT("/sluice/v1/report"),
     .path = SLICE_INIT("/sluice/v1/report"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_OWN,
     .answer = admin_report},
    {.name = SLICE_INIT("/sluice/v1/calibration"),
     .path = SLICE_INIT("/sluice/v1/calibration"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_ADMIN,
     .answer = admin_calibration},
    {.name = SLICE_INIT("/sluice/v1/targets"),
     .path = SLICE_INIT("/sluice/v1/targets"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_ADMIN,
     .answer = admin_targets},
    {.name = SLICE_INIT("/sluice/v1/targets/{name}"),
     .path = SLICE_INIT("/sluice/v1/targets/"),
     .prefix = true,
     .method = HTTP_POST_METHOD,
     .access = ACCESS_ADMIN,
     .answer = admin_target_switch},
    {.name = SLICE_INIT("/sluice/v1/prices"),
     .path = SLICE_INIT("/sluice/v1/prices"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_KEY,
     .answer = admin_prices},
    {.name = SLICE_INIT("/sluice/v1/keys"),
     .path = SLICE_INIT("/sluice/v1/keys"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_ADMIN,
     .scoped = true,
     .answer = admin_keys},
    {.name = SLICE_INIT("/sluice/v1/keys"),
     .path = SLICE_INIT("/sluice/v1/keys"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_OWNER,
     .scoped = true,
     .answer = admin_key_create},
    {.name = SLICE_INIT("/sluice/v1/keys/revoke"),
     .path = SLICE_INIT("/sluice/v1/keys/revoke"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_OWNER,
     .scoped = true,
     .answer = admin_key_revoke},
    {.name = SLICE_INIT("/sluice/v1/keys/rotate"),
     .path = SLICE_INIT("/sluice/v1/keys/rotate"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_OWNER,
     .scoped = true,
     .answer = admin_key_rotate},
    {.name = SLICE_INIT("/sluice/v1/keys/acknowledge"),
     .path = SLICE_INIT("/sluice/v1/keys/acknowledge"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_OWNER,
     .scoped = true,
     .answer = admin_key_acknowledge},
    {.name = SLICE_INIT("/sluice/v1/keys/reseal"),
     .path = SLICE_INIT("/sluice/v1/keys/reseal"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_OWNER,
     .answer = admin_key_reseal},
    {.name = SLICE_INIT("/sluice/v1/keys/{id}"),
     .path = SLICE_INIT("/sluice/v1/keys/"),
     .prefix = true,
     .method = HTTP_GET_METHOD,
     .access = ACCESS_ADMIN,
     .scoped = true,
     .answer = admin_key},
    {.name = SLICE_INIT("/sluice/v1/limits"),
     .path = SLICE_INIT("/sluice/v1/limits"),
     .method = HTTP_POST_METHOD,
     .access = ACCESS_OWNER,
     .scoped = true,
     .answer = admin_limits},
    {.name = SLICE_INIT("/sluice/v1/scopes"),
     .path = SLICE_INIT("/sluice/v1/scopes"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_ADMIN,
     .scoped = true,
     .answer = admin_scopes},
    {.name = SLICE_INIT("/sluice/v1/audit"),
     .path = SLICE_INIT("/sluice/v1/audit"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_OWNER,
     .answer = admin_audit},
    {.name = SLICE_INIT("/sluice/v1/audit/verify"),
     .path = SLICE_INIT("/sluice/v1/audit/verify"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_OWNER,
     .answer = admin_audit_verify},
    {.name = SLICE_INIT("/"),
     .path = SLICE_INIT("/"),
     .method = HTTP_GET_METHOD,
     .access = ACCESS_PUBLIC,
     .answer = status_root},
};

const size_t endpoint_count = ARRAY_LEN(endpoints);

size_t endpoint_index(const struct endpoint *endpoint)
{
    return (size_t)(endpoint - endpoints);
}

static bool path_matches(const struct endpoint *endpoint, struct slice path)
{
    if (endpoint->prefix) {
        return path.len > endpoint->path.len + endpoint->suffix.len &&
               slice_starts(path, endpoint->path) && slice_ends(path, endpoint->suffix);
    }
    return slice_eq(path, endpoint->path);
}

static bool method_matches(const struct endpoint *endpoint, enum http_method method)
{
    return endpoint->method == method ||
           (endpoint->method == HTTP_GET_METHOD && method == HTTP_HEAD_METHOD);
}

static struct slice rest_of(const struct endpoint *endpoint, struct slice path)
{
    struct slice rest = slice_from(path, endpoint->path.len);
    rest.len -= endpoint->suffix.len;
    return rest;
}

enum endpoint_match endpoint_find(const struct http_request *request,
                                  const struct endpoint **ret_endpoint, struct slice *ret_rest)
{
    enum endpoint_match result = ENDPOINT_UNKNOWN;
    struct http_note *note = request->note;
    if (note != NULL && note->found != NULL) {
        *ret_endpoint = note->found;
        *ret_rest = rest_of(*ret_endpoint, request->path);
        return ENDPOINT_FOUND;
    }
    for (size_t i = 0; i < endpoint_count; i++) {
        if (!path_matches(&endpoints[i], request->path)) {
            continue;
        }
        result = ENDPOINT_WRONG_METHOD;
        *ret_endpoint = &endpoints[i];
        if (method_matches(&endpoints[i], request->method)) {
            *ret_rest = rest_of(&endpoints[i], request->path);
            if (note != NULL) {
                note->found = &endpoints[i];
            }
            return ENDPOINT_FOUND;
        }
    }
    return result;
}
