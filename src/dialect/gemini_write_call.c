/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of earlier turns and what the tools returned. The first call of a turn must have the
 * signature that the model gave with it: the client's, else the one that was kept with the call,
 * else the word that Google documents for calls that no Gemini model made.
 */
#include "dialect/gemini.h"
#include "dialect/inner.h"
#include "dialect/tool_name.h"
#include "dialect/translate.h"

static const struct json_limits object_limits = {64, 1000000}; /* protobuf takes 100 levels */

static bool is_object(struct gemini_writer *w, struct slice text)
{
    return text.len > 0 && text.ptr[0] == '{' &&
           json_parse(&w->scratch, text, &object_limits, NULL);
}

/* --- calls --- */

/* Models write arguments that are no JSON; the text then travels as the one member of an object,
 * and that is a loss. */
static void write_arguments(struct gemini_writer *w, size_t index, const struct chat_part *part)
{
    struct slice arguments = part->arguments;
    json_key(&w->json, SLICE("args"));
    if (part->custom) {
        json_write_raw(&w->json, SLICE(""));
        custom_write_arguments(w->json.out, part->arguments);
        return;
    }
    if (part->arguments_text) {
        buf_clear(&w->plain);
        (void)json_unescape(part->arguments, &w->plain);
        arguments = buf_slice(&w->plain);
        w->json.out->failed = w->json.out->failed || w->plain.failed;
    }
    arguments = slice_trim(arguments);
    if (arguments.len == 0) {
        json_write_raw(&w->json, SLICE("{}"));
    } else if (is_object(w, arguments)) {
        json_write_raw(&w->json, arguments);
    } else {
        json_begin_object(&w->json);
        json_member_string(&w->json, SLICE("arguments"), arguments);
        json_end_object(&w->json);
        loss_add_message(w->loss, index, SLICE("tool_calls.arguments"));
    }
}

/* What was kept with this call, or NULL. */
static struct slice recalled(const struct gemini_writer *w, const struct chat_part *part)
{
    struct opaque_state state = {0};
    const struct request_change *change = w->change;
    if (change->recall == NULL || part->id.len == 0 ||
        !change->recall(change->recall_user, part->id, &state) || state.dialect != DIALECT_GEMINI) {
        return SLICE_EMPTY;
    }
    return state.call_signature;
}

static struct slice signature_of(const struct gemini_writer *w, const struct chat_part *part,
                                 bool first)
{
    struct slice signature = w->same ? part->signature : SLICE_EMPTY;
    if (signature.len == 0) {
        signature = recalled(w, part);
    }
    bool needed = first && !w->older && !w->same;
    return signature.len == 0 && needed ? SLICE(GEMINI_NO_SIGNATURE) : signature;
}

void gemini_write_past_call(struct gemini_writer *w, size_t index, const struct chat_part *part,
                            bool first)
{
    struct json_writer *json = &w->json;
    struct slice signature = signature_of(w, part, first);
    if (w->same && (part->signature.len > 0 || signature.len == 0)) {
        json_write_raw(json, part->raw);
        return;
    }
    json_begin_object(json);
    json_key(json, SLICE("functionCall"));
    json_begin_object(json);
    if (part->id.len > 0) {
        json_member_inner(json, SLICE("id"), part->id);
    }
    json_member_inner(json, SLICE("name"), part->name);
    write_arguments(w, index, part);
    json_end_object(json);
    if (signature.len > 0) {
        json_member_inner(json, SLICE("thoughtSignature"), signature);
    }
    json_end_object(json);
    if (part->cache != CACHE_MARK_NONE) {
        loss_add_message(w->loss, index, SLICE("cache_control"));
    }
}

/* --- results --- */

/* A result in its turn. */
struct result {
    size_t index;
    uint64_t hash;
    bool written;
};

bool gemini_moves(const struct gemini_writer *w, const struct chat_part *part)
{
    bool words = part->kind == PART_TEXT || part->kind == PART_REFUSAL;
    return !w->same && w->older && part->kind != PART_TOOL_RESULT && !words;
}

/* The texts of a result as one, with line ends between them (inner); one alone is not copied. */
static struct slice join_texts(struct gemini_writer *w, const struct chat_message *message)
{
    struct slice joined = SLICE("");
    size_t count = 0;
    buf_clear(&w->joined);
    for (size_t i = 1; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        if (part->kind != PART_TEXT && part->kind != PART_REFUSAL) {
            continue;
        }
        if (count == 1) {
            buf_append(&w->joined, joined);
        }
        if (count > 0) {
            buf_append(&w->joined, SLICE("\\n"));
            buf_append(&w->joined, part->text);
        }
        joined = count == 0 ? part->text : buf_slice(&w->joined);
        count++;
    }
    w->json.out->failed = w->json.out->failed || w->joined.failed;
    return joined;
}

/* Can this text (inner) be an object? Spaces before it may be escaped. */
static bool may_be_object(struct slice inner)
{
    inner = slice_trim(inner);
    return inner.len > 0 && (inner.ptr[0] == '{' || inner.ptr[0] == '\\');
}

/* Objects go as they are; everything else is "output" or, of a failure, "error". */
static void write_response(struct gemini_writer *w, const struct chat_message *message)
{
    bool failure = message->parts[0].is_error;
    struct slice inner = join_texts(w, message);
    struct slice text = SLICE_EMPTY;
    if (may_be_object(inner)) {
        buf_clear(&w->plain);
        (void)json_unescape(inner, &w->plain);
        w->json.out->failed = w->json.out->failed || w->plain.failed;
        text = slice_trim(buf_slice(&w->plain));
    }
    bool object = is_object(w, text);
    json_key(&w->json, SLICE("response"));
    if (object && !failure) {
        json_write_raw(&w->json, text);
        return;
    }
    json_begin_object(&w->json);
    json_key(&w->json, failure ? SLICE("error") : SLICE("output"));
    if (object) {
        json_write_raw(&w->json, text);
    } else {
        json_write_inner(&w->json, inner);
    }
    json_end_object(&w->json);
}

static bool write_result_parts(struct gemini_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    bool begun = false;
    for (size_t i = 1; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        if (part->kind == PART_TEXT || part->kind == PART_REFUSAL || gemini_moves(w, part)) {
            continue;
        }
        if (!begun) {
            begun = true;
            json_key(&w->json, SLICE("parts"));
            json_begin_array(&w->json);
        }
        if (!gemini_write_part(w, index, part)) {
            return false;
        }
    }
    if (begun) {
        json_end_array(&w->json);
    }
    return true;
}

static bool write_result(struct gemini_writer *w, size_t index)
{
    struct json_writer *json = &w->json;
    const struct chat_message *message = &w->chat->messages[index];
    const struct chat_part *result = &message->parts[0];
    if (w->same) {
        json_write_raw(json, result->raw);
        return true;
    }
    if (result->name.len == 0) {
        return untranslatable_message(w->chat, index, w->error,
                                      "Gemini must be told which function a result is of.");
    }
    json_begin_object(json);
    json_key(json, SLICE("functionResponse"));
    json_begin_object(json);
    if (result->id.len > 0) {
        json_member_inner(json, SLICE("id"), result->id);
    }
    json_member_inner(json, SLICE("name"), result->name);
    write_response(w, message);
    if (!write_result_parts(w, index)) {
        return false;
    }
    json_end_object(json);
    json_end_object(json);
    if (result->cache != CACHE_MARK_NONE) {
        loss_add_message(w->loss, index, SLICE("cache_control"));
    }
    return true;
}

static bool is_result(const struct chat_message *message)
{
    return message->role == ROLE_TOOL && message->part_count > 0 &&
           message->parts[0].kind == PART_TOOL_RESULT;
}

static bool write_as_given(struct gemini_writer *w, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        if (is_result(&w->chat->messages[i]) && !write_result(w, i)) {
            return false;
        }
    }
    return true;
}

/* Writes the first result with this id that is not written yet, if there is one. */
static bool write_result_of(struct gemini_writer *w, const struct chat_part *call,
                            struct result *results, size_t count)
{
    uint64_t hash = inner_hash(call->id);
    for (size_t i = 0; i < count; i++) {
        struct result *result = &results[i];
        const struct chat_part *part = &w->chat->messages[result->index].parts[0];
        if (!result->written && result->hash == hash && inner_equals(part->id, call->id)) {
            result->written = true;
            return write_result(w, result->index);
        }
    }
    return true;
}

static bool write_in_order(struct gemini_writer *w, size_t before, size_t first,
                           struct result *results, size_t count)
{
    for (size_t i = before; i < first; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            if (message->parts[j].kind == PART_TOOL_CALL &&
                !write_result_of(w, &message->parts[j], results, count)) {
                return false;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!results[i].written && !write_result(w, results[i].index)) {
            return false;
        }
    }
    return true;
}

bool gemini_write_results(struct gemini_writer *w, size_t before, size_t first, size_t end)
{
    struct result results[GEMINI_CALLS_PER_TURN];
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        if (!is_result(&w->chat->messages[i])) {
            continue;
        }
        if (count == GEMINI_CALLS_PER_TURN) {
            return write_as_given(w, first, end); /* no real turn: not worth the search */
        }
        results[count++] = (struct result){i, inner_hash(w->chat->messages[i].parts[0].id), false};
    }
    return write_in_order(w, before, first, results, count);
}
