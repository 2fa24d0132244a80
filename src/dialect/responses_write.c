/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translate lane towards Responses. Defaults differ from those of other dialects, so three
 * members are always written: answers are not stored unless the client said so, functions are not
 * strict unless it said so, and ciphers of thoughts are asked for where the model is asked to
 * think.
 */
#include "dialect/edit.h"
#include "dialect/openai.h"
#include "dialect/responses.h"
#include "dialect/tool_name.h"
#include "dialect/translate.h"
#include "dialect/wish.h"

#define LEAST_TOKENS 16 /* OpenAI refuses less */

static void member_raw(struct responses_writer *w, struct slice key, struct slice raw)
{
    if (raw.ptr != NULL) {
        json_member_raw(&w->json, key, raw);
    }
}

static void member_inner(struct responses_writer *w, struct slice key, struct slice inner)
{
    if (inner.ptr != NULL) {
        json_member_inner(&w->json, key, inner);
    }
}

static void write_model(struct responses_writer *w)
{
    if (w->change->model.ptr != NULL) {
        json_member_string(&w->json, SLICE("model"), w->change->model);
    } else {
        member_inner(w, SLICE("model"), w->chat->model);
    }
}

static void write_tokens(struct responses_writer *w)
{
    int64_t clamp = w->change->clamp_max_tokens;
    int64_t tokens = w->chat->max_tokens;
    if (clamp > 0 && (tokens == 0 || tokens > clamp)) {
        tokens = clamp;
    }
    if (tokens > 0 && tokens < LEAST_TOKENS && (clamp == 0 || clamp >= LEAST_TOKENS)) {
        tokens = LEAST_TOKENS;
        loss_add(w->loss, SLICE("max_tokens"));
    }
    if (tokens > 0) {
        json_member_int(&w->json, SLICE("max_output_tokens"), tokens);
    }
}

/* --- tools --- */

/* Chat has the grammar in an object of its own. */
static void write_tool_format(struct responses_writer *w, struct slice raw)
{
    struct json_doc doc;
    json_doc_init(&doc);
    uint32_t grammar = JSON_ABSENT;
    if (raw.ptr != NULL && json_parse(&doc, raw, &json_default_limits, NULL)) {
        grammar = json_member(&doc, JSON_ROOT, SLICE("grammar"));
    }
    if (!json_is(&doc, grammar, JSON_OBJECT)) {
        member_raw(w, SLICE("format"), raw);
    } else {
        json_key(&w->json, SLICE("format"));
        json_begin_object(&w->json);
        json_member_string(&w->json, SLICE("type"), SLICE("grammar"));
        for (uint32_t key = json_first(&doc, grammar); key != JSON_ABSENT;
             key = json_next(&doc, grammar, key)) {
            json_key(&w->json, json_inner(&doc, key));
            json_write_raw(&w->json, json_raw(&doc, key + 1));
        }
        json_end_object(&w->json);
    }
    json_doc_release(&doc);
}

static void write_tool(struct responses_writer *w, const struct chat_tool *tool)
{
    struct json_writer *json = &w->json;
    bool custom = tool->kind == TOOL_CUSTOM;
    json_begin_object(json);
    json_member_string(json, SLICE("type"), custom ? SLICE("custom") : SLICE("function"));
    json_member_inner(json, SLICE("name"), tool->name);
    member_inner(w, SLICE("description"), tool->description);
    if (custom) {
        write_tool_format(w, tool->parameters);
    } else {
        json_member_raw(json, SLICE("parameters"),
                        tool->parameters.ptr != NULL
                            ? tool->parameters
                            : SLICE("{\"type\":\"object\",\"properties\":{}}"));
        json_member_bool(json, SLICE("strict"), tool->strict == 1);
    }
    json_end_object(json);
}

static bool is_sayable(const struct chat_tool *tool)
{
    return tool->kind != TOOL_OTHER && tool->name.ptr != NULL;
}

static bool any_sayable(const struct chat *chat)
{
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (is_sayable(&chat->tools[i])) {
            return true;
        }
    }
    return false;
}

static void write_choice(struct responses_writer *w)
{
    static const struct slice words[] = {
        [TOOL_CHOICE_NONE] = SLICE_INIT("none"),
        [TOOL_CHOICE_AUTO] = SLICE_INIT("auto"),
        [TOOL_CHOICE_REQUIRED] = SLICE_INIT("required"),
    };
    const struct chat *chat = w->chat;
    if (chat->tool_choice == TOOL_CHOICE_UNSET) {
        return;
    }
    json_key(&w->json, SLICE("tool_choice"));
    if (chat->tool_choice != TOOL_CHOICE_NAMED) {
        json_write_string(&w->json, words[chat->tool_choice]);
        return;
    }
    bool custom = false;
    for (size_t i = 0; i < chat->tool_count; i++) {
        custom = custom || (chat->tools[i].kind == TOOL_CUSTOM &&
                            slice_eq(chat->tools[i].name, chat->tool_choice_name));
    }
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), custom ? SLICE("custom") : SLICE("function"));
    json_member_inner(&w->json, SLICE("name"), chat->tool_choice_name);
    json_end_object(&w->json);
}

static void write_tools(struct responses_writer *w)
{
    const struct chat *chat = w->chat;
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (!is_sayable(&chat->tools[i])) {
            loss_add(w->loss, SLICE("tools")); /* a built-in tool of another vendor */
        }
    }
    if (!any_sayable(chat)) {
        return;
    }
    json_key(&w->json, SLICE("tools"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (is_sayable(&chat->tools[i])) {
            write_tool(w, &chat->tools[i]);
        }
    }
    json_end_array(&w->json);
    write_choice(w);
    if (chat->parallel_tool_calls >= 0) {
        json_member_bool(&w->json, SLICE("parallel_tool_calls"), chat->parallel_tool_calls == 1);
    }
}

/* --- form of the answer --- */

static void write_format(struct responses_writer *w)
{
    const struct chat *chat = w->chat;
    struct json_writer *json = &w->json;
    bool schema = chat->format == FORMAT_JSON_SCHEMA && chat->schema.ptr != NULL;
    json_key(json, SLICE("format"));
    json_begin_object(json);
    json_member_string(json, SLICE("type"), schema ? SLICE("json_schema") : SLICE("json_object"));
    if (schema) {
        if (chat->schema_name.len > 0) {
            json_member_inner(json, SLICE("name"), chat->schema_name);
        } else {
            json_member_string(json, SLICE("name"), SLICE("answer")); /* it must have one */
        }
        json_member_raw(json, SLICE("schema"), chat->schema);
        json_member_bool(json, SLICE("strict"), chat->schema_strict == 1);
    }
    json_end_object(json);
}

static void write_text(struct responses_writer *w)
{
    if (w->chat->format == FORMAT_TEXT && w->chat->verbosity.ptr == NULL) {
        return;
    }
    json_key(&w->json, SLICE("text"));
    json_begin_object(&w->json);
    if (w->chat->format != FORMAT_TEXT) {
        write_format(w);
    }
    member_inner(w, SLICE("verbosity"), w->chat->verbosity);
    json_end_object(&w->json);
}

static bool thinks(const struct chat *chat)
{
    struct slice effort = openai_effort(chat);
    return effort.len > 0 && !slice_eq(effort, SLICE("none"));
}

static void write_reasoning(struct responses_writer *w)
{
    struct slice effort = openai_effort(w->chat);
    bool summary = w->chat->show_thinking && thinks(w->chat);
    if (effort.len == 0) {
        return;
    }
    json_key(&w->json, SLICE("reasoning"));
    json_begin_object(&w->json);
    json_member_inner(&w->json, SLICE("effort"), effort);
    if (summary) {
        json_member_string(&w->json, SLICE("summary"), SLICE("auto"));
    }
    json_end_object(&w->json);
}

/* Models think unasked too, and what is not stored there must come back with the calls. */
static bool may_think(const struct responses_writer *w)
{
    bool off =
        w->chat->thinking == THINKING_OFF || slice_eq(w->chat->reasoning_effort, SLICE("none"));
    return w->change->reasons && w->chat->store != 1 && !off;
}

static void write_include(struct responses_writer *w)
{
    bool ciphers = thinks(w->chat) || may_think(w);
    if (!ciphers && !w->chat->logprobs) {
        return;
    }
    json_key(&w->json, SLICE("include"));
    json_begin_array(&w->json);
    if (ciphers) {
        json_write_string(&w->json, SLICE("reasoning.encrypted_content"));
    }
    if (w->chat->logprobs) {
        json_write_string(&w->json, SLICE("message.output_text.logprobs"));
    }
    json_end_array(&w->json);
    if (w->chat->logprobs) {
        member_raw(w, SLICE("top_logprobs"), w->chat->top_logprobs);
    }
}

/* --- the rest --- */

static void write_service_tier(struct responses_writer *w)
{
    const struct slice tier = w->chat->service_tier;
    if (tier.ptr == NULL) {
        return;
    }
    if (slice_eq(tier, SLICE("standard_only"))) { /* Anthropic's word */
        json_member_string(&w->json, SLICE("service_tier"), SLICE("default"));
    } else {
        json_member_inner(&w->json, SLICE("service_tier"), tier);
    }
}

static void write_wishes(struct responses_writer *w)
{
    const struct chat *chat = w->chat;
    member_raw(w, SLICE("temperature"), chat->temperature);
    member_raw(w, SLICE("top_p"), chat->top_p);
    write_text(w);
    write_reasoning(w);
    write_include(w);
    write_service_tier(w);
    member_raw(w, SLICE("metadata"), chat->metadata);
    member_inner(w, SLICE("prompt_cache_key"), chat->cache_key);
    member_inner(w, SLICE("user"), chat->user);
    json_member_bool(&w->json, SLICE("store"), chat->store == 1);
    if (chat->stream) {
        json_member_bool(&w->json, SLICE("stream"), true);
    }
}

static void add_losses(struct responses_writer *w)
{
    static const struct slice carried[] = {SLICE_INIT("store"), SLICE_INIT("service_tier"),
                                           SLICE_INIT("metadata"), SLICE_INIT("verbosity"),
                                           SLICE_INIT("prompt_cache_key")};
    const struct chat *chat = w->chat;
    const struct {
        bool given;
        struct slice name;
    } lost[] = {
        {chat->seed.ptr != NULL, SLICE("seed")},
        {chat->top_k.ptr != NULL, SLICE("top_k")},
        {chat->frequency_penalty.ptr != NULL, SLICE("frequency_penalty")},
        {chat->presence_penalty.ptr != NULL, SLICE("presence_penalty")},
    };
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        if (lost[i].given) {
            loss_add(w->loss, lost[i].name);
        }
    }
    loss_add_cache_marks(w->loss, chat);
    bool known = openai_is_dialect(chat->dialect); /* others mean something else by the names */
    loss_add_extras_but(w->loss, chat, carried, known ? ARRAY_LEN(carried) : 0);
}

bool responses_write_request(const struct chat *chat, const struct request_change *change,
                             struct buf *out, struct loss *loss, struct error *error)
{
    size_t edits;
    if (chat->dialect == DIALECT_OPENAI_RESPONSES) {
        return responses_edit(chat, change, out, &edits);
    }
    if (!wishes_check(chat, DIALECT_OPENAI_RESPONSES, error)) {
        return false;
    }
    struct responses_writer w = {.chat = chat, .change = change, .loss = loss, .error = error};
    json_writer_init(&w.json, out);
    json_begin_object(&w.json);
    write_model(&w);
    if (!responses_write_input(&w)) {
        return false;
    }
    write_tools(&w);
    write_tokens(&w);
    write_wishes(&w);
    add_losses(&w);
    json_end_object(&w.json);
    return !out->failed;
}
