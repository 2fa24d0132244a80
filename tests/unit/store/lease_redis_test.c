/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that share limits of a minute through a real Redis. */
#include "store/lease_redis.h"

#include "store/lease_redis_script.h"

#include "budget_testing.h"
#include "redis_testing.h"
#include "tests/tap.h"

#include <inttypes.h>
#include <stdatomic.h>

#define NODES 3
#define LIFE_MS 700
#define GRACE_MS 300
#define CLAIMS 256

static struct redis_server server;
static unsigned round_number; /* each test has a cluster of its own */

struct node {
    struct budget *budget;
    struct lease_redis *lease;
    struct budget_claim claims[CLAIMS];
    size_t entered;
    atomic_uint_fast64_t revoked; /* the last key that it heard of */
};

static struct node nodes[NODES];
static atomic_uint told; /* how many there are, says another authority */
static struct scope_rule rule;

static void heard(void *user, uint64_t key)
{
    struct node *node = user;
    atomic_store(&node->revoked, key);
}

static unsigned count_nodes(void *user)
{
    (void)user;
    return atomic_load(&told);
}

static void node_start(struct node *node, unsigned number, bool allows)
{
    char prefix[32];
    char name[16];
    struct error error;
    snprintf(prefix, sizeof(prefix), "test%u", round_number);
    snprintf(name, sizeof(name), "node%u", number);
    memset(node, 0, sizeof(*node));
    node->budget = budget_new(&clock_system);
    const struct lease_redis_options options = {
        .redis = {.host = slice_from_cstr(server.path),
                  .deadline_ms = 250,
                  .retry_ms = 10,
                  .retry_max_ms = 40},
        .prefix = slice_from_cstr(prefix),
        .node = slice_from_cstr(name),
        .budget = node->budget,
        .wait_ns = NS_PER_S,
        .allows_away = allows,
        .nodes = count_nodes,
        .life_ms = LIFE_MS,
        .grace_ms = GRACE_MS,
        .beat_ms = 100,
        .revoked = heard,
        .user = node,
    };
    node->lease = lease_redis_new(&options, &error);
    CHECK(node->lease != NULL);
    CHECK(lease_redis_start(node->lease, &error));
}

static bool is_leasing(const struct node *node)
{
    struct lease_redis_stats stats;
    lease_redis_stats_read(node->lease, &stats);
    return stats.leasing;
}

static bool wait_leasing(bool wanted)
{
    int64_t start = clock_monotonic(&clock_system);
    bool all = false;
    while (!all && elapsed_ms(start) < 5000) {
        all = true;
        for (unsigned i = 0; i < NODES; i++) {
            all &= nodes[i].budget == NULL || is_leasing(&nodes[i]) == wanted;
        }
        poll(NULL, 0, 2);
    }
    return all;
}

static void nodes_start(bool allows)
{
    round_number++;
    rule = rule_for(SCOPE_KEY, 7);
    for (unsigned i = 0; i < NODES; i++) {
        node_start(&nodes[i], i, allows);
    }
    EXPECT(wait_leasing(true));
}

static void node_leave(struct node *node, size_t claim, int64_t tokens)
{
    budget_leave(node->budget, &node->claims[claim], tokens);
}

static void node_end(struct node *node)
{
    for (size_t i = 0; i < node->entered; i++) {
        node_leave(node, i, 0);
    }
    lease_redis_stop(node->lease);
    budget_free(node->budget);
    lease_redis_free(node->lease);
    node->budget = NULL;
}

static void nodes_end(void)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (nodes[i].budget != NULL) {
            node_end(&nodes[i]);
        }
    }
}

/* As a call does: tries again while waiting may help, at most `wait_ms`. */
static bool node_enter(struct node *node, int64_t tokens, int64_t wait_ms)
{
    struct budget_refusal refusal;
    struct budget_payer payer = payer_of(&rule);
    struct budget_claim *claim = &node->claims[node->entered];
    const struct budget_want want = {.tokens = tokens};
    struct budget_hold hold;
    int64_t start = clock_monotonic(&clock_system);
    *claim = (struct budget_claim){.patient = true, .since_ns = start};
    CHECK(node->entered < CLAIMS);
    while (!budget_enter(node->budget, &payer, claim, &refusal)) {
        if (!refusal.leasable || elapsed_ms(start) >= wait_ms) {
            return false;
        }
        poll(NULL, 0, 1);
    }
    while (tokens > 0 && !budget_hold(node->budget, claim, &want, &hold, &refusal)) {
        if (!refusal.leasable || elapsed_ms(start) >= wait_ms) {
            budget_leave(node->budget, claim, 0);
            return false;
        }
        poll(NULL, 0, 1);
    }
    node->entered++;
    return true;
}

/* All nodes in turn until each one was refused; how many entered. */
static unsigned enter_all(int64_t tokens)
{
    unsigned entered = 0;
    bool refused[NODES] = {false};
    unsigned left = NODES;
    for (unsigned i = 0; left > 0; i = (i + 1) % NODES) {
        if (nodes[i].budget == NULL || refused[i]) {
            left -= refused[i] ? 0 : 1;
            refused[i] = true;
        } else if (node_enter(&nodes[i], tokens, 1000)) {
            entered++;
        } else {
            refused[i] = true;
            left--;
        }
    }
    return entered;
}

static void requests_of_all_nodes(void)
{
    nodes_start(false);
    rule.limits.requests_per_minute = 50;
    EXPECT_INT(enter_all(0), 50);
    EXPECT(nodes[0].entered > 5 && nodes[1].entered > 5 && nodes[2].entered > 5);
    nodes_end();
}

static void one_node_may_have_it_all(void)
{
    nodes_start(false);
    rule.limits.requests_per_minute = 50;
    EXPECT(node_enter(&nodes[1], 0, 1000)); /* and asks for more than it needs */
    int64_t start = clock_monotonic(&clock_system);
    for (int i = 0; i < 49; i++) {
        EXPECT(node_enter(&nodes[0], 0, 1000));
    }
    EXPECT(elapsed_ms(start) < 900); /* at once, not when the other has been idle for a second */
    EXPECT(!node_enter(&nodes[0], 0, 1000));
    EXPECT(!node_enter(&nodes[2], 0, 1000));
    nodes_end();
}

static void tokens_of_all_nodes(void)
{
    nodes_start(false);
    rule.limits.tokens_per_minute = 1000;
    EXPECT_INT(enter_all(90), 11);
    node_leave(&nodes[0], 0, 30); /* took less than expected: 60 are free again */
    int64_t start = clock_monotonic(&clock_system);
    while (!node_enter(&nodes[1], 65, 500) && elapsed_ms(start) < 5000) {
    }
    EXPECT(elapsed_ms(start) < 3000);
    EXPECT(!node_enter(&nodes[2], 6, 300));
    nodes_end();
}

static void calls_at_the_same_time(void)
{
    nodes_start(false);
    rule.limits.parallel = 5;
    EXPECT_INT(enter_all(0), 5);
    EXPECT(!node_enter(&nodes[2], 0, 300));
    node_leave(&nodes[0], 0, 0);
    int64_t start = clock_monotonic(&clock_system);
    while (!node_enter(&nodes[2], 0, 200) && elapsed_ms(start) < 5000) {
    }
    EXPECT(elapsed_ms(start) < 2500); /* what one ends another may begin */
    EXPECT(!node_enter(&nodes[1], 0, 300));
    nodes_end();
}

/* A node that took `room` of the meter and was never heard of again. */
static void ghost(const char *meter, bool windowed, int64_t limit, int64_t room)
{
    struct error error;
    struct redis_options options = {.host = slice_from_cstr(server.path),
                                    .deadline_ms = 1000,
                                    .retry_ms = 1,
                                    .retry_max_ms = 1,
                                    .stop_fd = -1};
    struct redis *redis = redis_new(&options);
    struct redis_script join = {.text = SLICE(LEASE_REDIS_JOIN)};
    struct redis_script exchange = {.text = SLICE(LEASE_REDIS_EXCHANGE)};
    char keys[5][96];
    char numbers[3][24];
    static const char *const names[] = {"nodes", "began", "sessions", "revoked"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(keys[i], sizeof(keys[i]), "{test%u}:%s", round_number, names[i]);
    }
    snprintf(keys[4], sizeof(keys[4]), "{test%u}:m:%s", round_number, meter);
    struct slice words[3 + 5 + 6 + LEASE_REDIS_FIELDS];
    for (size_t i = 0; i < 5; i++) {
        words[3 + i] = slice_from_cstr(keys[i]);
    }
    words[7] = SLICE("ghost");
    words[8] = words[9] = SLICE("0");
    struct redisReply *reply = redis_run(redis, &join, words, 10, 4, &error);
    snprintf(numbers[0], sizeof(numbers[0]), "%" PRId64, redis_integer(redis_at(reply, 0)));
    freeReplyObject(reply);
    snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, limit);
    snprintf(numbers[2], sizeof(numbers[2]), "%" PRId64, room);
    const struct slice arguments[] = {SLICE("ghost"), slice_from_cstr(numbers[0]), SLICE("700"),
                                      SLICE("0"), SLICE("news"), SLICE("11"),
                                      /* the meter */
                                      slice_from_cstr(meter), windowed ? SLICE("1") : SLICE("0"),
                                      SLICE("1"), slice_from_cstr(numbers[1]), SLICE("0"),
                                      slice_from_cstr(numbers[2]), slice_from_cstr(numbers[2]),
                                      SLICE("0"), SLICE("0"), SLICE("0"), SLICE("0")};
    words[7] = slice_from_cstr(keys[4]);
    memcpy(&words[8], arguments, sizeof(arguments));
    reply = redis_run(redis, &exchange, words, 8 + ARRAY_LEN(arguments), 5, &error);
    const struct redisReply *answer = redis_at(redis_at(reply, 2), 0);
    EXPECT_INT(redis_integer(redis_at(answer, 1)), room);
    freeReplyObject(reply);
    redis_free(redis);
}

static void a_dead_nodes_calls_are_over(void)
{
    nodes_start(false);
    rule.limits.parallel = 5;
    ghost("7 0 7 ", false, 5, 4);
    EXPECT_INT(enter_all(0), 1);
    int64_t start = clock_monotonic(&clock_system);
    while (nodes[0].entered + nodes[1].entered + nodes[2].entered < 5 && elapsed_ms(start) < 5000) {
        (void)node_enter(&nodes[1], 0, 100);
    }
    EXPECT(elapsed_ms(start) >= LIFE_MS / 2 && elapsed_ms(start) < 3000);
    EXPECT(!node_enter(&nodes[0], 0, 300));
    nodes_end();
}

static void what_a_dead_node_had_counts_as_spent(void)
{
    nodes_start(false);
    rule.limits.requests_per_minute = 20;
    ghost("5 0 7 ", true, 20, 12);
    poll(NULL, 0, LIFE_MS + 100);
    EXPECT_INT(enter_all(0), 8);
    nodes_end();
}

static void a_node_that_starts_again_has_spent_what_it_spent(void)
{
    nodes_start(false);
    rule.limits.requests_per_minute = 20;
    for (int i = 0; i < 12; i++) {
        EXPECT(node_enter(&nodes[0], 0, 1000));
    }
    node_end(&nodes[0]);
    node_start(&nodes[0], 0, false);
    EXPECT(wait_leasing(true));
    EXPECT_INT(enter_all(0), 8);
    nodes_end();
}

/* Away: each node's part of the limit, what it has used of it included. */
static void without_redis_each_node_has_its_part(void)
{
    nodes_start(false);
    rule.limits.requests_per_minute = 30;
    EXPECT(node_enter(&nodes[0], 0, 1000));
    server_kill(&server);
    EXPECT(wait_leasing(false));
    unsigned entered = 1 + enter_all(0);
    EXPECT(entered >= 28 && entered <= 30 + 15); /* what was granted before is used, too */
    EXPECT(nodes[1].entered == 10 && nodes[2].entered == 10);
    EXPECT(server_start(&server));
    EXPECT(wait_leasing(true)); /* empty; it is told what was spent */
    EXPECT_INT(enter_all(0), 0);
    nodes_end();
}

/* Not yet connected, it may be that a call waits at first. */
static bool is_refused_as_away(struct node *node)
{
    struct budget_refusal refusal = {.away = false};
    struct budget_payer payer = payer_of(&rule);
    struct budget_claim claim = {.patient = true, .since_ns = clock_monotonic(&clock_system)};
    bool entered = budget_enter(node->budget, &payer, &claim, &refusal);
    budget_leave(node->budget, &claim, 0);
    return !entered && refusal.away && !refusal.leasable;
}

static void who_knows_of_no_nodes_takes_nothing(void)
{
    round_number++;
    atomic_store(&told, 0);
    rule = rule_for(SCOPE_KEY, 7);
    rule.limits.requests_per_minute = 30;
    server_kill(&server);
    node_start(&nodes[0], 0, false);
    int64_t start = clock_monotonic(&clock_system);
    EXPECT(!node_enter(&nodes[0], 0, 0));
    while (!is_refused_as_away(&nodes[0]) && elapsed_ms(start) < 5000) {
        poll(NULL, 0, 2);
    }
    EXPECT(is_refused_as_away(&nodes[0]));
    EXPECT(!node_enter(&nodes[0], 0, 0));
    atomic_store(&told, NODES); /* PostgreSQL was heard of them */
    start = clock_monotonic(&clock_system);
    while (is_refused_as_away(&nodes[0]) && elapsed_ms(start) < 5000) {
        poll(NULL, 0, 2);
    }
    unsigned entered = 0;
    while (entered < 100 && node_enter(&nodes[0], 0, 0)) {
        entered++;
    }
    EXPECT(entered >= 9 && entered <= 10); /* one may have entered above */
    EXPECT(server_start(&server));
    nodes_end();
}

/* Nobody told them but Redis, which has forgotten: the first to join is not the only one. */
static void a_grace_remembers_how_many_there_were(void)
{
    atomic_store(&told, 0);
    nodes_start(false);
    rule.limits.requests_per_minute = 30;
    server_kill(&server);
    EXPECT(wait_leasing(false));
    EXPECT(server_start(&server));
    unsigned entered = enter_all(0);
    EXPECT(wait_leasing(true));
    EXPECT(entered + enter_all(0) == 30);
    atomic_store(&told, NODES);
    nodes_end();
}

static void without_redis_limits_may_be_open(void)
{
    nodes_start(true);
    rule.limits.requests_per_minute = 30;
    server_kill(&server);
    EXPECT(wait_leasing(false));
    EXPECT_INT(enter_all(0), 3 * 30); /* its own limit a node keeps */
    EXPECT(server_start(&server));
    nodes_end();
}

/* What nodes take of their part before Redis grants anything is known when it does. */
static void the_beginning_counts(void)
{
    round_number++;
    rule = rule_for(SCOPE_KEY, 7);
    rule.limits.requests_per_minute = 240;
    for (unsigned i = 0; i < NODES; i++) {
        node_start(&nodes[i], i, false);
    }
    unsigned early = 0;
    int64_t start = clock_monotonic(&clock_system);
    while (!is_leasing(&nodes[1]) && elapsed_ms(start) < 5000) {
        early += node_enter(&nodes[0], 0, 0) ? 1 : 0;
        poll(NULL, 0, 2);
    }
    EXPECT(early > 20);
    while (node_enter(&nodes[1], 0, 1000)) { /* at once, while the other says nothing more */
    }
    EXPECT_INT(early + nodes[1].entered, 240);
    nodes_end();
}

static void an_empty_redis_grants_nothing_twice(void)
{
    nodes_start(false);
    rule.limits.requests_per_minute = 40;
    for (int i = 0; i < 20; i++) {
        EXPECT(node_enter(&nodes[0], 0, 1000));
    }
    server_kill(&server);
    EXPECT(server_start(&server));
    EXPECT(wait_leasing(true));
    unsigned more = enter_all(0);
    EXPECT_INT(20 + more, 40);
    nodes_end();
}

static void a_flushed_redis_is_noticed(void)
{
    struct error error;
    nodes_start(false);
    rule.limits.parallel = 5;
    EXPECT_INT(enter_all(0), 5);
    struct redis_options options = {.host = slice_from_cstr(server.path),
                                    .deadline_ms = 1000,
                                    .retry_ms = 1,
                                    .retry_max_ms = 1,
                                    .stop_fd = -1};
    struct redis *redis = redis_new(&options);
    const struct slice words[] = {SLICE("FLUSHALL")};
    freeReplyObject(redis_ask(redis, words, 1, &error));
    redis_free(redis);
    EXPECT(wait_leasing(false));
    EXPECT(wait_leasing(true));
    EXPECT_INT(enter_all(0), 0);
    nodes_end();
}

static void a_hanging_redis_is_away(void)
{
    nodes_start(false);
    rule.limits.requests_per_minute = 30;
    kill(server.pid, SIGSTOP);
    int64_t start = clock_monotonic(&clock_system);
    bool entered = node_enter(&nodes[0], 0, 1000);
    EXPECT(entered && elapsed_ms(start) < 1000); /* by its part, after the deadline */
    EXPECT(wait_leasing(false));
    kill(server.pid, SIGCONT);
    EXPECT(wait_leasing(true));
    unsigned more = enter_all(0);
    EXPECT_INT(1 + more, 30);
    nodes_end();
}

static bool hears(const struct node *node, uint64_t key)
{
    int64_t start = clock_monotonic(&clock_system);
    while (atomic_load(&node->revoked) != key && elapsed_ms(start) < 3000) {
        poll(NULL, 0, 2);
    }
    return atomic_load(&node->revoked) == key;
}

static void revoked_keys_are_told(void)
{
    nodes_start(false);
    lease_redis_revoke(nodes[0].lease, 41);
    EXPECT(hears(&nodes[1], 41));
    EXPECT(hears(&nodes[2], 41));
    node_end(&nodes[1]);
    lease_redis_revoke(nodes[2].lease, 42);
    EXPECT(hears(&nodes[0], 42));
    node_start(&nodes[1], 1, false);
    EXPECT(hears(&nodes[1], 42)); /* said while it was not there */
    server_kill(&server);
    EXPECT(wait_leasing(false));
    lease_redis_revoke(nodes[0].lease, 43);
    EXPECT(server_start(&server));
    EXPECT(hears(&nodes[1], 43)); /* said as soon as it can be */
    EXPECT(hears(&nodes[2], 43));
    nodes_end();
}

int main(void)
{
    atomic_store(&told, NODES);
    signal(SIGPIPE, SIG_IGN);
    (void)turned;
    if (!server_start(&server)) {
        printf("not ok 1 - redis-server starts\n1..1\n");
        return 1;
    }
    TEST(requests_of_all_nodes, "requests of all nodes are the limit, not one more or less");
    TEST(one_node_may_have_it_all,
         "one node may have it all: others give back what they do not use");
    TEST(tokens_of_all_nodes, "tokens of all nodes are the limit");
    TEST(calls_at_the_same_time, "calls at the same time, on all nodes");
    TEST(a_dead_nodes_calls_are_over, "a dead node's calls are over");
    TEST(what_a_dead_node_had_counts_as_spent,
         "what a dead node had of the minute counts as spent");
    TEST(a_node_that_starts_again_has_spent_what_it_spent,
         "a node that starts again has spent what it spent");
    TEST(without_redis_each_node_has_its_part, "without Redis each node has its part");
    TEST(who_knows_of_no_nodes_takes_nothing,
         "a node that reached neither Redis nor who knows the nodes takes nothing");
    TEST(a_grace_remembers_how_many_there_were,
         "a Redis that comes back empty: the part is of the nodes that there were");
    TEST(without_redis_limits_may_be_open, "without Redis limits may be open");
    TEST(the_beginning_counts,
         "what nodes take before Redis grants anything is known when it does");
    TEST(an_empty_redis_grants_nothing_twice, "a Redis that comes back empty grants nothing twice");
    TEST(a_flushed_redis_is_noticed, "a flushed Redis is noticed");
    TEST(a_hanging_redis_is_away, "a hanging Redis is away");
    TEST(revoked_keys_are_told, "revoked keys are told, also to those that come later");
    server_remove(&server);
    return tap_done();
}
