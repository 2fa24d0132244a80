/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_count.h"

#include "gateway/call_record.h"
#include "gateway/call_stream.h"

bool count_can_be_asked(const struct call *call)
{
    const struct plan *plan = &call->decision->plan;
    if (plan->taken == 0) {
        return false;
    }
    const struct target *target = &call->snapshot->policy.targets[plan->entries[0].target];
    const struct provider *provider = &call->snapshot->providers[target->provider];
    return (provider->dialects & DIALECT_BIT(call->endpoint->dialect)) != 0;
}

enum call_step call_count_here(struct call *call)
{
    const struct event events[] = {
        {.kind = EVENT_USAGE, .usage = {.input = call->tokens.expected}},
        {.kind = EVENT_END},
    };
    const struct frame frame = {.events = events, .count = ARRAY_LEN(events), .terminal = true};
    struct attempt *attempt = &call->attempt;
    struct answer_head head;
    call_answer_head(call, &head);
    attempt->lane = LANE_TRANSLATE;
    buf_clear(&attempt->body);
    if (!call->front->write_answer(&head, &frame, &attempt->body) || attempt->body.failed) {
        return call_fail(call, 503, "out_of_memory", NULL, "The gateway is out of memory.");
    }
    call->status = 200;
    call->error_code = NULL;
    call->delivered = true;
    call_record_close(call);
    return STEP_DELIVER;
}
