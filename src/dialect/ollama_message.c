/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages towards Ollama: a turn has one text, a list of images as plain base64, and calls whose
 * arguments are objects. Several texts become one with line ends between them. What has no place
 * (sound, files, images by URL) is refused, not dropped: an answer without them would be an answer
 * to another question.
 */
#include "dialect/ollama.h"

#include "codec/json_write.h"
#include "dialect/tool_arguments.h"
#include "dialect/translate.h"

struct message_writer {
    struct json_writer *json;
    const struct chat *chat;
    const struct chat_message *message;
    size_t index;
    struct loss *loss;
    struct error *error;
};

static bool is_text(const struct chat_part *part)
{
    return part->kind == PART_TEXT || part->kind == PART_REFUSAL;
}

static bool check_part(const struct message_writer *w, const struct chat_part *part)
{
    switch (part->kind) {
    case PART_IMAGE:
        if (part->detail.len > 0 && !json_inner_is(part->detail, SLICE("auto"))) {
            loss_add_message(w->loss, w->index, SLICE("detail"));
        }
        return part->data.ptr != NULL ||
               untranslatable_part(w->chat, part, w->error,
                                   "Ollama takes images as data only, not by URL.");
    case PART_AUDIO:
        return untranslatable_part(w->chat, part, w->error, "Ollama has no audio in prompts.");
    case PART_FILE:
        return untranslatable_part(w->chat, part, w->error, "Ollama has no files in prompts.");
    case PART_UNKNOWN:
        return untranslatable_part(w->chat, part, w->error,
                                   "A part of this turn has no form in Ollama's dialect.");
    default:
        return true;
    }
}

static void write_content(const struct message_writer *w)
{
    bool begun = false;
    json_key(w->json, SLICE("content"));
    json_write_raw(w->json, SLICE("\""));
    for (size_t i = 0; i < w->message->part_count; i++) {
        if (is_text(&w->message->parts[i])) {
            buf_append(w->json->out, begun ? SLICE("\\n") : SLICE(""));
            buf_append(w->json->out, w->message->parts[i].text);
            begun = true;
        }
    }
    buf_append_char(w->json->out, '"');
}

static void write_thinking(const struct message_writer *w)
{
    bool begun = false;
    for (size_t i = 0; i < w->message->part_count; i++) {
        const struct chat_part *part = &w->message->parts[i];
        if (part->kind != PART_REASONING) {
            continue;
        }
        if (part->text.ptr == NULL) {
            loss_add_message(w->loss, w->index, SLICE("reasoning_details"));
            continue;
        }
        if (!begun) {
            json_key(w->json, SLICE("thinking"));
            json_write_raw(w->json, SLICE("\""));
            begun = true;
        }
        buf_append(w->json->out, part->text);
    }
    if (begun) {
        buf_append_char(w->json->out, '"');
    }
}

static void write_images(const struct message_writer *w)
{
    bool begun = false;
    for (size_t i = 0; i < w->message->part_count; i++) {
        if (w->message->parts[i].kind != PART_IMAGE) {
            continue;
        }
        if (!begun) {
            json_key(w->json, SLICE("images"));
            json_begin_array(w->json);
            begun = true;
        }
        json_write_inner(w->json, w->message->parts[i].data);
    }
    if (begun) {
        json_end_array(w->json);
    }
}

/* --- calls --- */

static void write_arguments(const struct message_writer *w, const struct chat_part *part)
{
    json_key(w->json, SLICE("arguments"));
    if (!tool_arguments_write(w->json, part)) {
        loss_add_message(w->loss, w->index, SLICE("tool_calls.arguments"));
    }
}

static void write_call(const struct message_writer *w, const struct chat_part *part)
{
    json_begin_object(w->json);
    json_member_inner(w->json, SLICE("id"), part->id);
    json_key(w->json, SLICE("function"));
    json_begin_object(w->json);
    json_member_inner(w->json, SLICE("name"), part->name);
    write_arguments(w, part);
    json_end_object(w->json);
    json_end_object(w->json);
}

static void write_calls(const struct message_writer *w)
{
    bool begun = false;
    for (size_t i = 0; i < w->message->part_count; i++) {
        if (w->message->parts[i].kind != PART_TOOL_CALL) {
            continue;
        }
        if (!begun) {
            json_key(w->json, SLICE("tool_calls"));
            json_begin_array(w->json);
            begun = true;
        }
        write_call(w, &w->message->parts[i]);
    }
    if (begun) {
        json_end_array(w->json);
    }
}

static void write_result(const struct message_writer *w)
{
    const struct chat_part *result = &w->message->parts[0];
    if (w->message->part_count == 0 || result->kind != PART_TOOL_RESULT) {
        return;
    }
    if (result->name.ptr != NULL) {
        json_member_inner(w->json, SLICE("tool_name"), result->name);
    }
    json_member_inner(w->json, SLICE("tool_call_id"), result->id);
    if (result->is_error) {
        loss_add_message(w->loss, w->index, SLICE("is_error"));
    }
}

static bool write_message(const struct message_writer *w)
{
    static const struct slice roles[] = {
        [ROLE_SYSTEM] = SLICE_INIT("system"), [ROLE_DEVELOPER] = SLICE_INIT("system"),
        [ROLE_USER] = SLICE_INIT("user"),     [ROLE_ASSISTANT] = SLICE_INIT("assistant"),
        [ROLE_TOOL] = SLICE_INIT("tool"),
    };
    for (size_t i = 0; i < w->message->part_count; i++) {
        if (!check_part(w, &w->message->parts[i])) {
            return false;
        }
    }
    json_begin_object(w->json);
    json_member_string(w->json, SLICE("role"), roles[w->message->role]);
    write_content(w);
    write_thinking(w);
    write_images(w);
    write_calls(w);
    write_result(w);
    json_end_object(w->json);
    if (w->message->name.ptr != NULL) {
        loss_add_message(w->loss, w->index, SLICE("name"));
    }
    return true;
}

bool ollama_write_messages(struct json_writer *json, const struct chat *chat, struct loss *loss,
                           struct error *error)
{
    json_key(json, SLICE("messages"));
    json_begin_array(json);
    for (size_t i = 0; i < chat->message_count; i++) {
        struct message_writer w = {json, chat, &chat->messages[i], i, loss, error};
        if (!write_message(&w)) {
            return false;
        }
    }
    json_end_array(json);
    return true;
}
