/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/seal.h"

#include "base/hash.h"

#include <stdio.h>

#define DIGITS 16
#define PREFIX "SimSeal+/v1/" /* with what base64 has besides letters: the whole is sound base64 */
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define SALT 0x5eadc0de2026ULL

static void write_seal(uint64_t hash, char *seal)
{
    char first[DIGITS + 1];

    (void)snprintf(first, sizeof(first), "%016llx", (unsigned long long)hash);
    (void)snprintf(seal, SIM_SEAL_SIZE, PREFIX "%s%016llxAA==", first,
                   (unsigned long long)(hash_stable(slice_of(first, DIGITS)) ^ SALT));
}

void sim_seal(struct slice of, char *seal)
{
    write_seal(hash_stable(of), seal);
}

bool sim_seal_sound(struct slice seal)
{
    char first[DIGITS + 1];
    char expected[SIM_SEAL_SIZE];
    unsigned long long hash = 0;

    if (seal.len < PREFIX_LEN + DIGITS) {
        return false;
    }
    slice_to_cstr(slice_of(seal.ptr + PREFIX_LEN, DIGITS), first, sizeof(first));
    if (sscanf(first, "%16llx", &hash) != 1) {
        return false;
    }
    write_seal(hash, expected);
    return slice_eq(seal, slice_from_cstr(expected));
}

bool sim_seal_fits(struct slice seal, struct slice of)
{
    char expected[SIM_SEAL_SIZE];

    sim_seal(of, expected);
    return slice_eq(seal, slice_from_cstr(expected));
}
