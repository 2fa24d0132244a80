/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edit lane: the client's own bytes with exactly these changes, each only when it changes
 * something:
 *   - a model's name in the body (the path names it already) becomes the target's, wherever it
 *     stands: `model`, `generateContentRequest.model`, `requests[].model`;
 *   - generationConfig.maxOutputTokens is lowered to the ceiling, or added when the client gave
 *     none;
 *   - a signature that the client dropped is put back (gemini_resign.c);
 *   - `sluice` is removed.
 */
#include "base/memory.h"
#include "dialect/edit.h"
#include "dialect/gemini.h"

#include <stdio.h>

#define NAME_MAX_BYTES ((size_t)64 * 1024)

struct gemini_editor {
    struct editor base;
    struct buf model; /* the target's name, with its prefix, as a JSON string */
    char member[64];  /* `,"maxOutputTokens":N` with a brace after it */
};

/* Does the value name another model than the target? A bare name is the target's as well. */
static bool names_other(const struct editor *e, uint32_t value)
{
    struct buf full = BUF_INIT(NAME_MAX_BYTES);
    gemini_append_model(&full, e->change->model, false);
    bool same = json_string_is(e->doc, value, e->change->model) ||
                json_string_is(e->doc, value, buf_slice(&full));
    buf_release(&full);
    return !same;
}

static void edit_model(struct gemini_editor *e, uint32_t object)
{
    uint32_t value = json_member(e->base.doc, object, SLICE("model"));
    if (value != JSON_ABSENT && e->base.change->model.ptr != NULL && names_other(&e->base, value)) {
        editor_replace(&e->base, value, buf_slice(&e->model));
    }
}

/* The client gave no limit: one is added, in an object of its own if there is none. */
static void add_tokens(struct gemini_editor *e, uint32_t config)
{
    int length = snprintf(e->member, sizeof e->member, ",\"maxOutputTokens\":%lld",
                          (long long)e->base.change->clamp_max_tokens);
    struct slice with_comma = slice_of(e->member, (size_t)length);
    if (json_is(e->base.doc, config, JSON_OBJECT)) {
        e->base.edits[e->base.count++] =
            json_edit_append(e->base.doc, config, slice_from(with_comma, 1), with_comma);
        e->base.changes++;
        return;
    }
    e->member[0] = '{';
    e->member[length] = '}';
    struct slice object = slice_of(e->member, (size_t)length + 1);
    if (config == JSON_ABSENT) {
        editor_add(&e->base, SLICE("generationConfig"), object);
    } else {
        editor_replace(&e->base, config, object); /* null */
    }
}

static void edit_tokens(struct gemini_editor *e, uint32_t config)
{
    const struct json_doc *doc = e->base.doc;
    int64_t clamp = e->base.change->clamp_max_tokens;
    int64_t tokens = 0;
    uint32_t values[CONFIG_NAMES];
    if (clamp <= 0) {
        return;
    }
    gemini_members_scan(doc, config, &gemini_config_members, values);
    uint32_t value = values[CONFIG_MAX_TOKENS];
    if (value == JSON_ABSENT) {
        add_tokens(e, config);
    } else if (!json_int64(doc, value, &tokens) || tokens > clamp) { /* null is no number */
        int length = snprintf(e->member, sizeof e->member, "%lld", (long long)clamp);
        editor_replace(&e->base, value, slice_of(e->member, (size_t)length));
    }
}

/* --- many inputs --- */

/* More names than an editor has room for. */
static bool edit_requests(struct gemini_editor *e, uint32_t requests, uint32_t sluice,
                          struct buf *out, size_t *ret_edits)
{
    const struct json_doc *doc = e->base.doc;
    size_t room = json_count(doc, requests) + 4;
    struct json_edit *edits = memory_array(room, sizeof *edits);
    size_t count = 0;
    if (edits == NULL) {
        return false;
    }
    for (uint32_t i = json_first(doc, requests); i != JSON_ABSENT;
         i = json_next(doc, requests, i)) {
        uint32_t value = json_member(doc, i, SLICE("model"));
        if (value != JSON_ABSENT && e->base.change->model.ptr != NULL &&
            names_other(&e->base, value)) {
            edits[count++] = (struct json_edit){doc->nodes[value].start, doc->nodes[value].end,
                                                buf_slice(&e->model)};
        }
    }
    *ret_edits = count;
    if (sluice != JSON_ABSENT) {
        uint32_t key = sluice - 1;
        count += json_edit_members(doc, JSON_ROOT, &key, 1, SLICE_EMPTY, &edits[count]);
        (*ret_edits)++;
    }
    json_edits_sort(edits, count);
    bool ok = json_splice(e->base.chat->body, edits, count, out);
    memory_free(edits);
    return ok;
}

/* As editor_finish(), with signatures; there may be more of them than an editor has room for. */
static bool finish_signed(struct gemini_editor *e, uint32_t contents, size_t signatures,
                          struct buf *out, size_t *ret_edits)
{
    struct editor *base = &e->base;
    size_t room = base->count + base->removed_count + 2 + signatures;
    struct json_edit *edits = memory_array(room, sizeof *edits);
    if (edits == NULL) {
        return false;
    }
    size_t count = gemini_resign(base->chat, base->change, contents, edits);
    memcpy(&edits[count], base->edits, base->count * sizeof *edits);
    count += base->count;
    if (base->removed_count > 0 || base->added.len > 0) {
        count += json_edit_members(base->doc, JSON_ROOT, base->removed, base->removed_count,
                                   buf_slice(&base->added), &edits[count]);
    }
    json_edits_sort(edits, count);
    bool ok = !base->added.failed && json_splice(base->chat->body, edits, count, out);
    *ret_edits = base->changes + signatures / GEMINI_RESIGN_EDITS;
    buf_release(&base->model);
    buf_release(&base->added);
    memory_free(edits);
    return ok;
}

static bool edit_chat(struct gemini_editor *e, const uint32_t *values, struct buf *out,
                      size_t *ret_edits)
{
    const struct chat *chat = e->base.chat;
    bool generates = chat->operation == OPERATION_CHAT || chat->operation == OPERATION_COMPLETION;
    edit_model(e, JSON_ROOT);
    edit_model(e, values[GEMINI_COUNTED]);
    if (generates) {
        edit_tokens(e, values[GEMINI_CONFIG]);
    }
    editor_remove(&e->base, values[GEMINI_SLUICE]);
    size_t signatures =
        generates ? gemini_resign(chat, e->base.change, values[GEMINI_CONTENTS], NULL) : 0;
    return signatures == 0 ? editor_finish(&e->base, out, ret_edits)
                           : finish_signed(e, values[GEMINI_CONTENTS], signatures, out, ret_edits);
}

bool gemini_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                 size_t *ret_edits)
{
    struct gemini_editor e;
    uint32_t values[GEMINI_NAMES];
    struct json_writer json;
    struct buf name = BUF_INIT(NAME_MAX_BYTES);
    editor_init(&e.base, chat, change);
    buf_init(&e.model, NAME_MAX_BYTES * 6);
    if (change->model.ptr != NULL) {
        gemini_append_model(&name, change->model, false);
    }
    json_writer_init(&json, &e.model);
    json_write_string(&json, buf_slice(&name));
    gemini_members_scan(chat->doc, JSON_ROOT, &gemini_members, values);
    bool batch = chat->operation == OPERATION_EMBEDDING &&
                 json_is(chat->doc, values[GEMINI_REQUESTS], JSON_ARRAY);
    bool ok =
        !name.failed && !e.model.failed &&
        (batch ? edit_requests(&e, values[GEMINI_REQUESTS], values[GEMINI_SLUICE], out, ret_edits)
               : edit_chat(&e, values, out, ret_edits));
    buf_release(&name);
    buf_release(&e.model);
    return ok;
}
