/* SPDX-License-Identifier: Apache-2.0 */
/* Two nodes that notice the same, with a real PostgreSQL. */
#include "store/alert_claim.h"

#include "tests/unit/store/cluster_testing.h"

#include <pthread.h>

#define ALERT SLICE("cap 0:1 month 80")

static struct node a;
static struct node b;
static struct alert_claims *of_a;
static struct alert_claims *of_b;

static struct alert_claims *open_claims(struct node *node)
{
    struct error error = {0};
    struct alert_claims *claims = alert_claims_new(node->member, &error);
    CHECK(claims != NULL);
    return claims;
}

static void begin(void)
{
    server_do(&server, "reset");
    scratch_init(&scratch);
    node_make(&a, "a");
    node_make(&b, "b");
    node_open(&a, true);
    node_open(&b, true);
    UNTIL(!is_away(&a) && member_facts(a.member).node > 0);
    UNTIL(!is_away(&b) && member_facts(b.member).node > 0);
    of_a = open_claims(&a);
    of_b = open_claims(&b);
}

static void end(void)
{
    alert_claims_free(of_a);
    alert_claims_free(of_b);
    node_close(&a);
    node_close(&b);
    scratch_release(&scratch);
}

/* -1: PostgreSQL did not answer. */
static int claim(struct alert_claims *claims, struct slice name, int64_t again_s)
{
    struct error error = {0};
    enum alert_claim answer = ALERT_TOLD;
    bool done = alert_claim(claims, name, again_s, &answer, &error);
    if (!done) {
        printf("# %s: %s\n", error.code, error.text);
    }
    return done ? (int)answer : -1;
}

static bool told(struct alert_claims *claims, struct slice name)
{
    struct error error = {0};
    return alert_told(claims, name, &error);
}

static void one_tells(void)
{
    begin();
    EXPECT_INT(claim(of_a, ALERT, 0), ALERT_MINE);
    EXPECT_INT(claim(of_b, ALERT, 0), ALERT_THEIRS);
    EXPECT_INT(claim(of_a, ALERT, 0), ALERT_MINE); /* it began anew */
    EXPECT(told(of_b, ALERT));                     /* who has no claim says nothing by that */
    EXPECT_INT(claim(of_b, ALERT, 0), ALERT_THEIRS);
    EXPECT(told(of_a, ALERT));
    EXPECT_INT(claim(of_b, ALERT, 0), ALERT_TOLD);
    EXPECT_INT(claim(of_a, ALERT, 0), ALERT_TOLD);
    EXPECT_INT(claim(of_b, SLICE("cap 0:1 month 100"), 0), ALERT_MINE);
    end();
}

static void another_takes_what_is_not_told(void)
{
    begin();
    EXPECT_INT(claim(of_a, ALERT, 0), ALERT_MINE);
    server_do(&server, "sql UPDATE sluice.alerts SET claimed_at = now() - interval '30 s'");
    EXPECT_INT(claim(of_b, ALERT, 0), ALERT_THEIRS);
    server_do(&server, "sql UPDATE sluice.alerts SET claimed_at = now() - interval '61 s'");
    EXPECT_INT(claim(of_b, ALERT, 0), ALERT_MINE);
    EXPECT_INT(claim(of_a, ALERT, 0), ALERT_THEIRS);
    EXPECT(told(of_a, ALERT)); /* too late: it is not its own any more */
    EXPECT_INT(claim(of_a, ALERT, 0), ALERT_THEIRS);
    node_close(&b); /* it stops, and says so */
    EXPECT_INT(claim(of_a, ALERT, 0), ALERT_MINE);
    node_open(&b, true);
    end();
}

static void again_after_a_while(void)
{
    begin();
    EXPECT_INT(claim(of_a, ALERT, 100), ALERT_MINE);
    EXPECT(told(of_a, ALERT));
    EXPECT_INT(claim(of_b, ALERT, 100), ALERT_TOLD);
    server_do(&server, "sql UPDATE sluice.alerts SET claimed_at = now() - interval '101 s'");
    EXPECT_INT(claim(of_b, ALERT, 0), ALERT_TOLD);
    EXPECT_INT(claim(of_b, ALERT, 100), ALERT_MINE);
    EXPECT_INT(claim(of_a, ALERT, 100), ALERT_THEIRS);
    EXPECT(told(of_b, ALERT));
    server_do(&server, "sql UPDATE sluice.alerts SET claimed_at = now() - interval '401 days'");
    EXPECT_INT(claim(of_a, SLICE("another"), 0), ALERT_MINE);
    EXPECT(told(of_a, SLICE("another")));
    EXPECT_SLICE(slice_from_cstr(server_do(&server, "sql SELECT count(*) FROM sluice.alerts")),
                 "1");
    end();
}

static atomic_int mine;

static void *claim_many(void *user)
{
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof(name), "alert %d", i);
        atomic_fetch_add(&mine, claim(user, slice_from_cstr(name), 0) == ALERT_MINE ? 1 : 0);
    }
    return NULL;
}

static void at_the_same_moment(void)
{
    pthread_t threads[2];
    begin();
    pthread_create(&threads[0], NULL, claim_many, of_a);
    pthread_create(&threads[1], NULL, claim_many, of_b);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    EXPECT_INT(atomic_load(&mine), 50);
    end();
}

int main(void)
{
    if (!server_start(&server)) {
        printf("not ok 1 - PostgreSQL is there (tools/setup.sh --test installs it)\n1..1\n");
        return 1;
    }
    TEST(one_tells, "of two nodes that notice the same one tells it");
    TEST(another_takes_what_is_not_told,
         "what is not told in time, or by a dead node, another tells");
    TEST(again_after_a_while, "what may be told again is, after a while; old ones are forgotten");
    TEST(at_the_same_moment, "also when both notice it at the same moment");
    server_end(&server);
    return tap_done();
}
