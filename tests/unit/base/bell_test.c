/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bell.h"

#include "tests/tap.h"

#include <poll.h>

static bool is_ringing(int bell)
{
    struct pollfd polled = {.fd = bell, .events = POLLIN};
    return poll(&polled, 1, 0) == 1;
}

static void rings_until_it_is_taken(void)
{
    int bell = bell_open();
    EXPECT(bell >= 0);
    EXPECT(!is_ringing(bell) && !bell_take(bell));
    for (int i = 0; i < 3; i++) {
        bell_ring(bell);
    }
    EXPECT(is_ringing(bell));
    EXPECT(bell_take(bell));
    EXPECT(!is_ringing(bell) && !bell_take(bell));
    bell_ring(bell);
    EXPECT(is_ringing(bell));
    bell_close(bell);
    bell_close(-1);
}

int main(void)
{
    TEST(rings_until_it_is_taken, "it rings until it is taken, however often it was rung");
    return tap_done();
}
