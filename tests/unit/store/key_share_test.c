/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_share.h"

#include "store/key_subject.h"
#include "store/token_revoke.h"
#include "tests/unit/store/cluster_testing.h"

#include <pthread.h>

#define KEYS "SELECT count(*) FROM keys"
#define GENERATION "SELECT key_changes FROM state" /* by it nodes tell whose limits are newer */
#define IN_FORCE "SELECT count(*) FROM keys WHERE revoked_s = 0"

static atomic_int subjects_made;
static struct node a;
static struct node b;

static void begin_empty(void)
{
    server_do(&server, "reset");
    scratch_init(&scratch);
    node_make(&a, "a");
    node_make(&b, "b");
}

static void begin(void)
{
    begin_empty();
    node_open(&a, true);
    node_open(&b, true);
    UNTIL(!is_away(&a) && member_facts(a.member).node > 0);
    UNTIL(!is_away(&b) && member_facts(b.member).node > 0);
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "first", NULL)), "");
    UNTIL(is_current(&a) && is_current(&b));
}

static void end(void)
{
    node_close(&a);
    node_close(&b);
    scratch_release(&scratch);
}

static void shares_what_is_made(void)
{
    begin();
    EXPECT_INT(ask_node(&b, KEYS), 1);
    struct share_spread spread = {0};
    EXPECT_SLICE(slice_from_cstr(make_key(&b, "second", &spread)), "");
    EXPECT_INT(spread.seq, 2);
    EXPECT_SLICE(slice_from_cstr(spread.waiting), "");
    EXPECT_INT(ask_node(&a, KEYS), 2);
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "third", &spread)), "");
    EXPECT_INT(ask_node(&b, "SELECT id FROM keys WHERE name = 'third'"), 3);
    EXPECT_INT(ask_node(&b, "SELECT count(*) FROM scopes"), 1);
    EXPECT_INT(ask_node(&b, "SELECT seq FROM sqlite_sequence WHERE name = 'keys'"), 3);
    EXPECT(same_audit(&a, &b));
    EXPECT_INT(audit_end(&a).count, 3);
    EXPECT_SLICE(slice_from_cstr(make_key(&b, "third", NULL)), "key_exists");
    EXPECT_INT(ask_node(&b, KEYS), 3);
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "fourth", NULL)), ""); /* nothing is held */
    end();
}

static void revokes_everywhere_first(void)
{
    begin();
    int before = atomic_load(&b.applied);
    struct share_spread spread = {0};
    EXPECT_SLICE(slice_from_cstr(revoke_key(&a, "first", &spread)), "");
    EXPECT_SLICE(slice_from_cstr(spread.waiting), "");
    EXPECT(atomic_load(&b.applied) > before); /* before the answer */
    EXPECT_INT(ask_node(&b, IN_FORCE), 0);
    atomic_store(&b.stuck, true);
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "late", &spread)), "");
    EXPECT_SLICE(slice_from_cstr(spread.waiting), "b");
    atomic_store(&b.stuck, false);
    UNTIL(is_current(&b));
    node_close(&b); /* a node that stops is not waited for */
    int64_t began = clock_monotonic(&clock_system);
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "alone", &spread)), "");
    EXPECT_SLICE(slice_from_cstr(spread.waiting), "");
    EXPECT(clock_monotonic(&clock_system) - began < KEY_SPREAD_MS * NS_PER_MS);
    node_open(&b, true);
    UNTIL(ask_node(&b, KEYS) == 3);
    end();
}

static bool refuse(struct node *node, const char *outcome)
{
    struct error error = {0};
    const struct audit_entry entry = {.at_ns = 5,
                                      .actor = SLICE("stranger"),
                                      .action = SLICE("access"),
                                      .outcome = slice_from_cstr(outcome)};
    return audit_record(node->path, &entry, 1, &error);
}

static void changes_nothing_while_away(void)
{
    begin();
    server_do(&server, "kill");
    UNTIL(is_away(&a) && is_away(&b));
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "no", NULL)), "authority_away");
    EXPECT_SLICE(slice_from_cstr(revoke_key(&b, "first", NULL)), "authority_away");
    EXPECT_INT(ask_node(&a, KEYS), 1);
    EXPECT_INT(ask_node(&b, IN_FORCE), 1);
    EXPECT(refuse(&a, "one") && refuse(&a, "two") && refuse(&b, "three"));
    EXPECT_INT(audit_end(&a).count, 1);
    EXPECT_INT(ask_node(&a, "SELECT count(*) FROM audit_waiting"), 2);
    server_do(&server, "start");
    UNTIL(audit_end(&a).count == 4 && audit_end(&b).count == 4);
    EXPECT(same_audit(&a, &b));
    EXPECT_INT(ask_node(&b, "SELECT count(*) FROM audit WHERE outcome = 'two'"), 1);
    EXPECT_INT(ask_node(&a, "SELECT count(*) FROM audit_waiting"), 0);
    UNTIL(is_current(&a) && is_current(&b));
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "yes", NULL)), "");
    end();
}

static void keeps_a_flood_out(void)
{
    begin();
    server_do(&server, "pause");
    change_node(&a,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
                " INSERT INTO audit_waiting(at_ns, actor, source, action, subject, outcome,"
                " detail) SELECT i, '', '', '', '', '', '' FROM n");
    EXPECT(!refuse(&a, "too much"));
    server_do(&server, "resume");
    UNTIL(audit_end(&b).count == 10001);
    end();
}

/* As a crash between the two commits leaves it: PostgreSQL has a change that this node made and
 * has not. */
static void applies_its_own_lost_change(void)
{
    char copy[320];
    begin();
    node_close(&a);
    struct error error = {0};
    sqlite3 *db = database_open(a.path, DATABASE_CHANGE, &error);
    snprintf(copy, sizeof(copy), "VACUUM INTO '%s.old'", a.path);
    CHECK(db != NULL && database_exec(db, copy));
    sqlite3_close(db);
    node_open(&a, false);
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "lost", NULL)), "");
    EXPECT_INT(ask_node(&a, KEYS), 2);
    node_close(&a);
    snprintf(copy, sizeof(copy), "%s.old", a.path);
    CHECK(rename(copy, a.path) == 0);
    EXPECT_INT(ask_node(&a, KEYS), 1);
    node_open(&a, true);
    UNTIL(ask_node(&a, KEYS) == 2);
    UNTIL(ask_node(&b, KEYS) == 2);
    EXPECT(same_audit(&a, &b));
    end();
}

static void joins_with_and_without_keys(void)
{
    struct node alone;
    begin_empty();
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "mine", NULL)), "");
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "mine too", NULL)), "");
    EXPECT(refuse(&b, "before")); /* an audit log, and no keys */
    node_make(&alone, "c");
    EXPECT_SLICE(slice_from_cstr(make_key(&alone, "other", NULL)), "");
    node_open(&a, true);
    UNTIL(is_current(&a));
    EXPECT_SLICE(slice_from_cstr(server_do(&server, "sql SELECT seq FROM sluice.key_head")), "1");
    node_open(&b, true);
    UNTIL(ask_node(&b, KEYS) == 2);
    EXPECT_INT(ask_node(&b, GENERATION), ask_node(&a, GENERATION));
    UNTIL(audit_end(&a).count == 3 && audit_end(&b).count == 3);
    EXPECT(same_audit(&a, &b));
    node_open(&alone, true);
    UNTIL(is_away(&alone));
    EXPECT_SLICE(slice_from_cstr(make_key(&alone, "no", NULL)), "keys_conflict");
    EXPECT_INT(ask_node(&alone, KEYS), 1);
    node_close(&alone);
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "still", NULL)), "");
    UNTIL(ask_node(&b, KEYS) == 3);
    EXPECT_INT(ask_node(&b, GENERATION), ask_node(&a, GENERATION));
    node_close(&b); /* and none is changed without the cluster */
    EXPECT_SLICE(slice_from_cstr(make_key(&b, "never", NULL)), "cluster_only");
    node_open(&b, true);
    end();
}

static void puts_back_what_was_lost(void)
{
    begin();
    server_do(&server, "copy older");
    UNTIL(is_current(&a) && is_current(&b));
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "second", NULL)), "");
    EXPECT_SLICE(slice_from_cstr(revoke_key(&a, "first", NULL)), "");
    UNTIL(ask_node(&b, "SELECT key_seq FROM cluster_state") == 3);
    server_do(&server, "restore older");
    UNTIL(strcmp(server_do(&server, "sql SELECT seq FROM sluice.key_head"), "3") == 0);
    UNTIL(is_current(&a) && is_current(&b));
    EXPECT_SLICE(slice_from_cstr(server_do(&server, "sql SELECT incarnation FROM sluice.cluster")),
                 "2");
    UNTIL(strcmp(make_key(&b, "third", NULL), "") == 0);
    UNTIL(ask_node(&a, KEYS) == 3);
    EXPECT_INT(ask_node(&a, IN_FORCE), 2);
    EXPECT(same_audit(&a, &b));
    end();
}

/* A node that is not there may know more: nobody changes anything until it was heard. */
static void waits_for_all_after_a_restore(void)
{
    begin();
    server_do(&server, "sql UPDATE sluice.nodes SET stopped = false");
    node_close(&b);
    server_do(&server, "sql UPDATE sluice.nodes SET stopped = false WHERE name = 'b'");
    server_do(&server, "sql UPDATE sluice.cluster SET incarnation = incarnation + 1");
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "no", NULL)), "authority_recovering");
    node_open(&b, true);
    UNTIL(strcmp(make_key(&a, "yes", NULL), "") == 0);
    end();
}

/* That is no restore, and nobody is told of one. */
static void waits_for_who_joins(void)
{
    char secret[KEY_TEXT_SIZE];
    struct key made;
    struct error error = {0};
    struct key_actor actor = tester;
    const struct key_order order = {.name = SLICE("no")};
    begin();
    actor.share = a.share;
    server_do(&server, "sql INSERT INTO sluice.nodes(name, instance, version, stopped)"
                       " VALUES('c', 'c', '1', false)");
    EXPECT(!key_create(a.path, &order, &actor, secret, &made, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "authority_recovering");
    EXPECT(strstr(error.text, "join the cluster just now: c;") != NULL);
    EXPECT(strstr(error.text, "restored") == NULL);
    server_do(&server, "sql DELETE FROM sluice.nodes WHERE name = 'c'");
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "yes", NULL)), "");
    end();
}

static void keeps_reading_what_it_has_lost(void)
{
    begin();
    server_do(&server, "reset");
    server_do(&server, "restart");
    EXPECT_SLICE(slice_from_cstr(make_key(&a, "no", NULL)), "authority_lost");
    UNTIL(is_away(&a));
    EXPECT_INT(ask_node(&a, KEYS), 1);
    EXPECT_SLICE(slice_from_cstr(server_do(&server, "sql SELECT to_regclass('sluice.cluster')")),
                 "");
    end();
}

static int64_t ask_server(const char *sql)
{
    char line[256];
    snprintf(line, sizeof(line), "sql %s", sql);
    return strtoll(server_do(&server, line), NULL, 10);
}

static void copy_ledger(const struct node *node, const char *suffix)
{
    char sql[320];
    snprintf(sql, sizeof(sql), "VACUUM INTO '%s.%s'", node->path, suffix);
    change_node(node, sql);
}

static void take_copy(const struct node *node, const char *suffix)
{
    char copy[320];
    snprintf(copy, sizeof(copy), "%s.%s", node->path, suffix);
    CHECK(rename(copy, node->path) == 0);
}

/* Changes from `from` to `to`: keys, every third of which is revoked at once. */
static void make_changes(int from, int to)
{
    for (int seq = from; seq <= to; seq++) {
        char name[32];
        snprintf(name, sizeof(name), "key %d", seq);
        EXPECT_SLICE(slice_from_cstr(make_key(&a, name, NULL)), "");
        if (seq % 3 == 0) {
            EXPECT_SLICE(slice_from_cstr(revoke_key(&a, name, NULL)), "");
            seq++;
        }
    }
}

static void reopen(struct node *node)
{
    node_close(node);
    node_open(node, true);
    UNTIL(is_current(node));
}

#define JOINED_ROWS "SELECT count(*) FROM sluice.key_log WHERE first IS NOT NULL"

static void puts_old_changes_together(void)
{
    static struct node c;
    log_kept = 5;
    log_joined = 10;
    begin();
    make_changes(2, 15);
    UNTIL(is_current(&b));
    copy_ledger(&b, "old");
    make_changes(16, 33);
    UNTIL(is_current(&b));
    copy_ledger(&b, "kept");
    make_changes(34, 36);
    int64_t head = ask_server("SELECT seq FROM sluice.key_head");
    reopen(&b); /* now it looks again */
    UNTIL(ask_server(JOINED_ROWS) == 3);
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.key_log"), 3 + head - 30);
    EXPECT_INT(ask_server("SELECT min(first) FROM sluice.key_log"), 1);
    EXPECT_INT(ask_server("SELECT max(seq) FROM sluice.key_log WHERE first IS NOT NULL"), 30);
    node_make(&c, "c");
    node_open(&c, true);
    UNTIL(is_current(&c));
    EXPECT_INT(ask_node(&c, KEYS), ask_node(&a, KEYS));
    EXPECT_INT(ask_node(&c, IN_FORCE), ask_node(&a, IN_FORCE));
    EXPECT_INT(ask_node(&c, GENERATION), ask_node(&a, GENERATION));
    EXPECT(same_audit(&a, &c));
    EXPECT_SLICE(slice_from_cstr(make_key(&c, "of c", NULL)), "");
    node_close(&c);
    node_close(&b);
    take_copy(&b, "kept");
    node_open(&b, true);
    UNTIL(is_current(&b) && same_audit(&a, &b));
    node_close(&b);
    take_copy(&b, "old");
    node_open(&b, true);
    UNTIL(is_away(&b));
    struct share_stats stats;
    share_stats(b.share, &stats);
    EXPECT(strstr(stats.reason, "older than its log goes back") != NULL);
    log_kept = log_joined = 0;
    end();
}

/* A node that was stopped has not all: it must find the changes one by one. */
static void keeps_apart_what_a_node_lacks(void)
{
    log_kept = 5;
    log_joined = 10;
    begin();
    make_changes(2, 4);
    UNTIL(is_current(&b));
    node_close(&b);
    make_changes(5, 30);
    reopen(&a);
    EXPECT_INT(ask_server(JOINED_ROWS), 0);
    node_open(&b, true);
    UNTIL(is_current(&b) && same_audit(&a, &b));
    reopen(&a);
    UNTIL(ask_server(JOINED_ROWS) > 0);
    log_kept = log_joined = 0;
    end();
}

static void *make_twenty(void *user)
{
    struct node *node = user;
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%s %d", node->name, i);
        EXPECT_SLICE(slice_from_cstr(make_key(node, name, NULL)), "");
    }
    return NULL;
}

static void orders_what_comes_at_once(void)
{
    pthread_t threads[2];
    begin();
    pthread_create(&threads[0], NULL, make_twenty, &a);
    pthread_create(&threads[1], NULL, make_twenty, &b);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    UNTIL(ask_node(&a, KEYS) == 41 && ask_node(&b, KEYS) == 41);
    EXPECT_INT(ask_node(&a, "SELECT max(id) FROM keys"), 41);
    EXPECT(same_audit(&a, &b));
    end();
}

/* Each subject comes to both nodes, in another order. */
static void *obtain_twenty(void *user)
{
    struct node *node = user;
    for (int i = 0; i < 20; i++) {
        char name[32];
        struct error error = {0};
        struct subject subject;
        bool made = false;
        struct key_actor actor = tester;
        actor.share = node->share;
        snprintf(name, sizeof(name), "subject %d", i ^ (node == &a ? 0 : 1));
        const struct subject_order order = {
            .issuer = SLICE("https://id.example"),
            .subject = slice_from_cstr(name),
            .scopes = {
                [SCOPE_TEAM] = SLICE_INIT("red"), [SCOPE_ORGANISATION] = SLICE_INIT("acme")}};
        EXPECT(key_subject_obtain(node->path, &order, &actor, &subject, &made, &error));
        EXPECT_SLICE(slice_from_cstr(error.text), "");
        atomic_fetch_add(&subjects_made, made ? 1 : 0);
    }
    return NULL;
}

static void makes_one_key_of_a_subject(void)
{
    pthread_t threads[2];
    begin();
    pthread_create(&threads[0], NULL, obtain_twenty, &a);
    pthread_create(&threads[1], NULL, obtain_twenty, &b);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    EXPECT_INT(atomic_load(&subjects_made), 20);
    UNTIL(ask_node(&a, KEYS) == 21 && ask_node(&b, KEYS) == 21);
    EXPECT_INT(ask_node(&b, "SELECT count(DISTINCT digest) FROM keys"), 21);
    EXPECT_INT(ask_node(&b, "SELECT count(*) FROM scopes WHERE name = 'acme'"), 1);
    EXPECT_INT(ask_node(&a, "SELECT count(*) FROM audit WHERE action = 'key.subject'"), 20);
    EXPECT(same_audit(&a, &b));
    end();
}

#define TOKENS "SELECT count(*) FROM revoked_tokens"

static bool revoke_token(struct node *node, const char *id)
{
    struct error error = {0};
    struct key_actor actor = tester;
    actor.share = node->share;
    return token_revoke(node->path, slice_from_cstr(id), 0, &actor, &error);
}

static void shares_revoked_tokens(void)
{
    struct error error = {0};
    begin();
    EXPECT(revoke_token(&a, "one"));
    EXPECT(revoke_token(&b, "two"));
    EXPECT(revoke_token(&b, "one")); /* once more is no conflict */
    UNTIL(ask_node(&a, TOKENS) == 2 && ask_node(&b, TOKENS) == 2);
    UNTIL(audit_end(&a).count == 4 && audit_end(&b).count == 4);
    EXPECT(same_audit(&a, &b));
    node_close(&b);
    EXPECT(member_forget(b.path, true, &error));
    EXPECT_INT(ask_node(&b, TOKENS), 0); /* they come again with the cluster's */
    node_open(&b, true);
    UNTIL(ask_node(&b, TOKENS) == 2 && audit_end(&b).count == 4);
    EXPECT(same_audit(&a, &b));
    end();
}

int main(void)
{
    if (!server_start(&server)) {
        printf("not ok 1 - PostgreSQL is there (tools/setup.sh --test installs it)\n1..1\n");
        return 1;
    }
    TEST(shares_what_is_made, "what is made on one node is on the others, identifiers and all");
    TEST(revokes_everywhere_first, "a change waits for the live nodes and names who is late");
    TEST(changes_nothing_while_away, "without PostgreSQL nothing changes and refusals wait");
    TEST(keeps_a_flood_out, "refusals wait up to a number");
    TEST(applies_its_own_lost_change, "a change that only PostgreSQL has comes back to its maker");
    TEST(joins_with_and_without_keys, "the first keys are the cluster's, others are refused");
    TEST(puts_back_what_was_lost, "nodes put back what an older copy of PostgreSQL lacks");
    TEST(waits_for_all_after_a_restore, "nothing changes until each node was heard");
    TEST(waits_for_who_joins, "a change while a node joins does not speak of a restore");
    TEST(keeps_reading_what_it_has_lost, "an emptied PostgreSQL is not taken for the cluster");
    TEST(makes_one_key_of_a_subject, "a subject that comes to two nodes at once is one key");
    TEST(shares_revoked_tokens, "tokens that are revoked at one node are at the others");
    TEST(orders_what_comes_at_once, "changes on two nodes at once are one after the other");
    TEST(puts_old_changes_together, "old changes are put together, and a node that joins has all");
    TEST(keeps_apart_what_a_node_lacks, "changes that a node lacks stay apart");
    server_end(&server);
    return tap_done();
}
