/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads requests in Gemini's words.
 */
#include "sim/gemini.h"

#define NAME_SIZE 64

uint32_t sim_gemini_member(const struct sim_reading *r, uint32_t object, const char *name)
{
    char snake[NAME_SIZE];
    size_t len = 0;
    uint32_t found = json_member(r->doc, object, slice_from_cstr(name));

    if (found != JSON_ABSENT) {
        return found;
    }
    for (; *name != '\0' && len + 2 < sizeof(snake); name++) {
        if (*name >= 'A' && *name <= 'Z') {
            snake[len++] = '_';
            snake[len++] = (char)(*name - 'A' + 'a');
        } else {
            snake[len++] = *name;
        }
    }
    return json_member(r->doc, object, slice_of(snake, len));
}

/* --- contents --- */

static void read_parts(struct sim_reading *r, uint32_t content)
{
    uint32_t parts = sim_gemini_member(r, content, "parts");

    if (!json_is(r->doc, parts, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, parts); i != JSON_ABSENT;
         i = json_next(r->doc, parts, i)) {
        uint32_t response = sim_gemini_member(r, i, "functionResponse");
        if (json_is(r->doc, sim_gemini_member(r, i, "inlineData"), JSON_OBJECT) ||
            json_is(r->doc, sim_gemini_member(r, i, "fileData"), JSON_OBJECT)) {
            sim_read_image(r);
        } else if (json_is(r->doc, response, JSON_OBJECT)) {
            uint32_t value = json_member(r->doc, response, SLICE("response"));
            sim_read_result(r, true);
            for (uint32_t j = json_is(r->doc, value, JSON_OBJECT) ? json_first(r->doc, value)
                                                                  : JSON_ABSENT;
                 j != JSON_ABSENT; j = json_next(r->doc, value, j)) {
                sim_read_text(r, j + 1);
            }
            sim_read_result(r, false);
        } else if (!sim_read_flag(r, sim_gemini_member(r, i, "thought"), false)) {
            sim_read_text(r, sim_gemini_member(r, i, "text"));
        }
    }
}

static void read_contents(struct sim_reading *r, uint32_t root)
{
    uint32_t contents = sim_gemini_member(r, root, "contents");

    read_parts(r, sim_gemini_member(r, root, "systemInstruction"));
    if (!json_is(r->doc, contents, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, contents); i != JSON_ABSENT;
         i = json_next(r->doc, contents, i)) {
        sim_read_turn(r, !sim_read_is(r, json_member(r->doc, i, SLICE("role")), "model"), false);
        read_parts(r, i);
    }
}

/* --- tools and options --- */

static void read_declarations(struct sim_reading *r, uint32_t tool)
{
    uint32_t functions = sim_gemini_member(r, tool, "functionDeclarations");

    if (!json_is(r->doc, functions, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, functions); i != JSON_ABSENT;
         i = json_next(r->doc, functions, i)) {
        uint32_t schema = sim_gemini_member(r, i, "parametersJsonSchema");
        sim_read_tool(r, json_member(r->doc, i, SLICE("name")),
                      schema != JSON_ABSENT ? schema : sim_gemini_member(r, i, "parameters"),
                      false);
    }
}

static void read_tools(struct sim_reading *r)
{
    uint32_t tools = sim_gemini_member(r, JSON_ROOT, "tools");
    uint32_t config = sim_gemini_member(r, sim_gemini_member(r, JSON_ROOT, "toolConfig"),
                                        "functionCallingConfig");
    uint32_t mode = sim_gemini_member(r, config, "mode");
    uint32_t allowed = sim_gemini_member(r, config, "allowedFunctionNames");

    if (json_is(r->doc, tools, JSON_ARRAY)) {
        for (uint32_t i = json_first(r->doc, tools); i != JSON_ABSENT;
             i = json_next(r->doc, tools, i)) {
            read_declarations(r, i);
        }
    }
    r->ask->tool_required = sim_read_is(r, mode, "ANY");
    r->ask->tool_forbidden = sim_read_is(r, mode, "NONE");
    if (json_is(r->doc, allowed, JSON_ARRAY) && json_count(r->doc, allowed) == 1) {
        r->ask->tool = sim_read_string(r, json_first(r->doc, allowed));
    }
}

static void read_options(struct sim_reading *r)
{
    struct sim_ask *ask = r->ask;
    uint32_t config = sim_gemini_member(r, JSON_ROOT, "generationConfig");
    uint32_t thinking = sim_gemini_member(r, config, "thinkingConfig");
    int64_t choices = 1;

    sim_read_number(r, sim_gemini_member(r, config, "maxOutputTokens"), &ask->max_tokens);
    sim_read_number(r, sim_gemini_member(r, config, "candidateCount"), &choices);
    ask->choices = choices < 1 || choices > SIM_CHOICES_MAX ? 1 : (unsigned)choices;
    sim_read_stops(r, sim_gemini_member(r, config, "stopSequences"));
    ask->json =
        sim_read_is(r, sim_gemini_member(r, config, "responseMimeType"), "application/json");
    ask->schema = sim_gemini_member(r, config, "responseJsonSchema");
    if (ask->schema == JSON_ABSENT) {
        ask->schema = sim_gemini_member(r, config, "responseSchema");
    }
    ask->thinks = sim_read_flag(r, sim_gemini_member(r, thinking, "includeThoughts"), false);
}

bool sim_gemini_read(struct sim_reading *r)
{
    if (!sim_gemini_check(r, JSON_ROOT) || !sim_gemini_check_turns(r, JSON_ROOT)) {
        return false;
    }
    read_options(r);
    read_tools(r);
    read_contents(r, JSON_ROOT);
    return true;
}

bool sim_gemini_read_stream(struct sim_reading *r)
{
    r->ask->stream = true;
    return sim_gemini_read(r);
}

bool sim_gemini_read_count(struct sim_reading *r)
{
    uint32_t whole = sim_gemini_member(r, JSON_ROOT, "generateContentRequest");
    uint32_t root = whole == JSON_ABSENT ? JSON_ROOT : whole;

    if (!sim_gemini_check_turns(r, root)) {
        return false;
    }
    read_contents(r, root);
    return true;
}

/* --- embeddings --- */

static bool read_embedding(struct sim_reading *r, uint32_t request)
{
    uint32_t content = sim_gemini_member(r, request, "content");
    uint32_t parts = sim_gemini_member(r, content, "parts");

    if (!json_is(r->doc, parts, JSON_ARRAY) || json_count(r->doc, parts) == 0) {
        return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                         "EmbedContentRequest.content contains an empty Part.");
    }
    sim_read_number(r, sim_gemini_member(r, request, "outputDimensionality"), &r->ask->dimensions);
    if (r->ask->dimensions < 1 || r->ask->dimensions > SIM_DIMENSIONS_MAX) {
        return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                         "EmbedContentRequest.output_dimensionality is out of range");
    }
    read_parts(r, content);
    sim_read_input(r, parts);
    return true;
}

bool sim_gemini_read_embed(struct sim_reading *r)
{
    return read_embedding(r, JSON_ROOT);
}

bool sim_gemini_read_batch(struct sim_reading *r)
{
    uint32_t requests = sim_gemini_member(r, JSON_ROOT, "requests");
    unsigned index = 0;

    if (!json_is(r->doc, requests, JSON_ARRAY) || json_count(r->doc, requests) == 0) {
        return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                         "BatchEmbedContentsRequest.requests is not specified");
    }
    for (uint32_t i = json_first(r->doc, requests); i != JSON_ABSENT;
         i = json_next(r->doc, requests, i)) {
        struct slice model = sim_read_string(r, json_member(r->doc, i, SLICE("model")));
        if (!slice_starts(model, SLICE("models/"))) {
            return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                             "BatchEmbedContentsRequest.requests[%u].model: unexpected model name "
                             "format",
                             index);
        }
        if (!read_embedding(r, i)) {
            return false;
        }
        index++;
    }
    return true;
}
