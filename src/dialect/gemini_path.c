/* SPDX-License-Identifier: Apache-2.0 */
/* The path below the base URL, which ends in "/v1beta", and names of models. */
#include "dialect/gemini.h"

static const struct slice prefixes[] = {
    SLICE_INIT("models/"),
    SLICE_INIT("tunedModels/"),
    SLICE_INIT("publishers/google/models/"),
};

static struct slice prefix_of(struct slice model)
{
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (slice_starts(model, prefixes[i])) {
            return prefixes[i];
        }
    }
    return SLICE_EMPTY;
}

struct slice gemini_bare_model(struct slice inner)
{
    struct slice prefix = prefixes[0];
    struct slice escaped = SLICE("models\\/");
    if (slice_starts(inner, escaped)) {
        return slice_from(inner, escaped.len);
    }
    return slice_starts(inner, prefix) ? slice_from(inner, prefix.len) : inner;
}

bool gemini_is_older(struct slice model)
{
    static const struct slice families[] = {
        SLICE_INIT("gemini-1"), SLICE_INIT("gemini-2"), SLICE_INIT("gemini-pro"),
        SLICE_INIT("gemma"),    SLICE_INIT("learnlm"),
    };
    struct slice name = slice_from(model, prefix_of(model).len);
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (slice_starts(name, families[i])) {
            return true;
        }
    }
    return false;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void append_encoded(struct buf *out, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (is_unreserved(text.ptr[i])) {
            buf_append_char(out, text.ptr[i]);
        } else {
            const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            buf_append(out, slice_of(escape, sizeof escape));
        }
    }
}

void gemini_append_model(struct buf *out, struct slice model, bool encode)
{
    struct slice prefix = prefix_of(model);
    struct slice name = slice_from(model, prefix.len);
    buf_append(out, prefix.len > 0 ? prefix : prefixes[0]);
    if (encode) {
        append_encoded(out, name);
    } else {
        buf_append(out, name);
    }
}

bool gemini_is_batch(const struct chat *chat)
{
    bool asked = chat->dialect == DIALECT_GEMINI && chat->doc != NULL && chat->doc->count > 0 &&
                 json_member(chat->doc, JSON_ROOT, SLICE("requests")) != JSON_ABSENT;
    return chat->message_count > 1 || asked;
}

bool gemini_write_path(const struct chat *chat, struct slice model, struct buf *out)
{
    buf_append_char(out, '/');
    gemini_append_model(out, model, true);
    switch (chat->operation) {
    case OPERATION_EMBEDDING:
        return buf_append(out, gemini_is_batch(chat) ? SLICE(":batchEmbedContents")
                                                     : SLICE(":embedContent"));
    case OPERATION_TOKEN_COUNT:
        return buf_append(out, SLICE(":countTokens"));
    default:
        return buf_append(out, chat->stream ? SLICE(":streamGenerateContent?alt=sse")
                                            : SLICE(":generateContent"));
    }
}
