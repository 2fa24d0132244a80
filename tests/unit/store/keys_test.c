/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_change.h"

#include "tests/unit/store/ledger_testing.h"

#include <fcntl.h>
#include <semaphore.h>
#include <time.h>

#define NOW 1795219200

static bool create(const char *name, char secret[KEY_TEXT_SIZE], struct key *key,
                   struct error *error)
{
    const struct key_order order = {.name = slice_from_cstr(name)};
    return key_create(ledger_path, &order, &tester, secret, key, error);
}

static struct key_set *load(void)
{
    struct error error = {0};
    struct key_set *set = key_set_load(ledger_path, &error);
    if (set == NULL) {
        printf("# %s: %s\n", error.code, error.text);
    }
    return set;
}

static void a_key_opens_and_only_it(void)
{
    char secrets[50][KEY_TEXT_SIZE];
    struct error error;
    begin();
    for (int i = 0; i < 50; i++) {
        struct key key;
        char name[16];
        snprintf(name, sizeof(name), "key %d", i);
        EXPECT(create(name, secrets[i], &key, &error));
        EXPECT_INT(key.id, i + 1);
        EXPECT_INT(strlen(secrets[i]), 49);
        EXPECT(memcmp(secrets[i], "sk-sl-", 6) == 0);
        EXPECT(strncmp(secrets[i], key.prefix, strlen(key.prefix)) == 0);
    }
    struct key_set *set = load();
    EXPECT_INT(key_set_count(set), 50);
    for (int i = 0; i < 50; i++) {
        const struct key *key = key_set_find(set, KEY_CLIENT, slice_from_cstr(secrets[i]), NOW);
        EXPECT(key != NULL && key->id == (uint64_t)i + 1);
        EXPECT(key == key_set_by_id(set, (uint64_t)i + 1));
        EXPECT(key_set_at(set, (size_t)i) == key);
        secrets[i][20] ^= 1;
        EXPECT(key_set_find(set, KEY_CLIENT, slice_from_cstr(secrets[i]), NOW) == NULL);
    }
    EXPECT(key_set_find(set, KEY_CLIENT, SLICE_EMPTY, NOW) == NULL);
    EXPECT(key_set_find(set, KEY_CLIENT, SLICE("sk-sl-"), NOW) == NULL);
    char long_text[5000];
    memset(long_text, 'x', sizeof(long_text));
    EXPECT(key_set_find(set, KEY_CLIENT, slice_of(long_text, sizeof(long_text)), NOW) == NULL);
    EXPECT(key_set_by_id(set, 0) == NULL && key_set_by_id(set, 51) == NULL);
    key_set_unref(set);
    end();
}

/* Nothing of the secret behind its shown prefix may be in any file of the directory. */
static bool file_has(const char *name, const char *text)
{
    char path[256];
    static char bytes[1 << 20];
    int fd = open(scratch_file(&scratch, name, path), O_RDONLY);
    ssize_t got = fd < 0 ? 0 : read(fd, bytes, sizeof(bytes));
    if (fd >= 0) {
        close(fd);
    }
    struct slice all = slice_of(bytes, got < 0 ? 0 : (size_t)got);
    return slice_find_slice(all, slice_from_cstr(text)) != SIZE_MAX;
}

static void the_secret_is_kept_nowhere(void)
{
    char secret[KEY_TEXT_SIZE];
    struct key key;
    struct error error;
    begin();
    struct ledger *ledger = open_ledger(); /* keeps the files beside the database */
    EXPECT(create("alice", secret, &key, &error));
    EXPECT(file_has("sluice.db-wal", "alice")); /* the search can find something */
    EXPECT(file_has("sluice.db-wal", key.prefix));
    EXPECT(!file_has("sluice.db-wal", secret + strlen(key.prefix)));
    EXPECT(!file_has("sluice.db-wal", secret));
    ledger_close(ledger, 1000);
    EXPECT(file_has("sluice.db", "alice"));
    EXPECT(!file_has("sluice.db", secret + strlen(key.prefix)));
    end();
}

static void a_revoked_or_expired_key_is_none(void)
{
    char secret[KEY_TEXT_SIZE];
    char expiring[KEY_TEXT_SIZE];
    struct key key;
    struct key revoked;
    struct error error;
    const struct key_order bob = {.name = SLICE("bob"), .expires_s = NOW + 10};
    begin();
    EXPECT(create("alice", secret, &key, &error));
    EXPECT(key_create(ledger_path, &bob, &tester, expiring, &key, &error));
    EXPECT(key_revoke(ledger_path, SLICE("alice"), &tester, &revoked, &error));
    EXPECT(revoked.revoked_s != 0);
    struct key_set *set = load();
    EXPECT(key_set_find(set, KEY_CLIENT, slice_from_cstr(secret), NOW) == NULL);
    EXPECT(key_set_find(set, KEY_CLIENT, slice_from_cstr(expiring), NOW + 9) != NULL);
    EXPECT(key_set_find(set, KEY_CLIENT, slice_from_cstr(expiring), NOW + 10) == NULL);
    EXPECT_INT(key_set_count(set), 2); /* still listed */
    key_set_unref(set);
    /* Its name is free again; a revoked key cannot be revoked again. */
    EXPECT(create("alice", secret, &key, &error));
    EXPECT(key_revoke(ledger_path, slice_from_cstr(secret), &tester, &revoked, &error));
    EXPECT(revoked.id == key.id);
    EXPECT(!key_revoke(ledger_path, SLICE("alice"), &tester, &revoked, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "key_not_found");
    end();
}

static void names_are_checked(void)
{
    char secret[KEY_TEXT_SIZE];
    struct key key;
    struct error error;
    char name[80];
    begin();
    memset(name, 'n', sizeof(name));
    EXPECT(!create("", secret, &key, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_key_name");
    name[64] = '\0';
    EXPECT(!create(name, secret, &key, &error));
    name[63] = '\0';
    EXPECT(create(name, secret, &key, &error));
    EXPECT(!create("a\nb", secret, &key, &error));
    EXPECT(!create("a\x7F", secret, &key, &error));
    EXPECT(!create("\xC2\x85", secret, &key, &error));
    EXPECT(!create("\xFF", secret, &key, &error));
    EXPECT(create("\xC3\xA9quipe", secret, &key, &error));
    EXPECT(!create("\xC3\xA9quipe", secret, &key, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "key_exists");
    EXPECT_INT(secret[0], 0); /* nothing to misuse after a failure */
    end();
}

static void an_ambiguous_word_revokes_nothing(void)
{
    char secret[KEY_TEXT_SIZE];
    struct key key;
    struct error error;
    begin();
    EXPECT(create("first", secret, &key, &error));
    EXPECT(create("1", secret, &key, &error));
    EXPECT(!key_revoke(ledger_path, SLICE("1"), &tester, &key, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "key_ambiguous");
    EXPECT_INT(ask("SELECT count(*) FROM keys WHERE revoked_s <> 0"), 0);
    EXPECT(key_revoke(ledger_path, SLICE("2"), &tester, &key, &error));
    EXPECT_SLICE(slice_from_cstr(key.name), "1");
    end();
}

static void no_database_has_no_keys(void)
{
    struct error error;
    struct key key;
    begin();
    struct key_set *set = load();
    EXPECT_INT(key_set_count(set), 0);
    EXPECT(key_set_find(set, KEY_CLIENT, SLICE("sk-sl-x"), NOW) == NULL);
    struct key_set *again = key_set_ref(set);
    key_set_unref(set);
    EXPECT_INT(key_set_count(again), 0);
    key_set_unref(again);
    EXPECT(access(ledger_path, F_OK) != 0);
    EXPECT(!key_revoke(ledger_path, SLICE("x"), &tester, &key, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "ledger_missing");
    FILE *file = fopen(ledger_path, "w");
    fputs(
        "neither fish nor fowl, but long enough to be looked at as a header .....................",
        file);
    fclose(file);
    EXPECT(key_set_load(ledger_path, &error) == NULL); /* broken is not empty */
    EXPECT_SLICE(slice_from_cstr(error.code), "ledger_corrupt");
    end();
}

static sem_t changed;

static void note_change(void *user)
{
    (void)user;
    sem_post(&changed);
}

/* Waits for the writer thread to notice; half a minute is "never". */
static bool noticed(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    return sem_timedwait(&changed, &until) == 0;
}

static void a_running_ledger_notices_changes(void)
{
    char secret[KEY_TEXT_SIZE];
    struct key key;
    struct error error;
    int left;
    begin();
    sem_init(&changed, 0, 0);
    struct ledger *ledger =
        open_ledger_with((struct ledger_options){.on_keys_changed = note_change});
    int64_t start = clock_monotonic(&clock_system);
    EXPECT(create("alice", secret, &key, &error));
    EXPECT(noticed());
    EXPECT(clock_monotonic(&clock_system) - start < 5 * NS_PER_S);
    /* Our own batches are no change, nor is another's change of something else. */
    EXPECT(append_call(ledger_journal(ledger), 1) && ledger_flush(ledger, 5000));
    EXPECT(change("INSERT INTO names(name) VALUES('something else')"));
    EXPECT(append_call(ledger_journal(ledger), 2) && ledger_flush(ledger, 5000));
    EXPECT(key_revoke(ledger_path, SLICE("alice"), &tester, &key, &error));
    EXPECT(noticed());
    ledger_close(ledger, 1000);
    EXPECT(sem_getvalue(&changed, &left) == 0 && left == 0);
    sem_destroy(&changed);
    end();
}

int main(void)
{
    TEST(a_key_opens_and_only_it, "a key opens, and only it");
    TEST(the_secret_is_kept_nowhere, "the secret is kept nowhere");
    TEST(a_revoked_or_expired_key_is_none, "a revoked or expired key is none");
    TEST(names_are_checked, "names are checked");
    TEST(an_ambiguous_word_revokes_nothing, "an ambiguous word revokes nothing");
    TEST(no_database_has_no_keys, "no database has no keys; a broken one is an error");
    TEST(a_running_ledger_notices_changes, "a running ledger notices changes of the keys");
    return tap_done();
}
