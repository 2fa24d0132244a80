/* SPDX-License-Identifier: Apache-2.0 */
/* Single blocks towards Anthropic. What was read in this dialect goes back as it stood. */
#include "dialect/anthropic.h"
#include "dialect/base64.h"
#include "dialect/inner.h"
#include "dialect/tool_arguments.h"
#include "dialect/translate.h"

/* --- what is written at all --- */

/* Only Anthropic's own seal is one to Anthropic, whoever kept it. */
static bool is_sealed(const struct anthropic_writer *w, const struct chat_part *part)
{
    bool own = part->maker == DIALECT_ANTHROPIC || (part->maker == 0 && w->same);
    bool sealed = part->data.len > 0 || (part->signature.len > 0 &&
                                         !slice_starts(part->signature, SLICE(ANTHROPIC_SEAL)));
    return own && sealed && part->kind == PART_REASONING;
}

bool anthropic_is_written(const struct anthropic_writer *w, const struct chat_part *part)
{
    switch (part->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        return !inner_is_blank(part->text);
    case PART_REASONING:
        return is_sealed(w, part);
    case PART_TOOL_RESULT:
        return false;
    default:
        return true;
    }
}

/* --- images and files --- */

static void write_media_type(struct anthropic_writer *w, struct slice media_type)
{
    bool jpeg = slice_eq_nocase(media_type, SLICE("image/jpg"));
    json_member_inner(&w->json, SLICE("media_type"), jpeg ? SLICE("image/jpeg") : media_type);
}

static void write_source(struct anthropic_writer *w, const struct chat_part *part)
{
    json_key(&w->json, SLICE("source"));
    json_begin_object(&w->json);
    if (part->data.ptr != NULL) {
        json_member_string(&w->json, SLICE("type"), SLICE("base64"));
        write_media_type(w, part->media_type);
        json_member_inner(&w->json, SLICE("data"), part->data);
    } else if (part->url.ptr != NULL) {
        json_member_string(&w->json, SLICE("type"), SLICE("url"));
        json_member_inner(&w->json, SLICE("url"), part->url);
    } else {
        json_member_string(&w->json, SLICE("type"), SLICE("file"));
        json_member_inner(&w->json, SLICE("file_id"), part->file_id);
    }
    json_end_object(&w->json);
}

/* A file that another provider keeps cannot be reached. */
static bool check_source(struct anthropic_writer *w, const struct chat_part *part)
{
    bool here = part->data.ptr != NULL || part->url.ptr != NULL;
    if (!w->same && part->data.ptr == NULL && part->url.ptr != NULL && !url_is_web(part->url)) {
        return untranslatable_part(w->chat, part, w->error,
                                   "Anthropic takes files from the web (https:) or as base64.");
    }
    return here || (w->same && part->file_id.ptr != NULL) ||
           untranslatable_part(w->chat, part, w->error,
                               "A file that another provider keeps cannot be sent on.");
}

static bool write_image(struct anthropic_writer *w, size_t index, const struct chat_part *part)
{
    if (!check_source(w, part)) {
        return false;
    }
    if (part->detail.len > 0 && !json_inner_is(part->detail, SLICE("auto"))) {
        loss_add_message(w->loss, index, SLICE("detail"));
    }
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("image"));
    write_source(w, part);
    anthropic_write_cache(w, part->cache);
    json_end_object(&w->json);
    return true;
}

static bool is_pdf(const struct chat_part *part)
{
    return part->data.ptr == NULL || slice_eq_nocase(part->media_type, SLICE("application/pdf"));
}

static bool is_textual(const struct chat_part *part)
{
    struct slice start = slice_of(part->media_type.ptr, part->media_type.len < 5 ? 0 : 5);
    return slice_eq_nocase(start, SLICE("text/")) ||
           slice_eq_nocase(part->media_type, SLICE("application/json"));
}

static bool is_utf8(struct slice text)
{
    for (size_t step; text.len > 0; text = slice_from(text, step)) {
        step = slice_utf8_length(text);
        if (step == 0) {
            return false;
        }
    }
    return true;
}

/* A file of text, as Anthropic has it. False: it is none. */
static bool write_text_source(struct anthropic_writer *w, const struct chat_part *part)
{
    struct buf coded = BUF_INIT(part->data.len + 1);
    struct buf text = BUF_INIT(part->data.len + 1);
    json_unescape(part->data, &coded);
    bool ok = base64_decode(buf_slice(&coded), &text) && is_utf8(buf_slice(&text)) &&
              slice_trim(buf_slice(&text)).len > 0;
    w->json.out->failed = w->json.out->failed || coded.failed || text.failed;
    if (ok) {
        json_key(&w->json, SLICE("source"));
        json_begin_object(&w->json);
        json_member_string(&w->json, SLICE("type"), SLICE("text"));
        json_member_string(&w->json, SLICE("media_type"), SLICE("text/plain"));
        json_member_string(&w->json, SLICE("data"), buf_slice(&text));
        json_end_object(&w->json);
    }
    buf_release(&coded);
    buf_release(&text);
    return ok;
}

static bool write_file(struct anthropic_writer *w, const struct chat_part *part)
{
    if (!check_source(w, part)) {
        return false;
    }
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("document"));
    if (is_pdf(part)) {
        write_source(w, part);
    } else if (!is_textual(part) || !write_text_source(w, part)) {
        return untranslatable_part(w->chat, part, w->error,
                                   "Anthropic takes documents as PDF or text only.");
    }
    if (part->detail.len > 0) {
        json_member_inner(&w->json, SLICE("title"), part->detail);
    }
    anthropic_write_cache(w, part->cache);
    json_end_object(&w->json);
    return true;
}

/* --- calls --- */

static void write_arguments(struct anthropic_writer *w, size_t index, const struct chat_part *part)
{
    json_key(&w->json, SLICE("input"));
    if (!tool_arguments_write(&w->json, part)) {
        loss_add_message(w->loss, index, SLICE("tool_calls.arguments"));
    }
}

static void write_id(struct anthropic_writer *w, struct slice key, struct slice id)
{
    json_key(&w->json, key);
    json_write_raw(&w->json, SLICE("\""));
    anthropic_append_id(w->json.out, id);
    buf_append_char(w->json.out, '"');
}

static void write_call(struct anthropic_writer *w, size_t index, const struct chat_part *part)
{
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("tool_use"));
    write_id(w, SLICE("id"), part->id);
    json_member_inner(&w->json, SLICE("name"), part->name);
    write_arguments(w, index, part);
    anthropic_write_cache(w, part->cache);
    json_end_object(&w->json);
}

/* --- any block --- */

static void write_text(struct anthropic_writer *w, const struct chat_part *part)
{
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("text"));
    json_member_inner(&w->json, SLICE("text"), part->text);
    anthropic_write_cache(w, part->cache);
    json_end_object(&w->json);
}

/* What a client of another dialect kept of an answer of Anthropic's. */
static void write_thought(struct anthropic_writer *w, const struct chat_part *part)
{
    bool open = part->signature.len > 0;
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"),
                       open ? SLICE("thinking") : SLICE("redacted_thinking"));
    if (open) {
        json_member_inner(&w->json, SLICE("thinking"), part->text);
        json_member_inner(&w->json, SLICE("signature"), part->signature);
    } else {
        json_member_inner(&w->json, SLICE("data"), part->data);
    }
    json_end_object(&w->json);
}

bool anthropic_write_part(struct anthropic_writer *w, size_t index, const struct chat_part *part)
{
    if (w->same && part->raw.ptr != NULL) {
        json_write_raw(&w->json, part->raw);
        return true;
    }
    switch (part->kind) {
    case PART_IMAGE:
        return write_image(w, index, part);
    case PART_FILE:
        return write_file(w, part);
    case PART_TOOL_CALL:
        write_call(w, index, part);
        return true;
    case PART_REASONING:
        write_thought(w, part);
        return true;
    case PART_AUDIO:
        return untranslatable_part(w->chat, part, w->error, "Anthropic has no audio in prompts.");
    case PART_UNKNOWN:
        return untranslatable_part(w->chat, part, w->error,
                                   "A part of this turn has no form in Anthropic's dialect.");
    default:
        write_text(w, part);
        return true;
    }
}

/* --- results --- */

static bool write_result_content(struct anthropic_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    const struct chat_part *only = NULL;
    size_t count = 0;
    for (size_t i = 1; i < message->part_count; i++) {
        if (anthropic_is_written(w, &message->parts[i])) {
            only = &message->parts[i];
            count++;
        }
    }
    if (count == 0) {
        return true;
    }
    json_key(&w->json, SLICE("content"));
    if (count == 1 && only->kind == PART_TEXT && only->cache == CACHE_MARK_NONE) {
        json_write_inner(&w->json, only->text);
        return true;
    }
    json_begin_array(&w->json);
    for (size_t i = 1; i < message->part_count; i++) {
        if (anthropic_is_written(w, &message->parts[i]) &&
            !anthropic_write_part(w, index, &message->parts[i])) {
            return false;
        }
    }
    json_end_array(&w->json);
    return true;
}

bool anthropic_write_result(struct anthropic_writer *w, size_t index)
{
    const struct chat_part *result = &w->chat->messages[index].parts[0];
    if (w->same && result->raw.ptr != NULL) {
        json_write_raw(&w->json, result->raw);
        return true;
    }
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("tool_result"));
    write_id(w, SLICE("tool_use_id"), result->id);
    if (!write_result_content(w, index)) {
        return false;
    }
    if (result->is_error) {
        json_member_bool(&w->json, SLICE("is_error"), true);
    }
    anthropic_write_cache(w, result->cache);
    json_end_object(&w->json);
    return true;
}
