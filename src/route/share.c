/* SPDX-License-Identifier: Apache-2.0 */
#include "route/share.h"

#define PAID_BACK_OVER 16.0 /* calls */
#define OWED_MAX 3.5 /* calls: more is paid back at once, as where calls come sorted */

void share_init(struct share_dial *dial, double share)
{
    *dial = (struct share_dial){.share = share};
}

static size_t bin_of(double score)
{
    double place = (score + 1) / 2 * SHARE_BINS;
    if (!(place > 0)) { /* of NAN, too */
        return 0;
    }
    return place >= SHARE_BINS ? SHARE_BINS - 1 : (size_t)place;
}

void share_learn(struct share_dial *dial, double score, double weight)
{
    dial->bins[bin_of(score)] += weight;
    dial->calls += weight;
}

/* 0..1 */
static double place_of(uint64_t id)
{
    return (double)((id * 0x9e3779b97f4a7c15u) >> 11) / 9007199254740992.0; /* 2^53 */
}

bool share_takes(struct share_dial *dial, double score, uint64_t id)
{
    size_t bin = bin_of(score);
    double above = 0;
    share_learn(dial, score, 1);
    for (size_t i = bin + 1; i < SHARE_BINS; i++) {
        above += dial->bins[i];
    }
    double share = dial->share + dial->owed / PAID_BACK_OVER;
    bool takes = place_of(id) * dial->bins[bin] < share * dial->calls - above;
    takes = dial->owed >= OWED_MAX || (takes && dial->owed > -OWED_MAX);
    takes = dial->share > 0 && (takes || dial->share >= 1);
    dial->owed += dial->share - (takes ? 1 : 0);
    return takes;
}
