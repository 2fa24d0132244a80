/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A share of calls for the strong model: which scores are high enough so that the share comes out
 * that was asked for, on this traffic and not only on the one that was learned from. A histogram of
 * scores begins with those of a sample and takes in each call; what has the same score is divided
 * by the hash of the call's id. One owner.
 */
#ifndef SLUICE_ROUTE_SHARE_H
#define SLUICE_ROUTE_SHARE_H

#include "base/slice.h"

#define SHARE_BINS 1024u
#define SHARE_SAMPLE 16.0 /* calls that the sample counts for */

struct share_dial {
    double share;            /* 0..1 */
    double bins[SHARE_BINS]; /* calls, by score from -1 to 1 */
    double calls;
    double owed; /* calls that should have gone to the strong model and did not */
};

void share_init(struct share_dial *dial, double share);
/* Of the sample, before the first decision; `weight` is SHARE_SAMPLE by the sample's size. */
void share_learn(struct share_dial *dial, double score, double weight);
/* Does this call go to the strong model? It is learned, too. */
bool share_takes(struct share_dial *dial, double score, uint64_t id);

#endif
