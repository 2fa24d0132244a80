/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/encoder.h"

#include "base/memory.h"

#define HEAD_MAX ((size_t)64 * 1024)

struct encoder *encoder_make(size_t size, const struct answer_head *head)
{
    CHECK(size >= sizeof(struct encoder));
    struct encoder *e = memory_array(1, size);
    if (e == NULL) {
        return NULL;
    }
    e->created_s = head->created_s;
    e->include_usage = head->include_usage;
    e->operation = head->operation;
    buf_init(&e->call_id, HEAD_MAX);
    buf_init(&e->model, HEAD_MAX);
    buf_init(&e->prefix, HEAD_MAX * 8);
    if (!buf_append(&e->call_id, head->call_id) || !buf_append(&e->model, head->model)) {
        encoder_free(e);
        return NULL;
    }
    return e;
}

struct encoder *encoder_new(const struct answer_head *head)
{
    return encoder_make(sizeof(struct encoder), head);
}

void encoder_free(struct encoder *e)
{
    if (e == NULL) {
        return;
    }
    buf_release(&e->call_id);
    buf_release(&e->model);
    buf_release(&e->prefix);
    memory_free(e->calls);
    memory_free(e);
}

bool encoder_begin_choice(struct encoder *e, uint32_t choice)
{
    uint64_t bit = (uint64_t)1 << (choice % 64);
    uint64_t *word = &e->began[choice / 64 % ARRAY_LEN(e->began)];
    bool first = (*word & bit) == 0;
    *word |= bit;
    return first;
}

static struct encoder_call *find_call(struct encoder *e, uint32_t choice, uint32_t index)
{
    for (size_t i = e->call_count; i > 0; i--) {
        if (e->calls[i - 1].choice == choice && e->calls[i - 1].index == index) {
            return &e->calls[i - 1];
        }
    }
    return NULL;
}

bool encoder_begin_call(struct encoder *e, const struct event *event)
{
    if (e->call_count == e->call_cap) {
        size_t cap = e->call_cap == 0 ? 4 : e->call_cap * 2;
        struct encoder_call *calls = memory_resize(e->calls, cap * sizeof *calls);
        if (calls == NULL) {
            return false;
        }
        e->calls = calls;
        e->call_cap = cap;
    }
    e->calls[e->call_count++] = (struct encoder_call){event->choice, event->index, false};
    return true;
}

void encoder_note_arguments(struct encoder *e, const struct event *event)
{
    struct encoder_call *call = find_call(e, event->choice, event->index);
    if (call != NULL && event->text.len > 0) {
        call->has_arguments = true;
    }
}

struct slice encoder_unsaid(const struct event *event)
{
    switch (event->kind) {
    case EVENT_REASONING:
        return SLICE("reasoning");
    case EVENT_REFUSAL:
        return SLICE("refusal");
    case EVENT_SIGNATURE: /* a call's own seal is remembered for its maker */
        return event->id.len == 0 ? SLICE("reasoning_signature") : SLICE_EMPTY;
    case EVENT_OPAQUE:
        return SLICE("reasoning_encrypted");
    case EVENT_CITATION:
        return SLICE("citations");
    case EVENT_LOGPROBS:
        return SLICE("logprobs");
    case EVENT_IMAGE:
        return SLICE("images");
    case EVENT_TOOL_CALL:
        return SLICE("tool_calls");
    default:
        return SLICE_EMPTY;
    }
}
