/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include "base/check.h"
#include "tests/tap.h"

/* The first outputs of the published reference code for the state 1, 2, 3, 4. */
static void test_matches_the_published_generator(void)
{
    static const uint64_t wanted[] = {11520u, 0u, 1509978240u, 1215971899390074240u};
    struct random random = {.state = {1, 2, 3, 4}};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        EXPECT(random_next(&random) == wanted[i]);
    }
}

/* SplitMix64 from the seed 1234567, as published with its reference code. */
static void test_seeds_by_splitmix(void)
{
    struct random random;
    random_seed(&random, 1234567);
    EXPECT(random.state[0] == 6457827717110365317u);
    EXPECT(random.state[1] == 3203168211198807973u);
    EXPECT(random.state[2] == 9817491932198370423u);
    EXPECT(random.state[3] == 4593380528125082431u);
}

static void test_same_seed_same_sequence(void)
{
    struct random a;
    struct random b;
    struct random c;
    random_seed(&a, 42);
    random_seed(&b, 42);
    random_seed(&c, 43);
    int different = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t value = random_next(&a);
        EXPECT(value == random_next(&b));
        different += value != random_next(&c);
    }
    EXPECT_INT(different, 100);
}

static void test_below_is_bounded_and_even(void)
{
    int hits[7] = {0};
    struct random random;
    random_seed(&random, 1);
    for (int i = 0; i < 70000; i++) {
        uint64_t value = random_below(&random, 7);
        EXPECT(value < 7);
        hits[value]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(hits); i++) {
        EXPECT(hits[i] > 9500 && hits[i] < 10500);
    }
    EXPECT_INT(random_below(&random, 1), 0);
    for (int i = 0; i < 100; i++) {
        EXPECT(random_below(&random, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

static void test_unit_is_in_range(void)
{
    struct random random;
    random_seed(&random, 2);
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double value = random_unit(&random);
        EXPECT(value >= 0 && value < 1);
        sum += value;
    }
    EXPECT(sum > 49500 && sum < 50500);
}

static void test_secure_fills_all(void)
{
    unsigned char a[1000] = {0};
    unsigned char b[1000] = {0};
    random_secure(a, sizeof(a) - 1);
    random_secure(b, sizeof(b) - 1);
    EXPECT(memcmp(a, b, sizeof(a)) != 0);
    EXPECT(a[999] == 0 && b[999] == 0);
    int zeros = 0;
    for (size_t i = 0; i < 999; i++) {
        zeros += a[i] == 0;
    }
    EXPECT(zeros < 40);
    random_secure(NULL, 0);
}

int main(void)
{
    TEST(test_matches_the_published_generator, "the generator is xoshiro256**");
    TEST(test_seeds_by_splitmix, "seeds are spread by SplitMix64");
    TEST(test_same_seed_same_sequence, "the same seed gives the same sequence");
    TEST(test_below_is_bounded_and_even, "bounded values are in range and even");
    TEST(test_unit_is_in_range, "unit values lie in [0, 1) and are centred");
    TEST(test_secure_fills_all, "secure bytes fill exactly what was asked for");
    return tap_done();
}
