/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests towards Ollama. It streams unless told not to, so `stream` is always written. Tools that
 * the client forbids are left out, which says the same; that one must be called cannot be said (see
 * wish.h).
 */
#include "dialect/ollama.h"

#include "codec/json_write.h"
#include "dialect/tool_name.h"
#include "dialect/translate.h"
#include "dialect/wish.h"

struct ollama_writer {
    struct json_writer json;
    const struct chat *chat;
    const struct request_change *change;
    struct loss *loss;
    struct error *error;
};

static void write_option(struct ollama_writer *w, struct slice key, struct slice raw)
{
    if (raw.ptr != NULL) {
        json_member_raw(&w->json, key, raw);
    }
}

static void write_stop(struct ollama_writer *w)
{
    if (w->chat->stop_count == 0) {
        return;
    }
    json_key(&w->json, SLICE("stop"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < w->chat->stop_count; i++) {
        json_write_inner(&w->json, w->chat->stop[i]);
    }
    json_end_array(&w->json);
}

static void write_tokens(struct ollama_writer *w)
{
    int64_t tokens = w->chat->max_tokens;
    int64_t clamp = w->change->clamp_max_tokens;
    if (clamp > 0 && (tokens == 0 || tokens > clamp)) {
        tokens = clamp;
    }
    if (tokens > 0) {
        json_member_int(&w->json, SLICE("num_predict"), tokens);
    }
}

static void write_options(struct ollama_writer *w)
{
    const struct chat *chat = w->chat;
    json_key(&w->json, SLICE("options"));
    json_begin_object(&w->json);
    write_tokens(w);
    if (w->change->window > 0) {
        json_member_int(&w->json, SLICE("num_ctx"), w->change->window);
    }
    write_option(w, SLICE("temperature"), chat->temperature);
    write_option(w, SLICE("top_p"), chat->top_p);
    write_option(w, SLICE("top_k"), chat->top_k);
    write_option(w, SLICE("seed"), chat->seed);
    write_option(w, SLICE("frequency_penalty"), chat->frequency_penalty);
    write_option(w, SLICE("presence_penalty"), chat->presence_penalty);
    write_stop(w);
    json_end_object(&w->json);
}

static void write_format(struct ollama_writer *w)
{
    if (w->chat->format == FORMAT_TEXT) {
        return;
    }
    json_key(&w->json, SLICE("format"));
    if (w->chat->format == FORMAT_JSON_SCHEMA && w->chat->schema.ptr != NULL) {
        json_write_raw(&w->json, w->chat->schema);
    } else {
        json_write_string(&w->json, SLICE("json"));
    }
}

/* Ollama knows three levels and off; the levels beyond them become the nearest. */
static void write_think(struct ollama_writer *w)
{
    static const struct {
        struct slice effort;
        struct slice think; /* raw */
    } levels[] = {
        {SLICE_INIT("none"), SLICE_INIT("false")},
        {SLICE_INIT("minimal"), SLICE_INIT("\"low\"")},
        {SLICE_INIT("low"), SLICE_INIT("\"low\"")},
        {SLICE_INIT("medium"), SLICE_INIT("\"medium\"")},
        {SLICE_INIT("high"), SLICE_INIT("\"high\"")},
        {SLICE_INIT("xhigh"), SLICE_INIT("\"high\"")},
        {SLICE_INIT("max"), SLICE_INIT("\"high\"")},
    };
    if (w->chat->reasoning_effort.ptr == NULL) {
        if (w->chat->thinking != THINKING_UNSET) {
            json_member_bool(&w->json, SLICE("think"), w->chat->thinking != THINKING_OFF);
        }
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (json_inner_is(w->chat->reasoning_effort, levels[i].effort)) {
            json_member_raw(&w->json, SLICE("think"), levels[i].think);
            return;
        }
    }
    json_member_bool(&w->json, SLICE("think"), true);
    loss_add(w->loss, SLICE("reasoning_effort"));
}

static void write_tool(struct ollama_writer *w, const struct chat_tool *tool)
{
    if (tool->strict == 1) {
        loss_add(w->loss, SLICE("tools.strict"));
    }
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("function"));
    json_key(&w->json, SLICE("function"));
    json_begin_object(&w->json);
    json_member_inner(&w->json, SLICE("name"), tool->name);
    if (tool->description.ptr != NULL) {
        json_member_inner(&w->json, SLICE("description"), tool->description);
    }
    struct slice parameters = tool->parameters;
    if (tool->kind == TOOL_CUSTOM) {
        if (parameters.ptr != NULL) {
            loss_add(w->loss, SLICE("tools.format")); /* nobody holds the text to its grammar */
        }
        parameters = custom_tool_parameters;
    }
    json_member_raw(&w->json, SLICE("parameters"),
                    parameters.ptr != NULL ? parameters
                                           : SLICE("{\"type\":\"object\",\"properties\":{}}"));
    json_end_object(&w->json);
    json_end_object(&w->json);
}

static void write_tools(struct ollama_writer *w)
{
    const struct chat *chat = w->chat;
    if (chat->parallel_tool_calls == 0) {
        loss_add(w->loss, SLICE("parallel_tool_calls"));
    }
    if (chat->tool_count == 0 || chat->tool_choice == TOOL_CHOICE_NONE) {
        return;
    }
    json_key(&w->json, SLICE("tools"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (chat->tools[i].name.ptr != NULL) {
            write_tool(w, &chat->tools[i]);
        } else {
            loss_add(w->loss, SLICE("tools")); /* a vendor's built-in tool */
        }
    }
    json_end_array(&w->json);
}

static void add_losses(struct ollama_writer *w)
{
    const struct chat *chat = w->chat;
    if (chat->user.ptr != NULL) {
        loss_add(w->loss, SLICE("user"));
    }
    if (chat->logprobs) {
        loss_add(w->loss, SLICE("logprobs"));
    }
    if (chat->service_tier.ptr != NULL) {
        loss_add(w->loss, SLICE("service_tier"));
    }
    loss_add_cache_marks(w->loss, chat);
    loss_add_extras(w->loss, chat);
}

static void write_model(struct ollama_writer *w)
{
    if (w->change->model.ptr != NULL) {
        json_member_string(&w->json, SLICE("model"), w->change->model);
    } else if (w->chat->model.ptr != NULL) {
        json_member_inner(&w->json, SLICE("model"), w->chat->model);
    }
}

/* A completion is one turn of a user, after a system's text in some. */
static bool write_prompt(struct ollama_writer *w)
{
    const struct chat *chat = w->chat;
    const struct chat_message *last = &chat->messages[chat->message_count - 1];
    if (chat->message_count == 2) {
        json_member_inner(&w->json, SLICE("system"), chat->messages[0].parts[0].text);
    }
    json_member_inner(&w->json, SLICE("prompt"), last->parts[0].text);
    if (chat->suffix.ptr != NULL) {
        json_member_inner(&w->json, SLICE("suffix"), chat->suffix);
    }
    if (last->part_count > 1) {
        json_key(&w->json, SLICE("images"));
        json_begin_array(&w->json);
        for (size_t i = 1; i < last->part_count; i++) {
            if (last->parts[i].kind != PART_IMAGE || last->parts[i].data.ptr == NULL) {
                return untranslatable_part(chat, &last->parts[i], w->error,
                                           "A prompt holds a text and images.");
            }
            json_write_inner(&w->json, last->parts[i].data);
        }
        json_end_array(&w->json);
    }
    return true;
}

/* One text of a turn is one input; anything else is no text to make a vector of. */
static bool write_inputs(struct ollama_writer *w)
{
    const struct chat *chat = w->chat;
    json_key(&w->json, SLICE("input"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        if (message->part_count != 1 || message->parts[0].kind != PART_TEXT) {
            return untranslatable_message(chat, i, w->error, "Ollama makes vectors of texts only.");
        }
        json_write_inner(&w->json, message->parts[0].text);
    }
    json_end_array(&w->json);
    if (chat->dimensions.ptr != NULL) {
        json_member_raw(&w->json, SLICE("dimensions"), chat->dimensions);
    }
    add_losses(w);
    json_end_object(&w->json);
    return true;
}

bool ollama_write_request(const struct chat *chat, const struct request_change *change,
                          struct buf *out, struct loss *loss, struct error *error)
{
    struct ollama_writer w = {.chat = chat, .change = change, .loss = loss, .error = error};
    if (!wishes_check(chat, DIALECT_OLLAMA, error)) {
        return false;
    }
    json_writer_init(&w.json, out);
    json_begin_object(&w.json);
    write_model(&w);
    if (chat->operation == OPERATION_EMBEDDING) {
        return write_inputs(&w) && !out->failed;
    }
    if (chat->operation == OPERATION_COMPLETION) {
        if (!write_prompt(&w)) {
            return false;
        }
    } else if (!ollama_write_messages(&w.json, chat, loss, error)) {
        return false;
    }
    json_member_bool(&w.json, SLICE("stream"), chat->stream);
    write_format(&w);
    write_think(&w);
    write_tools(&w);
    write_options(&w);
    add_losses(&w);
    json_end_object(&w.json);
    return !out->failed;
}
