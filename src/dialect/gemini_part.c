/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a content. A part has exactly one kind of data; what kind a file is, its media type
 * tells. Code that Google runs itself (executableCode, toolCall ...) only moves as it stands.
 */
#include "dialect/base64.h"
#include "dialect/gemini.h"

enum {
    PART_MEMBER_TEXT,
    PART_MEMBER_INLINE,
    PART_MEMBER_FILE,
    PART_MEMBER_CALL,
    PART_MEMBER_RESULT,
    PART_MEMBER_THOUGHT, /* from here on: beside the data */
    PART_MEMBER_SIGNATURE,
    PART_MEMBERS,
    PART_NAMES = PART_MEMBERS + 5
};
static const struct member_name part_names[PART_NAMES] = {
    [PART_MEMBER_TEXT] = MEMBER_NAME("text"),
    [PART_MEMBER_INLINE] = MEMBER_NAME("inlineData"),
    [PART_MEMBER_FILE] = MEMBER_NAME("fileData"),
    [PART_MEMBER_CALL] = MEMBER_NAME("functionCall"),
    [PART_MEMBER_RESULT] = MEMBER_NAME("functionResponse"),
    [PART_MEMBER_THOUGHT] = MEMBER_NAME("thought"),
    [PART_MEMBER_SIGNATURE] = MEMBER_NAME("thoughtSignature"),
    [PART_MEMBERS] = MEMBER_NAME("inline_data"),
    [PART_MEMBERS + 1] = MEMBER_NAME("file_data"),
    [PART_MEMBERS + 2] = MEMBER_NAME("function_call"),
    [PART_MEMBERS + 3] = MEMBER_NAME("function_response"),
    [PART_MEMBERS + 4] = MEMBER_NAME("thought_signature"),
};
static const uint8_t part_aliases[] = {PART_MEMBER_INLINE, PART_MEMBER_FILE, PART_MEMBER_CALL,
                                       PART_MEMBER_RESULT, PART_MEMBER_SIGNATURE};
static const struct gemini_table part_table = GEMINI_TABLE(part_names, PART_MEMBERS, part_aliases);

enum { DATA_TYPE, DATA_BYTES, DATA_URI, DATA_NAME, DATA_MEMBERS, DATA_NAMES = DATA_MEMBERS + 3 };
static const struct member_name data_names[DATA_NAMES] = {
    [DATA_TYPE] = MEMBER_NAME("mimeType"),
    [DATA_BYTES] = MEMBER_NAME("data"),
    [DATA_URI] = MEMBER_NAME("fileUri"),
    [DATA_NAME] = MEMBER_NAME("displayName"),
    [DATA_MEMBERS] = MEMBER_NAME("mime_type"),
    [DATA_MEMBERS + 1] = MEMBER_NAME("file_uri"),
    [DATA_MEMBERS + 2] = MEMBER_NAME("display_name"),
};
static const uint8_t data_aliases[] = {DATA_TYPE, DATA_URI, DATA_NAME};
static const struct gemini_table data_table = GEMINI_TABLE(data_names, DATA_MEMBERS, data_aliases);

static bool starts(struct slice inner, const char *prefix)
{
    size_t length = strlen(prefix);
    return inner.len >= length &&
           slice_eq_nocase(slice_of(inner.ptr, length), slice_of(prefix, length));
}

/* The short name of an audio format that other dialects know it by. */
static struct slice audio_format(struct slice media_type)
{
    static const struct {
        struct slice type;
        struct slice format;
    } formats[] = {
        {SLICE_INIT("audio/mpeg"), SLICE_INIT("mp3")},
        {SLICE_INIT("audio/x-wav"), SLICE_INIT("wav")},
        {SLICE_INIT("audio/wave"), SLICE_INIT("wav")},
    };
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (slice_eq_nocase(media_type, formats[i].type)) {
            return formats[i].format;
        }
    }
    return slice_from(media_type, sizeof "audio/" - 1);
}

static void set_kind(struct chat_part *part, struct slice name)
{
    if (starts(part->media_type, "image/")) {
        part->kind = PART_IMAGE;
    } else if (starts(part->media_type, "audio/")) {
        part->kind = PART_AUDIO;
        part->detail = audio_format(part->media_type);
    } else {
        part->kind = PART_FILE;
        part->detail = name;
    }
}

static bool read_inline(struct reader *r, uint32_t node, struct chat_part *part)
{
    uint32_t values[DATA_NAMES];
    size_t unknown;
    struct slice name = SLICE_EMPTY;
    struct slice data = SLICE_EMPTY;
    if (!gemini_members_read(r, node, "inlineData", &data_table, values, &unknown) ||
        !read_required(r, values[DATA_TYPE], "inlineData/mimeType", &part->media_type) ||
        !read_required(r, values[DATA_BYTES], "inlineData/data", &data) ||
        !read_inner(r, values[DATA_NAME], "inlineData/displayName", &name)) {
        return false;
    }
    if (!base64_standard(data, r->arena, &part->data)) {
        return r->arena->exhausted ? reader_refuse_size(r)
                                   : reader_refuse(r, "invalid_base64", "inlineData/data",
                                                   "The value must be base64 (RFC 4648).");
    }
    set_kind(part, name);
    if (part->kind != PART_FILE) { /* only files have names elsewhere */
        reader_odd(r, "inlineData", values[DATA_NAME]);
    }
    return true;
}

/* Files that Google keeps can be named to nobody else. */
static bool is_kept_file(struct slice uri)
{
    return starts(uri, "gs://") || starts(uri, "https://generativelanguage.googleapis.com/") ||
           starts(uri, "files/");
}

static bool read_file(struct reader *r, uint32_t node, struct chat_part *part)
{
    uint32_t values[DATA_NAMES];
    size_t unknown;
    struct slice name = SLICE_EMPTY;
    struct slice uri = SLICE_EMPTY;
    if (!gemini_members_read(r, node, "fileData", &data_table, values, &unknown) ||
        !read_inner(r, values[DATA_TYPE], "fileData/mimeType", &part->media_type) ||
        !read_required(r, values[DATA_URI], "fileData/fileUri", &uri) ||
        !read_inner(r, values[DATA_NAME], "fileData/displayName", &name)) {
        return false;
    }
    if (is_kept_file(uri)) {
        part->file_id = uri;
    } else {
        part->url = uri;
    }
    set_kind(part, name);
    return true;
}

enum { CALL_ID, CALL_NAME, CALL_ARGS, CALL_MEMBERS };
static const struct member_name call_names[CALL_MEMBERS] = {
    [CALL_ID] = MEMBER_NAME("id"),
    [CALL_NAME] = MEMBER_NAME("name"),
    [CALL_ARGS] = MEMBER_NAME("args"),
};
static const struct member_table call_table = MEMBER_TABLE(call_names);

static bool read_call(struct reader *r, uint32_t node, struct chat_part *part)
{
    uint32_t values[CALL_MEMBERS];
    uint32_t args;
    size_t unknown;
    part->kind = PART_TOOL_CALL;
    if (!members_read(r, node, "functionCall", &call_table, values, &unknown) ||
        !read_inner(r, values[CALL_ID], "functionCall/id", &part->id) ||
        !read_required(r, values[CALL_NAME], "functionCall/name", &part->name) ||
        !read_kind(r, values[CALL_ARGS], "functionCall/args", JSON_OBJECT, &args)) {
        return false;
    }
    part->arguments = args == JSON_ABSENT ? SLICE("{}") : json_raw(r->doc, args);
    return true;
}

static bool read_result(struct reader *r, uint32_t node, struct chat_part *part)
{
    uint32_t values[CALL_MEMBERS];
    size_t unknown;
    struct odd_mark mark = reader_odd_mark(r);
    part->kind = PART_TOOL_RESULT;
    if (!members_read(r, node, "functionResponse", &call_table, values, &unknown)) {
        return false;
    }
    reader_odd_forget(r, mark); /* gemini_read_result() reads the rest */
    return read_inner(r, values[CALL_ID], "functionResponse/id", &part->id) &&
           read_required(r, values[CALL_NAME], "functionResponse/name", &part->name);
}

static const struct {
    const char *name;
    bool (*read)(struct reader *r, uint32_t node, struct chat_part *part);
} part_kinds[] = {
    [PART_MEMBER_INLINE] = {"inlineData", read_inline},
    [PART_MEMBER_FILE] = {"fileData", read_file},
    [PART_MEMBER_CALL] = {"functionCall", read_call},
    [PART_MEMBER_RESULT] = {"functionResponse", read_result},
};

static bool read_data(struct reader *r, uint32_t member, uint32_t value, struct chat_part *part)
{
    if (json_kind(r->doc, value) != JSON_OBJECT) {
        return reader_refuse_type(r, part_kinds[member].name, "an object");
    }
    return part_kinds[member].read(r, value, part);
}

/* A thought without words is an image of it, or a bare signature. */
static bool read_text(struct reader *r, const uint32_t *values, size_t unknown, bool thought,
                      struct chat_part *part)
{
    uint32_t value = values[PART_MEMBER_TEXT];
    if (!member_given(r->doc, value) && unknown > 0) {
        part->kind = PART_UNKNOWN;
        return true;
    }
    part->kind = thought ? PART_REASONING : PART_TEXT;
    if (!thought) { /* Google does not insist on it, and nobody else can read it */
        reader_odd(r, NULL, values[PART_MEMBER_SIGNATURE]);
    }
    part->text = thought ? SLICE_EMPTY : SLICE("");
    if (!member_given(r->doc, value) && !member_given(r->doc, values[PART_MEMBER_SIGNATURE]) &&
        !thought) {
        return reader_refuse_missing(r, "text");
    }
    return read_inner(r, value, "text", &part->text);
}

bool gemini_read_part(struct reader *r, uint32_t node, struct chat_part *part)
{
    uint32_t values[PART_NAMES];
    uint32_t found = PART_MEMBER_THOUGHT;
    size_t unknown;
    bool thought = false;
    part->raw = json_raw(r->doc, node);
    if (!gemini_members_read(r, node, NULL, &part_table, values, &unknown) ||
        !read_bool(r, values[PART_MEMBER_THOUGHT], "thought", &thought) ||
        !read_inner(r, values[PART_MEMBER_SIGNATURE], "thoughtSignature", &part->signature)) {
        return false;
    }
    for (uint32_t id = 0; id < PART_MEMBER_THOUGHT; id++) {
        if (!member_given(r->doc, values[id])) {
            continue;
        }
        if (found != PART_MEMBER_THOUGHT) {
            return reader_refuse(r, "conflicting_members", part_names[id].text.ptr,
                                 "A part has one kind of data only.");
        }
        found = id;
    }
    if (found == PART_MEMBER_TEXT || found == PART_MEMBER_THOUGHT) {
        return read_text(r, values, unknown, thought, part);
    }
    if (thought && found != PART_MEMBER_CALL) {
        part->kind = PART_REASONING;
        return true;
    }
    return read_data(r, found, values[found], part);
}

uint32_t gemini_result_of(const struct json_doc *doc, uint32_t part)
{
    uint32_t value = json_member(doc, part, SLICE("functionResponse"));
    return value != JSON_ABSENT ? value : json_member(doc, part, SLICE("function_response"));
}
