/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/outside.h"

#include "dialect/dialect.h"

static const struct {
    const char *key;
    enum outside what;
} members[] = {
    {"web_search_options", OUTSIDE_TOOLS}, {"mcp_servers", OUTSIDE_TOOLS},
    {"search_parameters", OUTSIDE_TOOLS},  {"plugins", OUTSIDE_TOOLS},
    {"prompt", OUTSIDE_CONTEXT},           {"conversation", OUTSIDE_CONTEXT},
    {"cachedContent", OUTSIDE_CONTEXT},    {"cached_content", OUTSIDE_CONTEXT},
    {"container", OUTSIDE_CONTEXT},        {"context_management", OUTSIDE_CONTEXT},
};

/* The client runs these and sends what came of them. */
static const char *const own_tools[] = {
    "\"bash_",       "\"text_editor_", "\"computer",   "\"memory_",
    "\"local_shell", "\"apply_patch",  "\"function\"", "\"custom\"",
};

static unsigned outside_members(const struct chat_extra *extras, size_t count)
{
    unsigned found = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t m = 0; m < ARRAY_LEN(members); m++) {
            if (slice_eq(extras[i].key, slice_from_cstr(members[m].key)) &&
                !slice_eq(extras[i].value, SLICE("null"))) {
                found |= members[m].what;
            }
        }
    }
    return found;
}

/* A tool of a vendor's own whose type is one of those that clients run; a second "type" could be
 * the one that counts. */
static bool is_own_tool(struct slice raw)
{
    size_t at = slice_find_slice(raw, SLICE("\"type\""));
    if (at == SIZE_MAX) {
        return false;
    }
    struct slice rest = slice_from(raw, at + 6);
    bool once = slice_find_slice(rest, SLICE("\"type\"")) == SIZE_MAX;
    struct slice value = slice_trim(rest);
    if (!once || value.len == 0 || value.ptr[0] != ':') {
        return false;
    }
    value = slice_trim(slice_from(value, 1));
    for (size_t i = 0; i < ARRAY_LEN(own_tools); i++) {
        if (slice_starts(value, slice_from_cstr(own_tools[i]))) {
            return true;
        }
    }
    return false;
}

/* A part or an item that the reader does not know: does it name anything? */
static unsigned outside_raw(struct slice raw)
{
    static const char *const names[] = {
        "url", "uri", "Uri", "file_id", "fileId", "video", "item_reference", "container"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_find_slice(raw, slice_from_cstr(names[i])) != SIZE_MAX) {
            return OUTSIDE_MEDIA;
        }
    }
    return 0;
}

static unsigned outside_part(const struct chat *chat, const struct chat_part *part)
{
    bool named = part->url.len > 0 || part->file_id.len > 0;
    switch (part->kind) {
    case PART_IMAGE:
        return named && chat->dialect == DIALECT_GEMINI ? OUTSIDE_MEDIA : 0;
    case PART_AUDIO:
        return named || part->data.len == 0 ? OUTSIDE_MEDIA : 0;
    case PART_FILE:
        return OUTSIDE_MEDIA;
    case PART_UNKNOWN:
        return outside_raw(part->raw);
    case PART_TEXT:
    case PART_REASONING:
    case PART_REFUSAL:
    case PART_TOOL_CALL:
    case PART_TOOL_RESULT:
        break;
    }
    return 0;
}

unsigned chat_outside(const struct chat *chat)
{
    unsigned found = outside_members(chat->extras, chat->extra_count);
    found |= chat->previous.len > 0 ? OUTSIDE_CONTEXT : 0;
    for (size_t i = 0; i < chat->tool_count; i++) {
        const struct chat_tool *tool = &chat->tools[i];
        found |= tool->kind == TOOL_OTHER && !is_own_tool(tool->raw) ? OUTSIDE_TOOLS : 0;
    }
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        for (size_t p = 0; p < message->part_count; p++) {
            found |= outside_part(chat, &message->parts[p]);
            /* as the reader of Responses keeps "prompt" and "conversation" */
            found |= chat->dialect == DIALECT_OPENAI_RESPONSES && message->role == ROLE_DEVELOPER &&
                             message->parts[p].kind == PART_UNKNOWN
                         ? OUTSIDE_CONTEXT
                         : 0;
        }
        found |= outside_members(message->extras, message->extra_count);
        for (size_t e = 0; e < message->extra_count; e++) {
            found |= outside_raw(message->extras[e].value);
        }
    }
    return found;
}

const char *outside_words(unsigned outside)
{
    return (outside & OUTSIDE_TOOLS) != 0     ? "tools that the provider runs"
           : (outside & OUTSIDE_CONTEXT) != 0 ? "context that the provider keeps"
                                              : "files, or video";
}
