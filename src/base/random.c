/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** and its seeding by SplitMix64, as D. Blackman and S. Vigna describe them
 * (prng.di.unimi.it). */
#include "base/random.h"

#include "base/check.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

static uint64_t splitmix_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void random_seed(struct random *random, uint64_t seed)
{
    for (size_t i = 0; i < ARRAY_LEN(random->state); i++) {
        random->state[i] = splitmix_next(&seed);
    }
}

static uint64_t rotate(uint64_t value, unsigned by)
{
    return (value << by) | (value >> (64 - by));
}

uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    CHECK(bound > 0);
    /* 2^64 mod bound values are refused, so that every remainder is equally likely. */
    uint64_t refused = (0 - bound) % bound;
    uint64_t value = random_next(random);
    while (value < refused) {
        value = random_next(random);
    }
    return value % bound;
}

double random_unit(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

void random_secure(void *bytes, size_t len)
{
    unsigned char *to = bytes;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        CHECK(got > 0);
        to += got;
        len -= (size_t)got;
    }
}
