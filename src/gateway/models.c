/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/models.h"

#include "codec/json_write.h"
#include "gateway/refusals.h"
#include "gateway/status.h"
#include "gateway/worker.h"

#define LIST_BYTES_MAX ((size_t)8 << 20)
#define OLLAMA_API_VERSION "0.14.2"

/* A name that can be asked for. */
struct model {
    struct slice name;
    struct slice owner;
    const struct target *target; /* NULL: a route */
    int64_t loaded_s;
};

static size_t model_count(const struct policy *policy)
{
    return policy->route_count + policy->target_count;
}

static struct model model_at(const struct snapshot *snapshot, size_t i)
{
    const struct policy *policy = &snapshot->policy;
    struct model model = {.loaded_s = snapshot->loaded_wall_ns / NS_PER_S};
    if (i < policy->route_count) {
        model.name = policy->routes[i].name;
        model.owner = SLICE("sluice");
    } else {
        model.target = &policy->targets[i - policy->route_count];
        model.name = model.target->name;
        model.owner = model.target->provider_name;
    }
    return model;
}

static bool is_listed_for(const struct caller *caller, const struct model *model)
{
    if (model->target == NULL) {
        return caller_may_ask_route(caller, model->name);
    }
    return !model->target->pattern && caller_may_ask_target(caller, model->name, model->target);
}

static bool model_find(const struct snapshot *snapshot, const struct caller *caller,
                       struct slice name, struct model *ret_model)
{
    for (size_t i = 0; i < model_count(&snapshot->policy); i++) {
        *ret_model = model_at(snapshot, i);
        if (slice_eq(ret_model->name, name) && is_listed_for(caller, ret_model)) {
            return true;
        }
    }
    return false;
}

typedef void write_model(struct json_writer *w, const struct model *model);

/* {"KEY":[...], and what `more` adds. */
static void answer_list(struct worker *worker, struct http_exchange *x, struct slice key,
                        write_model *write, void (*more)(struct json_writer *w))
{
    const struct snapshot *snapshot = worker->snapshot;
    struct caller caller;
    struct error error;
    if (!exchange_caller(worker, x, &caller, &error)) {
        answer_error_of(x, &error);
        return;
    }
    struct buf out = BUF_INIT(LIST_BYTES_MAX);
    struct json_writer w;
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_key(&w, key);
    json_begin_array(&w);
    for (size_t i = 0; i < model_count(&snapshot->policy); i++) {
        struct model model = model_at(snapshot, i);
        if (is_listed_for(&caller, &model)) {
            write(&w, &model);
        }
    }
    json_end_array(&w);
    if (more != NULL) {
        more(&w);
    }
    json_end_object(&w);
    answer_json_made(x, &out);
    buf_release(&out);
}

static void answer_one(struct worker *worker, struct http_exchange *x, struct slice name,
                       write_model *write)
{
    char decoded[PATH_NAME_MAX];
    struct model model;
    struct caller caller;
    struct error error;
    if (!exchange_caller(worker, x, &caller, &error)) {
        answer_error_of(x, &error);
        return;
    }
    if (!model_find(worker->snapshot, &caller, path_decode(name, decoded, sizeof(decoded)),
                    &model)) {
        answer_error(x, 404, "model_not_found", "No route or target has this name.");
        return;
    }
    struct buf out = BUF_INIT(64 << 10);
    struct json_writer w;
    json_writer_init(&w, &out);
    write(&w, &model);
    answer_json_made(x, &out);
    buf_release(&out);
}

static void member_time(struct json_writer *w, struct slice key, int64_t unix_s)
{
    char text[CLOCK_TEXT_SIZE];
    json_member_string(w, key, slice_from_cstr(clock_format(unix_s * NS_PER_S, text)));
}

/* --- OpenAI and Anthropic --- */

static void write_openai(struct json_writer *w, const struct model *model)
{
    json_begin_object(w);
    json_member_string(w, SLICE("id"), model->name);
    json_member_string(w, SLICE("object"), SLICE("model"));
    json_member_int(w, SLICE("created"), model->loaded_s);
    json_member_string(w, SLICE("owned_by"), model->owner);
    json_member_string(w, SLICE("type"), SLICE("model"));
    json_member_string(w, SLICE("display_name"), model->name);
    member_time(w, SLICE("created_at"), model->loaded_s);
    json_end_object(w);
}

static void more_openai(struct json_writer *w)
{
    json_member_string(w, SLICE("object"), SLICE("list"));
    json_member_bool(w, SLICE("has_more"), false);
}

void models_list(struct worker *worker, struct http_exchange *x, struct slice rest,
                 struct slice body)
{
    (void)rest;
    (void)body;
    answer_list(worker, x, SLICE("data"), write_openai, more_openai);
}

void models_one(struct worker *worker, struct http_exchange *x, struct slice rest,
                struct slice body)
{
    (void)body;
    answer_one(worker, x, rest, write_openai);
}

/* --- Gemini --- */

static bool makes_vectors(const struct model *model)
{
    return model->target != NULL && model->target->capabilities == CAPABILITY_EMBEDDINGS;
}

static void write_gemini(struct json_writer *w, const struct model *model)
{
    const struct target *target = model->target;
    struct buf name = BUF_INIT(4096);
    buf_append_cstr(&name, "models/");
    buf_append(&name, model->name);
    json_begin_object(w);
    json_member_string(w, SLICE("name"), buf_slice(&name));
    json_member_string(w, SLICE("displayName"), model->name);
    if (target != NULL && target->context_tokens > 0) {
        json_member_int(w, SLICE("inputTokenLimit"), target->context_tokens);
    }
    if (target != NULL && target->output_tokens > 0) {
        json_member_int(w, SLICE("outputTokenLimit"), target->output_tokens);
    }
    json_member_raw(w, SLICE("supportedGenerationMethods"),
                    makes_vectors(model)
                        ? SLICE("[\"embedContent\",\"batchEmbedContents\"]")
                        : SLICE("[\"generateContent\",\"streamGenerateContent\",\"countTokens\"]"));
    json_end_object(w);
    buf_release(&name);
}

void models_gemini_list(struct worker *worker, struct http_exchange *x, struct slice rest,
                        struct slice body)
{
    (void)rest;
    (void)body;
    answer_list(worker, x, SLICE("models"), write_gemini, NULL);
}

void models_gemini_one(struct worker *worker, struct http_exchange *x, struct slice rest,
                       struct slice body)
{
    (void)body;
    answer_one(worker, x, rest, write_gemini);
}

/* --- Ollama --- */

static void write_tag(struct json_writer *w, const struct model *model)
{
    json_begin_object(w);
    json_member_string(w, SLICE("name"), model->name);
    json_member_string(w, SLICE("model"), model->name);
    member_time(w, SLICE("modified_at"), model->loaded_s);
    json_member_int(w, SLICE("size"), 0);
    json_member_string(w, SLICE("digest"), SLICE(""));
    json_member_raw(w, SLICE("details"),
                    SLICE("{\"parent_model\":\"\",\"format\":\"\",\"family\":\"\",\"families\":[],"
                          "\"parameter_size\":\"\",\"quantization_level\":\"\"}"));
    json_end_object(w);
}

void models_ollama_tags(struct worker *worker, struct http_exchange *x, struct slice rest,
                        struct slice body)
{
    (void)rest;
    (void)body;
    answer_list(worker, x, SLICE("models"), write_tag, NULL);
}

/* Nothing runs here. */
void models_ollama_running(struct worker *worker, struct http_exchange *x, struct slice rest,
                           struct slice body)
{
    (void)worker;
    (void)rest;
    (void)body;
    answer_json(x, 200, SLICE("{\"models\":[]}"));
}

/* Clients compare it with the first release that has what they need, and refuse to go on below it:
 * Copilot and Raycast want 0.6.4 (capabilities in /api/show), others 0.14 (Anthropic's Messages
 * beside OpenAI's Responses). It says what can be asked for here, not whose program this is. */
void models_ollama_version(struct worker *worker, struct http_exchange *x, struct slice rest,
                           struct slice body)
{
    (void)worker;
    (void)rest;
    (void)body;
    answer_json(
        x, 200,
        SLICE("{\"version\":\"" OLLAMA_API_VERSION "\",\"sluice\":\"" SLUICE_VERSION "\"}"));
}

/* Ollama's own words for what a model can do. */
static void write_capabilities(struct json_writer *w, const struct model *model)
{
    static const struct {
        capability_set set;
        struct slice word;
    } words[] = {
        {CAPABILITY_TOOLS, SLICE_INIT("tools")},
        {CAPABILITY_VISION, SLICE_INIT("vision")},
        {CAPABILITY_REASONING, SLICE_INIT("thinking")},
        {CAPABILITY_SUFFIX, SLICE_INIT("insert")},
    };
    capability_set set = model->target != NULL ? model->target->capabilities : ~0u;
    json_key(w, SLICE("capabilities"));
    json_begin_array(w);
    json_write_string(w, makes_vectors(model) ? SLICE("embedding") : SLICE("completion"));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if ((set & words[i].set) != 0) {
            json_write_string(w, words[i].word);
        }
    }
    json_end_array(w);
}

static void write_show(struct json_writer *w, const struct model *model)
{
    json_begin_object(w);
    json_member_string(w, SLICE("modelfile"), SLICE(""));
    json_member_string(w, SLICE("parameters"), SLICE(""));
    json_member_string(w, SLICE("template"), SLICE(""));
    json_member_raw(w, SLICE("details"),
                    SLICE("{\"parent_model\":\"\",\"format\":\"\",\"family\":\"\",\"families\":[],"
                          "\"parameter_size\":\"\",\"quantization_level\":\"\"}"));
    json_key(w, SLICE("model_info"));
    json_begin_object(w);
    if (model->target != NULL && model->target->context_tokens > 0) {
        json_member_string(w, SLICE("general.architecture"), SLICE("sluice"));
        json_member_int(w, SLICE("sluice.context_length"), model->target->context_tokens);
    }
    json_end_object(w);
    write_capabilities(w, model);
    member_time(w, SLICE("modified_at"), model->loaded_s);
    json_end_object(w);
}

void models_ollama_show(struct worker *worker, struct http_exchange *x, struct slice rest,
                        struct slice body)
{
    (void)rest;
    struct json_doc doc;
    struct caller caller;
    struct error error;
    char name[PATH_NAME_MAX];
    size_t len = 0;
    json_doc_init(&doc);
    if (json_parse(&doc, body, &json_default_limits, NULL)) {
        uint32_t value = json_member(&doc, JSON_ROOT, SLICE("model"));
        value = value != JSON_ABSENT ? value : json_member(&doc, JSON_ROOT, SLICE("name"));
        if (json_is(&doc, value, JSON_STRING)) {
            len = json_unescape_to(json_inner(&doc, value), name, sizeof(name));
        }
    }
    json_doc_release(&doc);
    struct model model;
    if (len == 0) {
        answer_error(x, 400, "missing_member", "The member \"model\" is required.");
    } else if (!exchange_caller(worker, x, &caller, &error)) {
        answer_error_of(x, &error);
    } else if (!model_find(worker->snapshot, &caller, slice_of(name, len), &model)) {
        answer_error(x, 404, "model_not_found", "No route or target has this name.");
    } else {
        struct buf out = BUF_INIT(64 << 10);
        struct json_writer w;
        json_writer_init(&w, &out);
        write_show(&w, &model);
        answer_json_made(x, &out);
        buf_release(&out);
    }
}
