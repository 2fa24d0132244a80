/* SPDX-License-Identifier: Apache-2.0 */
/* Several nodes, each with a budget and a thread of its own, on one real PostgreSQL. */
#include "store/lease_postgres.h"

#include "base/random.h"
#include "store/ledger_schema.h"
#include "tests/tap.h"
#include "tests/unit/store/postgres_testing.h"
#include "tests/unit/store/store_testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define NODES 3
#define WAIT_NS (15 * NS_PER_S) /* the machine may be loaded */

static struct postgres_server server;
static struct scratch scratch;

struct node {
    char path[256];
    char name[16];
    struct cluster_member *member;
    struct budget *budget;
    struct lease_postgres *lease;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint64_t moves;
};

static struct node nodes[NODES];

static void on_moved(void *user)
{
    struct node *node = user;
    pthread_mutex_lock(&node->lock);
    node->moves++;
    pthread_cond_broadcast(&node->moved);
    pthread_mutex_unlock(&node->lock);
}

static void node_start_at(struct node *node, bool allows, const struct clock *clock)
{
    struct error error = {0};
    node->member = member_new(&(struct member_options){.path = node->path,
                                                       .node = slice_from_cstr(node->name),
                                                       .connection = server.url,
                                                       .version = "1"},
                              &error);
    node->budget = budget_new(clock);
    CHECK(node->member != NULL && node->budget != NULL);
    node->lease = lease_postgres_new(&(struct lease_postgres_options){.member = node->member,
                                                                      .budget = node->budget,
                                                                      .time_zone = SLICE("UTC"),
                                                                      .wait_ns = WAIT_NS,
                                                                      .allows_away = allows,
                                                                      .moved = on_moved,
                                                                      .user = node},
                                     &error);
    CHECK(node->lease != NULL && lease_postgres_start(node->lease, &error));
}

static void node_start(struct node *node, bool allows)
{
    node_start_at(node, allows, &clock_system);
}

static void node_stop(struct node *node)
{
    lease_postgres_free(node->lease);
    budget_free(node->budget);
    member_free(node->member);
}

static void make_nodes(void)
{
    struct error error = {0};
    for (int i = 0; i < NODES; i++) {
        struct node *node = &nodes[i];
        char file[32];
        snprintf(node->name, sizeof(node->name), "n%d", i);
        snprintf(file, sizeof(file), "n%d.db", i);
        scratch_file(&scratch, file, node->path);
        sqlite3 *db = database_open(node->path, DATABASE_CREATE, &error);
        CHECK(db != NULL && ledger_schema_prepare(db, node->path, &error));
        sqlite3_close(db);
        pthread_mutex_init(&node->lock, NULL);
        pthread_cond_init(&node->moved, NULL);
        node_start(node, false);
    }
}

static struct scope_rule cap_of(uint64_t key, enum cap_period period, int64_t amount)
{
    struct scope_rule rule = {.kind = SCOPE_KEY, .scope_id = key, .limits = limits_none()};
    rule.limits.caps[0] = (struct spend_cap){
        .period = period, .amount_nd = amount, .window_s = period == CAP_ROLLING ? 3600 : 0};
    rule.limits.cap_count = 1;
    return rule;
}

struct one_call {
    struct budget_claim claim;
    struct budget_hold hold;
    struct budget_refusal refusal;
};

static void enter(struct node *node, const struct scope_rule *rule, struct one_call *call)
{
    struct budget_payer payer = {.generation = 1};
    payer.scopes[SCOPE_KEY] = rule->scope_id;
    payer.rules[SCOPE_KEY] = rule;
    payer.rule_counts[SCOPE_KEY] = 1;
    *call = (struct one_call){.claim = {.patient = true}};
    CHECK(budget_enter(node->budget, &payer, &call->claim, &call->refusal));
}

/* As a worker does it: tries again whenever something moved, for as long as a call waits. */
static bool hold_within(struct node *node, struct one_call *call, int64_t amount, int64_t wait_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t end_ns = until.tv_nsec + wait_ns;
    until.tv_sec += end_ns / NS_PER_S;
    until.tv_nsec = end_ns % NS_PER_S;
    for (;;) {
        pthread_mutex_lock(&node->lock);
        uint64_t moves = node->moves;
        pthread_mutex_unlock(&node->lock);
        if (budget_hold(node->budget, &call->claim, &(struct budget_want){.amount_nd = amount},
                        &call->hold, &call->refusal)) {
            return true;
        }
        if (!call->refusal.leasable) {
            return false;
        }
        if (call->claim.since_ns == 0) {
            call->claim.since_ns = clock_monotonic(&clock_system);
        }
        int status = 0;
        pthread_mutex_lock(&node->lock);
        while (node->moves == moves && status == 0) {
            status = pthread_cond_timedwait(&node->moved, &node->lock, &until);
        }
        pthread_mutex_unlock(&node->lock);
        call->claim.patient = status == 0;
    }
}

static bool hold(struct node *node, struct one_call *call, int64_t amount)
{
    return hold_within(node, call, amount, WAIT_NS);
}

static void leave(struct node *node, struct one_call *call, int64_t cost)
{
    budget_settle(node->budget, &call->claim, &call->hold, cost);
    budget_leave(node->budget, &call->claim, 0);
}

static bool spend(struct node *node, const struct scope_rule *rule, int64_t amount, int64_t cost)
{
    struct one_call call;
    enter(node, rule, &call);
    bool done = hold(node, &call, amount);
    leave(node, &call, cost);
    return done;
}

/* Nothing is granted for as long as a call waits here. */
static bool waits_in_vain(struct node *node, const struct scope_rule *rule)
{
    struct one_call call;
    enter(node, rule, &call);
    bool held = hold_within(node, &call, 10, NS_PER_S);
    leave(node, &call, 0);
    return !held;
}

static long long number(const char *sql)
{
    char line[512];
    snprintf(line, sizeof(line), "sql %s", sql);
    return strtoll(server_do(&server, line), NULL, 10);
}

/* Turns until the question has this answer; a ceiling ends it. */
static long long settles_at(const char *sql, long long wanted)
{
    long long got = number(sql);
    for (int i = 0; got != wanted && i < 1500; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 20 * NS_PER_MS}, NULL);
        got = number(sql);
    }
    return got;
}

#define OVERDRAWN                                                                                  \
    "SELECT count(*) FROM sluice.lease_meters m WHERE m.amount < (SELECT sum(l.spent + l.room)"    \
    " FROM sluice.leases l WHERE l.meter = m.id) AND m.what <> 4"

/* --- one cap, many threads of many nodes -------------------------------------------------------
 */

#define THREADS 12
#define CROWD_CAP 60000

struct crowd {
    const struct scope_rule *rule;
    atomic_int_fast64_t used; /* settled and held, by the callers' own account */
    atomic_int_fast64_t spent;
    atomic_int over;
    atomic_int taken;
    atomic_int refused;
};

struct caller {
    struct crowd *crowd;
    struct node *node;
    uint64_t seed;
};

static void *call_on(void *user)
{
    struct caller *caller = user;
    struct crowd *crowd = caller->crowd;
    struct random random;
    random_seed(&random, caller->seed);
    for (int i = 0; i < 60; i++) {
        int64_t amount = (int64_t)(random_next(&random) % 2000) + 1;
        int64_t cost = amount / 8;
        struct one_call call;
        enter(caller->node, crowd->rule, &call);
        if (hold(caller->node, &call, amount)) {
            if (atomic_fetch_add(&crowd->used, amount) + amount > CROWD_CAP) {
                atomic_fetch_add(&crowd->over, 1);
            }
            atomic_fetch_add(&crowd->taken, 1);
            nanosleep(&(struct timespec){.tv_nsec = (long)(random_next(&random) % 3000000)}, NULL);
            atomic_fetch_sub(&crowd->used, amount - cost);
            atomic_fetch_add(&crowd->spent, cost);
        } else {
            atomic_fetch_add(&crowd->refused, 1);
        }
        leave(caller->node, &call, cost);
    }
    return NULL;
}

static void a_crowd_never_passes_a_cap(void)
{
    struct scope_rule rule = cap_of(1, CAP_TOTAL, CROWD_CAP);
    struct crowd crowd = {.rule = &rule};
    struct caller callers[THREADS];
    pthread_t threads[THREADS];
    long long overdrawn = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){&crowd, &nodes[i % NODES], i + 1};
        CHECK(pthread_create(&threads[i], NULL, call_on, &callers[i]) == 0);
    }
    for (int i = 0; i < 20; i++) {
        overdrawn += number(OVERDRAWN);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("# %d held, %d refused, %lld of %d spent\n", crowd.taken, crowd.refused,
           (long long)crowd.spent, CROWD_CAP);
    EXPECT_INT(crowd.over, 0);
    EXPECT_INT(overdrawn, 0);
    EXPECT(crowd.taken > 100);
    EXPECT(crowd.spent <= CROWD_CAP);
    /* all has settled: what is left fits into one call, on any node, at once */
    int64_t left = CROWD_CAP - crowd.spent;
    EXPECT(!spend(&nodes[0], &rule, left + 1, 0));
    for (unsigned i = 0; i < NODES; i++) {
        EXPECT(spend(&nodes[i], &rule, left, 0));
    }
    EXPECT_INT(number(OVERDRAWN), 0);
    EXPECT_INT(settles_at("SELECT sum(room) FROM sluice.leases", 0), 0);
    EXPECT_INT(number("SELECT sum(spent) FROM sluice.leases"), crowd.spent);
}

static void keeps_windows_and_days(void)
{
    struct scope_rule rolling = cap_of(2, CAP_ROLLING, 100);
    struct scope_rule day = cap_of(3, CAP_DAY, 100);
    for (unsigned i = 0; i < NODES; i++) {
        EXPECT(spend(&nodes[i], &rolling, 30, 30));
        EXPECT(spend(&nodes[i], &day, 30, 30));
    }
    for (unsigned i = 0; i < NODES; i++) {
        EXPECT(!spend(&nodes[i], &rolling, 11, 1));
        EXPECT(!spend(&nodes[i], &day, 11, 1));
    }
    EXPECT(spend(&nodes[1], &rolling, 10, 10));
    EXPECT(spend(&nodes[2], &day, 10, 10));
    EXPECT_INT(settles_at("SELECT sum(spent) FROM sluice.lease_buckets", 100), 100);
    /* the window goes by, on the server's clock */
    (void)number("UPDATE sluice.lease_buckets SET bucket = bucket - 70");
    EXPECT(spend(&nodes[1], &rolling, 5, 5));
}

/* Of a key that was in use before it got a cap, and comes to one node only since. */
static void a_new_cap_knows_what_was_spent_elsewhere(void)
{
    struct scope_rule rule = cap_of(10, CAP_TOTAL, 100);
    EXPECT(budget_seed(nodes[0].budget, SCOPE_KEY, 10, SLICE_EMPTY, 0, 80));
    for (unsigned i = 0; i < NODES; i++) {
        EXPECT(budget_introduce(nodes[i].budget, 1, &rule));
    }
    EXPECT_INT(settles_at("SELECT coalesce(sum(spent), 0) FROM sluice.leases l"
                          " JOIN sluice.lease_meters m ON m.id = l.meter WHERE m.scope = 10",
                          80),
               80);
    EXPECT(!spend(&nodes[1], &rule, 21, 1));
    EXPECT(spend(&nodes[1], &rule, 20, 20));
}

#define SHARED (UINT64_C(1) << 40) /* KEY_CHANGES_SHARED; a budget counts one more */

/* Change 5 of the keys gives a key a cap; two nodes have it, the third has spent most of it. */
static void nobody_gets_of_a_new_cap_before_all_have_told(void)
{
    struct scope_rule rule = cap_of(20, CAP_TOTAL, 100);
    struct one_call call;
    (void)server_do(&server, "sql UPDATE sluice.nodes SET key_seq = 5 WHERE name <> 'n2'");
    (void)server_do(&server, "sql UPDATE sluice.nodes SET key_seq = 4 WHERE name = 'n2'");
    EXPECT(budget_seed(nodes[2].budget, SCOPE_KEY, 20, SLICE_EMPTY, 0, 80));
    EXPECT(budget_introduce(nodes[0].budget, SHARED + 6, &rule));
    EXPECT(budget_introduce(nodes[1].budget, SHARED + 6, &rule));
    EXPECT(waits_in_vain(&nodes[1], &rule));
    EXPECT_INT(number("SELECT coalesce(sum(l.room), 0) FROM sluice.leases l JOIN"
                      " sluice.lease_meters m ON m.id = l.meter WHERE m.scope = 20"),
               0);
    enter(&nodes[1], &rule, &call); /* who waits gets its own as soon as the third has told */
    EXPECT(budget_introduce(nodes[2].budget, SHARED + 6, &rule));
    EXPECT(!budget_lease_asserted(nodes[2].budget, LEASE_CAPS));
    while (!budget_lease_asserted(nodes[2].budget, LEASE_CAPS)) {
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    (void)server_do(&server, "sql UPDATE sluice.nodes SET key_seq = 5 WHERE name = 'n2'");
    EXPECT(hold(&nodes[1], &call, 20));
    leave(&nodes[1], &call, 15);
    EXPECT(!spend(&nodes[0], &rule, 6, 6));
    EXPECT(spend(&nodes[0], &rule, 5, 5));
    EXPECT_INT(number(OVERDRAWN), 0);
}

/* What was granted under the cap as it was is not spent under a lower one. */
static void a_lower_cap_takes_back_what_is_free(void)
{
    struct scope_rule rule = cap_of(21, CAP_TOTAL, 1000);
    const struct lease_meter meter = {.kind = SCOPE_KEY, .what = LEASE_TOTAL, .scope = 21};
    struct lease_state state;
    struct one_call call;
    enter(&nodes[0], &rule, &call);
    EXPECT(hold(&nodes[0], &call, 900));
    leave(&nodes[0], &call, 10);
    rule.limits.caps[0].amount_nd = 50;
    EXPECT(budget_introduce(nodes[0].budget, 2, &rule));
    EXPECT(budget_lease_read(nodes[0].budget, &meter, &state));
    EXPECT(state.spent == 10 && state.room <= 40);
    EXPECT(!spend(&nodes[1], &rule, 41, 41));
    EXPECT(spend(&nodes[1], &rule, 40, 40));
    EXPECT_INT(number(OVERDRAWN), 0);
}

/* --- faults ------------------------------------------------------------------------------------
 */

static bool is_connected(struct node *node)
{
    struct lease_postgres_stats stats;
    lease_postgres_stats_read(node->lease, &stats);
    return stats.connected;
}

static void wait_connected(struct node *node, bool connected)
{
    for (int i = 0; is_connected(node) != connected && i < 6000; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10 * NS_PER_MS}, NULL);
    }
    EXPECT(is_connected(node) == connected);
}

static void denies_while_nobody_can_be_asked(void)
{
    struct scope_rule rule = cap_of(4, CAP_TOTAL, 1000);
    struct one_call call;
    struct one_call second;
    enter(&nodes[0], &rule, &call);
    EXPECT(hold(&nodes[0], &call, 100));
    (void)server_do(&server, "kill");
    wait_connected(&nodes[0], false);
    enter(&nodes[0], &rule, &second);
    EXPECT(hold(&nodes[0], &second, 50)); /* of what it was granted */
    leave(&nodes[0], &second, 50);
    enter(&nodes[0], &rule, &second);
    EXPECT(!hold(&nodes[0], &second, 850));
    EXPECT(second.refusal.away);
    leave(&nodes[0], &call, 100);
    (void)server_do(&server, "start");
    wait_connected(&nodes[0], true);
    EXPECT(hold(&nodes[0], &second, 850));
    leave(&nodes[0], &second, 0);
    EXPECT_INT(number(OVERDRAWN), 0);
    EXPECT_INT(settles_at("SELECT sum(spent) FROM sluice.leases l JOIN sluice.lease_meters m"
                          " ON m.id = l.meter WHERE m.scope = 4",
                          150),
               150);
}

static void allows_where_the_operator_does(void)
{
    struct scope_rule rule = cap_of(5, CAP_TOTAL, 1000);
    node_stop(&nodes[2]);
    node_start(&nodes[2], true);
    wait_connected(&nodes[2], true);
    (void)server_do(&server, "stop");
    wait_connected(&nodes[2], false);
    EXPECT(spend(&nodes[2], &rule, 900, 700));
    EXPECT(!spend(&nodes[2], &rule, 900, 700)); /* its own limit */
    (void)server_do(&server, "start");
    wait_connected(&nodes[2], true);
    EXPECT_INT(settles_at("SELECT sum(spent) FROM sluice.leases l JOIN sluice.lease_meters m"
                          " ON m.id = l.meter WHERE m.scope = 5",
                          700),
               700);
    wait_connected(&nodes[0], true);
    EXPECT(!spend(&nodes[0], &rule, 301, 0));
    EXPECT(spend(&nodes[0], &rule, 300, 0));
    node_stop(&nodes[2]);
    node_start(&nodes[2], false);
}

static void a_dead_nodes_slice_stays_until_it_returns(void)
{
    struct scope_rule rule = cap_of(6, CAP_TOTAL, 1000);
    struct one_call call;
    wait_connected(&nodes[1], true);
    enter(&nodes[1], &rule, &call);
    EXPECT(hold(&nodes[1], &call, 600));
    (void)server_do(&server, "stop");
    wait_connected(&nodes[1], false);
    leave(&nodes[1], &call, 10);
    node_stop(&nodes[1]); /* without a word to anybody */
    (void)server_do(&server, "start");
    wait_connected(&nodes[0], true);
    EXPECT(!spend(&nodes[0], &rule, 500, 0));
    EXPECT_INT(number("SELECT room FROM sluice.leases l JOIN sluice.lease_meters m"
                      " ON m.id = l.meter WHERE m.scope = 6 AND l.room >= 600") >= 600,
               1);
    node_start(&nodes[1], false);
    EXPECT(budget_introduce(nodes[1].budget, 1, &rule));
    EXPECT(budget_seed(nodes[1].budget, SCOPE_KEY, 6, SLICE_EMPTY, 0, 10));
    wait_connected(&nodes[1], true);
    EXPECT(spend(&nodes[1], &rule, 1, 1));
    EXPECT(spend(&nodes[0], &rule, 989, 0));
    EXPECT_INT(number(OVERDRAWN), 0);
}

static void an_older_state_grants_nothing_until_all_have_told(void)
{
    struct scope_rule rule = cap_of(7, CAP_TOTAL, 1000);
    struct one_call call;
    (void)server_do(&server, "copy before");
    for (int i = 0; i < NODES; i++) {
        wait_connected(&nodes[i], true);
    }
    long long before = number("SELECT incarnation FROM sluice.cluster");
    enter(&nodes[0], &rule, &call);
    EXPECT(hold(&nodes[0], &call, 800));
    EXPECT(spend(&nodes[1], &rule, 100, 100));
    (void)server_do(&server, "restore before");
    for (int i = 0; i < NODES; i++) {
        wait_connected(&nodes[i], true);
    }
    EXPECT_INT(settles_at("SELECT count(*) FROM sluice.nodes n JOIN sluice.cluster c"
                          " USING (incarnation)",
                          NODES),
               NODES);
    EXPECT(number("SELECT incarnation FROM sluice.cluster") > before);
    EXPECT(!spend(&nodes[2], &rule, 101, 0));
    EXPECT(spend(&nodes[2], &rule, 100, 0));
    leave(&nodes[0], &call, 800);
    EXPECT(spend(&nodes[2], &rule, 100, 100));
    EXPECT(!spend(&nodes[2], &rule, 1, 1));
    EXPECT_INT(number(OVERDRAWN), 0);
}

/* A node that is not there any more has made exchanges that others were told of; then the server
 * forgets them, on the same timeline. */
static void what_nobody_was_told_itself_is_noticed(void)
{
    struct scope_rule rule = cap_of(22, CAP_TOTAL, 1000);
    (void)server_do(&server,
                    "sql INSERT INTO sluice.nodes(name, instance, version, stopped, lease_seq,"
                    " seen_at) VALUES('ghost', 'ghost', '1', true, 100000, 'epoch')");
    long long seq = number("SELECT lease_seq FROM sluice.nodes WHERE name = 'n2'");
    long long before = number("SELECT incarnation FROM sluice.cluster");
    char later[128];
    snprintf(later, sizeof(later),
             "SELECT (lease_seq >= %lld)::int FROM sluice.nodes WHERE name = 'n2'", seq + 3);
    EXPECT_INT(settles_at(later, 1), 1); /* it says so when it has nothing else to say */
    EXPECT_INT(number("SELECT incarnation FROM sluice.cluster"), before);
    (void)server_do(&server, "sql UPDATE sluice.nodes SET lease_seq = 5, stopped = false"
                             " WHERE name = 'ghost'");
    (void)server_do(&server, "restart");
    snprintf(later, sizeof(later), "SELECT (incarnation > %lld)::int FROM sluice.cluster", before);
    EXPECT_INT(settles_at(later, 1), 1);
    EXPECT_INT(settles_at("SELECT count(*) FROM sluice.nodes n JOIN sluice.cluster c"
                          " USING (incarnation)",
                          NODES),
               NODES);
    /* since the start the ghost was not heard, and may know more: for as long as one is patient */
    (void)server_do(&server, "sql UPDATE sluice.lease_starts SET patient_until = 'infinity'");
    EXPECT(waits_in_vain(&nodes[2], &rule));
    (void)server_do(&server, "sql UPDATE sluice.lease_starts SET patient_until = 'epoch'");
    EXPECT(spend(&nodes[2], &rule, 10, 10));
    (void)server_do(&server, "sql DELETE FROM sluice.nodes WHERE name = 'ghost'");
}

/* A node that leases, and is never heard again. */
static void insert_ghost(void)
{
    (void)server_do(&server, "sql INSERT INTO sluice.nodes(name, instance, version, stopped,"
                             " seen_at, leased_at) VALUES('ghost', 'ghost', '1', false, 'epoch',"
                             " clock_timestamp())");
}

/* All that stayed saw what was done up to the end: that it is still there says that all is. */
static void who_stayed_is_a_witness(void)
{
    struct scope_rule rule = cap_of(23, CAP_TOTAL, 1000);
    insert_ghost();
    (void)server_do(&server, "restart");
    EXPECT_INT(settles_at("SELECT count(*) FROM sluice.nodes"
                          " WHERE lease_server = pg_postmaster_start_time()",
                          NODES),
               NODES);
    EXPECT_INT(number("SELECT extract(epoch FROM patient_until - pg_postmaster_start_time())::int"
                      " FROM sluice.lease_starts"),
               10);
    (void)server_do(&server, "sql UPDATE sluice.lease_starts SET patient_until = 'infinity'");
    EXPECT(waits_in_vain(&nodes[1], &rule));
    (void)server_do(&server, "sql UPDATE sluice.lease_starts SET patient_until = 'epoch'");
    EXPECT(spend(&nodes[1], &rule, 10, 10));
    (void)server_do(&server, "sql DELETE FROM sluice.nodes WHERE name = 'ghost'");
}

/* Nobody stayed: who leased in the end may have been granted what this state does not have. */
static void without_a_witness_all_who_leased_are_waited_for(void)
{
    struct scope_rule rule = cap_of(24, CAP_TOTAL, 1000);
    insert_ghost();
    for (int turn = 0; turn < 2; turn++) { /* a second start forgets nobody */
        (void)server_do(&server, "stop");
        for (int i = 0; i < NODES; i++) {
            wait_connected(&nodes[i], false);
            node_stop(&nodes[i]);
        }
        (void)server_do(&server, "start");
        for (int i = 0; i < NODES; i++) {
            node_start(&nodes[i], false);
        }
        for (int i = 0; i < NODES; i++) {
            wait_connected(&nodes[i], true);
        }
        (void)server_do(&server, "sql UPDATE sluice.nodes SET leased_at = 'epoch'"
                                 " WHERE name = 'ghost'");
    }
    (void)server_do(&server, "sql UPDATE sluice.lease_starts SET patient_until = 'epoch'");
    EXPECT(waits_in_vain(&nodes[0], &rule));
    (void)server_do(&server, "sql SELECT sluice.lease_started(id, false) FROM sluice.nodes"
                             " WHERE name = 'ghost'");
    EXPECT(spend(&nodes[0], &rule, 10, 10));
    (void)server_do(&server, "sql DELETE FROM sluice.nodes WHERE name = 'ghost'");
}

/* Stops a node after its ledger has noted what PostgreSQL knew, as the followers of keys do. */
static void stop_and_keep(struct node *node)
{
    struct error error = {0};
    sqlite3 *db = database_open(node->path, DATABASE_CHANGE, &error);
    CHECK(db != NULL && member_keep_exchanges(node->member, db, true));
    sqlite3_close(db);
    node_stop(node);
}

static void a_new_process_remembers_what_the_last_was_told(void)
{
    struct scope_rule rule = cap_of(25, CAP_TOTAL, 1000);
    char raised[128];
    (void)server_do(&server, "sql INSERT INTO sluice.nodes(name, instance, version, stopped,"
                             " lease_seq, seen_at, incarnation) SELECT 'ghost', 'ghost', '1', true,"
                             " 100000, 'epoch', incarnation FROM sluice.cluster");
    long long before = number("SELECT incarnation FROM sluice.cluster");
    for (int i = 0; member_facts(nodes[2].member).exchanges < 100000 && i < 6000; i++) {
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    for (int i = 0; i < NODES; i++) {
        stop_and_keep(&nodes[i]);
    }
    (void)server_do(&server, "sql UPDATE sluice.nodes SET lease_seq = 5 WHERE name = 'ghost'");
    for (int i = 0; i < NODES; i++) {
        node_start(&nodes[i], false);
    }
    snprintf(raised, sizeof(raised), "SELECT (incarnation > %lld)::int FROM sluice.cluster",
             before);
    EXPECT_INT(settles_at(raised, 1), 1);
    for (int i = 0; i < NODES; i++) {
        wait_connected(&nodes[i], true);
    }
    /* the ghost has not told what it has */
    EXPECT(waits_in_vain(&nodes[0], &rule));
    (void)server_do(&server, "sql UPDATE sluice.nodes SET removed_at = now()"
                             " WHERE name = 'ghost'");
    EXPECT(spend(&nodes[0], &rule, 10, 10));
}

static int64_t monotonic_now(const struct clock *clock)
{
    (void)clock;
    return clock_monotonic(&clock_system);
}

static int64_t wall_in_two_days(const struct clock *clock)
{
    (void)clock;
    return clock_wall(&clock_system) + 2 * 86400 * NS_PER_S;
}

static void grants_nothing_for_a_day_that_has_not_begun(void)
{
    static const struct clock ahead = {.monotonic = monotonic_now, .wall = wall_in_two_days};
    struct scope_rule day = cap_of(8, CAP_DAY, 100);
    struct scope_rule total = cap_of(9, CAP_TOTAL, 100);
    node_stop(&nodes[2]);
    node_start_at(&nodes[2], false, &ahead);
    EXPECT(spend(&nodes[2], &total, 60, 60));
    EXPECT(waits_in_vain(&nodes[2], &day));
    EXPECT(spend(&nodes[1], &day, 60, 60));
    node_stop(&nodes[2]);
    node_start(&nodes[2], false);
}

static void refuses_who_comes_late(void)
{
    struct cluster_member *member = nodes[0].member;
    struct error error = {0};
    struct postgres *postgres = member_postgres(member, "late", &error);
    char sql[512];
    CHECK(postgres != NULL && postgres_connect(postgres, &error));
    snprintf(sql, sizeof(sql),
             "SELECT lease_exchange(%lld, (SELECT lease_session - 1 FROM nodes WHERE id = %lld),"
             " (SELECT incarnation FROM cluster), false, '{}', '{}', '{}', '{}', '{}', '{}', '{}',"
             " '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
             (long long)member_facts(member).node, (long long)member_facts(member).node);
    EXPECT(!postgres_script(postgres, sql, &error));
    EXPECT_SLICE(slice_from_cstr(postgres_state(postgres)), "55000");
    postgres_free(postgres);
}

int main(void)
{
    if (!server_start(&server)) {
        printf("not ok 1 - PostgreSQL starts\n1..1\n");
        return 1;
    }
    scratch_init(&scratch);
    make_nodes();
    TEST(a_crowd_never_passes_a_cap, "a crowd on three nodes never passes a cap");
    TEST(keeps_windows_and_days, "windows and days are shared");
    TEST(a_new_cap_knows_what_was_spent_elsewhere, "a new cap knows what was spent before it");
    TEST(nobody_gets_of_a_new_cap_before_all_have_told,
         "nobody gets of a new cap before all have told what they spent");
    TEST(a_lower_cap_takes_back_what_is_free, "a lower cap takes back what is free");
    TEST(denies_while_nobody_can_be_asked, "PostgreSQL away: what was granted, then refused");
    TEST(allows_where_the_operator_does, "or let through, and told of later");
    TEST(a_dead_nodes_slice_stays_until_it_returns, "a dead node's slice stays until it returns");
    TEST(an_older_state_grants_nothing_until_all_have_told,
         "an older state grants nothing until all nodes have told what they have");
    TEST(what_nobody_was_told_itself_is_noticed,
         "a server that was set back is noticed by what others did");
    TEST(who_stayed_is_a_witness, "who stayed while the server started is a witness of its state");
    TEST(without_a_witness_all_who_leased_are_waited_for,
         "without a witness all who leased in the end are waited for");
    TEST(a_new_process_remembers_what_the_last_was_told,
         "a new process remembers what the last one was told");
    TEST(grants_nothing_for_a_day_that_has_not_begun, "a day that has not begun has nothing");
    TEST(refuses_who_comes_late, "an exchange of an earlier connection is refused");
    for (int i = 0; i < NODES; i++) {
        node_stop(&nodes[i]);
    }
    server_end(&server);
    scratch_release(&scratch);
    return tap_done();
}
