/* SPDX-License-Identifier: Apache-2.0 */
#include "model/capability.h"

#include "tests/tap.h"

static void names_round_trip(void)
{
    capability_set seen = 0;
    for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
        const char *name = capability_name((enum capability_bit)i);
        capability_set bit = capability_from_name(slice_from_cstr(name));
        EXPECT(bit == 1u << i);
        EXPECT((seen & bit) == 0);
        seen |= bit;
    }
    EXPECT(capability_from_name(SLICE("json_schema")) == CAPABILITY_JSON_SCHEMA);
    EXPECT(capability_from_name(SLICE("suffix")) == CAPABILITY_SUFFIX);
}

static void unknown_names(void)
{
    EXPECT(capability_from_name(SLICE("")) == 0);
    EXPECT(capability_from_name(SLICE("Tools")) == 0);
    EXPECT(capability_from_name(SLICE("tool")) == 0);
    EXPECT(capability_from_name(SLICE_EMPTY) == 0);
}

int main(void)
{
    TEST(names_round_trip, "every capability has one name and one bit");
    TEST(unknown_names, "an unknown name is no capability");
    return tap_done();
}
