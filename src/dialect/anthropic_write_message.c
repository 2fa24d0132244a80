/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system prompt and the turns towards Anthropic: user and assistant in turn, the user first;
 * results of tools open the user's turn that answers the calls, all of them, in the order of the
 * calls. Instructions (system, developer) before the first turn become the system prompt. Those in
 * the middle have no place that every version of the API takes; they become a text of the user's
 * turn where they stood, unchanged: moved to the top they would rule what was said before them (and
 * cost the whole prompt cache), in brackets of ours they would be other words. It is listed as a
 * loss of the role.
 */
#include "dialect/anthropic.h"
#include "dialect/inner.h"
#include "dialect/translate.h"

/* What opens a conversation that the assistant opened. */
#define OPENING "{\"role\":\"user\",\"content\":\"(The assistant speaks first.)\"}"

enum turn_kind { TURN_NONE, TURN_USER, TURN_ASSISTANT, TURN_SYSTEM };

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
static enum turn_kind turn_of(const struct anthropic_writer *w, const struct chat_message *message)
{
    bool written = is_result(message);
    for (size_t i = 0; i < message->part_count && !written; i++) {
        written = anthropic_is_written(w, &message->parts[i]);
    }
    if (!written) {
        return TURN_NONE;
    }
    if (message->role == ROLE_ASSISTANT) {
        return TURN_ASSISTANT;
    }
    return is_instruction(message) && w->same ? TURN_SYSTEM : TURN_USER;
}

/* The first message from `from` on that belongs to another turn than the one that begins there. */
static size_t turn_end(const struct anthropic_writer *w, size_t from, enum turn_kind kind)
{
    for (; from < w->chat->message_count; from++) {
        enum turn_kind next = turn_of(w, &w->chat->messages[from]);
        if (next != TURN_NONE && next != kind) {
            break;
        }
    }
    return from;
}

/* All that is written of a message but results. */
static bool write_parts(struct anthropic_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    for (size_t i = 0; i < message->part_count; i++) {
        if (anthropic_is_written(w, &message->parts[i]) &&
            !anthropic_write_part(w, index, &message->parts[i])) {
            return false;
        }
    }
    return true;
}

/* --- thoughts --- */

static bool recall(const struct anthropic_writer *w, const struct chat_message *message,
                   struct opaque_state *ret_state)
{
    for (size_t i = 0; i < message->part_count && w->change->recall != NULL; i++) {
        const struct chat_part *part = &message->parts[i];
        *ret_state = (struct opaque_state){.dialect = DIALECT_COUNT};
        if (part->kind == PART_TOOL_CALL &&
            w->change->recall(w->change->recall_user, part->id, ret_state) &&
            ret_state->dialect == DIALECT_ANTHROPIC &&
            (ret_state->signature.len > 0 || ret_state->data.len > 0)) {
            return true;
        }
    }
    return false;
}

static bool has_own_thought(const struct anthropic_writer *w, const struct chat_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind == PART_REASONING &&
            anthropic_is_written(w, &message->parts[i])) {
            return true;
        }
    }
    return false;
}

bool anthropic_has_thought(const struct anthropic_writer *w, const struct chat_message *message)
{
    struct opaque_state state;
    return has_own_thought(w, message) || recall(w, message, &state);
}

static void write_recalled(struct anthropic_writer *w, const struct opaque_state *state)
{
    if (state->signature.len > 0) {
        json_begin_object(&w->json);
        json_member_string(&w->json, SLICE("type"), SLICE("thinking"));
        json_member_inner(&w->json, SLICE("thinking"), state->reasoning);
        json_member_inner(&w->json, SLICE("signature"), state->signature);
        json_end_object(&w->json);
    }
    if (state->data.len > 0) {
        json_begin_object(&w->json);
        json_member_string(&w->json, SLICE("type"), SLICE("redacted_thinking"));
        json_member_inner(&w->json, SLICE("data"), state->data);
        json_end_object(&w->json);
    }
}

/* A thought that Anthropic would not know as its own, and none that we remember in its place. */
static bool loses_thought(const struct anthropic_writer *w, const struct chat_message *message)
{
    struct opaque_state state;
    bool lost = false;
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        lost = lost || (part->kind == PART_REASONING && !anthropic_is_written(w, part));
    }
    return lost && !recall(w, message, &state);
}

static void note_losses(struct anthropic_writer *w, size_t index, bool leading)
{
    const struct chat_message *message = &w->chat->messages[index];
    if (message->name.ptr != NULL) {
        loss_add_message(w->loss, index, SLICE("name"));
    }
    if (loses_thought(w, message)) {
        loss_add_message(w->loss, index, SLICE("reasoning"));
    }
    if (!w->same && !leading && is_instruction(message)) {
        loss_add_message(w->loss, index, SLICE("role"));
    }
}

static bool write_assistant(struct anthropic_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    struct opaque_state state;
    if (!has_own_thought(w, message) && recall(w, message, &state)) {
        write_recalled(w, &state);
    }
    return write_parts(w, index);
}

/* --- results --- */

static const struct chat_part *result_of(const struct anthropic_writer *w, size_t index)
{
    return &w->chat->messages[index].parts[0];
}

/* The messages of the assistant's turn before this one: [*ret_first, before). */
static size_t calls_before(const struct anthropic_writer *w, size_t before)
{
    size_t first = before;
    while (first > 0) {
        enum turn_kind kind = turn_of(w, &w->chat->messages[first - 1]);
        if (kind != TURN_NONE && kind != TURN_ASSISTANT) {
            break;
        }
        first--;
    }
    return first;
}

static const struct chat_part *next_call(const struct anthropic_writer *w, size_t before,
                                         size_t *message, size_t *part)
{
    for (; *message < before; (*message)++, *part = 0) {
        const struct chat_message *turn = &w->chat->messages[*message];
        while (*part < turn->part_count) {
            const struct chat_part *call = &turn->parts[(*part)++];
            if (call->kind == PART_TOOL_CALL) {
                return call;
            }
        }
    }
    return NULL;
}

static bool answers_a_call(const struct anthropic_writer *w, size_t before, struct slice id)
{
    size_t message = calls_before(w, before);
    size_t part = 0;
    const struct chat_part *call;
    while ((call = next_call(w, before, &message, &part)) != NULL) {
        if (inner_equals(call->id, id)) {
            return true;
        }
    }
    return false;
}

static bool are_in_order(const struct anthropic_writer *w, size_t from, size_t end)
{
    size_t message = calls_before(w, from);
    size_t part = 0;
    for (size_t i = from; i < end; i++) {
        if (!is_result(&w->chat->messages[i])) {
            continue;
        }
        const struct chat_part *call;
        do {
            call = next_call(w, from, &message, &part);
        } while (call != NULL && !inner_equals(call->id, result_of(w, i)->id));
        if (call == NULL) {
            return false;
        }
    }
    return true;
}

/* Those with this id; NULL: those that answer no call of the turn before. */
static bool write_results_of(struct anthropic_writer *w, size_t from, size_t end,
                             const struct chat_part *call)
{
    for (size_t i = from; i < end; i++) {
        if (!is_result(&w->chat->messages[i])) {
            continue;
        }
        struct slice id = result_of(w, i)->id;
        bool now = call != NULL ? inner_equals(call->id, id) : !answers_a_call(w, from, id);
        if (now && !anthropic_write_result(w, i)) {
            return false;
        }
    }
    return true;
}

static bool write_results(struct anthropic_writer *w, size_t from, size_t end)
{
    if (are_in_order(w, from, end)) {
        for (size_t i = from; i < end; i++) {
            if (is_result(&w->chat->messages[i]) && !anthropic_write_result(w, i)) {
                return false;
            }
        }
        return true;
    }
    size_t message = calls_before(w, from);
    size_t part = 0;
    const struct chat_part *call;
    while ((call = next_call(w, from, &message, &part)) != NULL) {
        if (!write_results_of(w, from, end, call)) {
            return false;
        }
    }
    return write_results_of(w, from, end, NULL);
}

/* --- turns --- */

static bool write_user(struct anthropic_writer *w, size_t from, size_t end)
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

/* The one text that a whole turn consists of, if it needs no block of its own. */
static const struct chat_part *only_text(const struct anthropic_writer *w, size_t from, size_t end)
{
    const struct chat_part *only = NULL;
    for (size_t i = from; i < end; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            if (is_result(message)) {
                return NULL;
            }
            if (!anthropic_is_written(w, &message->parts[j])) {
                continue;
            }
            if (only != NULL) {
                return NULL;
            }
            only = &message->parts[j];
        }
    }
    bool plain = only != NULL && only->kind == PART_TEXT && only->cache == CACHE_MARK_NONE &&
                 !(w->same && only->raw.ptr != NULL);
    return plain ? only : NULL;
}

static bool write_blocks(struct anthropic_writer *w, size_t from, size_t end, enum turn_kind kind)
{
    json_begin_array(&w->json);
    if (kind == TURN_USER) {
        if (!write_user(w, from, end)) {
            return false;
        }
    } else {
        for (size_t i = from; i < end; i++) {
            if (!(kind == TURN_ASSISTANT ? write_assistant(w, i) : write_parts(w, i))) {
                return false;
            }
        }
    }
    json_end_array(&w->json);
    return true;
}

static void write_turn_extras(struct anthropic_writer *w, size_t from, size_t end)
{
    for (size_t i = from; i < end && w->same; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        for (size_t j = 0; j < message->extra_count; j++) {
            json_key(&w->json, message->extras[j].key);
            json_write_raw(&w->json, message->extras[j].value);
        }
    }
}

static bool write_turn(struct anthropic_writer *w, size_t from, size_t end, enum turn_kind kind)
{
    static const struct slice roles[] = {[TURN_USER] = SLICE_INIT("user"),
                                         [TURN_ASSISTANT] = SLICE_INIT("assistant"),
                                         [TURN_SYSTEM] = SLICE_INIT("system")};
    const struct chat_part *text = only_text(w, from, end);
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("role"), roles[kind]);
    json_key(&w->json, SLICE("content"));
    if (text != NULL) {
        json_write_inner(&w->json, text->text);
    } else if (!write_blocks(w, from, end, kind)) {
        return false;
    }
    write_turn_extras(w, from, end);
    json_end_object(&w->json);
    return true;
}

/* --- the system prompt --- */

static bool check_instruction(struct anthropic_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind != PART_TEXT && !w->same) {
            return untranslatable_part(w->chat, &message->parts[i], w->error,
                                       "A system prompt can hold texts only.");
        }
    }
    return true;
}

/* Instructions up to `end`. */
static bool write_system(struct anthropic_writer *w, size_t end)
{
    bool any = false;
    for (size_t i = 0; i < end; i++) {
        any = any || turn_of(w, &w->chat->messages[i]) != TURN_NONE;
        note_losses(w, i, true);
        if (!check_instruction(w, i)) {
            return false;
        }
    }
    if (!any) {
        return true;
    }
    const struct chat_part *text = only_text(w, 0, end);
    json_key(&w->json, SLICE("system"));
    if (text != NULL) {
        json_write_inner(&w->json, text->text);
        return true;
    }
    json_begin_array(&w->json);
    for (size_t i = 0; i < end; i++) {
        if (!write_parts(w, i)) {
            return false;
        }
    }
    json_end_array(&w->json);
    return true;
}

bool anthropic_write_messages(struct anthropic_writer *w)
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
        enum turn_kind kind = turn_of(w, &chat->messages[at]);
        size_t end = kind == TURN_NONE ? at + 1 : turn_end(w, at, kind);
        for (size_t i = at; i < end; i++) {
            note_losses(w, i, false);
        }
        if (kind == TURN_ASSISTANT && !begun && !w->same) {
            json_write_raw(&w->json, SLICE(OPENING));
            loss_add_message(w->loss, at, SLICE("role"));
        }
        begun = begun || kind != TURN_NONE;
        if (kind != TURN_NONE && !write_turn(w, at, end, kind)) {
            return false;
        }
        at = end;
    }
    json_end_array(&w->json);
    return begun ||
           untranslatable_wish(w->chat, WISH_MESSAGES, w->error,
                               "Nothing in these messages is anything that Anthropic takes.");
}
