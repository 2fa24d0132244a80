/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns of other dialects as items. Texts of a turn become one message, in the order of the parts;
 * each call and each result is an item of its own. A thought goes back only to its maker: the
 * ciphers that OpenAI gave with a call come from the store, other vendors' thoughts are lost,
 * unless the provider wants its open thoughts back.
 */
#include "base/hash.h"
#include "dialect/openai.h"
#include "dialect/responses.h"
#include "dialect/translate.h"

#define CALL_ID_MAX 64u

/* --- parts --- */

static void write_url(struct json_writer *json, struct slice key, const struct chat_part *part)
{
    json_key(json, key);
    if (part->data.ptr == NULL) {
        json_write_inner(json, part->url);
        return;
    }
    json_write_raw(json, SLICE("\"data:"));
    buf_append(json->out, part->media_type);
    buf_append(json->out, SLICE(";base64,"));
    buf_append(json->out, part->data);
    buf_append_char(json->out, '"');
}

static void write_image(struct json_writer *json, const struct chat_part *part)
{
    json_member_string(json, SLICE("type"), SLICE("input_image"));
    if (part->data.ptr != NULL || part->url.ptr != NULL) {
        write_url(json, SLICE("image_url"), part);
    } else {
        json_member_inner(json, SLICE("file_id"), part->file_id);
    }
    json_member_inner(json, SLICE("detail"), part->detail.len > 0 ? part->detail : SLICE("auto"));
}

static void write_file(struct json_writer *json, const struct chat_part *part)
{
    json_member_string(json, SLICE("type"), SLICE("input_file"));
    if (part->data.ptr != NULL) {
        json_member_inner(json, SLICE("filename"),
                          part->detail.len > 0 ? part->detail : SLICE("document"));
        write_url(json, SLICE("file_data"), part);
    } else if (part->url.ptr != NULL) {
        json_member_inner(json, SLICE("file_url"), part->url);
    } else {
        json_member_inner(json, SLICE("file_id"), part->file_id);
    }
}

static void write_part(struct json_writer *json, const struct chat_part *part, bool assistant)
{
    json_begin_object(json);
    switch (part->kind) {
    case PART_IMAGE:
        write_image(json, part);
        break;
    case PART_FILE:
        write_file(json, part);
        break;
    case PART_AUDIO:
        openai_write_audio(json, part);
        break;
    case PART_REFUSAL:
        json_member_string(json, SLICE("type"), SLICE("refusal"));
        json_member_inner(json, SLICE("refusal"), part->text);
        break;
    default:
        json_member_string(json, SLICE("type"),
                           assistant ? SLICE("output_text") : SLICE("input_text"));
        json_member_inner(json, SLICE("text"), part->text);
    }
    json_end_object(json);
}

static bool is_content(const struct chat_part *part)
{
    return part->kind == PART_TEXT || part->kind == PART_IMAGE || part->kind == PART_AUDIO ||
           part->kind == PART_FILE || part->kind == PART_REFUSAL;
}

/* Parts from `from` up to the first that is no content; one text alone is a string. */
static size_t write_content(struct responses_writer *w, const struct chat_message *message,
                            size_t from, struct slice key)
{
    bool assistant = message->role == ROLE_ASSISTANT;
    size_t end = from;
    while (end < message->part_count && is_content(&message->parts[end])) {
        end++;
    }
    json_key(&w->json, key);
    if (end == from) {
        json_write_string(&w->json, SLICE(""));
    } else if (end == from + 1 && message->parts[from].kind == PART_TEXT && !assistant) {
        json_write_inner(&w->json, message->parts[from].text);
    } else {
        json_begin_array(&w->json);
        for (size_t i = from; i < end; i++) {
            write_part(&w->json, &message->parts[i], assistant);
        }
        json_end_array(&w->json);
    }
    return end;
}

static size_t write_message(struct responses_writer *w, const struct chat_message *message,
                            size_t from)
{
    static const struct slice roles[] = {
        [ROLE_SYSTEM] = SLICE_INIT("system"), [ROLE_DEVELOPER] = SLICE_INIT("developer"),
        [ROLE_USER] = SLICE_INIT("user"),     [ROLE_ASSISTANT] = SLICE_INIT("assistant"),
        [ROLE_TOOL] = SLICE_INIT("user"),
    };
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("message"));
    json_member_string(&w->json, SLICE("role"), roles[message->role]);
    size_t end = write_content(w, message, from, SLICE("content"));
    json_end_object(&w->json);
    return end;
}

/* --- thoughts --- */

static void write_thought(struct responses_writer *w, struct slice id, struct slice text,
                          struct slice data)
{
    struct json_writer *json = &w->json;
    bool open = data.len == 0;
    json_begin_object(json);
    json_member_string(json, SLICE("type"), SLICE("reasoning"));
    json_member_inner(json, SLICE("id"), id);
    json_key(json, SLICE("summary"));
    json_begin_array(json);
    if (text.len > 0 && !open) {
        json_begin_object(json);
        json_member_string(json, SLICE("type"), SLICE("summary_text"));
        json_member_inner(json, SLICE("text"), text);
        json_end_object(json);
    }
    json_end_array(json);
    if (open) {
        json_key(json, SLICE("content"));
        json_begin_array(json);
        json_begin_object(json);
        json_member_string(json, SLICE("type"), SLICE("reasoning_text"));
        json_member_inner(json, SLICE("text"), text);
        json_end_object(json);
        json_end_array(json);
    } else {
        json_member_inner(json, SLICE("encrypted_content"), data);
    }
    json_end_object(json);
}

static void write_own_thought(struct responses_writer *w, const struct chat_part *part,
                              size_t index)
{
    char id[32];
    bool sealed = part->maker == DIALECT_OPENAI_RESPONSES && part->data.len > 0;
    if (!sealed && (!w->change->replay_reasoning || part->text.len == 0)) {
        loss_add_message(w->loss, index, SLICE("reasoning"));
        return;
    }
    if (sealed && part->id.len > 0) {
        write_thought(w, part->id, part->text, part->data);
        return;
    }
    struct slice source = sealed ? part->data : part->text;
    struct buf text = BUF_INIT(sizeof id);
    buf_printf(&text, "rs_%016llx", (unsigned long long)hash_stable(source));
    slice_to_cstr(buf_slice(&text), id, sizeof id);
    w->json.out->failed |= text.failed;
    buf_release(&text);
    write_thought(w, slice_from_cstr(id), part->text, sealed ? part->data : SLICE_EMPTY);
}

/* The ciphers that came with the first call of the turn that has such; else no data. */
static struct opaque_state recall(const struct responses_writer *w,
                                  const struct chat_message *message)
{
    struct opaque_state state = {0};
    for (size_t i = 0; w->change->recall != NULL && i < message->part_count; i++) {
        if (message->parts[i].kind == PART_TOOL_CALL &&
            w->change->recall(w->change->recall_user, message->parts[i].id, &state) &&
            state.dialect == DIALECT_OPENAI_RESPONSES && state.data.len > 0 &&
            state.data_id.len > 0) {
            return state;
        }
    }
    return (struct opaque_state){0};
}

/* --- calls --- */

/* Ids longer than OpenAI takes are cut to a hash: the same id becomes the same hash. */
static void write_call_id(struct responses_writer *w, struct slice id)
{
    if (id.len <= CALL_ID_MAX) {
        json_member_inner(&w->json, SLICE("call_id"), id);
        return;
    }
    json_key(&w->json, SLICE("call_id"));
    json_write_raw(&w->json, SLICE("\"call_"));
    buf_printf(w->json.out, "%016llx\"", (unsigned long long)hash_stable(id));
}

static void write_call(struct responses_writer *w, const struct chat_part *call)
{
    struct json_writer *json = &w->json;
    json_begin_object(json);
    json_member_string(json, SLICE("type"),
                       call->custom ? SLICE("custom_tool_call") : SLICE("function_call"));
    write_call_id(w, call->id);
    json_member_inner(json, SLICE("name"), call->name);
    json_key(json, call->custom ? SLICE("input") : SLICE("arguments"));
    if (call->custom || (call->arguments_text && call->arguments.len > 0)) {
        json_write_inner(json, call->arguments);
    } else {
        json_write_string(json, call->arguments.len == 0 ? SLICE("{}") : call->arguments);
    }
    json_end_object(json);
}

static void write_result(struct responses_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    const struct chat_part *result = &message->parts[0];
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"),
                       result->custom ? SLICE("custom_tool_call_output")
                                      : SLICE("function_call_output"));
    write_call_id(w, result->id);
    (void)write_content(w, message, 1, SLICE("output"));
    json_end_object(&w->json);
    if (result->is_error) {
        loss_add_message(w->loss, index, SLICE("is_error"));
    }
}

/* --- turns --- */

static void write_assistant(struct responses_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    const struct opaque_state state = recall(w, message);
    bool recalled = state.data.len > 0;
    if (recalled) {
        write_thought(w, state.data_id, state.reasoning, state.data);
    }
    for (size_t i = 0; i < message->part_count;) {
        const struct chat_part *part = &message->parts[i];
        if (is_content(part)) {
            i = write_message(w, message, i);
            continue;
        }
        if (part->kind == PART_TOOL_CALL) {
            write_call(w, part);
        } else if (part->kind == PART_REASONING && !recalled) {
            write_own_thought(w, part, index);
        }
        i++;
    }
}

static bool write_turn(struct responses_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    for (size_t i = 0; i < message->part_count; i++) {
        const char *reason = openai_cannot_say(w->chat, &message->parts[i]);
        if (reason != NULL) {
            return untranslatable_part(w->chat, &message->parts[i], w->error, reason);
        }
    }
    if (message->role == ROLE_ASSISTANT) {
        write_assistant(w, index);
    } else if (message->part_count > 0 && message->parts[0].kind == PART_TOOL_RESULT) {
        write_result(w, index);
    } else {
        (void)write_message(w, message, 0);
    }
    if (message->name.ptr != NULL) {
        loss_add_message(w->loss, index, SLICE("name"));
    }
    return true;
}

bool responses_write_input(struct responses_writer *w)
{
    json_key(&w->json, SLICE("input"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < w->chat->message_count; i++) {
        if (!write_turn(w, i)) {
            return false;
        }
    }
    json_end_array(&w->json);
    return true;
}
