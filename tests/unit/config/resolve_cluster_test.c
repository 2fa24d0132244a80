/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/config_testing.h"

#include <stdio.h>

#define LAB                                                                                        \
    "providers: { lab: { preset: openai-compatible, base_url: \"http://127.0.0.1:8000/v1\" } }\n"  \
    "targets: { m: { provider: lab, model: m, price: { input_per_mtok: 1, output_per_mtok: 2 } } " \
    "}\n"

static const struct {
    const char *text;
    const char *host; /* NULL: refused */
    const char *user;
    const char *password;
    uint16_t port;
    uint16_t database;
} addresses[] = {
    {"redis://cache", "cache", "", "", 6379, 0},
    {"redis://127.0.0.1:6380", "127.0.0.1", "", "", 6380, 0},
    {"redis://:word@cache/2", "cache", "", "word", 6379, 2},
    {"redis://word@cache/", "cache", "", "word", 6379, 0},
    {"redis://me:p@ss:word@[::1]:7000/3", "::1", "me", "p@ss:word", 7000, 3},
    {"redis://[::1]", "::1", "", "", 6379, 0},
    {"redis://", NULL, NULL, NULL, 0, 0},
    {"redis://:1", NULL, NULL, NULL, 0, 0},
    {"redis://cache:0", NULL, NULL, NULL, 0, 0},
    {"redis://cache:65536", NULL, NULL, NULL, 0, 0},
    {"redis://cache/first", NULL, NULL, NULL, 0, 0},
    {"redis://a/b/1", NULL, NULL, NULL, 0, 0},
    {"http://cache", NULL, NULL, NULL, 0, 0},
};

static void redis_addresses(void)
{
    char text[512];
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct loading loading;
        (void)snprintf(text, sizeof(text), LAB "cluster: { node: a, postgres: x, redis: \"%s\" }\n",
                       addresses[i].text);
        loading_begin(&loading, slice_from_cstr(text), TESTING_FILE, NULL);
        const struct snapshot *snapshot = loading.snapshot;
        EXPECT((snapshot != NULL) == (addresses[i].host != NULL));
        if (snapshot != NULL && addresses[i].host != NULL) {
            const struct redis_address *redis = &snapshot->cluster.redis;
            EXPECT(slice_eq(redis->host, slice_from_cstr(addresses[i].host)));
            EXPECT(slice_eq(redis->user, slice_from_cstr(addresses[i].user)));
            EXPECT(slice_eq(redis->password, slice_from_cstr(addresses[i].password)));
            EXPECT(redis->port == addresses[i].port && redis->database == addresses[i].database);
        }
        loading_end(&loading);
    }
}

static void alone(void)
{
    struct loading loading;
    EXPECT(loading_begin(&loading, SLICE(LAB), TESTING_FILE, NULL) != NULL);
    EXPECT(loading.snapshot != NULL && loading.snapshot->cluster.postgres.len == 0);
    loading_end(&loading);
}

static void with_defaults(void)
{
    struct loading loading;
    EXPECT(loading_begin(&loading, SLICE(LAB "cluster: { postgres: host=db }\n"), TESTING_FILE,
                         NULL) != NULL);
    if (loading.snapshot != NULL) {
        const struct cluster_settings *cluster = &loading.snapshot->cluster;
        EXPECT(slice_eq(cluster->postgres, SLICE("host=db")) && cluster->node.len > 0);
        EXPECT(!cluster->allows_away && cluster->lease_wait_ms == 1000);
        EXPECT(cluster->redis.host.len == 0);
    }
    loading_end(&loading);
}

int main(void)
{
    TEST(redis_addresses, "reads a Redis address with and without its parts, and refuses others");
    TEST(alone, "without a section a node is alone");
    TEST(with_defaults, "a node has the host's name and refuses while the authority is away");
    return tap_done();
}
