/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edit lane: the client's own bytes with exactly these changes, each only when it changes
 * something:
 *   - `model` becomes the target's name, in place, or is added when the client gave none;
 *   - `max_output_tokens` is lowered to the ceiling, or added when the client gave none;
 *   - `sluice` and `models` are removed, and with drop_routing `provider` and `session_id`;
 *   - thoughts of other vendors leave `input`: the provider could not read them, and refuses them.
 */
#include "dialect/edit.h"
#include "dialect/responses.h"
#include "dialect/seal_mark.h"

#define INPUT_MAX ((size_t)256 << 20)

/* Holds the request a thought of another vendor? Quick; may be wrong only in saying yes. */
static bool may_hold_foreign(const struct chat *chat)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            if (part->kind == PART_REASONING &&
                (slice_find_slice(part->raw, SLICE(SEAL_DATA_MARK)) != SIZE_MAX ||
                 slice_find_slice(part->raw, SLICE(SEAL_MARK)) != SIZE_MAX)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_foreign(const struct json_doc *doc, uint32_t item)
{
    uint32_t encrypted = json_kind(doc, item) == JSON_OBJECT
                             ? json_member(doc, item, SLICE("encrypted_content"))
                             : JSON_ABSENT;
    return json_is(doc, encrypted, JSON_STRING) && seal_is_marked(json_inner(doc, encrypted));
}

/* False: there is nothing that must not be there. */
static bool write_own_items(const struct json_doc *doc, uint32_t input, struct buf *out)
{
    bool begun = false;
    bool cut = false;
    buf_append_char(out, '[');
    for (uint32_t i = json_first(doc, input); i != JSON_ABSENT; i = json_next(doc, input, i)) {
        if (is_foreign(doc, i)) {
            cut = true;
            continue;
        }
        buf_append(out, begun ? SLICE(",") : SLICE(""));
        buf_append(out, json_raw(doc, i));
        begun = true;
    }
    buf_append_char(out, ']');
    return cut;
}

static void edit_tokens(struct editor *e, uint32_t value, struct slice ceiling)
{
    int64_t tokens = 0;
    if (e->change->clamp_max_tokens <= 0) {
        return;
    }
    if (value == JSON_ABSENT) {
        editor_add(e, SLICE("max_output_tokens"), ceiling);
    } else if (!member_given(e->doc, value) || !json_int64(e->doc, value, &tokens) ||
               tokens > e->change->clamp_max_tokens) {
        editor_replace(e, value, ceiling);
    }
}

static void edit_removals(struct editor *e, const uint32_t *values)
{
    editor_remove(e, values[RESPONSES_SLUICE]);
    editor_remove(e, values[RESPONSES_MODELS]);
    if (e->change->drop_routing) {
        editor_remove(e, values[RESPONSES_PROVIDER]);
        editor_remove(e, values[RESPONSES_SESSION_ID]);
    }
}

bool responses_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                    size_t *ret_edits)
{
    bool foreign = may_hold_foreign(chat);
    if (!foreign && edit_is_model_only(chat, change)) {
        return edit_model_only(chat, change, out, ret_edits);
    }
    struct editor e;
    struct buf input = BUF_INIT(INPUT_MAX);
    struct buf ceiling = BUF_INIT(32);
    uint32_t values[RESPONSES_MEMBERS];
    members_scan(chat->doc, JSON_ROOT, &responses_members, values);
    editor_init(&e, chat, change);
    editor_model(&e, values[RESPONSES_MODEL]);
    buf_append_i64(&ceiling, change->clamp_max_tokens);
    edit_tokens(&e, values[RESPONSES_MAX_OUTPUT_TOKENS], buf_slice(&ceiling));
    edit_removals(&e, values);
    if (foreign && json_is(chat->doc, values[RESPONSES_INPUT], JSON_ARRAY) &&
        write_own_items(chat->doc, values[RESPONSES_INPUT], &input)) {
        editor_replace(&e, values[RESPONSES_INPUT], buf_slice(&input));
    }
    bool ok = editor_finish(&e, out, ret_edits) && !input.failed && !ceiling.failed;
    buf_release(&input);
    buf_release(&ceiling);
    return ok;
}
