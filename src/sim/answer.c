/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/answer.h"

#include "sim/schema.h"

#include <stdio.h>

#define TOKENS_LEAST 8
#define TOKENS_SPREAD 57
#define FILL_TOKENS 12 /* of a completion between a prefix and a suffix */
#define THOUGHTS 20
#define FILTERED_TOKENS 3
#define REPEATS 40
#define CALL_TOKENS 4
#define BYTES_PER_TOKEN 4
#define JSON_MAX ((size_t)1 << 20)

static bool is(const struct sim_answer *answer, enum sim_behaviour which)
{
    return sim_is(answer->behaviours, which);
}

/* --- text --- */

static size_t usual_length(const struct sim_answer *answer, struct random *random, uint32_t tokens)
{
    if (is(answer, SIM_TOKENS)) {
        return answer->behaviours->number[SIM_TOKENS];
    }
    if (tokens > 0) {
        return tokens;
    }
    if (answer->ask->suffix.ptr != NULL) {
        return FILL_TOKENS;
    }
    return TOKENS_LEAST + random_below(random, TOKENS_SPREAD);
}

static void write_json(const struct sim_answer *answer, struct random *random,
                       struct sim_text *text)
{
    struct buf out = BUF_INIT(JSON_MAX);
    struct json_writer w;

    json_writer_init(&w, &out);
    sim_schema_value(&w, answer->ask->schema_doc, answer->ask->schema, random);
    size_t len = is(answer, SIM_BAD_JSON_ANSWER) && out.len > 2 ? out.len / 2 : out.len;
    sim_text_append(text, slice_of(out.ptr, len));
    buf_release(&out);
}

static void write_text(const struct sim_answer *answer, struct random *random, uint32_t tokens,
                       struct sim_text *text)
{
    const struct sim_ask *ask = answer->ask;

    if (is(answer, SIM_EMPTY_TEXT) || is(answer, SIM_NULL_CONTENT)) {
        return;
    }
    if (is(answer, SIM_SPLIT_UTF8)) {
        sim_text_token(text, SLICE("Grüße"));
    }
    if (is(answer, SIM_INVALID_UTF8)) {
        sim_text_token(text, SLICE("\xef\xbf\xbd"));
    }
    if (is(answer, SIM_ECHO_RESULT) && ask->result.len > 0) {
        sim_text_append(text, ask->result);
    } else if (is(answer, SIM_ECHO)) {
        sim_text_append(text, ask->last);
    } else if (is(answer, SIM_REFUSAL)) {
        sim_text_append(text, SLICE("I'm sorry, but I can't assist with that request."));
    } else if (is(answer, SIM_REPEAT)) {
        for (int i = 0; i < REPEATS; i++) {
            sim_text_append(text, i == 0 ? SLICE("and so on") : SLICE(" and so on"));
        }
    } else if (ask->json || is(answer, SIM_JSON) || is(answer, SIM_BAD_JSON_ANSWER)) {
        write_json(answer, random, text);
    } else {
        if (is(answer, SIM_ANNOUNCE)) {
            sim_text_append(text, SLICE("Simulated answer, no model was asked:"));
        }
        sim_text_sentences(text, random, usual_length(answer, random, tokens));
    }
}

static void apply_stops(const struct sim_ask *ask, struct sim_choice *choice)
{
    for (size_t i = 0; i < ask->stop_count; i++) {
        size_t len = choice->text.bytes.len;
        sim_text_stop(&choice->text, ask->stops[i]);
        if (choice->text.bytes.len < len) {
            choice->stopped_by = ask->stops[i];
        }
    }
}

/* --- tool calls --- */

static bool said(const struct sim_ask *ask, const struct sim_tool *tool)
{
    return slice_find_slice(ask->last, tool->name) != SIZE_MAX;
}

static bool wants_tools(const struct sim_answer *answer)
{
    static const enum sim_behaviour behaviours[] = {
        SIM_TOOLS,           SIM_TOOLS_PARALLEL, SIM_TOOLS_WHOLE,
        SIM_TOOLS_WITH_TEXT, SIM_TOOLS_NO_ID,    SIM_TOOLS_BAD_JSON,
        SIM_TOOLS_UNKNOWN,   SIM_TOOLS_ODD_ID,   SIM_TOOLS_DONE_ONLY,
    };
    const struct sim_ask *ask = answer->ask;
    struct slice arguments;

    if (ask->tool_count == 0 || ask->tool_forbidden) {
        return false;
    }
    if (ask->script.len > 0) {
        return sim_script_call(ask, &arguments) != NULL;
    }
    if (ask->after_tool) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(behaviours); i++) {
        if (is(answer, behaviours[i])) {
            return true;
        }
    }
    if (ask->tool_required) {
        return true;
    }
    for (size_t i = 0; i < ask->tool_count; i++) {
        if (said(ask, &ask->tools[i])) {
            return true;
        }
    }
    return false;
}

/* The tool to call as number `number`: the one that must be, else one that the text names, else in
   turn. */
static const struct sim_tool *choose_tool(const struct sim_ask *ask, size_t number)
{
    for (size_t i = 0; i < ask->tool_count; i++) {
        const struct sim_tool *tool = &ask->tools[i];
        if (ask->tool.len > 0 ? slice_eq(tool->name, ask->tool) : number == 0 && said(ask, tool)) {
            return tool;
        }
    }
    return &ask->tools[number % ask->tool_count];
}

static void write_arguments(const struct sim_answer *answer, struct random *random,
                            const struct sim_tool *tool, struct buf *out)
{
    const struct json_doc *doc = answer->ask->doc;
    struct json_writer w;

    json_writer_init(&w, out);
    if (tool->custom) {
        buf_append(out, SLICE("made-up text for a custom tool"));
    } else if (json_is(doc, tool->parameters, JSON_OBJECT)) {
        sim_schema_value(&w, doc, tool->parameters, random);
    } else {
        buf_append(out, SLICE("{}"));
    }
}

/* `arguments`: of a script; NULL: to be made up. */
static void make_call(const struct sim_answer *answer, struct random *random,
                      const struct sim_tool *tool, const struct slice *arguments,
                      struct sim_choice *choice)
{
    struct sim_call *call = &choice->calls[choice->call_count++];

    buf_init(&call->name, JSON_MAX);
    buf_init(&call->arguments, JSON_MAX);
    call->custom = tool->custom;
    choice->finish = SIM_FINISH_TOOLS;
    buf_append(&call->name, is(answer, SIM_TOOLS_UNKNOWN) ? SLICE("not_offered") : tool->name);
    if (arguments != NULL) {
        buf_append(&call->arguments, arguments->len == 0 ? SLICE("{}") : *arguments);
    } else {
        write_arguments(answer, random, tool, &call->arguments);
    }
    if (is(answer, SIM_TOOLS_BAD_JSON)) {
        call->arguments.len = call->arguments.len / 2;
    }
    uint64_t id = random_next(random);
    call->id[0] = '\0';
    if (is(answer, SIM_TOOLS_ODD_ID)) {
        (void)snprintf(call->id, sizeof(call->id), "functions.%08x:%zu", (unsigned)(id >> 32),
                       choice->call_count - 1);
    } else if (!is(answer, SIM_TOOLS_NO_ID)) {
        (void)snprintf(call->id, sizeof(call->id), "call_%016llx", (unsigned long long)id);
    }
}

static void make_calls(const struct sim_answer *answer, struct random *random,
                       struct sim_choice *choice)
{
    const struct sim_ask *ask = answer->ask;
    size_t count = sim_number(answer->behaviours, SIM_TOOLS_PARALLEL, 1);
    struct slice arguments;

    if (ask->script.len > 0) {
        make_call(answer, random, sim_script_call(ask, &arguments), &arguments, choice);
        return;
    }
    if (count > SIM_CALLS_MAX) {
        count = SIM_CALLS_MAX;
    }
    if (ask->one_tool && count > 1) {
        count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        make_call(answer, random, choose_tool(ask, i), NULL, choice);
    }
}

/* --- the whole --- */

static void limit_choice(const struct sim_answer *answer, struct sim_choice *choice)
{
    const struct sim_ask *ask = answer->ask;

    if (ask->max_tokens >= 0 && (uint64_t)ask->max_tokens < choice->text.count) {
        sim_text_cut(&choice->text, (size_t)ask->max_tokens);
        choice->finish = SIM_FINISH_LENGTH;
    }
    if (is(answer, SIM_ENDS_BY_LENGTH)) {
        choice->finish = SIM_FINISH_LENGTH;
    }
    if (is(answer, SIM_CONTENT_FILTER)) {
        sim_text_cut(&choice->text, FILTERED_TOKENS);
        choice->finish = SIM_FINISH_FILTER;
    }
}

static void make_choice(struct sim_answer *answer, struct random *random, uint32_t tokens,
                        struct sim_choice *choice)
{
    bool calls = wants_tools(answer);

    sim_text_init(&choice->thoughts);
    sim_text_init(&choice->text);
    if (answer->ask->thinks || is(answer, SIM_THINKING) || is(answer, SIM_REASONING_CONTENT) ||
        is(answer, SIM_REASONING_DETAILS)) {
        sim_text_sentences(&choice->thoughts, random, THOUGHTS);
    }
    if (!calls || is(answer, SIM_TOOLS_WITH_TEXT)) {
        write_text(answer, random, tokens, &choice->text);
        apply_stops(answer->ask, choice);
        limit_choice(answer, choice);
    }
    if (calls) {
        make_calls(answer, random, choice);
    }
    answer->thought_tokens += choice->thoughts.count;
    answer->completion_tokens += choice->thoughts.count + choice->text.count;
    for (size_t i = 0; i < choice->call_count; i++) {
        const struct sim_call *call = &choice->calls[i];
        answer->completion_tokens += CALL_TOKENS + call->arguments.len / BYTES_PER_TOKEN;
        answer->failed |= call->name.failed || call->arguments.failed;
    }
    answer->failed |= choice->text.failed || choice->thoughts.failed;
}

void sim_answer_make(struct sim_answer *answer, const struct sim_ask *ask,
                     const struct sim_behaviours *behaviours, uint64_t seed, uint32_t tokens)
{
    struct random random;

    *answer = (struct sim_answer){.ask = ask,
                                  .behaviours = behaviours,
                                  .model = ask->model,
                                  .choice_count = ask->choices,
                                  .prompt_tokens = ask->prompt_tokens};
    if (is(answer, SIM_WRONG_MODEL)) {
        answer->model = SLICE("another-model");
    }
    random_seed(&random, seed ^ ask->hash);
    answer->id = random_next(&random);
    for (unsigned i = 0; i < answer->choice_count; i++) {
        make_choice(answer, &random, tokens, &answer->choices[i]);
    }
}

void sim_answer_release(struct sim_answer *answer)
{
    for (unsigned i = 0; i < answer->choice_count; i++) {
        struct sim_choice *choice = &answer->choices[i];
        sim_text_release(&choice->thoughts);
        sim_text_release(&choice->text);
        for (size_t j = 0; j < choice->call_count; j++) {
            buf_release(&choice->calls[j].name);
            buf_release(&choice->calls[j].arguments);
        }
    }
}
