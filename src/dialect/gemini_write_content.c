/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemInstruction and contents. Turns of the same side in a row become one content, and results
 * come first in theirs, in the order of their calls: Google wants as many results as calls, right
 * after them. Instructions in the middle of a conversation keep their place as words of the user.
 */
#include "dialect/gemini.h"
#include "dialect/translate.h"

static bool is_system(const struct chat_message *message)
{
    return message->role == ROLE_SYSTEM || message->role == ROLE_DEVELOPER;
}

static bool is_model(const struct chat_message *message)
{
    return message->role == ROLE_ASSISTANT;
}

/* Texts that say nothing are refused by Google as empty parts; thoughts of other models mean
 * nothing to it. */
static bool is_left_out(const struct gemini_writer *w, const struct chat_part *part)
{
    bool words = part->kind == PART_TEXT || part->kind == PART_REFUSAL;
    bool empty = words && part->text.len == 0 && !(w->same && part->signature.ptr != NULL);
    return empty || (part->kind == PART_REASONING && !w->same);
}

/* Will nothing be written of this turn? Then it does not part those before and after it. */
static bool is_silent(const struct gemini_writer *w, const struct chat_message *message)
{
    size_t left_out = 0;
    while (left_out < message->part_count && is_left_out(w, &message->parts[left_out])) {
        left_out++;
    }
    return left_out == message->part_count;
}

static bool write_instructions(struct gemini_writer *w, size_t count)
{
    bool begun = false;
    for (size_t i = 0; i < count; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            const struct chat_part *part = &message->parts[j];
            if (part->kind != PART_TEXT) {
                return untranslatable_part(w->chat, part, w->error,
                                           "Instructions to Gemini can hold text only.");
            }
            if (is_left_out(w, part)) {
                continue;
            }
            if (!begun) {
                begun = true;
                json_key(&w->json, SLICE("systemInstruction"));
                json_begin_object(&w->json);
                json_key(&w->json, SLICE("parts"));
                json_begin_array(&w->json);
            }
            if (!gemini_write_part(w, i, part)) {
                return false;
            }
        }
    }
    if (begun) {
        json_end_array(&w->json);
        json_end_object(&w->json);
    }
    return true;
}

/* --- the model's turns --- */

static bool write_model_part(struct gemini_writer *w, size_t index, const struct chat_part *part,
                             bool *signed_call)
{
    if (part->kind == PART_TOOL_CALL) {
        gemini_write_past_call(w, index, part, !*signed_call);
        *signed_call = true;
        return true;
    }
    return is_left_out(w, part) || gemini_write_part(w, index, part);
}

static bool write_model_parts(struct gemini_writer *w, size_t first, size_t end)
{
    bool signed_call = false;
    for (size_t i = first; i < end; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            if (!write_model_part(w, i, &message->parts[j], &signed_call)) {
                return false;
            }
        }
    }
    return true;
}

/* --- the user's turns --- */

static bool write_user_parts(struct gemini_writer *w, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        if (is_system(message)) {
            loss_add_message(w->loss, i, SLICE("role"));
        }
        if (is_silent(w, message)) {
            continue;
        }
        for (size_t j = 0; j < message->part_count; j++) {
            const struct chat_part *part = &message->parts[j];
            bool result = message->role == ROLE_TOOL;
            if (result ? !gemini_moves(w, part) : is_left_out(w, part)) {
                continue;
            }
            if (!gemini_write_part(w, i, part)) {
                return false;
            }
        }
    }
    return true;
}

static bool write_content(struct gemini_writer *w, size_t before, size_t first, size_t end)
{
    bool model = is_model(&w->chat->messages[first]);
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("role"), model ? SLICE("model") : SLICE("user"));
    json_key(&w->json, SLICE("parts"));
    json_begin_array(&w->json);
    bool ok = model
                  ? write_model_parts(w, first, end)
                  : gemini_write_results(w, before, first, end) && write_user_parts(w, first, end);
    if (!ok) {
        return false;
    }
    json_end_array(&w->json);
    json_end_object(&w->json);
    return true;
}

static void note_losses(struct gemini_writer *w)
{
    for (size_t i = 0; i < w->chat->message_count; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        if (message->name.ptr != NULL) {
            loss_add_message(w->loss, i, SLICE("name"));
        }
        for (size_t j = 0; j < message->part_count && !w->same; j++) {
            if (message->parts[j].kind == PART_REASONING) {
                loss_add_message(w->loss, i, SLICE("reasoning"));
                break;
            }
        }
    }
}

/* The first turn from `at` on of which something will be written. */
static size_t skip_silent(const struct gemini_writer *w, size_t at)
{
    while (at < w->chat->message_count && is_silent(w, &w->chat->messages[at])) {
        at++;
    }
    return at;
}

static bool write_list(struct gemini_writer *w, size_t leading)
{
    const struct chat *chat = w->chat;
    size_t before = leading;
    for (size_t first = skip_silent(w, leading); first < chat->message_count;) {
        bool model = is_model(&chat->messages[first]);
        size_t end = first;
        while (end < chat->message_count && is_model(&chat->messages[end]) == model) {
            end = skip_silent(w, end + 1);
        }
        if (!write_content(w, before, first, end)) {
            return false;
        }
        before = first;
        first = end;
    }
    return true;
}

bool gemini_write_contents(struct gemini_writer *w)
{
    const struct chat *chat = w->chat;
    size_t leading = 0;
    while (leading < chat->message_count && is_system(&chat->messages[leading])) {
        leading++;
    }
    leading = leading == chat->message_count ? 0 : leading; /* there must be a content */
    if (!write_instructions(w, leading)) {
        return false;
    }
    json_key(&w->json, SLICE("contents"));
    json_begin_array(&w->json);
    if (!write_list(w, leading)) {
        return false;
    }
    json_end_array(&w->json);
    note_losses(w);
    return true;
}
