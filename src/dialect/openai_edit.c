/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edit lane: the client's own bytes with exactly these changes, each only when it changes
 * something:
 *   - `model` becomes the target's name, in place, or is added when the client gave none;
 *   - `stream_options.include_usage` becomes true in a stream whose usage we need;
 *   - max_tokens / max_completion_tokens are lowered to the ceiling, or one is added when the
 * client gave none;
 *   - `sluice` and `models` are removed (a provider that obeyed `models` could answer with a dearer
 * model than the one that money is held for), and with drop_routing OpenRouter's `provider` and
 * `session_id`;
 *   - reasoning_content is put back into turns with calls, for vendors that want it
 * (openai_replay.c).
 */
#include "base/memory.h"
#include "dialect/edit.h"
#include "dialect/openai.h"

struct openai_editor {
    struct editor base;
    uint32_t values[MEMBER_COUNT];
    char tokens[24];
    size_t tokens_length;
};

static void edit_usage(struct openai_editor *e)
{
    if (!e->base.chat->stream || !e->base.change->add_usage || e->base.chat->include_usage) {
        return;
    }
    uint32_t options = e->values[MEMBER_STREAM_OPTIONS];
    if (options == JSON_ABSENT) {
        editor_add(&e->base, SLICE("stream_options"), SLICE("{\"include_usage\":true}"));
        return;
    }
    if (!json_is(e->base.doc, options, JSON_OBJECT)) {
        editor_replace(&e->base, options, SLICE("{\"include_usage\":true}"));
        return;
    }
    uint32_t flag = json_member(e->base.doc, options, SLICE("include_usage"));
    if (flag != JSON_ABSENT) {
        editor_replace(&e->base, flag, SLICE("true"));
        return;
    }
    e->base.edits[e->base.count++] = json_edit_append(
        e->base.doc, options, SLICE("\"include_usage\":true"), SLICE(",\"include_usage\":true"));
    e->base.changes++;
}

/* True when the member gives a limit (that is now low enough). */
static bool clamp(struct openai_editor *e, enum openai_member member)
{
    uint32_t value = e->values[member];
    int64_t tokens = 0;
    if (!member_given(e->base.doc, value) || !json_int64(e->base.doc, value, &tokens)) {
        return false;
    }
    if (tokens > e->base.change->clamp_max_tokens) {
        editor_replace(&e->base, value, slice_of(e->tokens, e->tokens_length));
    }
    return true;
}

static void edit_tokens(struct openai_editor *e)
{
    if (e->base.change->clamp_max_tokens <= 0) {
        return;
    }
    struct buf text = BUF_INIT(sizeof e->tokens);
    buf_append_i64(&text, e->base.change->clamp_max_tokens);
    slice_to_cstr(buf_slice(&text), e->tokens, sizeof e->tokens);
    e->tokens_length = text.len;
    e->base.added.failed = e->base.added.failed || text.failed;
    buf_release(&text);
    bool older = clamp(e, MEMBER_MAX_TOKENS);
    bool newer = clamp(e, MEMBER_MAX_COMPLETION_TOKENS);
    if (older || newer) {
        return;
    }
    bool wants_newer =
        e->base.change->max_completion_tokens && e->base.chat->operation == OPERATION_CHAT;
    enum openai_member member = wants_newer ? MEMBER_MAX_COMPLETION_TOKENS : MEMBER_MAX_TOKENS;
    struct slice tokens = slice_of(e->tokens, e->tokens_length);
    if (e->values[member] != JSON_ABSENT) {
        editor_replace(&e->base, e->values[member], tokens); /* null */
    } else {
        editor_add(&e->base, openai_members.names[member].text, tokens);
    }
}

static void edit_removals(struct openai_editor *e)
{
    editor_remove(&e->base, e->values[MEMBER_SLUICE]);
    editor_remove(&e->base, e->values[MEMBER_MODELS]);
    if (e->base.change->drop_routing) {
        editor_remove(&e->base, e->values[MEMBER_PROVIDER]);
        editor_remove(&e->base, e->values[MEMBER_SESSION_ID]);
    }
}

bool openai_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                 size_t *ret_edits)
{
    bool replays = openai_replay_wanted(chat, change);
    if (!replays && edit_is_model_only(chat, change)) {
        return edit_model_only(chat, change, out, ret_edits);
    }
    struct openai_editor e;
    struct json_edit *thoughts = NULL;
    size_t thought_count = 0;
    editor_init(&e.base, chat, change);
    e.tokens_length = 0;
    members_scan(chat->doc, JSON_ROOT, &openai_members, e.values);
    editor_model(&e.base, e.values[MEMBER_MODEL]);
    edit_usage(&e);
    edit_tokens(&e);
    edit_removals(&e);
    bool ok = !replays ||
              openai_replay(chat, change, e.values[MEMBER_MESSAGES], &thoughts, &thought_count);
    e.base.changes += thought_count / OPENAI_REPLAY_EDITS;
    ok = editor_finish_with(&e.base, thoughts, thought_count, out, ret_edits) && ok;
    memory_free(thoughts);
    return ok;
}
