/* SPDX-License-Identifier: Apache-2.0 */
#include "base/little_endian.h"

#include "base/slice.h"
#include "tests/tap.h"

static void lowest_byte_first(void)
{
    char bytes[16] = {0};
    char *end = little_put_16(bytes + 1, 0x0201); /* at odd addresses, too */
    end = little_put_32(end, 0x06050403);
    end = little_put_64(end, UINT64_C(0x0e0d0c0b0a090807));
    EXPECT_INT(end - bytes, 15);
    EXPECT_SLICE(slice_of(bytes + 1, 14),
                 "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e");
    EXPECT_INT(little_get_16(bytes + 1), 0x0201);
    EXPECT_INT(little_get_32(bytes + 3), 0x06050403);
    EXPECT(little_get_64(bytes + 7) == UINT64_C(0x0e0d0c0b0a090807));
}

int main(void)
{
    TEST(lowest_byte_first, "numbers are written and read lowest byte first");
    return tap_done();
}
