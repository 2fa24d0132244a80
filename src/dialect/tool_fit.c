/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/tool_fit.h"

#include "base/hash.h"
#include "base/memory.h"
#include "dialect/inner.h"

#define NAMES_MAX ((size_t)256 << 20) /* they come of one request */
#define HASH_DIGITS 16u

/* Spans of `bytes`: the name as told, then the client's. */
struct fitted {
    size_t start;
    size_t told;
    size_t own;
};

struct tool_fit {
    struct fitted *entries;
    size_t count;
    struct buf bytes;
    struct event *events; /* of the frame that was turned back last */
    size_t event_cap;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_taken(const struct dialect *dialect, char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') ||
           slice_find(dialect->tool_name_marks, c) < dialect->tool_name_marks.len;
}

static bool begins_well(const struct dialect *dialect, char c)
{
    return !dialect->tool_name_letter_first || is_letter(c) || c == '_';
}

bool tool_name_fits(const struct dialect *dialect, struct slice name)
{
    if (dialect->tool_name_max == 0 || name.len == 0) {
        return true;
    }
    bool fits = name.len <= dialect->tool_name_max && begins_well(dialect, name.ptr[0]);
    for (size_t i = 0; fits && i < name.len; i++) {
        fits = is_taken(dialect, name.ptr[i]);
    }
    return fits;
}

/* A run of other letters becomes one mark. */
static size_t keep_letters(const struct dialect *dialect, struct slice plain, char *out,
                           size_t room)
{
    size_t length = 0;
    if (plain.len > 0 && !begins_well(dialect, plain.ptr[0])) {
        out[length++] = '_';
    }
    for (size_t i = 0; i < plain.len && length < room; i++) {
        bool taken = is_taken(dialect, plain.ptr[i]);
        if (taken || length == 0 || out[length - 1] != '_') {
            out[length++] = taken ? plain.ptr[i] : '_';
        }
    }
    return length;
}

struct slice tool_name_fit(const struct dialect *dialect, struct slice name, struct arena *arena)
{
    char kept[256];
    if (tool_name_fits(dialect, name)) {
        return name;
    }
    struct buf plain = BUF_INIT(name.len); /* unescaped it is not longer */
    struct slice fit = SLICE_EMPTY;
    if (json_unescape(name, &plain)) {
        size_t room = dialect->tool_name_max - HASH_DIGITS - 1;
        room = room < sizeof kept ? room : sizeof kept;
        size_t length = keep_letters(dialect, buf_slice(&plain), kept, room);
        fit = arena_printf(arena, "%.*s_%016llx", (int)length, kept,
                           (unsigned long long)hash_stable(buf_slice(&plain)));
    }
    buf_release(&plain);
    return fit;
}

/* --- the request --- */

static bool part_fits(const struct dialect *target, const struct chat_part *part)
{
    bool named = part->kind == PART_TOOL_CALL || part->kind == PART_TOOL_RESULT;
    return !named || tool_name_fits(target, part->name);
}

static bool all_fit(const struct chat *chat, const struct dialect *target)
{
    bool fit = tool_name_fits(target, chat->tool_choice_name);
    for (size_t i = 0; fit && i < chat->tool_count; i++) {
        fit = tool_name_fits(target, chat->tools[i].name);
    }
    for (size_t i = 0; fit && i < chat->message_count; i++) {
        for (size_t j = 0; fit && j < chat->messages[i].part_count; j++) {
            fit = part_fits(target, &chat->messages[i].parts[j]);
        }
    }
    return fit;
}

static bool rename(const struct dialect *target, struct arena *arena, struct slice *name)
{
    struct slice fit = tool_name_fit(target, *name, arena);
    bool made = fit.ptr != NULL || name->len == 0;
    *name = fit;
    return made;
}

static bool rename_tools(struct chat *chat, const struct dialect *target, struct arena *arena)
{
    struct chat_tool *tools = arena_array(arena, chat->tool_count + 1, sizeof *tools);
    if (tools == NULL) {
        return false;
    }
    for (size_t i = 0; i < chat->tool_count; i++) {
        tools[i] = chat->tools[i];
    }
    chat->tools = tools;
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (!rename(target, arena, &tools[i].name)) {
            return false;
        }
    }
    return true;
}

static bool rename_parts(struct chat_message *message, const struct dialect *target,
                         struct arena *arena)
{
    struct chat_part *parts = arena_array(arena, message->part_count, sizeof *parts);
    if (parts == NULL) {
        return false;
    }
    memcpy(parts, message->parts, message->part_count * sizeof *parts);
    message->parts = parts;
    for (size_t i = 0; i < message->part_count; i++) {
        if (!part_fits(target, &parts[i]) && !rename(target, arena, &parts[i].name)) {
            return false;
        }
    }
    return true;
}

static bool rename_messages(struct chat *chat, const struct dialect *target, struct arena *arena)
{
    struct chat_message *messages = arena_array(arena, chat->message_count + 1, sizeof *messages);
    if (messages == NULL) {
        return false;
    }
    for (size_t i = 0; i < chat->message_count; i++) {
        messages[i] = chat->messages[i];
    }
    chat->messages = messages;
    for (size_t i = 0; i < chat->message_count; i++) {
        bool fits = true;
        for (size_t j = 0; j < messages[i].part_count; j++) {
            fits = fits && part_fits(target, &messages[i].parts[j]);
        }
        if (!fits && !rename_parts(&messages[i], target, arena)) {
            return false;
        }
    }
    return true;
}

/* --- the answer --- */

static struct tool_fit *fit_new(const struct chat_tool *tools, const struct chat_tool *told,
                                size_t count)
{
    struct tool_fit *fit = memory_array(1, sizeof *fit);
    if (fit == NULL) {
        return NULL;
    }
    buf_init(&fit->bytes, NAMES_MAX);
    fit->entries = memory_array(count + 1, sizeof *fit->entries);
    for (size_t i = 0; fit->entries != NULL && i < count; i++) {
        if (tools[i].name.ptr == told[i].name.ptr) {
            continue;
        }
        fit->entries[fit->count++] =
            (struct fitted){fit->bytes.len, told[i].name.len, tools[i].name.len};
        buf_append(&fit->bytes, told[i].name);
        buf_append(&fit->bytes, tools[i].name);
    }
    if (fit->entries == NULL || fit->bytes.failed) {
        tool_fit_free(fit);
        return NULL;
    }
    return fit;
}

bool tool_fit_rewrite(struct chat *chat, const struct dialect *target, struct arena *arena,
                      struct tool_fit **ret_fit)
{
    const struct chat_tool *tools = chat->tools;
    *ret_fit = NULL;
    if (target->tool_name_max == 0 || all_fit(chat, target)) {
        return true;
    }
    if (!rename_tools(chat, target, arena) || !rename_messages(chat, target, arena) ||
        !rename(target, arena, &chat->tool_choice_name)) {
        return false;
    }
    *ret_fit = fit_new(tools, chat->tools, chat->tool_count);
    return *ret_fit != NULL;
}

/* The client's name of a tool that is told so; or the name itself. */
static struct slice own_name(const struct tool_fit *fit, struct slice name)
{
    for (size_t i = 0; i < fit->count; i++) {
        const struct fitted *entry = &fit->entries[i];
        const char *at = fit->bytes.ptr + entry->start;
        if (inner_equals(slice_of(at, entry->told), name)) {
            return slice_of(at + entry->told, entry->own);
        }
    }
    return name;
}

static bool copy_events(struct tool_fit *fit, const struct frame *frame)
{
    if (frame->count > fit->event_cap) {
        struct event *events = memory_resize(fit->events, frame->count * sizeof *events);
        if (events == NULL) {
            return false;
        }
        fit->events = events;
        fit->event_cap = frame->count;
    }
    memcpy(fit->events, frame->events, frame->count * sizeof *fit->events);
    return true;
}

bool tool_fit_frame(struct tool_fit *fit, const struct frame *frame, struct frame *ret_frame)
{
    size_t first = 0;
    while (first < frame->count && frame->events[first].kind != EVENT_TOOL_CALL) {
        first++;
    }
    *ret_frame = *frame;
    if (first == frame->count) {
        return true;
    }
    if (!copy_events(fit, frame)) {
        return false;
    }
    for (size_t i = first; i < frame->count; i++) {
        if (fit->events[i].kind == EVENT_TOOL_CALL) {
            fit->events[i].name = own_name(fit, fit->events[i].name);
        }
    }
    ret_frame->events = fit->events;
    return true;
}

void tool_fit_free(struct tool_fit *fit)
{
    if (fit != NULL) {
        memory_free(fit->entries);
        memory_free(fit->events);
        buf_release(&fit->bytes);
        memory_free(fit);
    }
}
