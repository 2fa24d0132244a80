/* SPDX-License-Identifier: Apache-2.0 */
#include "route/recorded.h"

const struct recorded_target *recorded_find(const struct plan_recorded *recorded, uint16_t target)
{
    for (size_t i = 0; i < recorded->count; i++) {
        if (recorded->targets[i].target == target) {
            return &recorded->targets[i];
        }
    }
    return NULL;
}

/* One that was good enough still is where no more is wanted, one that was not may be where less is.
 */
unsigned recorded_below(const struct plan_recorded *recorded, uint16_t index, enum tier tier,
                        enum tier wanted)
{
    const struct recorded_target *known = recorded_find(recorded, index);
    unsigned standing = known == NULL ? STANDING_UNKNOWN : known->standing;
    unsigned tiers = tier < wanted ? (unsigned)wanted - (unsigned)tier : 0;
    if (standing == STANDING_GOOD && wanted <= recorded->required) {
        return 0;
    }
    return standing == STANDING_BEHIND && tiers == 0 && wanted >= recorded->required ? 1 : tiers;
}
