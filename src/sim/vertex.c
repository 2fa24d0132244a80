/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vertex AI: Gemini's words below a project and a publisher, for who has an access token; vectors
 * by :predict or :embedContent, as the model wants it, counts of tokens without a wrapping request.
 */
#include "sim/gemini.h"
#include "sim/google.h"
#include "sim/openai.h"

#include "base/hash.h"

#include <string.h>

#define MODELS "/publishers/google/models/*"
#define INSTANCES_MAX 250
#define MICRO_SCALE 6
#define BYTES_PER_TOKEN 4

/* --- reading --- */

static bool fail(const struct sim_reading *r, const char *text)
{
    return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT", "%s", text);
}

/* Only these members; their names are separated by blanks. */
static bool check_names(const struct sim_reading *r, uint32_t object, const char *names)
{
    for (uint32_t i = object == JSON_ABSENT ? JSON_ABSENT : json_first(r->doc, object);
         i != JSON_ABSENT; i = json_next(r->doc, object, i)) {
        struct slice rest = slice_from_cstr(names);
        bool known = false;
        while (rest.len > 0 && !known) {
            known = json_string_is(r->doc, i, slice_cut(&rest, ' '));
        }
        if (!known) {
            return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                             "Invalid JSON payload received. Unknown name \"%.*s\": Cannot find "
                             "field.",
                             SLICE_ARG(json_inner(r->doc, i)));
        }
    }
    return true;
}

static bool holds(const struct sim_reading *r, struct slice word)
{
    return slice_find_slice(r->ask->model, word) != SIZE_MAX;
}

static bool read_dimensions(struct sim_reading *r, uint32_t value)
{
    sim_read_number(r, value, &r->ask->dimensions);
    return (r->ask->dimensions >= 1 && r->ask->dimensions <= SIM_DIMENSIONS_MAX) ||
           fail(r, "output_dimensionality is out of range");
}

static bool read_predict(struct sim_reading *r)
{
    uint32_t instances = json_member(r->doc, JSON_ROOT, SLICE("instances"));
    uint32_t parameters = json_member(r->doc, JSON_ROOT, SLICE("parameters"));
    bool single = slice_eq(r->ask->model, SLICE("gemini-embedding-001"));

    if (!single && (holds(r, SLICE("gemini")) || holds(r, SLICE("maas")))) {
        return fail(r, "This model does not support the predict method.");
    }
    if (!check_names(r, JSON_ROOT, "instances parameters") ||
        !check_names(r, parameters, "outputDimensionality autoTruncate")) {
        return false;
    }
    if (!json_is(r->doc, instances, JSON_ARRAY) || json_count(r->doc, instances) == 0 ||
        json_count(r->doc, instances) > (single ? 1 : INSTANCES_MAX)) {
        return fail(r, single ? "The model takes one instance per prediction."
                              : "1 to 250 instance(s) is allowed per prediction.");
    }
    for (uint32_t i = json_first(r->doc, instances); i != JSON_ABSENT;
         i = json_next(r->doc, instances, i)) {
        uint32_t content = json_member(r->doc, i, SLICE("content"));
        if (!check_names(r, i, "content task_type title mimeType")) {
            return false;
        }
        if (!json_is(r->doc, content, JSON_STRING) || json_inner(r->doc, content).len == 0) {
            return fail(r, "The text content is empty.");
        }
        sim_read_text(r, content);
        sim_read_input(r, content);
    }
    return read_dimensions(r, json_member(r->doc, parameters, SLICE("outputDimensionality")));
}

static bool read_one_content(struct sim_reading *r, uint32_t request)
{
    uint32_t config = json_member(r->doc, request, SLICE("embedContentConfig"));
    uint32_t parts = json_path(r->doc, request, "content.parts");

    if (!check_names(r, request, "content embedContentConfig") ||
        !check_names(r, config, "taskType title outputDimensionality autoTruncate documentOcr")) {
        return false;
    }
    if (!json_is(r->doc, parts, JSON_ARRAY) || json_count(r->doc, parts) == 0) {
        return fail(r, "content contains an empty Part.");
    }
    sim_read_content(r, parts);
    sim_read_input(r, parts);
    return read_dimensions(r, json_member(r->doc, config, SLICE("outputDimensionality")));
}

static bool read_content(struct sim_reading *r)
{
    if (!holds(r, SLICE("gemini")) && !holds(r, SLICE("maas"))) {
        return fail(r, "This model does not support the embedContent method.");
    }
    return read_one_content(r, JSON_ROOT);
}

static bool read_contents(struct sim_reading *r)
{
    uint32_t requests = json_member(r->doc, JSON_ROOT, SLICE("requests"));

    if (!holds(r, SLICE("gemini"))) {
        return fail(r, "This model does not support the batchEmbedContents method.");
    }
    if (!check_names(r, JSON_ROOT, "requests")) {
        return false;
    }
    if (!json_is(r->doc, requests, JSON_ARRAY) || json_count(r->doc, requests) == 0) {
        return fail(r, "requests is not specified");
    }
    for (uint32_t i = json_first(r->doc, requests); i != JSON_ABSENT;
         i = json_next(r->doc, requests, i)) {
        if (!read_one_content(r, i)) {
            return false;
        }
    }
    return true;
}

static bool read_count(struct sim_reading *r)
{
    return check_names(r, JSON_ROOT, "contents systemInstruction tools generationConfig") &&
           sim_gemini_read_count(r);
}

/* --- writing --- */

static void write_values(const struct sim_ask *ask, uint32_t input, struct json_writer *w)
{
    uint64_t hash = hash_stable(json_raw(ask->doc, input));

    json_key(w, SLICE("values"));
    json_begin_array(w);
    for (int64_t i = 0; i < ask->dimensions; i++) {
        json_write_scaled(w, sim_embedding(hash, i), MICRO_SCALE);
    }
    json_end_array(w);
}

static void write_predictions(const struct sim_answer *answer, struct sim_reply *reply)
{
    const struct sim_ask *ask = answer->ask;
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_key(&w, SLICE("predictions"));
    json_begin_array(&w);
    for (size_t i = 0; i < ask->input_count; i++) {
        size_t bytes = json_inner(ask->doc, ask->inputs[i]).len;
        json_begin_object(&w);
        json_key(&w, SLICE("embeddings"));
        json_begin_object(&w);
        write_values(ask, ask->inputs[i], &w);
        json_key(&w, SLICE("statistics"));
        json_begin_object(&w);
        json_member_bool(&w, SLICE("truncated"), false);
        json_member_int(&w, SLICE("token_count"),
                        (int64_t)((bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN));
        json_end_object(&w);
        json_end_object(&w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_member_raw(&w, SLICE("metadata"), SLICE("{\"billableCharacterCount\":1}"));
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static void write_usage(const struct sim_answer *answer, struct json_writer *w)
{
    json_key(w, SLICE("usageMetadata"));
    json_begin_object(w);
    json_member_int(w, SLICE("promptTokenCount"), (int64_t)answer->prompt_tokens);
    json_end_object(w);
}

static void write_embedding(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_key(&w, SLICE("embedding"));
    json_begin_object(&w);
    write_values(answer->ask, answer->ask->inputs[0], &w);
    json_end_object(&w);
    write_usage(answer, &w);
    json_member_bool(&w, SLICE("truncated"), false);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static void write_embeddings(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_key(&w, SLICE("embeddings"));
    json_begin_array(&w);
    for (size_t i = 0; i < answer->ask->input_count; i++) {
        json_begin_object(&w);
        write_values(answer->ask, answer->ask->inputs[i], &w);
        json_end_object(&w);
    }
    json_end_array(&w);
    write_usage(answer, &w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static void write_count(const struct sim_answer *answer, struct sim_reply *reply)
{
    unsigned long long tokens = answer->prompt_tokens;

    sim_reply_begin(reply);
    buf_printf(&reply->body,
               "{\"totalTokens\":%llu,\"totalBillableCharacters\":%llu,\"promptTokensDetails\":"
               "[{\"modality\":\"TEXT\",\"tokenCount\":%llu}]}",
               tokens, tokens * BYTES_PER_TOKEN, tokens);
    sim_reply_end(reply, 0);
}

/* --- tokens --- */

static bool give_token(const struct sim_access *access, struct sim_reply *reply)
{
    struct error error = {0};
    struct slice host = sim_request_header(access->request, SLICE("host"));

    if (!slice_eq(access->request->method, SLICE("POST")) ||
        !slice_eq(access->request->path, SLICE("/token"))) {
        return false;
    }
    sim_reply_begin(reply);
    if (!sim_google_token(access->google, access->body, host, access->now_s, &reply->body,
                          &error)) {
        reply->status = 400;
        buf_printf(&reply->body, "{\"error\":\"%s\",\"error_description\":\"%s\"}", error.code,
                   error.text);
    }
    sim_reply_end(reply, 0);
    return true;
}

static bool authorise(const struct sim_access *access, struct error *error)
{
    struct slice given = sim_request_header(access->request, SLICE("authorization"));

    if (slice_starts(given, SLICE("Bearer ")) &&
        sim_google_lets_in(access->google, slice_from(given, 7), access->now_s)) {
        return true;
    }
    return error_set(error, ERROR_DENIED, "UNAUTHENTICATED",
                     "Request had invalid authentication credentials. Expected OAuth 2 access "
                     "token, login cookie or other valid authentication credential.");
}

static const struct sim_endpoint endpoints[] = {
    {SLICE_INIT("POST"), SLICE_INIT(MODELS ":generateContent"), SIM_CHAT, sim_gemini_read,
     sim_gemini_answer, NULL},
    {SLICE_INIT("POST"), SLICE_INIT(MODELS ":streamGenerateContent"), SIM_CHAT,
     sim_gemini_read_stream, sim_gemini_answer, NULL},
    {SLICE_INIT("POST"), SLICE_INIT(MODELS ":countTokens"), SIM_COUNT, read_count, write_count,
     NULL},
    {SLICE_INIT("POST"), SLICE_INIT(MODELS ":predict"), SIM_EMBEDDINGS, read_predict,
     write_predictions, NULL},
    {SLICE_INIT("POST"), SLICE_INIT(MODELS ":embedContent"), SIM_EMBEDDINGS, read_content,
     write_embedding, NULL},
    {SLICE_INIT("POST"), SLICE_INIT(MODELS ":batchEmbedContents"), SIM_EMBEDDINGS, read_contents,
     write_embeddings, NULL},
};

const struct sim_dialect sim_vertex = {
    .name = SLICE_INIT("vertex"),
    .flag = SIM_DIALECT_VERTEX,
    .request_id = "x-request-id",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_LEN(endpoints),
    .refuse = sim_gemini_refuse,
    .authorise = authorise,
    .denied = 401,
    .raw = give_token,
    .stream_error = sim_gemini_stream_error,
    .context = sim_gemini_context,
};
