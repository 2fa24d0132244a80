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

void usage_report(struct usage *usage, const struct usage *reported)
{
    struct usage before = *usage;
    *usage = *reported;
    usage->reported = true;
    bound(usage);
    /* Some providers name the price once and go on counting tokens. */
    if (!reported->has_provider_cost && before.has_provider_cost) {
        usage->has_provider_cost = true;
        usage->provider_cost_nd = before.provider_cost_nd;
    }
}
