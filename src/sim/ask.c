/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/ask.h"

#include "base/hash.h"

#define BYTES_PER_TOKEN 4
#define TOKENS_PER_MESSAGE 4
#define TOKENS_PER_IMAGE 85
#define MIX 0x9e3779b97f4a7c15ULL
#define DIMENSIONS_DEFAULT 16

static const struct slice script_mark = SLICE_INIT("[[call:");

bool sim_read_begin(struct sim_reading *r, enum sim_operation operation, struct slice model)
{
    struct sim_ask *ask = r->ask;
    const struct sim_request *request = ask->request;

    *ask = (struct sim_ask){.operation = operation,
                            .doc = r->doc,
                            .schema_doc = r->doc,
                            .request = request,
                            .hash = MIX,
                            .schema = JSON_ABSENT,
                            .choices = 1,
                            .max_tokens = -1,
                            .dimensions = DIMENSIONS_DEFAULT};
    if (!json_is(r->doc, JSON_ROOT, JSON_OBJECT)) {
        return error_set(r->error, ERROR_INVALID, "invalid_body", "the body is no JSON object");
    }
    if (model.len == 0) {
        model = sim_read_string(r, json_member(r->doc, JSON_ROOT, SLICE("model")));
    }
    if (model.len == 0) {
        return error_set(r->error, ERROR_INVALID, "missing_model", "you must provide a model");
    }
    ask->model = model;
    ask->hash = (ask->hash ^ hash_stable(model)) * MIX;
    return true;
}

/* What was read so far is a beginning of the prompt. */
static void end_beginning(struct sim_reading *r)
{
    struct sim_ask *ask = r->ask;
    uint64_t tokens = ask->prompt_tokens + r->bytes / BYTES_PER_TOKEN;

    if (ask->beginning_count < SIM_BEGINNINGS_MAX && r->bytes > 0) {
        ask->beginnings[ask->beginning_count++] =
            (struct sim_beginning){.hash = ask->hash, .tokens = tokens};
    }
}

bool sim_read_end(struct sim_reading *r)
{
    end_beginning(r);
    r->ask->prompt_tokens += (r->bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    if (r->arena->exhausted) {
        return error_set(r->error, ERROR_LIMIT, "too_large", "the request needs too much memory");
    }
    return true;
}

bool sim_read_flag(const struct sim_reading *r, uint32_t value, bool otherwise)
{
    bool is = otherwise;

    return json_bool(r->doc, value, &is) ? is : otherwise;
}

void sim_read_number(const struct sim_reading *r, uint32_t value, int64_t *into)
{
    int64_t number;

    if (json_is(r->doc, value, JSON_NUMBER) && json_int64(r->doc, value, &number) && number >= 0) {
        *into = number;
    }
}

bool sim_read_is(const struct sim_reading *r, uint32_t value, const char *text)
{
    return json_is(r->doc, value, JSON_STRING) &&
           json_string_is(r->doc, value, slice_from_cstr(text));
}

struct slice sim_read_string(const struct sim_reading *r, uint32_t value)
{
    return json_is(r->doc, value, JSON_STRING) ? json_string(r->doc, value, r->arena) : SLICE_EMPTY;
}

/* --- the prompt --- */

void sim_read_text(struct sim_reading *r, uint32_t value)
{
    struct sim_ask *ask = r->ask;

    if (!json_is(r->doc, value, JSON_STRING)) {
        return;
    }
    struct slice inner = json_inner(r->doc, value);
    r->bytes += inner.len;
    ask->hash = (ask->hash ^ hash_stable(inner)) * MIX;
    ask->last = json_string(r->doc, value, r->arena);
    if (r->in_result) {
        ask->result = ask->last;
    }
    if (!r->mute && slice_find_slice(ask->last, script_mark) != SIZE_MAX) {
        ask->script = ask->last;
        ask->results = 0;
    }
}

void sim_read_image(struct sim_reading *r)
{
    r->ask->prompt_tokens += TOKENS_PER_IMAGE;
}

void sim_read_content(struct sim_reading *r, uint32_t content)
{
    sim_read_text(r, content);
    if (!json_is(r->doc, content, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, content); i != JSON_ABSENT;
         i = json_next(r->doc, content, i)) {
        uint32_t text = json_is(r->doc, i, JSON_STRING) ? i : json_member(r->doc, i, SLICE("text"));
        if (json_is(r->doc, text, JSON_STRING)) {
            sim_read_text(r, text);
        } else if (json_is(r->doc, i, JSON_NUMBER) || json_is(r->doc, i, JSON_ARRAY)) {
            r->ask->prompt_tokens += json_count(r->doc, i) + json_is(r->doc, i, JSON_NUMBER);
        } else {
            sim_read_image(r);
        }
    }
}

void sim_read_turn(struct sim_reading *r, bool user, bool result)
{
    end_beginning(r);
    r->mute = !user || result;
    r->in_result = result;
    r->ask->prompt_tokens += TOKENS_PER_MESSAGE;
    r->ask->after_tool = result;
    r->ask->results += result;
}

void sim_read_result(struct sim_reading *r, bool begins)
{
    r->mute = begins;
    r->in_result = begins;
    if (begins) {
        r->ask->results++;
        r->ask->after_tool = true;
    }
}

bool sim_is_base64(struct slice data)
{
    size_t padding = 0;

    for (size_t i = 0; i < data.len; i++) {
        char c = data.ptr[i];
        padding += c == '=';
        if ((c == '=') != (padding > 0) || padding > 2 ||
            ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' &&
             c != '/' && c != '=')) {
            return false;
        }
    }
    return data.len > 0 && data.len % 4 == 0;
}

bool sim_read_schema_text(struct sim_reading *r, uint32_t value)
{
    struct sim_ask *ask = r->ask;

    if (!json_is(r->doc, value, JSON_STRING) || r->schema == NULL ||
        !json_parse(r->schema, sim_read_string(r, value), NULL, NULL) ||
        !json_is(r->schema, JSON_ROOT, JSON_OBJECT)) {
        return false;
    }
    ask->schema_doc = r->schema;
    ask->schema = JSON_ROOT;
    return true;
}

/* --- tools and limits --- */

void sim_read_tool(struct sim_reading *r, uint32_t name, uint32_t parameters, bool custom)
{
    struct sim_ask *ask = r->ask;
    struct slice text = sim_read_string(r, name);

    if (text.len > 0 && ask->tool_count < SIM_TOOLS_MAX) {
        ask->tools[ask->tool_count++] =
            (struct sim_tool){.name = text, .parameters = parameters, .custom = custom};
    }
}

void sim_read_functions(struct sim_reading *r, uint32_t tools)
{
    if (!json_is(r->doc, tools, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, tools); i != JSON_ABSENT;
         i = json_next(r->doc, tools, i)) {
        uint32_t custom = json_member(r->doc, i, SLICE("custom"));
        uint32_t function = json_member(r->doc, i, SLICE("function"));
        bool is_custom = json_is(r->doc, custom, JSON_OBJECT);
        sim_read_tool(r, json_member(r->doc, is_custom ? custom : function, SLICE("name")),
                      json_member(r->doc, function, SLICE("parameters")), is_custom);
    }
}

static void read_stop(struct sim_reading *r, uint32_t value)
{
    struct slice stop = sim_read_string(r, value);

    if (stop.len > 0 && r->ask->stop_count < SIM_STOPS_MAX) {
        r->ask->stops[r->ask->stop_count++] = stop;
    }
}

void sim_read_stops(struct sim_reading *r, uint32_t value)
{
    read_stop(r, value);
    if (!json_is(r->doc, value, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, value); i != JSON_ABSENT;
         i = json_next(r->doc, value, i)) {
        read_stop(r, i);
    }
}

void sim_read_input(struct sim_reading *r, uint32_t value)
{
    struct sim_ask *ask = r->ask;

    if (ask->inputs == NULL) {
        ask->inputs = arena_array(r->arena, SIM_INPUTS_MAX, sizeof(*ask->inputs));
    }
    if (ask->inputs != NULL && ask->input_count < SIM_INPUTS_MAX) {
        ask->inputs[ask->input_count++] = value;
    }
}

/* --- scripts --- */

static const struct sim_tool *find_tool(const struct sim_ask *ask, struct slice name)
{
    for (size_t i = 0; i < ask->tool_count; i++) {
        if (slice_eq(ask->tools[i].name, name)) {
            return &ask->tools[i];
        }
    }
    return NULL;
}

const struct sim_tool *sim_script_call(const struct sim_ask *ask, struct slice *ret_arguments)
{
    struct slice rest = ask->script;
    size_t at;

    for (size_t number = 0; (at = slice_find_slice(rest, script_mark)) != SIZE_MAX; number++) {
        rest = slice_from(rest, at + script_mark.len);
        size_t end = slice_find_slice(rest, SLICE("]]"));
        if (end == SIZE_MAX) {
            return NULL;
        }
        if (number == ask->results) {
            struct slice call = slice_of(rest.ptr, end);
            struct slice name = slice_cut(&call, ' ');
            *ret_arguments = slice_trim(call);
            return find_tool(ask, name);
        }
    }
    return NULL;
}
