/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/ask.h"

#include "base/hash.h"

#define BYTES_PER_TOKEN 4
#define TOKENS_PER_MESSAGE 4
#define TOKENS_PER_IMAGE 85
#define MIX 0x9e3779b97f4a7c15ULL
#define DIMENSIONS_DEFAULT 16
#define DIMENSIONS_MAX 4096

struct reader {
    struct sim_ask *ask;
    const struct json_doc *doc;
    struct arena *arena;
    uint64_t bytes; /* of the prompt's text */
};

static bool ollama(const struct sim_ask *ask)
{
    return ask->operation >= SIM_OLLAMA_CHAT;
}

static uint32_t member(const struct reader *r, uint32_t object, const char *path)
{
    return json_path(r->doc, object, path);
}

static bool flag(const struct reader *r, uint32_t value, bool otherwise)
{
    bool is = otherwise;

    return json_bool(r->doc, value, &is) ? is : otherwise;
}

static void read_text(struct reader *r, uint32_t string)
{
    struct slice inner = json_inner(r->doc, string);

    r->bytes += inner.len;
    r->ask->hash = (r->ask->hash ^ hash_stable(inner)) * MIX;
    r->ask->last = json_string(r->doc, string, r->arena);
}

/* --- messages --- */

static void read_content(struct reader *r, uint32_t content)
{
    if (json_is(r->doc, content, JSON_STRING)) {
        read_text(r, content);
    }
    if (!json_is(r->doc, content, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, content); i != JSON_ABSENT;
         i = json_next(r->doc, content, i)) {
        uint32_t text = json_is(r->doc, i, JSON_STRING) ? i : json_member(r->doc, i, SLICE("text"));
        if (json_is(r->doc, text, JSON_STRING)) {
            read_text(r, text);
        } else {
            r->ask->prompt_tokens += TOKENS_PER_IMAGE;
        }
    }
}

static void read_messages(struct reader *r, uint32_t messages)
{
    if (!json_is(r->doc, messages, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, messages); i != JSON_ABSENT;
         i = json_next(r->doc, messages, i)) {
        uint32_t role = json_member(r->doc, i, SLICE("role"));
        uint32_t images = json_member(r->doc, i, SLICE("images"));
        read_content(r, json_member(r->doc, i, SLICE("content")));
        r->ask->prompt_tokens += TOKENS_PER_MESSAGE;
        if (json_is(r->doc, images, JSON_ARRAY)) {
            r->ask->prompt_tokens += (uint64_t)json_count(r->doc, images) * TOKENS_PER_IMAGE;
        }
        r->ask->after_tool =
            json_is(r->doc, role, JSON_STRING) && (json_string_is(r->doc, role, SLICE("tool")) ||
                                                   json_string_is(r->doc, role, SLICE("function")));
    }
}

/* --- the other members --- */

static void read_tool_choice(struct reader *r)
{
    uint32_t choice = member(r, JSON_ROOT, "tool_choice");

    if (json_is(r->doc, choice, JSON_STRING)) {
        r->ask->tool_required = json_string_is(r->doc, choice, SLICE("required"));
        r->ask->tool_forbidden = json_string_is(r->doc, choice, SLICE("none"));
    } else if (json_is(r->doc, choice, JSON_OBJECT)) {
        uint32_t name = member(r, choice, "function.name");
        r->ask->tool_required = true;
        if (json_is(r->doc, name, JSON_STRING)) {
            r->ask->tool = json_string(r->doc, name, r->arena);
        }
    }
    r->ask->one_tool = !flag(r, member(r, JSON_ROOT, "parallel_tool_calls"), true);
}

static void read_format(struct reader *r)
{
    uint32_t format = member(r, JSON_ROOT, ollama(r->ask) ? "format" : "response_format");
    uint32_t type = json_member(r->doc, format, SLICE("type"));

    r->ask->schema = JSON_ABSENT;
    if (ollama(r->ask)) {
        r->ask->json =
            json_is(r->doc, format, JSON_OBJECT) ||
            (json_is(r->doc, format, JSON_STRING) && json_string_is(r->doc, format, SLICE("json")));
        r->ask->schema = json_is(r->doc, format, JSON_OBJECT) ? format : JSON_ABSENT;
    } else if (json_is(r->doc, type, JSON_STRING)) {
        r->ask->schema = member(r, format, "json_schema.schema");
        r->ask->json = json_string_is(r->doc, type, SLICE("json_object")) ||
                       json_string_is(r->doc, type, SLICE("json_schema"));
    }
}

static void read_number(struct reader *r, const char *path, int64_t *into)
{
    uint32_t value = member(r, JSON_ROOT, path);
    int64_t number;

    if (json_is(r->doc, value, JSON_NUMBER) && json_int64(r->doc, value, &number) && number >= 0) {
        *into = number;
    }
}

static void read_options(struct reader *r)
{
    struct sim_ask *ask = r->ask;
    int64_t choices = 1;
    uint32_t encoding = member(r, JSON_ROOT, "encoding_format");

    ask->max_tokens = -1;
    ask->dimensions = DIMENSIONS_DEFAULT;
    if (ollama(ask)) {
        read_number(r, "options.num_predict", &ask->max_tokens);
        ask->stop = member(r, JSON_ROOT, "options.stop");
    } else {
        read_number(r, "max_tokens", &ask->max_tokens);
        read_number(r, "max_completion_tokens", &ask->max_tokens);
        read_number(r, "n", &choices);
        ask->stop = member(r, JSON_ROOT, "stop");
    }
    read_number(r, "dimensions", &ask->dimensions);
    if (ask->dimensions < 1 || ask->dimensions > DIMENSIONS_MAX) {
        ask->dimensions = DIMENSIONS_DEFAULT;
    }
    ask->choices = choices < 1                 ? 1
                   : choices > SIM_CHOICES_MAX ? SIM_CHOICES_MAX
                                               : (unsigned)choices;
    ask->base64 =
        json_is(r->doc, encoding, JSON_STRING) && json_string_is(r->doc, encoding, SLICE("base64"));
    ask->stream = flag(r, member(r, JSON_ROOT, "stream"), ollama(ask)) &&
                  ask->operation != SIM_EMBEDDINGS && ask->operation != SIM_OLLAMA_EMBED;
    ask->include_usage = flag(r, member(r, JSON_ROOT, "stream_options.include_usage"), false);
}

static void read_prompt(struct reader *r)
{
    uint32_t prompt = member(r, JSON_ROOT, "prompt");
    uint32_t suffix = member(r, JSON_ROOT, "suffix");

    read_content(r, prompt);
    read_messages(r, member(r, JSON_ROOT, "messages"));
    if (json_is(r->doc, suffix, JSON_STRING)) {
        struct slice last = r->ask->last;
        read_text(r, suffix);
        r->ask->suffix = r->ask->last;
        r->ask->last = last;
    }
    r->ask->input = member(r, JSON_ROOT, "input");
    read_content(r, r->ask->input);
    r->ask->prompt_tokens += (r->bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
}

bool sim_ask_read(struct sim_ask *ask, enum sim_operation operation, const struct json_doc *doc,
                  struct arena *arena, struct error *error)
{
    struct reader r = {.ask = ask, .doc = doc, .arena = arena};
    uint32_t model;

    *ask = (struct sim_ask){.operation = operation, .doc = doc, .hash = MIX};
    if (!json_is(doc, JSON_ROOT, JSON_OBJECT)) {
        return error_set(error, ERROR_INVALID, "invalid_body", "the body is no JSON object");
    }
    model = json_member(doc, JSON_ROOT, SLICE("model"));
    if (!json_is(doc, model, JSON_STRING)) {
        return error_set(error, ERROR_INVALID, "missing_model", "you must provide a model");
    }
    ask->model = json_string(doc, model, arena);
    ask->hash = (ask->hash ^ hash_stable(ask->model)) * MIX;
    ask->tools = json_member(doc, JSON_ROOT, SLICE("tools"));
    if (!json_is(doc, ask->tools, JSON_ARRAY) || json_count(doc, ask->tools) == 0) {
        ask->tools = JSON_ABSENT;
    }
    read_options(&r);
    read_format(&r);
    read_tool_choice(&r);
    read_prompt(&r);
    if (arena->exhausted) {
        return error_set(error, ERROR_LIMIT, "too_large", "the request needs too much memory");
    }
    return true;
}
