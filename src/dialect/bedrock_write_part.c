/* SPDX-License-Identifier: Apache-2.0 */
/* Single content blocks towards Converse. Bytes only: it fetches nothing but from S3. */
#include "dialect/bedrock.h"

#include "base/hash.h"
#include "dialect/anthropic.h"
#include "dialect/inner.h"
#include "dialect/tool_arguments.h"
#include "dialect/translate.h"

#define DOCUMENT_NAME_MAX 200u

/* --- what is written at all --- */

/* Claude knows its own seal on every cloud; a seal of ours is none. */
bool bedrock_is_thought(const struct bedrock_writer *w, const struct chat_part *part)
{
    unsigned maker = part->maker != 0 ? part->maker : w->chat->dialect;
    if (part->kind != PART_REASONING) {
        return false;
    }
    if (part->data.len > 0) {
        return maker == DIALECT_BEDROCK;
    }
    bool readable =
        maker == DIALECT_BEDROCK || (maker == DIALECT_ANTHROPIC && w->family == BEDROCK_CLAUDE);
    return readable && part->signature.len > 0 &&
           !slice_starts(part->signature, SLICE(ANTHROPIC_SEAL));
}

bool bedrock_recall(const struct bedrock_writer *w, const struct chat_message *message,
                    struct opaque_state *ret_state)
{
    for (size_t i = 0; i < message->part_count && w->change->recall != NULL; i++) {
        const struct chat_part *part = &message->parts[i];
        *ret_state = (struct opaque_state){.dialect = DIALECT_COUNT};
        if (part->kind != PART_TOOL_CALL ||
            !w->change->recall(w->change->recall_user, part->id, ret_state)) {
            continue;
        }
        bool own = ret_state->dialect == DIALECT_BEDROCK;
        bool claude = ret_state->dialect == DIALECT_ANTHROPIC && w->family == BEDROCK_CLAUDE;
        if ((own || claude) && (ret_state->signature.len > 0 || (own && ret_state->data.len > 0))) {
            ret_state->data = own ? ret_state->data : SLICE_EMPTY;
            return true;
        }
    }
    return false;
}

bool bedrock_is_written(const struct bedrock_writer *w, const struct chat_part *part)
{
    switch (part->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        return !inner_is_blank(part->text);
    case PART_REASONING:
        return bedrock_is_thought(w, part);
    case PART_TOOL_RESULT:
        return false;
    default:
        return true;
    }
}

/* --- images and documents --- */

struct format {
    struct slice media_type;
    struct slice word;
};

static struct slice format_of(const struct format *formats, size_t count, struct slice media_type)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_nocase(media_type, formats[i].media_type) ||
            json_inner_is(media_type, formats[i].media_type)) {
            return formats[i].word;
        }
    }
    return SLICE_EMPTY;
}

static void write_bytes(struct bedrock_writer *w, struct slice data)
{
    json_key(&w->json, SLICE("source"));
    json_begin_object(&w->json);
    json_member_inner(&w->json, SLICE("bytes"), data);
    json_end_object(&w->json);
}

static bool write_image(struct bedrock_writer *w, size_t index, const struct chat_part *part)
{
    static const struct format formats[] = {
        {SLICE_INIT("image/png"), SLICE_INIT("png")},
        {SLICE_INIT("image/jpeg"), SLICE_INIT("jpeg")},
        {SLICE_INIT("image/jpg"), SLICE_INIT("jpeg")},
        {SLICE_INIT("image/gif"), SLICE_INIT("gif")},
        {SLICE_INIT("image/webp"), SLICE_INIT("webp")},
    };
    struct slice format = format_of(formats, ARRAY_LEN(formats), part->media_type);
    if (part->data.ptr == NULL) {
        return untranslatable_part(w->chat, part, w->error,
                                   "Bedrock takes the bytes of an image, not an address.");
    }
    if (format.len == 0) {
        return untranslatable_part(w->chat, part, w->error,
                                   "Bedrock takes images as PNG, JPEG, GIF and WebP.");
    }
    if (part->detail.len > 0 && !json_inner_is(part->detail, SLICE("auto"))) {
        loss_add_message(w->loss, index, SLICE("detail"));
    }
    json_begin_object(&w->json);
    json_key(&w->json, SLICE("image"));
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("format"), format);
    write_bytes(w, part->data);
    json_end_object(&w->json);
    json_end_object(&w->json);
    return true;
}

static bool is_name_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '(' || c == ')' || c == '[' || c == ']';
}

/* Letters, digits, blanks and few signs are taken; each document has a name of its own. */
static void write_document_name(struct bedrock_writer *w, struct slice name)
{
    char plain[DOCUMENT_NAME_MAX / 2];
    size_t length = json_unescape_to(name, plain, sizeof plain);
    json_key(&w->json, SLICE("name"));
    json_write_raw(&w->json, SLICE("\"document "));
    buf_append_u64(w->json.out, ++w->documents);
    for (size_t i = 0; i < length; i++) {
        buf_append(w->json.out, i == 0 ? SLICE(" ") : SLICE_EMPTY);
        buf_append_char(w->json.out, is_name_letter(plain[i]) ? plain[i] : '-');
    }
    buf_append_char(w->json.out, '"');
}

static bool write_document(struct bedrock_writer *w, const struct chat_part *part)
{
    static const struct format formats[] = {
        {SLICE_INIT("application/pdf"), SLICE_INIT("pdf")},
        {SLICE_INIT("text/plain"), SLICE_INIT("txt")},
        {SLICE_INIT("text/csv"), SLICE_INIT("csv")},
        {SLICE_INIT("text/html"), SLICE_INIT("html")},
        {SLICE_INIT("text/markdown"), SLICE_INIT("md")},
        {SLICE_INIT("application/msword"), SLICE_INIT("doc")},
        {SLICE_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
         SLICE_INIT("docx")},
        {SLICE_INIT("application/vnd.ms-excel"), SLICE_INIT("xls")},
        {SLICE_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
         SLICE_INIT("xlsx")},
    };
    struct slice format = format_of(formats, ARRAY_LEN(formats), part->media_type);
    if (part->data.ptr == NULL) {
        return untranslatable_part(w->chat, part, w->error,
                                   "Bedrock takes the bytes of a document, not an address.");
    }
    if (format.len == 0) {
        return untranslatable_part(w->chat, part, w->error,
                                   "Bedrock does not take documents of this type.");
    }
    json_begin_object(&w->json);
    json_key(&w->json, SLICE("document"));
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("format"), format);
    write_document_name(w, part->detail);
    write_bytes(w, part->data);
    json_end_object(&w->json);
    json_end_object(&w->json);
    return true;
}

/* --- calls --- */

static bool is_fitting(struct slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '_' && c != '-') {
            return false;
        }
    }
    return id.len > 0 && id.len <= BEDROCK_ID_MAX;
}

/* An id that does not fit has a hash in its place, the same for call and result. */
static void write_id(struct bedrock_writer *w, struct slice id)
{
    json_key(&w->json, SLICE("toolUseId"));
    if (is_fitting(id)) {
        json_write_inner(&w->json, id);
        return;
    }
    struct buf plain = BUF_INIT(id.len + 1);
    json_unescape(id, &plain);
    json_write_raw(&w->json, SLICE("\"sluice_"));
    buf_printf(w->json.out, "%016llx\"", (unsigned long long)hash_stable(buf_slice(&plain)));
    w->json.out->failed = w->json.out->failed || plain.failed;
    buf_release(&plain);
}

static void write_input(struct bedrock_writer *w, size_t index, const struct chat_part *part)
{
    json_key(&w->json, SLICE("input"));
    if (!tool_arguments_write(&w->json, part)) {
        loss_add_message(w->loss, index, SLICE("tool_calls.arguments"));
    }
}

static void write_call(struct bedrock_writer *w, size_t index, const struct chat_part *part)
{
    json_begin_object(&w->json);
    json_key(&w->json, SLICE("toolUse"));
    json_begin_object(&w->json);
    write_id(w, part->id);
    json_member_inner(&w->json, SLICE("name"), part->name);
    write_input(w, index, part);
    json_end_object(&w->json);
    json_end_object(&w->json);
}

/* --- any block --- */

void bedrock_write_thought(struct bedrock_writer *w, struct slice text, struct slice signature,
                           struct slice data)
{
    if (signature.len > 0) {
        json_write_raw(&w->json, SLICE("{\"reasoningContent\":{\"reasoningText\":{\"text\":\""));
        buf_append(w->json.out, text);
        buf_append(w->json.out, SLICE("\",\"signature\":\""));
        buf_append(w->json.out, signature);
        buf_append(w->json.out, SLICE("\"}}}"));
    }
    if (data.len > 0) {
        json_write_raw(&w->json, SLICE("{\"reasoningContent\":{\"redactedContent\":\""));
        buf_append(w->json.out, data);
        buf_append(w->json.out, SLICE("\"}}"));
    }
}

static bool write_block(struct bedrock_writer *w, size_t index, const struct chat_part *part)
{
    switch (part->kind) {
    case PART_IMAGE:
        return write_image(w, index, part);
    case PART_FILE:
        return write_document(w, part);
    case PART_TOOL_CALL:
        write_call(w, index, part);
        return true;
    case PART_REASONING:
        bedrock_write_thought(w, part->text, part->data.len > 0 ? SLICE_EMPTY : part->signature,
                              part->data);
        return true;
    case PART_AUDIO:
        return untranslatable_part(w->chat, part, w->error,
                                   "Bedrock's chat models take no audio that we could send.");
    case PART_UNKNOWN:
        return untranslatable_part(w->chat, part, w->error,
                                   "A part of this turn has no form in Bedrock's dialect.");
    default:
        json_begin_object(&w->json);
        json_member_inner(&w->json, SLICE("text"), part->text);
        json_end_object(&w->json);
        return true;
    }
}

bool bedrock_write_part(struct bedrock_writer *w, size_t index, const struct chat_part *part)
{
    if (!write_block(w, index, part)) {
        return false;
    }
    bedrock_write_cache(w, part->cache);
    return true;
}

/* The result and its content: the parts behind it. */
bool bedrock_write_result(struct bedrock_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    const struct chat_part *result = &message->parts[0];
    json_begin_object(&w->json);
    json_key(&w->json, SLICE("toolResult"));
    json_begin_object(&w->json);
    write_id(w, result->id);
    json_key(&w->json, SLICE("content"));
    json_begin_array(&w->json);
    enum cache_mark cache = result->cache;
    for (size_t i = 1; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        cache = part->cache != CACHE_MARK_NONE ? part->cache : cache;
        if (bedrock_is_written(w, part) && !write_block(w, index, part)) {
            return false;
        }
    }
    json_end_array(&w->json);
    if (result->is_error) {
        json_member_string(&w->json, SLICE("status"), SLICE("error"));
    }
    json_end_object(&w->json);
    json_end_object(&w->json);
    bedrock_write_cache(w, cache); /* a result holds none of its own */
    return true;
}
