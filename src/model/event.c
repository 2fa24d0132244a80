/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

const char *finish_reason_name(enum finish_reason reason)
{
    static const char *const names[] = {
        [FINISH_NONE] = "none",
        [FINISH_STOP] = "stop",
        [FINISH_LENGTH] = "length",
        [FINISH_TOOL_CALLS] = "tool_calls",
        [FINISH_CONTENT_FILTER] = "content_filter",
        [FINISH_REFUSAL] = "refusal",
        [FINISH_ERROR] = "error",
    };
    return names[reason];
}
