/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for which node of a cluster, as `sluice cluster status` tells it. */
#include "store/report_cluster.h"
#include "tests/unit/store/cluster_testing.h"

static struct node a;
static struct node b;
static struct cluster_reports *reports;

static void begin(void)
{
    struct error error = {0};
    server_do(&server, "reset");
    scratch_init(&scratch);
    node_make(&a, "a");
    node_make(&b, "b");
    node_open(&a, true);
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "first", NULL)), "");
    node_open(&b, true);
    UNTIL(is_current(&a) && is_current(&b));
    reports = cluster_reports_new(a.member, &error);
    CHECK(reports != NULL);
}

static void end(void)
{
    cluster_reports_free(reports);
    node_close(&a);
    if (b.share != NULL) {
        node_close(&b);
    }
    scratch_release(&scratch);
}

/* For how long, in seconds, node `name` is waited for; -1: it is not. */
static int64_t waited_s(const char *name, enum cluster_wait wait)
{
    struct arena arena;
    struct cluster_status status;
    struct error error = {0};
    int64_t s = -2;
    arena_init(&arena, 1 << 16);
    if (!cluster_status(reports, &arena, &status, &error)) {
        printf("# %s\n", error.text);
        status.count = 0;
    }
    for (size_t i = 0; i < status.count; i++) {
        if (strcmp(status.nodes[i].name, name) == 0) {
            int64_t since_us = status.nodes[i].since_us[wait];
            s = since_us == 0 ? -1 : clock_wall(&clock_system) / NS_PER_S - since_us / 1000000;
        }
    }
    arena_release(&arena);
    return s;
}

static void tells_who_takes_no_keys(void)
{
    begin();
    EXPECT_INT(waited_s("b", WAIT_KEYS_TAKEN), -1);
    atomic_store(&b.stuck, true);
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "second", NULL)), "");
    server_do(&server, "sql UPDATE sluice.key_log SET at_us = extract(epoch FROM now() -"
                       " interval '40 s') * 1000000 WHERE seq = 2");
    int64_t s = waited_s("b", WAIT_KEYS_TAKEN);
    EXPECT(s >= 40 && s < 100);
    EXPECT_INT(waited_s("a", WAIT_KEYS_TAKEN), -1);
    EXPECT_INT(waited_s("b", WAIT_KEYS_TOLD), -1);
    atomic_store(&b.stuck, false);
    UNTIL(waited_s("b", WAIT_KEYS_TAKEN) == -1);
    end();
}

static void tells_who_was_not_heard(void)
{
    begin();
    node_close(&b);
    EXPECT_INT(waited_s("b", WAIT_KEYS_TOLD), -1);
    /* It died, as others saw it a minute ago, and then PostgreSQL was restored. */
    server_do(&server, "sql UPDATE sluice.nodes SET stopped = false, incarnation = 1,"
                       " seen_at = now() - interval '60 s' WHERE name = 'b'");
    EXPECT_INT(waited_s("b", WAIT_KEYS_TOLD), -1);
    EXPECT_INT(waited_s("b", WAIT_CAPS_TOLD), -1);
    server_do(&server, "sql UPDATE sluice.cluster SET incarnation = incarnation + 1");
    UNTIL(waited_s("a", WAIT_KEYS_TOLD) == -1);
    for (enum cluster_wait wait = WAIT_KEYS_TOLD; wait < CLUSTER_WAITS; wait++) {
        int64_t s = waited_s("b", wait);
        EXPECT(s >= 60 && s < 100);
    }
    EXPECT_INT(waited_s("b", WAIT_KEYS_TAKEN), -1); /* nobody waits for one that is away */
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "no", NULL)), "authority_recovering");
    end();
}

static void tells_whom_a_start_waits_for(void)
{
    begin();
    node_close(&b);
    server_do(&server, "sql UPDATE sluice.nodes SET stopped = false, lease_awaited = now(),"
                       " seen_at = now() - interval '90 s' WHERE name = 'b'");
    int64_t s = waited_s("b", WAIT_CAPS_TOLD);
    EXPECT(s >= 90 && s < 130);
    EXPECT_INT(waited_s("b", WAIT_KEYS_TOLD), -1);
    server_do(&server, "sql UPDATE sluice.nodes SET stopped = true WHERE name = 'b'");
    EXPECT_INT(waited_s("b", WAIT_CAPS_TOLD), -1);
    end();
}

int main(void)
{
    if (!server_start(&server)) {
        printf("not ok 1 - PostgreSQL is there (tools/setup.sh --test installs it)\n1..1\n");
        return 1;
    }
    TEST(tells_who_takes_no_keys, "a live node that has not taken a change is named, since when");
    TEST(tells_who_was_not_heard, "after a restore each node that was not heard is named");
    TEST(tells_whom_a_start_waits_for, "a node that caps wait for after a start is named");
    server_end(&server);
    return tap_done();
}
