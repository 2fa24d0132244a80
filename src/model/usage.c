/* SPDX-License-Identifier: Apache-2.0 */
#include "model/usage.h"

#include <stddef.h>

static int64_t within(int64_t value, int64_t most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static void bound(struct usage *usage)
{
    int64_t *const counts[] = {&usage->input,       &usage->output,         &usage->cache_read,
                               &usage->cache_write, &usage->cache_write_1h, &usage->reasoning,
                               &usage->audio_input, &usage->audio_output,   &usage->image_input,
                               &usage->image_output};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        *counts[i] = within(*counts[i], USAGE_TOKENS_MAX);
    }
    usage->provider_cost_nd = within(usage->provider_cost_nd, USAGE_COST_ND_MAX);
}

/* Nothing that was used is given back. */
static bool is_less(const struct usage *usage, const struct usage *before)
{
    return before->reported && usage->input <= before->input && usage->output <= before->output &&
           (usage->input < before->input || usage->output < before->output);
}

/* Some providers name the price once and go on counting tokens. */
static void report_cost(struct usage *usage, const struct usage *reported)
{
    if (reported->has_provider_cost) {
        usage->has_provider_cost = true;
        usage->provider_cost_nd = within(reported->provider_cost_nd, USAGE_COST_ND_MAX);
        usage->cost_unread = false;
    }
    usage->cost_unread = usage->cost_unread || reported->cost_unread;
}

void usage_report(struct usage *usage, const struct usage *reported)
{
    struct usage now = *reported;
    bound(&now);
    now.has_provider_cost = usage->has_provider_cost;
    now.provider_cost_nd = usage->provider_cost_nd;
    now.cost_unread = usage->cost_unread;
    now.reported = true;
    if (reported->unread) {
        usage->reported = false;
        usage->unread = true;
    } else if (!is_less(&now, usage)) {
        *usage = now;
    }
    report_cost(usage, reported);
}
