/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edit lane: the client's own bytes with exactly these changes, each only when it changes
 * something:
 *   - `model` becomes the target's name, in place, or is added when the client gave none;
 *   - max_tokens is lowered to the ceiling, or added when the client gave none, and with it a
 * budget for thinking that would no longer fit below it;
 *   - `sluice` and `models` are removed, and with drop_routing `provider`;
 *   - thoughts that bear our seal are removed (Anthropic did not think them and would refuse them);
 *     a turn that was nothing else goes with them.
 */
#include "dialect/anthropic.h"
#include "dialect/edit.h"

#include "base/memory.h"

#define DISABLED "{\"type\":\"disabled\"}"

struct anthropic_editor {
    struct editor base;
    uint32_t values[ANTHROPIC_MEMBERS];
    char tokens[24];
    char budget[24];
    struct json_edit *removals; /* of blocks and turns */
    size_t removal_count;
    size_t removal_cap;
    bool exhausted;
};

/* --- tokens --- */

static struct slice print_number(int64_t value, char *out, size_t size)
{
    struct buf text = BUF_INIT(24);
    buf_append_i64(&text, value);
    struct slice number = slice_of(out, text.len);
    slice_to_cstr(buf_slice(&text), out, size);
    buf_release(&text);
    return number;
}

static void edit_budget(struct anthropic_editor *e, int64_t max_tokens)
{
    uint32_t thinking = e->values[ANTHROPIC_THINKING];
    int64_t budget = anthropic_budget_below(e->base.chat, max_tokens);
    if (budget == e->base.chat->thinking_budget) {
        return;
    }
    if (budget == 0) {
        editor_replace(&e->base, thinking, SLICE(DISABLED));
        return;
    }
    editor_replace(&e->base, json_member(e->base.doc, thinking, SLICE("budget_tokens")),
                   print_number(budget, e->budget, sizeof e->budget));
}

static void edit_tokens(struct anthropic_editor *e)
{
    int64_t clamp = e->base.change->clamp_max_tokens;
    uint32_t value = e->values[ANTHROPIC_MAX_TOKENS];
    int64_t given = 0;
    if (clamp <= 0 || e->base.chat->operation == OPERATION_TOKEN_COUNT) {
        return;
    }
    bool has = member_given(e->base.doc, value) && json_int64(e->base.doc, value, &given);
    if (has && given <= clamp) {
        return;
    }
    struct slice tokens = print_number(clamp, e->tokens, sizeof e->tokens);
    if (value == JSON_ABSENT) {
        editor_add(&e->base, SLICE("max_tokens"), tokens);
    } else {
        editor_replace(&e->base, value, tokens);
    }
    edit_budget(e, clamp);
}

/* --- thoughts of others --- */

static bool is_ours(const struct json_doc *doc, uint32_t block)
{
    uint32_t type = json_member(doc, block, SLICE("type"));
    uint32_t signature = json_member(doc, block, SLICE("signature"));
    return json_is(doc, signature, JSON_STRING) &&
           slice_starts(json_inner(doc, signature), SLICE(ANTHROPIC_SEAL)) &&
           json_string_is(doc, type, SLICE("thinking"));
}

static size_t count_ours(const struct json_doc *doc, uint32_t content)
{
    size_t count = 0;
    for (uint32_t i = json_first(doc, content); i != JSON_ABSENT; i = json_next(doc, content, i)) {
        count += is_ours(doc, i) ? 1 : 0;
    }
    return count;
}

static void push_removal(struct anthropic_editor *e, uint32_t start, uint32_t end)
{
    if (e->removal_count == e->removal_cap) {
        size_t cap = e->removal_cap == 0 ? 16 : e->removal_cap * 2;
        struct json_edit *removals = memory_resize(e->removals, cap * sizeof *removals);
        if (removals == NULL) {
            e->exhausted = true;
            return;
        }
        e->removals = removals;
        e->removal_cap = cap;
    }
    e->removals[e->removal_count++] = (struct json_edit){start, end, SLICE_EMPTY};
    e->base.changes++;
}

/* An element of an array with the comma that goes with it: the one before it, or, while nothing
   before it stays, the one after it. */
static void remove_element(struct anthropic_editor *e, uint32_t array, uint32_t element,
                           uint32_t before, bool any_kept)
{
    const struct json_doc *doc = e->base.doc;
    uint32_t next = json_next(doc, array, element);
    if (any_kept) {
        push_removal(e, doc->nodes[before].end, doc->nodes[element].end);
    } else {
        push_removal(e, doc->nodes[element].start,
                     next == JSON_ABSENT ? doc->nodes[element].end : doc->nodes[next].start);
    }
}

static void remove_blocks(struct anthropic_editor *e, uint32_t content)
{
    const struct json_doc *doc = e->base.doc;
    uint32_t before = JSON_ABSENT;
    bool any_kept = false;
    for (uint32_t i = json_first(doc, content); i != JSON_ABSENT; i = json_next(doc, content, i)) {
        if (is_ours(doc, i)) {
            remove_element(e, content, i, before, any_kept);
        } else {
            any_kept = true;
        }
        before = i;
    }
}

static void edit_thoughts(struct anthropic_editor *e)
{
    const struct json_doc *doc = e->base.doc;
    uint32_t messages = e->values[ANTHROPIC_MESSAGES];
    uint32_t before = JSON_ABSENT;
    bool any_kept = false;
    for (uint32_t i = json_first(doc, messages); i != JSON_ABSENT;
         before = i, i = json_next(doc, messages, i)) {
        uint32_t content = json_member(doc, i, SLICE("content"));
        size_t ours = json_is(doc, content, JSON_ARRAY) ? count_ours(doc, content) : 0;
        if (ours > 0 && ours == json_count(doc, content)) {
            remove_element(e, messages, i, before, any_kept);
            continue;
        }
        any_kept = true;
        if (ours > 0) {
            remove_blocks(e, content);
        }
    }
}

static bool has_ours(const struct chat *chat)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            if (part->kind == PART_REASONING &&
                slice_starts(part->signature, SLICE(ANTHROPIC_SEAL))) {
                return true;
            }
        }
    }
    return false;
}

bool anthropic_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                    size_t *ret_edits)
{
    bool ours = has_ours(chat);
    if (!ours && edit_is_model_only(chat, change)) {
        return edit_model_only(chat, change, out, ret_edits);
    }
    struct anthropic_editor e;
    editor_init(&e.base, chat, change);
    e.removals = NULL;
    e.removal_count = 0;
    e.removal_cap = 0;
    e.exhausted = false;
    members_scan(chat->doc, JSON_ROOT, &anthropic_members, e.values);
    editor_model(&e.base, e.values[ANTHROPIC_MODEL]);
    edit_tokens(&e);
    editor_remove(&e.base, e.values[ANTHROPIC_SLUICE]);
    editor_remove(&e.base, e.values[ANTHROPIC_MODELS]);
    if (change->drop_routing) {
        editor_remove(&e.base, e.values[ANTHROPIC_PROVIDER]);
    }
    if (ours) {
        edit_thoughts(&e);
    }
    bool ok = editor_finish_with(&e.base, e.removals, e.removal_count, out, ret_edits);
    memory_free(e.removals);
    return ok && !e.exhausted;
}
