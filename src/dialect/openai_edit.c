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
 * `session_id`.
 */
#include "dialect/openai.h"

/* model, two token limits, usage; and four removals, one place for what is added (comma and
 * members). */
#define VALUE_EDITS_MAX 4u
#define REMOVALS_MAX 4u
#define EDITS_MAX (VALUE_EDITS_MAX + REMOVALS_MAX + 2u)
#define ADDED_MAX ((size_t)64 * 1024)

struct editor {
    const struct chat *chat;
    const struct json_doc *doc;
    const struct request_change *change;
    uint32_t values[MEMBER_COUNT];
    struct json_edit edits[EDITS_MAX];
    size_t count;
    size_t changes;   /* as the caller counts them */
    struct buf model; /* the target's name as a JSON string */
    struct buf added; /* members for the end of the object */
    char tokens[24];
    size_t tokens_length;
};

static void replace(struct editor *e, uint32_t value, struct slice with)
{
    CHECK(e->count < VALUE_EDITS_MAX);
    const struct json_node *node = &e->doc->nodes[value];
    e->edits[e->count++] = (struct json_edit){node->start, node->end, with};
    e->changes++;
}

static void add(struct editor *e, struct slice key, struct slice value)
{
    if (e->added.len > 0) {
        buf_append_char(&e->added, ',');
    }
    buf_append_char(&e->added, '"');
    buf_append(&e->added, key);
    buf_append(&e->added, SLICE("\":"));
    buf_append(&e->added, value);
    e->changes++;
}

static struct slice model_text(struct editor *e)
{
    if (e->change->model_json.ptr != NULL) {
        return e->change->model_json;
    }
    buf_append_char(&e->model, '"');
    json_escape(e->change->model, &e->model);
    buf_append_char(&e->model, '"');
    return buf_slice(&e->model);
}

static void edit_model(struct editor *e)
{
    uint32_t value = e->values[MEMBER_MODEL];
    if (e->change->model.ptr == NULL || json_string_is(e->doc, value, e->change->model)) {
        return;
    }
    if (value == JSON_ABSENT) {
        add(e, SLICE("model"), model_text(e));
    } else {
        replace(e, value, model_text(e));
    }
}

static void edit_usage(struct editor *e)
{
    if (!e->chat->stream || !e->change->add_usage || e->chat->include_usage) {
        return;
    }
    uint32_t options = e->values[MEMBER_STREAM_OPTIONS];
    if (options == JSON_ABSENT) {
        add(e, SLICE("stream_options"), SLICE("{\"include_usage\":true}"));
        return;
    }
    if (!json_is(e->doc, options, JSON_OBJECT)) {
        replace(e, options, SLICE("{\"include_usage\":true}"));
        return;
    }
    uint32_t flag = json_member(e->doc, options, SLICE("include_usage"));
    if (flag != JSON_ABSENT) {
        replace(e, flag, SLICE("true"));
        return;
    }
    e->edits[e->count++] = json_edit_append(e->doc, options, SLICE("\"include_usage\":true"),
                                            SLICE(",\"include_usage\":true"));
    e->changes++;
}

/* True when the member gives a limit (that is now low enough). */
static bool clamp(struct editor *e, enum openai_member member)
{
    uint32_t value = e->values[member];
    int64_t tokens = 0;
    if (!member_given(e->doc, value) || !json_int64(e->doc, value, &tokens)) {
        return false;
    }
    if (tokens > e->change->clamp_max_tokens) {
        replace(e, value, slice_of(e->tokens, e->tokens_length));
    }
    return true;
}

static void edit_tokens(struct editor *e)
{
    if (e->change->clamp_max_tokens <= 0) {
        return;
    }
    struct buf text = BUF_INIT(sizeof e->tokens);
    buf_append_i64(&text, e->change->clamp_max_tokens);
    slice_to_cstr(buf_slice(&text), e->tokens, sizeof e->tokens);
    e->tokens_length = text.len;
    e->added.failed = e->added.failed || text.failed;
    buf_release(&text);
    bool older = clamp(e, MEMBER_MAX_TOKENS);
    bool newer = clamp(e, MEMBER_MAX_COMPLETION_TOKENS);
    if (older || newer) {
        return;
    }
    bool wants_newer = e->change->max_completion_tokens && e->chat->operation == OPERATION_CHAT;
    enum openai_member member = wants_newer ? MEMBER_MAX_COMPLETION_TOKENS : MEMBER_MAX_TOKENS;
    struct slice tokens = slice_of(e->tokens, e->tokens_length);
    if (e->values[member] != JSON_ABSENT) {
        replace(e, e->values[member], tokens); /* null */
    } else {
        add(e, openai_members.names[member].text, tokens);
    }
}

static size_t collect_removals(struct editor *e, uint32_t *keys)
{
    const enum openai_member members[REMOVALS_MAX] = {MEMBER_SLUICE, MEMBER_MODELS, MEMBER_PROVIDER,
                                                      MEMBER_SESSION_ID};
    size_t members_count = e->change->drop_routing ? REMOVALS_MAX : 2;
    size_t count = 0;
    for (size_t i = 0; i < members_count; i++) {
        uint32_t value = e->values[members[i]];
        if (value == JSON_ABSENT) {
            continue;
        }
        size_t at = count++;
        for (; at > 0 && keys[at - 1] > value - 1; at--) {
            keys[at] = keys[at - 1];
        }
        keys[at] = value - 1;
    }
    return count;
}

/* Is the model's name the only thing that may change, as in most requests? Then there is no need to
   look for the others, and the chat says where it stands. */
static bool only_model(const struct chat *chat, const struct request_change *change)
{
    return chat->model.ptr != NULL && change->model.ptr != NULL && change->model_json.ptr != NULL &&
           change->clamp_max_tokens <= 0 && !chat->policy_given &&
           !(change->add_usage && chat->stream && !chat->include_usage);
}

static bool edit_only_model(const struct chat *chat, const struct request_change *change,
                            struct buf *out, size_t *ret_edits)
{
    uint32_t quote = (uint32_t)(chat->model.ptr - chat->body.ptr) - 1;
    const struct json_edit edit = {quote, quote + (uint32_t)chat->model.len + 2,
                                   change->model_json};
    *ret_edits = json_inner_is(chat->model, change->model) ? 0 : 1;
    return json_splice(chat->body, &edit, *ret_edits, out);
}

bool openai_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                 size_t *ret_edits)
{
    if (only_model(chat, change)) {
        return edit_only_model(chat, change, out, ret_edits);
    }
    struct editor e UNINITIALIZED;
    uint32_t removed[REMOVALS_MAX];
    e.chat = chat;
    e.doc = chat->doc;
    e.change = change;
    e.count = 0;
    e.changes = 0;
    e.tokens_length = 0;
    buf_init(&e.model, ADDED_MAX);
    buf_init(&e.added, ADDED_MAX);
    members_scan(e.doc, JSON_ROOT, &openai_members, e.values);
    edit_model(&e);
    edit_usage(&e);
    edit_tokens(&e);
    size_t removals = collect_removals(&e, removed);
    if (removals > 0 || e.added.len > 0) {
        e.changes += removals;
        e.count += json_edit_members(e.doc, JSON_ROOT, removed, removals, buf_slice(&e.added),
                                     &e.edits[e.count]);
    }
    json_edits_sort(e.edits, e.count);
    bool ok = !e.model.failed && !e.added.failed && json_splice(chat->body, e.edits, e.count, out);
    *ret_edits = e.changes;
    buf_release(&e.model);
    buf_release(&e.added);
    return ok;
}
