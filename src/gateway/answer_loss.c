/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/answer_loss.h"

#define NAME_MAX_BYTES 64u

/* Types are words; what is longer is cut, because the list has little room. */
static void add(struct loss *loss, struct slice name)
{
    static const char prefix[] = "answer.";
    char text[sizeof(prefix) - 1 + NAME_MAX_BYTES];
    size_t len = name.len < NAME_MAX_BYTES ? name.len : NAME_MAX_BYTES;
    memcpy(text, prefix, sizeof(prefix) - 1);
    memcpy(text + sizeof(prefix) - 1, name.ptr, len);
    loss_add(loss, slice_of(text, sizeof(prefix) - 1 + len));
}

static void look_at(const struct dialect *front, struct loss *loss, const struct event *event)
{
    switch (event->kind) {
    case EVENT_START:
    case EVENT_TEXT:
    case EVENT_TOOL_ARGUMENTS:
    case EVENT_FINISH:
    case EVENT_USAGE:
    case EVENT_ERROR:
    case EVENT_END:
        break;
    case EVENT_LOST:
        add(loss, event->name);
        break;
    default: {
        struct slice name = front->unsaid != NULL ? front->unsaid(event) : SLICE_EMPTY;
        if (name.len > 0) {
            add(loss, name);
        }
    }
    }
}

/* Counts and vectors are not of interest here: all of their answers tell it, or nobody asks. */
static bool wants_usage(const struct call *call)
{
    bool words =
        call->chat.operation == OPERATION_CHAT || call->chat.operation == OPERATION_COMPLETION;
    return words && (call->include_usage || !call->streamed);
}

bool answer_usage_estimate(const struct call *call, struct event *ret_event)
{
    const struct attempt *attempt = &call->attempt;
    if (attempt->meter.told_usage || !call->front->usage_required ||
        attempt->lane != LANE_TRANSLATE || attempt->back_id == call->endpoint->dialect) {
        return false;
    }
    struct meter meter = attempt->meter;
    meter_settle(&meter, call->tokens.expected, false);
    *ret_event = (struct event){.kind = EVENT_USAGE, .usage = meter.usage};
    return true;
}

void answer_loss_frame(struct call *call, const struct frame *frame)
{
    struct attempt *attempt = &call->attempt;
    if (attempt->back_id == call->endpoint->dialect) {
        return;
    }
    for (size_t i = 0; i < frame->count; i++) {
        look_at(call->front, &attempt->loss, &frame->events[i]);
    }
    if (frame->terminal && !attempt->meter.told_usage && wants_usage(call)) {
        add(&attempt->loss, SLICE("usage"));
    }
}
