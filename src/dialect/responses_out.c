/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/responses_out.h"

#include "base/memory.h"
#include "dialect/inner.h"

#define TEXT_MAX ((size_t)64 << 20)

static void item_init(struct out_item *item, enum out_kind kind)
{
    *item = (struct out_item){
        .kind = kind,
        .id = BUF_INIT(TEXT_MAX),
        .call_id = BUF_INIT(TEXT_MAX),
        .name = BUF_INIT(TEXT_MAX),
        .space = BUF_INIT(TEXT_MAX),
        .text = BUF_INIT(TEXT_MAX),
        .held = BUF_INIT(TEXT_MAX),
        .cipher = BUF_INIT(TEXT_MAX),
        .annotations = BUF_INIT(TEXT_MAX),
        .logprobs = BUF_INIT(TEXT_MAX),
    };
}

static bool grow(struct responses_encoder *e)
{
    size_t cap = e->item_cap == 0 ? 4 : e->item_cap * 2;
    struct out_item *items = memory_resize(e->items, cap * sizeof *items);
    if (items == NULL) {
        return false;
    }
    e->items = items;
    e->item_cap = cap;
    return true;
}

/* What our ids of a response's items hold of its own id, so that an item can be found again. */
static struct slice key_of(const struct responses_encoder *e)
{
    struct slice id = buf_slice(&e->id);
    return slice_starts(id, SLICE("resp_")) ? slice_from(id, 5) : id;
}

struct out_item *out_item_new(struct responses_encoder *e, enum out_kind kind)
{
    static const struct slice prefixes[] = {
        [OUT_MESSAGE] = SLICE_INIT("msg_"),  [OUT_REFUSAL] = SLICE_INIT("msg_"),
        [OUT_REASONING] = SLICE_INIT("rs_"), [OUT_CALL] = SLICE_INIT("fc_"),
        [OUT_IMAGE] = SLICE_INIT("ig_"),
    };
    if (e->item_count == OUT_ITEMS_MAX || (e->item_count == e->item_cap && !grow(e))) {
        return NULL;
    }
    struct out_item *item = &e->items[e->item_count++];
    item_init(item, kind);
    buf_append(&item->id, prefixes[kind]);
    buf_append(&item->id, key_of(e));
    buf_append_char(&item->id, '_');
    buf_append_u64(&item->id, e->item_count - 1);
    return item;
}

void out_items_release(struct responses_encoder *e)
{
    for (size_t i = 0; i < e->item_count; i++) {
        struct out_item *item = &e->items[i];
        buf_release(&item->id);
        buf_release(&item->call_id);
        buf_release(&item->name);
        buf_release(&item->space);
        buf_release(&item->text);
        buf_release(&item->held);
        buf_release(&item->cipher);
        buf_release(&item->annotations);
        buf_release(&item->logprobs);
    }
    memory_free(e->items);
    e->items = NULL;
    e->item_count = 0;
    e->item_cap = 0;
}

uint32_t out_item_index(const struct responses_encoder *e, const struct out_item *item)
{
    return (uint32_t)(item - e->items);
}

/* --- as JSON --- */

static void append_text(struct buf *out, struct slice key, const struct buf *text)
{
    buf_append(out, key);
    inner_append(out, buf_slice(text));
    buf_append_char(out, '"');
    out->failed = out->failed || text->failed;
}

static struct slice status_word(const struct out_item *item, bool begins)
{
    if (begins) {
        return SLICE("in_progress");
    }
    return item->cut || !item->done ? SLICE("incomplete") : SLICE("completed");
}

static void write_status(const struct out_item *item, bool begins, struct buf *out)
{
    buf_append(out, SLICE(",\"status\":\""));
    buf_append(out, status_word(item, begins));
    buf_append_char(out, '"');
}

void out_write_part(const struct out_item *item, bool begins, struct buf *out)
{
    static const struct buf empty;
    const struct buf *text = begins ? &empty : &item->text;
    if (item->kind == OUT_REFUSAL) {
        append_text(out, SLICE("{\"type\":\"refusal\",\"refusal\":\""), text);
        buf_append_char(out, '}');
        return;
    }
    append_text(out, SLICE("{\"type\":\"output_text\",\"text\":\""), text);
    buf_append(out, SLICE(",\"annotations\":["));
    buf_append(out, begins ? SLICE("") : buf_slice(&item->annotations));
    buf_append(out, SLICE("],\"logprobs\":["));
    buf_append(out, begins ? SLICE("") : buf_slice(&item->logprobs));
    buf_append(out, SLICE("]}"));
    out->failed = out->failed || item->annotations.failed || item->logprobs.failed;
}

static void write_message(const struct out_item *item, bool begins, struct buf *out)
{
    buf_append(out, SLICE(",\"type\":\"message\""));
    write_status(item, begins, out);
    buf_append(out, SLICE(",\"role\":\"assistant\",\"content\":["));
    if (!begins) {
        out_write_part(item, false, out);
    }
    buf_append_char(out, ']');
}

static void write_reasoning(const struct out_item *item, bool begins, struct buf *out)
{
    buf_append(out, SLICE(",\"type\":\"reasoning\",\"summary\":["));
    if (!begins && item->text.len > 0) {
        append_text(out, SLICE("{\"type\":\"summary_text\",\"text\":\""), &item->text);
        buf_append_char(out, '}');
    }
    buf_append_char(out, ']');
    if (!begins && item->cipher.len > 0) {
        append_text(out, SLICE(",\"encrypted_content\":\""), &item->cipher);
    }
}

static void write_call(const struct out_item *item, bool begins, struct buf *out)
{
    static const struct buf empty;
    buf_append(out, item->custom ? SLICE(",\"type\":\"custom_tool_call\"")
                                 : SLICE(",\"type\":\"function_call\""));
    write_status(item, begins, out);
    append_text(out, SLICE(",\"call_id\":\""), &item->call_id);
    append_text(out, SLICE(",\"name\":\""), &item->name);
    if (item->space.len > 0) {
        append_text(out, SLICE(",\"namespace\":\""), &item->space);
    }
    append_text(out, item->custom ? SLICE(",\"input\":\"") : SLICE(",\"arguments\":\""),
                begins ? &empty : &item->text);
}

static void write_image(const struct out_item *item, bool begins, struct buf *out)
{
    buf_append(out, SLICE(",\"type\":\"image_generation_call\""));
    write_status(item, begins, out);
    if (begins) {
        buf_append(out, SLICE(",\"result\":null"));
    } else {
        append_text(out, SLICE(",\"result\":\""), &item->text);
    }
}

void out_write_item(const struct out_item *item, bool begins, struct buf *out)
{
    append_text(out, SLICE("{\"id\":\""), &item->id);
    switch (item->kind) {
    case OUT_MESSAGE:
    case OUT_REFUSAL:
        write_message(item, begins, out);
        break;
    case OUT_REASONING:
        write_reasoning(item, begins, out);
        break;
    case OUT_CALL:
        write_call(item, begins, out);
        break;
    case OUT_IMAGE:
        write_image(item, begins, out);
        break;
    }
    buf_append_char(out, '}');
}

void out_write_items(const struct responses_encoder *e, struct buf *out)
{
    for (size_t i = 0; i < e->item_count; i++) {
        buf_append(out, i == 0 ? SLICE("") : SLICE(","));
        out_write_item(&e->items[i], false, out);
    }
}
