/* SPDX-License-Identifier: Apache-2.0 */
#include "model/usage.h"

void usage_report(struct usage *usage, const struct usage *reported)
{
    struct usage before = *usage;
    *usage = *reported;
    usage->reported = true;
    /* Some providers name the price once and go on counting tokens. */
    if (!reported->has_provider_cost && before.has_provider_cost) {
        usage->has_provider_cost = true;
        usage->provider_cost_nd = before.provider_cost_nd;
    }
}
