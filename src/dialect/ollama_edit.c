/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edit lane: `model` becomes the target's name, `options.num_predict` is lowered to the ceiling
 * or added, `sluice` is removed.
 */
#include "dialect/edit.h"
#include "dialect/ollama.h"

#include <stdio.h>

struct tokens_text {
    char digits[24];
    char member[48]; /* "num_predict":N */
    char options[64];
};

static void edit_tokens(struct editor *e, const uint32_t *values, struct tokens_text *text)
{
    int64_t clamp = e->change->clamp_max_tokens;
    uint32_t options = values[OLLAMA_OPTIONS];
    int64_t tokens = 0;
    if (clamp <= 0) {
        return;
    }
    int digits = snprintf(text->digits, sizeof text->digits, "%lld", (long long)clamp);
    (void)snprintf(text->options, sizeof text->options, "{\"num_predict\":%lld}", (long long)clamp);
    int member =
        snprintf(text->member, sizeof text->member, ",\"num_predict\":%lld", (long long)clamp);
    uint32_t value = json_member(e->doc, options, SLICE("num_predict"));
    if (value != JSON_ABSENT) {
        bool low = json_int64(e->doc, value, &tokens) && tokens > 0 && tokens <= clamp;
        if (!low) {
            editor_replace(e, value, slice_of(text->digits, (size_t)digits));
        }
    } else if (json_is(e->doc, options, JSON_OBJECT)) {
        struct slice with_comma = slice_of(text->member, (size_t)member);
        e->edits[e->count++] =
            json_edit_append(e->doc, options, slice_from(with_comma, 1), with_comma);
        e->changes++;
    } else if (options != JSON_ABSENT) {
        editor_replace(e, options, slice_from_cstr(text->options)); /* null */
    } else {
        editor_add(e, SLICE("options"), slice_from_cstr(text->options));
    }
}

bool ollama_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                 size_t *ret_edits)
{
    struct tokens_text text;
    struct editor e;
    uint32_t values[OLLAMA_MEMBERS];
    editor_init(&e, chat, change);
    members_scan(chat->doc, JSON_ROOT, &ollama_request_table, values);
    editor_model(&e, values[OLLAMA_MODEL]);
    if (chat->operation != OPERATION_EMBEDDING) {
        edit_tokens(&e, values, &text);
    }
    editor_remove(&e, values[OLLAMA_SLUICE]);
    return editor_finish(&e, out, ret_edits);
}
