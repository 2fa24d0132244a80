/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/tool_name.h"

#include "base/hash.h"
#include "base/memory.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "dialect/inner.h"

#define NAMES_MAX ((size_t)1 << 20)
#define ARGUMENTS_MAX ((size_t)64 << 20)
#define HASH_DIGITS 16u

struct slice tool_name_flat(struct arena *arena, struct slice space, struct slice name)
{
    struct slice joint = slice_ends(space, SLICE("__")) ? SLICE("") : SLICE("__");
    struct slice whole =
        arena_printf(arena, "%.*s%.*s%.*s", SLICE_ARG(space), SLICE_ARG(joint), SLICE_ARG(name));
    if (whole.len <= TOOL_NAME_MAX) {
        return whole;
    }
    size_t kept = TOOL_NAME_MAX - HASH_DIGITS - 1;
    while (kept > 0 && ((unsigned char)whole.ptr[kept] & 0xC0) == 0x80) {
        kept--; /* not in the middle of a character */
    }
    struct slice escape = slice_of(whole.ptr, kept);
    size_t backslash = slice_find(escape, '\\');
    kept = backslash < kept ? backslash : kept; /* nor of an escape */
    return arena_printf(arena, "%.*s_%016llx", (int)kept, whole.ptr,
                        (unsigned long long)hash_stable(whole));
}

const struct slice custom_tool_parameters =
    SLICE_INIT("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
               "\"required\":[\"input\"]}");

void custom_write_arguments(struct buf *out, struct slice input)
{
    buf_append(out, SLICE("{\"input\":\""));
    buf_append(out, input);
    buf_append(out, SLICE("\"}"));
}

bool custom_read_arguments(struct slice arguments, struct buf *out)
{
    struct buf text = BUF_INIT(ARGUMENTS_MAX);
    struct json_doc doc;
    uint32_t input = JSON_ABSENT;
    json_doc_init(&doc);
    bool parsed = json_unescape(arguments, &text) &&
                  json_parse(&doc, buf_slice(&text), &json_default_limits, NULL);
    if (parsed) {
        input = json_member(&doc, JSON_ROOT, SLICE("input"));
    }
    buf_append(out, json_is(&doc, input, JSON_STRING) ? json_inner(&doc, input) : arguments);
    out->failed = out->failed || text.failed;
    json_doc_release(&doc);
    buf_release(&text);
    return !out->failed;
}

/* --- the tools of a request --- */

/* Spans of `bytes`: the flat name, the client's own, the namespace. */
struct tool_entry {
    uint64_t hash;
    size_t start;
    size_t flat;
    size_t own;
    size_t space;
    bool custom;
};

static bool is_special(const struct chat_tool *tool)
{
    return tool->name.ptr != NULL && (tool->kind == TOOL_CUSTOM || tool->space.ptr != NULL);
}

static void entry_add(struct tool_names *names, const struct chat_tool *tool)
{
    struct slice own = tool->space.ptr != NULL ? tool->own_name : tool->name;
    names->entries[names->count++] = (struct tool_entry){
        .hash = inner_hash(tool->name),
        .start = names->bytes.len,
        .flat = tool->name.len,
        .own = own.len,
        .space = tool->space.len,
        .custom = tool->kind == TOOL_CUSTOM,
    };
    buf_append(&names->bytes, tool->name);
    buf_append(&names->bytes, own);
    buf_append(&names->bytes, tool->space);
}

bool tool_names_init(struct tool_names *names, const struct chat *chat)
{
    *names = (struct tool_names){.bytes = BUF_INIT(NAMES_MAX)};
    size_t count = 0;
    for (size_t i = 0; chat != NULL && i < chat->tool_count; i++) {
        count += is_special(&chat->tools[i]) ? 1 : 0;
    }
    if (count == 0) {
        return true;
    }
    names->entries = memory_array(count, sizeof *names->entries);
    if (names->entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < chat->tool_count && !names->bytes.failed; i++) {
        if (is_special(&chat->tools[i])) {
            entry_add(names, &chat->tools[i]);
        }
    }
    return !names->bytes.failed;
}

void tool_names_release(struct tool_names *names)
{
    buf_release(&names->bytes);
    memory_free(names->entries);
    names->entries = NULL;
    names->count = 0;
}

bool tool_names_find(const struct tool_names *names, struct slice name, struct tool_name *ret_name)
{
    uint64_t hash = names->count > 0 ? inner_hash(name) : 0;
    for (size_t i = 0; i < names->count; i++) {
        const struct tool_entry *entry = &names->entries[i];
        const char *at = names->bytes.ptr + entry->start;
        if (entry->hash != hash || !inner_equals(slice_of(at, entry->flat), name)) {
            continue;
        }
        const char *space = at + entry->flat + entry->own;
        *ret_name = (struct tool_name){
            .name = slice_of(at + entry->flat, entry->own),
            .space = entry->space > 0 ? slice_of(space, entry->space) : SLICE_EMPTY,
            .custom = entry->custom,
        };
        return true;
    }
    return false;
}
