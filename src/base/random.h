/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness is passed in. random_secure() is the kernel's, for keys and hash seeds; struct random
 * is a small seeded generator (xoshiro256**) for jitter, sampling and simulation: same seed, same
 * sequence. Not thread-safe.
 */
#ifndef SLUICE_BASE_RANDOM_H
#define SLUICE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
/* Uniform in [0, 1). */
double random_unit(struct random *random);
/* Fills from getrandom(2); aborts if the kernel has none (our process cannot run safely then). */
void random_secure(void *bytes, size_t len);

#endif
