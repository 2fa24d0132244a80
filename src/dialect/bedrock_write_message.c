/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system prompt and the turns towards Converse: user and assistant in turn, the user first.
 * Results of tools come first in the user's turn, all of a turn's together, in the order of the
 * calls. Instructions in the middle become a text of the user's turn where they stood, which is
 * listed as a loss of the role.
 */
#include "dialect/bedrock.h"

#include "dialect/inner.h"
#include "dialect/translate.h"

/* What opens a conversation that the assistant opened. */
#define OPENING "{\"role\":\"user\",\"content\":[{\"text\":\"(The assistant speaks first.)\"}]}"

enum turn { TURN_NONE, TURN_USER, TURN_ASSISTANT };

static bool is_instruction(const struct chat_message *message)
{
    return message->role == ROLE_SYSTEM || message->role == ROLE_DEVELOPER;
}

static bool is_result(const struct chat_message *message)
{
    return message->role == ROLE_TOOL && message->part_count > 0 &&
           message->parts[0].kind == PART_TOOL_RESULT;
}

/* The turn that this message is part of; TURN_NONE: nothing of it is written. */
static enum turn turn_of(const struct bedrock_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    bool written = is_result(message);
    for (size_t i = 0; i < message->part_count && !written; i++) {
        written = bedrock_is_written(w, &message->parts[i]);
    }
    return !written ? TURN_NONE : message->role == ROLE_ASSISTANT ? TURN_ASSISTANT : TURN_USER;
}

/* The first message from `from` on that belongs to another turn. */
static size_t turn_end(const struct bedrock_writer *w, size_t from, enum turn turn)
{
    for (; from < w->chat->message_count; from++) {
        enum turn next = turn_of(w, from);
        if (next != TURN_NONE && next != turn) {
            break;
        }
    }
    return from;
}

static bool write_parts(struct bedrock_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    for (size_t i = 0; i < message->part_count; i++) {
        if (bedrock_is_written(w, &message->parts[i]) &&
            !bedrock_write_part(w, index, &message->parts[i])) {
            return false;
        }
    }
    return true;
}

/* --- the assistant --- */

static bool has_own_thought(const struct bedrock_writer *w, const struct chat_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        if (bedrock_is_thought(w, &message->parts[i])) {
            return true;
        }
    }
    return false;
}

/* A thought that this model would not know as its own, and none that we remember in its place. */
static bool loses_thought(const struct bedrock_writer *w, const struct chat_message *message)
{
    struct opaque_state state;
    bool lost = false;
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        lost = lost || (part->kind == PART_REASONING && !bedrock_is_written(w, part));
    }
    return lost && !bedrock_recall(w, message, &state);
}

static void note_losses(struct bedrock_writer *w, size_t index, bool leading)
{
    const struct chat_message *message = &w->chat->messages[index];
    if (message->name.ptr != NULL) {
        loss_add_message(w->loss, index, SLICE("name"));
    }
    if (loses_thought(w, message)) {
        loss_add_message(w->loss, index, SLICE("reasoning"));
    }
    if (!leading && is_instruction(message)) {
        loss_add_message(w->loss, index, SLICE("role"));
    }
}

static bool write_assistant(struct bedrock_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    struct opaque_state state;
    if (!has_own_thought(w, message) && bedrock_recall(w, message, &state)) {
        bedrock_write_thought(w, state.reasoning, state.signature, state.data);
    }
    return write_parts(w, index);
}

/* --- the user --- */

/* Results in the order of the calls of the turn before, then those that answer none of them. */
static bool write_results_of(struct bedrock_writer *w, size_t from, size_t end, struct slice id,
                             uint64_t *written)
{
    for (size_t i = from; i < end; i++) {
        size_t bit = i - from;
        if (!is_result(&w->chat->messages[i]) || (bit < 64 && (*written >> bit & 1) != 0)) {
            continue;
        }
        if (id.ptr != NULL && (bit >= 64 || !inner_equals(w->chat->messages[i].parts[0].id, id))) {
            continue;
        }
        *written |= bit < 64 ? (uint64_t)1 << bit : 0;
        if (!bedrock_write_result(w, i)) {
            return false;
        }
    }
    return true;
}

static bool write_results(struct bedrock_writer *w, size_t from, size_t end)
{
    uint64_t written = 0;
    size_t first = from;
    while (first > 0 && turn_of(w, first - 1) != TURN_USER) {
        first--;
    }
    for (size_t i = first; i < from; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            const struct chat_part *part = &message->parts[j];
            if (part->kind == PART_TOOL_CALL && part->id.ptr != NULL &&
                !write_results_of(w, from, end, part->id, &written)) {
                return false;
            }
        }
    }
    return write_results_of(w, from, end, SLICE_EMPTY, &written);
}

static bool write_user(struct bedrock_writer *w, size_t from, size_t end)
{
    if (!write_results(w, from, end)) {
        return false;
    }
    for (size_t i = from; i < end; i++) {
        if (!is_result(&w->chat->messages[i]) && !write_parts(w, i)) {
            return false;
        }
    }
    return true;
}

/* --- turns --- */

static bool write_turn(struct bedrock_writer *w, size_t from, size_t end, enum turn turn)
{
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("role"),
                       turn == TURN_USER ? SLICE("user") : SLICE("assistant"));
    json_key(&w->json, SLICE("content"));
    json_begin_array(&w->json);
    if (turn == TURN_USER) {
        if (!write_user(w, from, end)) {
            return false;
        }
    } else {
        for (size_t i = from; i < end; i++) {
            if (!write_assistant(w, i)) {
                return false;
            }
        }
    }
    json_end_array(&w->json);
    json_end_object(&w->json);
    return true;
}

/* Instructions up to `end`: texts only. */
static bool write_system(struct bedrock_writer *w, size_t end)
{
    bool any = false;
    for (size_t i = 0; i < end; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        note_losses(w, i, true);
        any = any || turn_of(w, i) != TURN_NONE;
        for (size_t j = 0; j < message->part_count; j++) {
            if (message->parts[j].kind != PART_TEXT) {
                return untranslatable_part(w->chat, &message->parts[j], w->error,
                                           "A system prompt can hold texts only.");
            }
        }
    }
    if (!any) {
        return true;
    }
    json_key(&w->json, SLICE("system"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < end; i++) {
        if (!write_parts(w, i)) {
            return false;
        }
    }
    json_end_array(&w->json);
    return true;
}

bool bedrock_write_messages(struct bedrock_writer *w)
{
    const struct chat *chat = w->chat;
    size_t at = 0;
    bool begun = false;
    while (at < chat->message_count && is_instruction(&chat->messages[at])) {
        at++;
    }
    if (!write_system(w, at)) {
        return false;
    }
    json_key(&w->json, SLICE("messages"));
    json_begin_array(&w->json);
    while (at < chat->message_count) {
        enum turn turn = turn_of(w, at);
        size_t end = turn == TURN_NONE ? at + 1 : turn_end(w, at, turn);
        for (size_t i = at; i < end; i++) {
            note_losses(w, i, false);
        }
        if (turn == TURN_ASSISTANT && !begun) {
            json_write_raw(&w->json, SLICE(OPENING));
            loss_add_message(w->loss, at, SLICE("role"));
        }
        begun = begun || turn != TURN_NONE;
        if (turn != TURN_NONE && !write_turn(w, at, end, turn)) {
            return false;
        }
        at = end;
    }
    json_end_array(&w->json);
    return begun ||
           untranslatable_wish(w->chat, WISH_MESSAGES, w->error,
                               "Nothing in these messages is anything that Bedrock takes.");
}
