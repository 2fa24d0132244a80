/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/edit.h"

#include "base/memory.h"

#define ADDED_MAX ((size_t)64 * 1024)

void editor_init(struct editor *e, const struct chat *chat, const struct request_change *change)
{
    e->chat = chat;
    e->doc = chat->doc;
    e->change = change;
    e->count = 0;
    e->changes = 0;
    e->removed_count = 0;
    buf_init(&e->model, ADDED_MAX);
    buf_init(&e->added, ADDED_MAX);
}

void editor_replace(struct editor *e, uint32_t value, struct slice with)
{
    CHECK(e->count < EDIT_VALUES_MAX);
    const struct json_node *node = &e->doc->nodes[value];
    e->edits[e->count++] = (struct json_edit){node->start, node->end, with};
    e->changes++;
}

void editor_add(struct editor *e, struct slice key, struct slice value)
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

void editor_remove(struct editor *e, uint32_t value)
{
    if (value == JSON_ABSENT) {
        return;
    }
    CHECK(e->removed_count < EDIT_REMOVALS_MAX);
    size_t at = e->removed_count++;
    for (; at > 0 && e->removed[at - 1] > value - 1; at--) {
        e->removed[at] = e->removed[at - 1];
    }
    e->removed[at] = value - 1;
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

void editor_model(struct editor *e, uint32_t value)
{
    if (e->change->model.ptr == NULL || json_string_is(e->doc, value, e->change->model)) {
        return;
    }
    if (value == JSON_ABSENT) {
        editor_add(e, SLICE("model"), model_text(e));
    } else {
        editor_replace(e, value, model_text(e));
    }
}

/* Two sorted lists as one, and the body with it. */
static bool splice_both(const struct editor *e, const struct json_edit *more, size_t more_count,
                        struct buf *out)
{
    struct json_edit *all = memory_array(e->count + more_count, sizeof *all);
    if (all == NULL) {
        return false;
    }
    for (size_t a = 0, b = 0; a + b < e->count + more_count;) {
        bool own = b == more_count || (a < e->count && e->edits[a].start < more[b].start);
        all[a + b] = own ? e->edits[a] : more[b];
        a += own ? 1 : 0;
        b += own ? 0 : 1;
    }
    bool ok = json_splice(e->chat->body, all, e->count + more_count, out);
    memory_free(all);
    return ok;
}

bool editor_finish_with(struct editor *e, const struct json_edit *more, size_t more_count,
                        struct buf *out, size_t *ret_edits)
{
    if (e->removed_count > 0 || e->added.len > 0) {
        e->count += json_edit_members(e->doc, JSON_ROOT, e->removed, e->removed_count,
                                      buf_slice(&e->added), &e->edits[e->count]);
    }
    json_edits_sort(e->edits, e->count);
    bool ok = !e->model.failed && !e->added.failed &&
              (more_count == 0 ? json_splice(e->chat->body, e->edits, e->count, out)
                               : splice_both(e, more, more_count, out));
    *ret_edits = e->changes;
    buf_release(&e->model);
    buf_release(&e->added);
    return ok;
}

bool editor_finish(struct editor *e, struct buf *out, size_t *ret_edits)
{
    return editor_finish_with(e, NULL, 0, out, ret_edits);
}

bool edit_is_model_only(const struct chat *chat, const struct request_change *change)
{
    return chat->model.ptr != NULL && change->model.ptr != NULL && change->model_json.ptr != NULL &&
           change->clamp_max_tokens <= 0 && !chat->policy_given &&
           !(change->add_usage && chat->stream && !chat->include_usage);
}

bool edit_model_only(const struct chat *chat, const struct request_change *change, struct buf *out,
                     size_t *ret_edits)
{
    uint32_t quote = (uint32_t)(chat->model.ptr - chat->body.ptr) - 1;
    const struct json_edit edit = {quote, quote + (uint32_t)chat->model.len + 2,
                                   change->model_json};
    *ret_edits = json_inner_is(chat->model, change->model) ? 0 : 1;
    return json_splice(chat->body, &edit, *ret_edits, out);
}
