/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/demo_workload.h"

#include "base/embed.h"

EMBED(workload_mixed, "data/workload/mixed.jsonl");
EMBED(workload_coding_day, "data/workload/coding_day.jsonl");

struct slice demo_workload_mixed(void)
{
    return EMBEDDED(workload_mixed);
}

struct slice demo_workload_coding_day(void)
{
    return EMBEDDED(workload_coding_day);
}
