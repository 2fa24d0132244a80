/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts and files towards Gemini. Data goes inline; of references Google fetches https: and its own
 * (gs:), and that is all: whatever else a URL says cannot be sent.
 */
#include "dialect/gemini.h"
#include "dialect/translate.h"

static bool starts(struct slice inner, struct slice prefix)
{
    return inner.len >= prefix.len && slice_eq_nocase(slice_of(inner.ptr, prefix.len), prefix);
}

/* --- media types --- */

static const struct {
    struct slice suffix;
    enum part_kind kind;
    struct slice type;
} suffixes[] = {
    {SLICE_INIT(".png"), PART_IMAGE, SLICE_INIT("image/png")},
    {SLICE_INIT(".jpg"), PART_IMAGE, SLICE_INIT("image/jpeg")},
    {SLICE_INIT(".jpeg"), PART_IMAGE, SLICE_INIT("image/jpeg")},
    {SLICE_INIT(".webp"), PART_IMAGE, SLICE_INIT("image/webp")},
    {SLICE_INIT(".gif"), PART_IMAGE, SLICE_INIT("image/gif")},
    {SLICE_INIT(".heic"), PART_IMAGE, SLICE_INIT("image/heic")},
    {SLICE_INIT(".heif"), PART_IMAGE, SLICE_INIT("image/heif")},
    {SLICE_INIT(".mp3"), PART_AUDIO, SLICE_INIT("audio/mp3")},
    {SLICE_INIT(".wav"), PART_AUDIO, SLICE_INIT("audio/wav")},
    {SLICE_INIT(".pdf"), PART_FILE, SLICE_INIT("application/pdf")},
    {SLICE_INIT(".txt"), PART_FILE, SLICE_INIT("text/plain")},
};

/* What the name of a file at a URL says; NULL: nothing, and Google looks for itself. */
static struct slice type_of_url(const struct chat_part *part)
{
    struct slice rest = part->url;
    struct slice path = slice_cut(&rest, '?');
    rest = path;
    path = slice_cut(&rest, '#');
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        struct slice suffix = suffixes[i].suffix;
        if (part->kind == suffixes[i].kind && path.len > suffix.len &&
            slice_eq_nocase(slice_from(path, path.len - suffix.len), suffix)) {
            return suffixes[i].type;
        }
    }
    return SLICE_EMPTY;
}

/* False: nothing tells it. */
static bool write_type(struct gemini_writer *w, const struct chat_part *part)
{
    struct slice type = part->media_type;
    if (type.len == 0 && part->kind == PART_AUDIO && part->detail.len > 0) {
        json_key(&w->json, SLICE("mimeType"));
        json_write_raw(&w->json, SLICE("\"audio/"));
        buf_append(w->json.out, part->detail);
        buf_append_char(w->json.out, '"');
        return true;
    }
    if (json_inner_is(type, SLICE("image/jpg"))) {
        type = SLICE("image/jpeg"); /* no such type, but often said */
    }
    if (type.len > 0) {
        json_member_inner(&w->json, SLICE("mimeType"), type);
    }
    return type.len > 0;
}

/* --- files --- */

static bool write_inline(struct gemini_writer *w, const struct chat_part *part)
{
    json_key(&w->json, SLICE("inlineData"));
    json_begin_object(&w->json);
    if (!write_type(w, part)) {
        return untranslatable_part(w->chat, part, w->error,
                                   "Gemini must be told the media type of a file.");
    }
    json_member_inner(&w->json, SLICE("data"), part->data);
    json_end_object(&w->json);
    return true;
}

static bool write_reference(struct gemini_writer *w, const struct chat_part *part)
{
    if (!starts(part->url, SLICE("https:")) && !starts(part->url, SLICE("gs:"))) {
        return untranslatable_part(w->chat, part, w->error,
                                   "Gemini takes files by https: only, or as data.");
    }
    struct slice type = part->media_type.len > 0 ? part->media_type : type_of_url(part);
    json_key(&w->json, SLICE("fileData"));
    json_begin_object(&w->json);
    if (type.len > 0) {
        json_member_inner(&w->json, SLICE("mimeType"), type);
    }
    json_member_inner(&w->json, SLICE("fileUri"), part->url);
    json_end_object(&w->json);
    return true;
}

static void add_losses(struct gemini_writer *w, size_t index, const struct chat_part *part)
{
    bool automatic = part->detail.ptr == NULL || json_inner_is(part->detail, SLICE("auto"));
    if (part->kind == PART_IMAGE && !automatic) {
        loss_add_message(w->loss, index, SLICE("detail"));
    }
    if (part->kind == PART_FILE && part->detail.ptr != NULL) {
        loss_add_message(w->loss, index, SLICE("filename"));
    }
    if (part->cache != CACHE_MARK_NONE) {
        loss_add_message(w->loss, index, SLICE("cache_control"));
    }
}

bool gemini_write_part(struct gemini_writer *w, size_t index, const struct chat_part *part)
{
    if (w->same && part->raw.ptr != NULL) {
        json_write_raw(&w->json, part->raw);
        return true;
    }
    if (part->kind == PART_UNKNOWN) {
        return untranslatable_part(w->chat, part, w->error,
                                   "A part of this turn has no form in Gemini's dialect.");
    }
    json_begin_object(&w->json);
    if (part->data.ptr != NULL) {
        if (!write_inline(w, part)) {
            return false;
        }
    } else if (part->url.ptr != NULL) {
        if (!write_reference(w, part)) {
            return false;
        }
    } else if (part->text.ptr != NULL) {
        json_member_inner(&w->json, SLICE("text"), part->text);
    } else {
        return untranslatable_part(w->chat, part, w->error,
                                   "A file that another vendor keeps cannot be sent to Gemini.");
    }
    json_end_object(&w->json);
    add_losses(w, index, part);
    return true;
}
