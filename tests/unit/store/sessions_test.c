/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sessions: in memory, as text, in the ledger's database, and from many threads. */
#include "store/sessions.h"

#include "base/hash.h"
#include "tests/tap.h"
#include "tests/unit/store/ledger_testing.h"

#include <pthread.h>
#include <time.h>

#define HOUR_NS (3600 * NS_PER_S)
#define NOW_NS (1790000000 * NS_PER_S)

static struct session session_of(uint64_t key, uint64_t owner, const char *target)
{
    struct session session = {.key = key,
                              .owner = owner,
                              .used_ns = NOW_NS,
                              .expires_ns = NOW_NS + HOUR_NS,
                              .warm_tokens = 1234,
                              .warm_until_ns = NOW_NS + 300 * NS_PER_S,
                              .turns = 7,
                              .stay = 3,
                              .tiers = 0x21,
                              .floor_tier = 1};
    CHECK(session_set_target(&session, slice_from_cstr(target)));
    return session;
}

static bool same(const struct session *a, const struct session *b)
{
    return a->used_ns == b->used_ns && a->expires_ns == b->expires_ns &&
           a->warm_tokens == b->warm_tokens && a->warm_until_ns == b->warm_until_ns &&
           a->turns == b->turns && a->stay == b->stay && a->tiers == b->tiers &&
           a->floor_tier == b->floor_tier && slice_eq(session_target(a), session_target(b));
}

static void put(struct sessions *sessions, uint64_t key, uint64_t owner, const char *target)
{
    const struct session session = session_of(key, owner, target);
    sessions_put(sessions, &session);
}

/* The target's name, or "" where there is none. */
static struct slice target_of(struct sessions *sessions, uint64_t key, uint64_t owner,
                              int64_t now_ns)
{
    static struct session session;
    return sessions_get(sessions, key, owner, now_ns, &session) ? session_target(&session)
                                                                : SLICE("");
}

static void gives_back_what_was_put(void)
{
    struct sessions *sessions = sessions_new(64);
    struct session found;
    const struct session session = session_of(5, 9, "haiku");
    sessions_put(sessions, &session);
    EXPECT(sessions_get(sessions, 5, 9, NOW_NS, &found) && same(&found, &session));
    EXPECT_SLICE(target_of(sessions, 6, 9, NOW_NS), "");
    put(sessions, 5, 9, "opus");
    EXPECT_SLICE(target_of(sessions, 5, 9, NOW_NS), "opus");
    sessions_free(sessions);
}

static void another_owner_finds_nothing(void)
{
    struct sessions *sessions = sessions_new(64);
    put(sessions, 5, 9, "haiku");
    EXPECT_SLICE(target_of(sessions, 5, 8, NOW_NS), "");
    EXPECT_SLICE(target_of(sessions, 5, 0, NOW_NS), "");
    sessions_free(sessions);
}

static void ends_at_its_time(void)
{
    struct sessions *sessions = sessions_new(64);
    put(sessions, 5, 9, "haiku");
    EXPECT_SLICE(target_of(sessions, 5, 9, NOW_NS + HOUR_NS - 1), "haiku");
    EXPECT_SLICE(target_of(sessions, 5, 9, NOW_NS + HOUR_NS), "");
    sessions_free(sessions);
}

static void the_least_recently_used_leave_first(void)
{
    struct sessions *sessions = sessions_new(8); /* one set */
    struct sessions_stats stats;
    for (uint64_t key = 1; key <= 8; key++) {
        struct session session = session_of(key, 0, "a");
        session.used_ns += (int64_t)key;
        sessions_put(sessions, &session);
    }
    struct session again = session_of(1, 0, "a");
    again.used_ns += 100;
    sessions_put(sessions, &again);
    struct session ninth = session_of(9, 0, "a");
    ninth.used_ns += 101;
    sessions_put(sessions, &ninth);
    EXPECT_SLICE(target_of(sessions, 1, 0, NOW_NS), "a");
    EXPECT_SLICE(target_of(sessions, 2, 0, NOW_NS), "");
    EXPECT_SLICE(target_of(sessions, 3, 0, NOW_NS), "a");
    sessions_stats_read(sessions, &stats);
    EXPECT_INT(stats.entries, 8);
    EXPECT_INT(stats.evicted, 1);
    sessions_free(sessions);
}

/* Two keys with some conversations each, and one that begins them without end. */
static void no_key_pushes_others_out(void)
{
    struct sessions *sessions = sessions_new(64);
    size_t kept = 0;
    uint64_t key = 1;
    for (; key <= 32; key++) { /* two in each of eight sets, of both keys */
        struct session session = session_of(key, 1 + key % 2, "a");
        sessions_put(sessions, &session);
    }
    for (; key <= 4000; key++) {
        struct session session = session_of(key, 3, "a");
        session.used_ns += (int64_t)key;
        sessions_put(sessions, &session);
        EXPECT_SLICE(target_of(sessions, key, 3, NOW_NS), "a");
    }
    for (key = 1; key <= 32; key++) {
        kept += target_of(sessions, key, 1 + key % 2, NOW_NS).len > 0;
    }
    EXPECT_INT(kept, 32);
    for (; key <= 8000; key++) { /* what is beyond a share another one may have */
        struct session session = session_of(100000 + key, 4, "a");
        session.used_ns += (int64_t)key;
        sessions_put(sessions, &session);
    }
    kept = 0;
    for (key = 8000 - 100; key <= 8000; key++) {
        kept += target_of(sessions, 100000 + key, 4, NOW_NS).len > 0;
    }
    EXPECT(kept >= 8 && kept <= 40);
    sessions_free(sessions);
}

/* A full table of many keys' conversations, all over, then one key that begins as many. */
static void what_is_over_is_nobodys_share(void)
{
    enum { PLACES = 1024, OWNERS = 20 };
    struct sessions *sessions = sessions_new(PLACES);
    struct sessions_stats stats;
    const int64_t now_ns = NOW_NS + HOUR_NS; /* at which they end */
    int kept = 0;
    for (uint64_t key = 1; key <= PLACES; key++) {
        put(sessions, key, 1 + key % OWNERS, "a");
    }
    for (uint64_t key = PLACES + 1; key <= 2 * PLACES; key++) {
        struct session session = session_of(key, 1, "b");
        session.used_ns = now_ns;
        session.expires_ns = now_ns + HOUR_NS;
        sessions_put(sessions, &session);
    }
    for (uint64_t key = PLACES + 1; key <= 2 * PLACES; key++) {
        kept += target_of(sessions, key, 1, now_ns).len > 0;
    }
    EXPECT_INT(kept, PLACES);
    sessions_stats_read(sessions, &stats);
    EXPECT_INT(stats.entries, PLACES);
    EXPECT_INT(stats.evicted, 0);
    sessions_free(sessions);
}

/* Beside places that are over, what still goes on stays, however long unused. */
static void what_is_over_leaves_first(void)
{
    struct sessions *sessions = sessions_new(8); /* one set */
    for (uint64_t key = 1; key <= 8; key++) {
        struct session session = session_of(key, 1, "a");
        session.used_ns += (int64_t)key;
        session.expires_ns = key == 5 ? NOW_NS + 50 : session.expires_ns;
        sessions_put(sessions, &session);
    }
    struct session ninth = session_of(9, 1, "b");
    ninth.used_ns += 50;
    sessions_put(sessions, &ninth);
    for (uint64_t key = 1; key <= 9; key++) {
        EXPECT((target_of(sessions, key, 1, NOW_NS).len > 0) == (key != 5));
    }
    sessions_free(sessions);
}

/* They count as one owner, so that they push out their own. */
static void calls_without_a_key_push_no_key_out(void)
{
    struct sessions *sessions = sessions_new(64);
    for (uint64_t key = 1; key <= 24; key++) { /* three in each of eight sets */
        put(sessions, key, 1, "a");
    }
    for (uint64_t key = 25; key <= 4000; key++) {
        struct session session = session_of(key, 0, "a");
        session.used_ns += (int64_t)key;
        sessions_put(sessions, &session);
    }
    for (uint64_t key = 1; key <= 24; key++) {
        EXPECT_SLICE(target_of(sessions, key, 1, NOW_NS), "a");
    }
    sessions_free(sessions);
}

static void hashes_depend_on_bytes_and_secret(void)
{
    struct sessions *one = sessions_new(8);
    struct sessions *two = sessions_new(8);
    EXPECT(sessions_hash(one, SLICE("a")) == sessions_hash(one, SLICE("a")));
    EXPECT(sessions_hash(one, SLICE("a")) != sessions_hash(one, SLICE("b")));
    EXPECT(sessions_hash(one, SLICE("a")) != sessions_hash(two, SLICE("a")));
    sessions_free(one);
    sessions_free(two);
}

static void long_names_are_refused_and_full_ones_kept(void)
{
    struct sessions *sessions = sessions_new(8);
    char name[SESSION_TARGET_MAX + 2];
    struct session session = session_of(1, 1, "x");
    memset(name, 'n', sizeof(name));
    EXPECT(!session_set_target(&session, slice_of(name, SESSION_TARGET_MAX + 1)));
    EXPECT(session_set_target(&session, slice_of(name, SESSION_TARGET_MAX)));
    sessions_put(sessions, &session);
    EXPECT_INT(target_of(sessions, 1, 1, NOW_NS).len, SESSION_TARGET_MAX);
    sessions_free(sessions);
}

/* --- as text --- */

static void text_says_all_and_comes_back(void)
{
    char text[SESSION_TEXT_MAX];
    struct session read;
    struct session session = session_of(1, 2, "gpt-4.1/eu");
    size_t len = session_write(&session, text);
    EXPECT(session_read(slice_of(text, len), &read) && same(&read, &session));
    memset(session.target, 't', SESSION_TARGET_MAX);
    session.target_len = SESSION_TARGET_MAX;
    session.used_ns = session.expires_ns = session.warm_tokens = INT64_MAX;
    session.warm_until_ns = INT64_MAX;
    session.turns = session.stay = UINT32_MAX;
    for (size_t i = 0; i < SESSION_OTHERS; i++) {
        session.others[i] = (struct session_other){UINT64_MAX - i, INT64_MAX, INT64_MAX};
    }
    session.tiers = session.floor_tier = UINT8_MAX;
    len = session_write(&session, text);
    EXPECT(len <= SESSION_TEXT_MAX);
    EXPECT(session_read(slice_of(text, len), &read) && same(&read, &session));
}

static void a_target_that_is_left_is_remembered_as_warm(void)
{
    struct session session = session_of(1, 2, "a");
    session_leave(&session, SLICE("a"));
    EXPECT(session.others[0].name == 0); /* it stays */
    const char *const way[] = {"b", "c", "d", "e", "b"};
    for (size_t i = 0; i < ARRAY_LEN(way); i++) {
        session_leave(&session, slice_from_cstr(way[i]));
        CHECK(session_set_target(&session, slice_from_cstr(way[i])));
        session.warm_tokens = 100 * (int64_t)(i + 1);
    }
    EXPECT(session.others[0].name == hash_stable(SLICE("e")));
    EXPECT_INT(session.others[0].warm_tokens, 400);
    EXPECT(session.others[1].name == hash_stable(SLICE("d")));
    EXPECT(session.others[2].name == hash_stable(SLICE("c"))); /* b is here, a was too long ago */
    session.warm_tokens = 0;
    session_leave(&session, SLICE("c"));
    EXPECT(session.others[0].name == hash_stable(SLICE("e"))); /* b kept nothing */
    EXPECT(session.others[2].name == 0);
    char text[SESSION_TEXT_MAX];
    struct session read;
    size_t len = session_write(&session, text);
    EXPECT(session_read(slice_of(text, len), &read));
    EXPECT(memcmp(read.others, session.others, sizeof(read.others)) == 0);
}

static void the_text_of_older_programs_is_read(void)
{
    struct session read;
    EXPECT(session_read(SLICE("1 20 30 40 50 6 5 4 2 gpt"), &read));
    EXPECT_SLICE(session_target(&read), "gpt");
    EXPECT_INT(read.warm_tokens, 40);
    EXPECT(read.others[0].name == 0);
}

static void other_text_is_none(void)
{
    static const char *const texts[] = {
        "",
        "1",
        "1 2 3 4 5 6 7 8 9",
        "1 2 3 4 5 6 7 8 9 ",
        "3 1 1 1 1 1 1 1 1 0 x",
        "2 1 1 1 1 1 1 1 1 4 1 1 1 1 1 1 1 1 1 1 1 1 x",
        "2 1 1 1 1 1 1 1 1 1 0 1 1 x",
        "2 1 1 1 1 1 1 1 1 1 1 9223372036854775808 1 x",
        "2 1 1 1 1 1 1 1 1 1 1 1",
        "1 -1 1 1 1 1 1 1 1 x",
        "1 1 1 1 1 4294967296 1 1 1 x",
        "1 1 1 1 1 1 1 256 1 x",
        "1 9223372036854775808 1 1 1 1 1 1 1 x",
        "1 1 1 1 1 1 1 1 1e3 x",
        "haiku",
    };
    char longest[SESSION_TEXT_MAX] = "1 1 1 1 1 1 1 1 1 ";
    struct session read;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        EXPECT(!session_read(slice_from_cstr(texts[i]), &read));
    }
    memset(longest + 18, 'x', SESSION_TARGET_MAX + 1);
    EXPECT(!session_read(slice_of(longest, 18 + SESSION_TARGET_MAX + 1), &read));
    EXPECT(session_read(slice_of(longest, 18 + SESSION_TARGET_MAX), &read));
}

/* --- in the database --- */

static bool table_changed(void *user)
{
    return sessions_changed(user);
}

static bool table_write(void *user, sqlite3 *db, int64_t wall_ns)
{
    (void)wall_ns;
    return sessions_write(user, db, NOW_NS);
}

static void table_written(void *user, bool committed)
{
    sessions_written(user, committed);
}

static struct ledger *open_with(struct sessions *sessions)
{
    const struct ledger_keeper keeper = {
        .changed = table_changed, .write = table_write, .written = table_written, .user = sessions};
    struct ledger *ledger =
        open_ledger_with((struct ledger_options){.keepers = &keeper, .keeper_count = 1});
    struct error error;
    EXPECT(ledger != NULL && sessions_load(sessions, ledger_path, NOW_NS, &error));
    return ledger;
}

static void survives_a_restart(void)
{
    struct sessions *sessions = sessions_new(0);
    struct session found;
    begin();
    struct ledger *ledger = open_with(sessions);
    uint64_t key = sessions_hash(sessions, SLICE("a conversation"));
    const struct session session = session_of(key, 3, "haiku");
    sessions_put(sessions, &session);
    for (uint64_t i = 1; i <= 2000; i++) { /* several batches */
        put(sessions, i, 0, "many");
    }
    ledger_close(ledger, 5000);
    sessions_free(sessions);

    sessions = sessions_new(0);
    ledger = open_with(sessions);
    EXPECT(sessions_hash(sessions, SLICE("a conversation")) == key);
    EXPECT(sessions_get(sessions, key, 3, NOW_NS, &found) && same(&found, &session));
    for (uint64_t i = 1; i <= 2000; i++) {
        EXPECT(target_of(sessions, i, 0, NOW_NS).len == 4);
    }
    EXPECT(!sessions_changed(sessions)); /* what was read is not written again */
    ledger_close(ledger, 5000);
    sessions_free(sessions);
    end();
}

static void what_is_out_of_date_leaves_the_database(void)
{
    struct sessions *sessions = sessions_new(0);
    begin();
    struct ledger *ledger = open_with(sessions);
    struct session old = session_of(4, 0, "old");
    old.expires_ns = NOW_NS;
    sessions_put(sessions, &old);
    put(sessions, 5, 0, "new");
    ledger_close(ledger, 5000);
    sessions_free(sessions);
    EXPECT_INT(ask("SELECT count(*) FROM sessions"), 1);
    EXPECT_INT(ask("SELECT key FROM sessions"), 5);
    end();
}

static bool write_and_fail(void *user, sqlite3 *db, int64_t wall_ns)
{
    static int calls;
    return table_write(user, db, wall_ns) && ++calls > 1;
}

static void what_was_rolled_back_is_written_again(void)
{
    struct sessions *sessions = sessions_new(0);
    struct error error;
    const struct ledger_keeper keeper = {.changed = table_changed,
                                         .write = write_and_fail,
                                         .written = table_written,
                                         .user = sessions};
    begin();
    struct ledger *ledger =
        open_ledger_with((struct ledger_options){.keepers = &keeper, .keeper_count = 1});
    EXPECT(sessions_load(sessions, ledger_path, NOW_NS, &error));
    put(sessions, 5, 0, "kept");
    while (sessions_changed(sessions)) { /* taken, and failed */
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    ledger_close(ledger, 5000); /* again */
    sessions_free(sessions);
    EXPECT_INT(ask("SELECT count(*) FROM sessions"), 1);
    end();
}

static void spoilt_rows_are_left_out(void)
{
    struct sessions *sessions = sessions_new(0);
    struct error error;
    begin();
    struct ledger *ledger = open_with(sessions);
    put(sessions, 5, 0, "good");
    ledger_close(ledger, 5000);
    sessions_free(sessions);
    EXPECT(change("INSERT INTO sessions VALUES(6, 0, 9000000000, 'nonsense')"));
    EXPECT(change("INSERT INTO sessions VALUES(7, 0, 9000000000, x'0001')"));
    EXPECT(change("INSERT INTO sessions VALUES(0, 0, 9000000000, '1 1 1 1 1 1 1 1 1 x')"));
    sessions = sessions_new(0);
    EXPECT(sessions_load(sessions, ledger_path, NOW_NS, &error));
    struct sessions_stats stats;
    sessions_stats_read(sessions, &stats);
    EXPECT_INT(stats.entries, 1);
    sessions_free(sessions);
    end();
}

static void no_database_is_an_error_and_an_empty_table(void)
{
    struct sessions *sessions = sessions_new(0);
    struct error error;
    begin();
    EXPECT(!sessions_load(sessions, ledger_path, NOW_NS, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "ledger_missing");
    put(sessions, 5, 0, "a");
    EXPECT_SLICE(target_of(sessions, 5, 0, NOW_NS), "a");
    sessions_free(sessions);
    end();
}

/* --- threads --- */

#define ROUNDS 20000

static void *worker_main(void *argument)
{
    struct sessions *sessions = argument;
    struct session session;
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        put(sessions, i % 97 + 1, 0, i % 2 == 0 ? "even" : "odd-one");
        if (sessions_get(sessions, i % 89 + 1, 0, NOW_NS, &session)) {
            struct slice target = session_target(&session);
            CHECK(slice_eq(target, SLICE("even")) || slice_eq(target, SLICE("odd-one")));
        }
    }
    return NULL;
}

static void many_threads_see_whole_entries(void)
{
    struct sessions *sessions = sessions_new(128); /* a place for each of the 97 */
    pthread_t threads[3];
    begin();
    struct ledger *ledger = open_with(sessions);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        EXPECT(pthread_create(&threads[i], NULL, worker_main, sessions) == 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    ledger_close(ledger, 5000);
    EXPECT(!sessions_changed(sessions));
    EXPECT_INT(ask("SELECT count(*) FROM sessions"), 97);
    sessions_free(sessions);
    end();
}

int main(void)
{
    TEST(gives_back_what_was_put, "gives back what was put");
    TEST(another_owner_finds_nothing, "another owner finds nothing");
    TEST(ends_at_its_time, "a session ends at its time");
    TEST(the_least_recently_used_leave_first, "the least recently used leave first");
    TEST(no_key_pushes_others_out, "conversations of one key without end push out its own");
    TEST(what_is_over_is_nobodys_share, "sessions that are over are places for anybody");
    TEST(what_is_over_leaves_first, "a session that is over leaves before one that is not");
    TEST(calls_without_a_key_push_no_key_out, "calls without a key push no key's sessions out");
    TEST(hashes_depend_on_bytes_and_secret, "hashes depend on bytes and on the secret");
    TEST(long_names_are_refused_and_full_ones_kept, "names have a longest length");
    TEST(text_says_all_and_comes_back, "text says all, and comes back");
    TEST(a_target_that_is_left_is_remembered_as_warm,
         "a target that is left is remembered as warm, three of them, also as text");
    TEST(the_text_of_older_programs_is_read, "the text of older programs is read");
    TEST(other_text_is_none, "other text is none");
    TEST(survives_a_restart, "sessions survive a restart");
    TEST(what_is_out_of_date_leaves_the_database, "what is out of date leaves the database");
    TEST(what_was_rolled_back_is_written_again, "what was rolled back is written again");
    TEST(spoilt_rows_are_left_out, "spoilt rows are left out");
    TEST(no_database_is_an_error_and_an_empty_table, "no database is an error, not an end");
    TEST(many_threads_see_whole_entries, "many threads see whole entries");
    return tap_done();
}
