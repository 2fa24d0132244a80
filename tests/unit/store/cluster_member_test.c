/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cluster_member.h"

#include "store/ledger_schema.h"
#include "tests/tap.h"
#include "tests/unit/store/postgres_testing.h"
#include "tests/unit/store/store_testing.h"

#include <pthread.h>

static struct postgres_server server;
static struct scratch scratch;

/* A ledger of this name, with its tables. */
static char *make_ledger(const char *name, char path[256])
{
    struct error error = {0};
    scratch_file(&scratch, name, path);
    sqlite3 *db = database_open(path, DATABASE_CREATE, &error);
    CHECK(db != NULL && ledger_schema_prepare(db, path, &error));
    sqlite3_close(db);
    return path;
}

static struct cluster_member *member_of(const char *path, const char *node)
{
    struct error error = {0};
    struct cluster_member *member = member_new(
        &(struct member_options){
            .path = path, .node = slice_from_cstr(node), .connection = server.url, .version = "1"},
        &error);
    EXPECT_SLICE(slice_from_cstr(error.text), "");
    CHECK(member != NULL);
    return member;
}

/* Connects once; the code of what is wrong, or "". */
static const char *join(struct cluster_member *member)
{
    struct error error = {0};
    struct postgres *postgres = member_postgres(member, "test", &error);
    CHECK(postgres != NULL);
    bool joined =
        postgres_connect(postgres, &error) && member_seen(member, postgres, false, &error);
    postgres_free(postgres);
    if (!joined) {
        printf("# %s: %s\n", error.code, error.text);
    }
    return joined ? "" : error.code;
}

static const char *join_as(const char *path, const char *node)
{
    struct cluster_member *member = member_of(path, node);
    const char *code = join(member);
    member_free(member);
    return code;
}

static void joins_and_remembers(void)
{
    char path[256];
    make_ledger("a.db", path);
    struct cluster_member *member = member_of(path, "a");
    EXPECT_SLICE(slice_from_cstr(member_facts(member).cluster), "");
    EXPECT_INT(member_facts(member).node, 0);
    EXPECT_SLICE(slice_from_cstr(join(member)), "");
    struct member_facts first = member_facts(member);
    EXPECT_INT(strlen(first.cluster), 36);
    EXPECT_INT(first.node, 1);
    EXPECT_INT(first.incarnation, 1);
    EXPECT_SLICE(slice_from_cstr(join(member)), "");
    member_free(member);
    member = member_of(path, "a");
    EXPECT_SLICE(slice_from_cstr(member_facts(member).cluster), first.cluster);
    EXPECT_INT(member_facts(member).node, 1);
    member_free(member);
}

static void keeps_names_apart(void)
{
    char a[256];
    char b[256];
    scratch_file(&scratch, "a.db", a);
    make_ledger("b.db", b);
    EXPECT_SLICE(slice_from_cstr(join_as(b, "a")), "node_taken");
    EXPECT_SLICE(slice_from_cstr(join_as(a, "b")), "node_taken");
    EXPECT_SLICE(slice_from_cstr(join_as(b, "b")), "");
    server_do(&server, "sql UPDATE sluice.nodes SET removed_at = now() WHERE name = 'b'");
    EXPECT_SLICE(slice_from_cstr(join_as(b, "b")), "node_removed");
    make_ledger("c.db", b);
    EXPECT_SLICE(slice_from_cstr(join_as(b, "b")), "");
    EXPECT_SLICE(slice_from_cstr(server_do(&server, "sql SELECT count(*) FROM sluice.nodes")), "3");
}

static void notices_another_server(void)
{
    char a[256];
    scratch_file(&scratch, "a.db", a);
    struct cluster_member *member = member_of(a, "a");
    EXPECT_SLICE(slice_from_cstr(join(member)), "");
    int64_t before = member_facts(member).incarnation;
    server_do(&server, "restart");
    EXPECT_SLICE(slice_from_cstr(join(member)), "");
    EXPECT_INT(member_facts(member).incarnation, before);
    server_do(&server, "sql UPDATE sluice.cluster SET timeline = '0000FFFF'");
    EXPECT_SLICE(slice_from_cstr(join(member)), "");
    EXPECT_INT(member_facts(member).incarnation, before + 1);
    EXPECT_SLICE(slice_from_cstr(join(member)), "");
    EXPECT_INT(member_facts(member).incarnation, before + 1);
    server_do(&server, "sql UPDATE sluice.cluster SET schema_version = 1000");
    EXPECT_SLICE(slice_from_cstr(join(member)), "authority_newer");
    member_free(member);
}

static void makes_no_second_cluster(void)
{
    char a[256];
    char d[256];
    scratch_file(&scratch, "a.db", a);
    make_ledger("d.db", d);
    server_do(&server, "reset");
    EXPECT_SLICE(slice_from_cstr(join_as(a, "a")), "authority_lost");
    EXPECT_SLICE(slice_from_cstr(server_do(&server, "sql SELECT to_regclass('sluice.cluster')")),
                 "");
    EXPECT_SLICE(slice_from_cstr(join_as(d, "d")), ""); /* who knows none may */
    EXPECT_SLICE(slice_from_cstr(join_as(a, "a")), "authority_lost");
}

static void *join_in_thread(void *user)
{
    join(user);
    return NULL;
}

static void joins_at_once(void)
{
    pthread_t threads[6];
    struct cluster_member *members[6];
    char path[256];
    server_do(&server, "reset");
    for (size_t i = 0; i < 6; i++) {
        char name[8];
        snprintf(name, sizeof(name), "n%zu.db", i / 2); /* two threads of each of three nodes */
        make_ledger(name, path);
        name[2] = '\0';
        members[i] = member_of(path, name);
    }
    for (size_t i = 0; i < 6; i++) {
        pthread_create(&threads[i], NULL, join_in_thread, members[i]);
    }
    for (size_t i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        EXPECT(member_facts(members[i]).node > 0);
        EXPECT_SLICE(slice_from_cstr(member_facts(members[i]).cluster),
                     member_facts(members[0]).cluster);
        EXPECT_INT(member_facts(members[i]).node, member_facts(members[i / 2 * 2]).node);
    }
    EXPECT_SLICE(slice_from_cstr(server_do(&server, "sql SELECT count(*) FROM sluice.nodes")), "3");
    for (size_t i = 0; i < 6; i++) {
        member_free(members[i]);
    }
}

int main(void)
{
    if (!server_start(&server)) {
        printf("not ok 1 - PostgreSQL is there (tools/setup.sh --test installs it)\n1..1\n");
        return 1;
    }
    scratch_init(&scratch);
    TEST(joins_and_remembers, "a node joins once and remembers its cluster and number");
    TEST(keeps_names_apart, "one name is one ledger, until the node is removed");
    TEST(notices_another_server, "another server raises the incarnation, a restart does not");
    TEST(makes_no_second_cluster, "where a cluster is gone no node that knew it makes another");
    TEST(joins_at_once, "nodes that come at the same moment make one cluster");
    scratch_release(&scratch);
    server_end(&server);
    return tap_done();
}
