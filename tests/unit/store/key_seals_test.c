/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of one row of the keys, their scopes, grants and limits is changed, one row is taken
 * out or put in, whatever the table: verify says so, and nothing opens that the row would have
 * refused or limited. What the program itself changes it counts.
 */
#include "store/key_seals.h"

#include "store/key_changeset.h"
#include "store/key_subject.h"
#include "store/token_revoke.h"
#include "tests/unit/store/ledger_testing.h"

#define USD 1000000000LL
#define NOW (1790000000LL + 3600)

static struct error error;
static char secrets[3][KEY_TEXT_SIZE]; /* of "one", "two" and "ops" */

/* --- a ledger with a row in every table ---------------------------------------------------------
 */

static void make_key(int which, const char *name, enum key_role role, const char *user,
                     const char *team, const char *organisation, bool limited)
{
    static const struct grant grants[] = {{GRANT_ROUTE, "auto"},
                                          {GRANT_TARGET, "gpt4"},
                                          {GRANT_ORIGIN, "https://app.example"},
                                          {GRANT_ROUTE, "auto"}};
    struct limit_order limits = {.limits = limits_none()};
    struct key key;
    limits.limits.requests_per_minute = 60;
    limits.limits.caps[0] = (struct spend_cap){.period = CAP_TOTAL, .amount_nd = 10 * USD};
    limits.limits.caps[1] = (struct spend_cap){.period = CAP_MONTH, .amount_nd = USD};
    limits.limits.cap_count = 2;
    const struct key_order order = {
        .name = slice_from_cstr(name),
        .role = role,
        .scopes = {[SCOPE_USER] = slice_from_cstr(user),
                   [SCOPE_TEAM] = slice_from_cstr(team),
                   [SCOPE_ORGANISATION] = slice_from_cstr(organisation)},
        .limits = &limits,
        .limit_count = limited ? 1 : 0,
        .grants = grants,
        .grant_count = limited ? ARRAY_LEN(grants) : 0,
    };
    EXPECT(key_create(ledger_path, &order, &tester, secrets[which], &key, &error));
}

static void limit_scope(enum scope_kind kind, const char *name, int64_t amount_nd)
{
    struct limit_change wish = {.fields = LIMIT_REQUESTS, .limits = limits_none()};
    const struct limit_subject subject = {.kind = kind, .name = slice_from_cstr(name)};
    struct scope_rule rule;
    bool made;
    wish.limits.requests_per_minute = 600;
    wish.limits.caps[0] = (struct spend_cap){.period = CAP_WEEK, .amount_nd = amount_nd};
    wish.limits.cap_count = 1;
    EXPECT(key_limit(ledger_path, &subject, &wish, &tester, &rule, &made, &error));
}

static void fill(void)
{
    unsigned older;
    struct key key;
    make_key(0, "one", KEY_CLIENT, "ann", "red", "acme", true);
    make_key(1, "two", KEY_CLIENT, "", "", "", true);
    make_key(2, "ops", KEY_ADMIN, "", "", "", false);
    limit_scope(SCOPE_TEAM, "red", 50 * USD);
    limit_scope(SCOPE_ORGANISATION, "acme", 500 * USD);
    EXPECT(key_rotate(ledger_path, SLICE("one"), 3600 * 24, &tester, secrets[0], &key, &older,
                      &error));
    EXPECT(token_revoke(ledger_path, SLICE("jti-1"), 0, &tester, &error));
    EXPECT(token_revoke(ledger_path, SLICE("jti-2"), NOW + 86400, &tester, &error));
}

/* --- what is found -----------------------------------------------------------------------------
 */

static struct key_set *load(void)
{
    struct key_set *set = key_set_load(ledger_path, &error);
    CHECK(set != NULL);
    return set;
}

static enum key_state state_of(const struct key_set *set, int which)
{
    const struct key *key = NULL;
    return key_set_check(set, slice_from_cstr(secrets[which]), NOW, &key);
}

/* Verify finds it, and so does who reads the keys. */
static void expect_found(const char *what)
{
    struct key_set *set = load();
    error = (struct error){0};
    bool verified = key_seals_verify(ledger_path, &error);
    bool told = strcmp(error.code == NULL ? "" : error.code, "ledger_violation") == 0;
    if (verified || !told || key_set_damage(set)[0] == '\0') {
        tap_point_failed = true;
        printf("# %s: verify says \"%s\", the keys \"%s\"\n", what, error.text,
               key_set_damage(set));
    }
    key_set_unref(set);
}

static void expect_whole(void)
{
    struct key_set *set = load();
    EXPECT_SLICE(slice_from_cstr(key_set_damage(set)), "");
    EXPECT(!key_set_tokens_damaged(set));
    key_set_unref(set);
    expect_sound();
    EXPECT(key_seals_verify(ledger_path, &error));
}

/* --- the file, back as it was ------------------------------------------------------------------
 */

static void copy_file(const char *from, const char *to)
{
    char buffer[4096];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    CHECK(in != NULL && out != NULL);
    for (size_t len; (len = fread(buffer, 1, sizeof(buffer), in)) > 0;) {
        CHECK(fwrite(buffer, 1, len, out) == len);
    }
    fclose(in);
    CHECK(fclose(out) == 0);
}

static char kept_path[256];

static void keep_file(void)
{
    EXPECT(change("PRAGMA wal_checkpoint(TRUNCATE)"));
    EXPECT(change("PRAGMA journal_mode = DELETE"));
    copy_file(ledger_path, scratch_file(&scratch, "kept.db", kept_path));
}

static void put_back(void)
{
    copy_file(kept_path, ledger_path);
}

/* --- every value, every row --------------------------------------------------------------------
 */

static const char *const tables[] = {"keys",   "old_secrets", "scopes",        "grants",
                                     "limits", "caps",        "revoked_tokens"};

static void ask_text(const char *sql, char *out, size_t size)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    CHECK(sqlite3_open(ledger_path, &db) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK);
    CHECK(sqlite3_step(row) == SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(row, 0);
    snprintf(out, size, "%s", text == NULL ? "" : text);
    sqlite3_finalize(row);
    sqlite3_close(db);
}

/* "(a, b) = (SELECT a, b FROM table LIMIT 1 OFFSET row)": this row alone. */
static void name_row(const char *table, int64_t row, char out[400])
{
    char sql[160];
    char columns[160];
    snprintf(sql, sizeof(sql), "SELECT group_concat(name) FROM pragma_table_info('%s')", table);
    ask_text(sql, columns, sizeof(columns));
    snprintf(out, 400, "(%s) = (SELECT %s FROM %s LIMIT 1 OFFSET %lld)", columns, columns, table,
             (long long)row);
}

static int64_t count_of(const char *table)
{
    char sql[80];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
    return ask(sql);
}

static void change_value(const char *table, const char *column, int64_t row)
{
    char where[400];
    char sql[800];
    char what[128];
    name_row(table, row, where);
    snprintf(sql, sizeof(sql),
             "PRAGMA ignore_check_constraints = 1; UPDATE %s SET %s = CASE typeof(%s) WHEN 'text'"
             " THEN %s || 'x' WHEN 'blob' THEN zeroblob(32) ELSE %s + 1000 END WHERE %s",
             table, column, column, column, column, where);
    EXPECT(change(sql));
    snprintf(what, sizeof(what), "%s.%s of row %lld", table, column, (long long)row);
    expect_found(what);
    put_back();
}

static int change_values(const char *table)
{
    char sql[160];
    char column[64];
    int changed = 0;
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM pragma_table_info('%s')", table);
    int columns = (int)ask(sql);
    for (int64_t row = 0; row < count_of(table); row++) {
        for (int i = 0; i < columns; i++) {
            snprintf(sql, sizeof(sql), "SELECT name FROM pragma_table_info('%s') WHERE cid = %d",
                     table, i);
            ask_text(sql, column, sizeof(column));
            change_value(table, column, row);
            changed++;
        }
    }
    return changed;
}

static void finds_every_value(void)
{
    int changed = 0;
    begin();
    fill();
    expect_whole();
    keep_file();
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        EXPECT(count_of(tables[i]) > 0);
        changed += change_values(tables[i]);
    }
    printf("# %d values\n", changed);
    EXPECT(changed > 100);
    expect_whole();
    end();
}

static void remove_row(const char *table, int64_t row, bool with_seals)
{
    char where[400];
    char sql[600];
    char what[128];
    name_row(table, row, where);
    snprintf(sql, sizeof(sql), "%s; DELETE FROM %s WHERE %s",
             with_seals ? "DELETE FROM key_seals WHERE kind < 4" : "", table, where);
    EXPECT(change(sql));
    snprintf(what, sizeof(what), "%s without row %lld", table, (long long)row);
    expect_found(what);
    put_back();
}

static void finds_every_row_that_is_gone(void)
{
    begin();
    fill();
    keep_file();
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        for (int64_t row = 0; row < count_of(tables[i]); row++) {
            remove_row(tables[i], row, false);
            remove_row(tables[i], row, true);
        }
    }
    end();
}

static void finds_rows_that_were_put_in(void)
{
    static const char *const rows[] = {
        ("keys(id, name, prefix, digest, created_s, expires_s, revoked_s)"
         " VALUES(9, 'evil', 'sk-sl-evil', randomblob(32), 1, 0, 0)"),
        "old_secrets VALUES(randomblob(32), 1, 2000000000)",
        "scopes(kind, name, organisation, created_s) VALUES(1, 'evil', 0, 1)",
        "grants VALUES(1, 0, 'gold')",
        "grants VALUES(77, 0, 'gold')",
        "limits VALUES(0, 3, '', -1, -1, -1, -1, 0)",
        "caps VALUES(0, 1, '', 1, 0, 5, 0)",
        "caps VALUES(0, 88, '', 1, 0, 5, 0)",
        "revoked_tokens VALUES(randomblob(32), 1, 0)",
        "key_seals VALUES(0, 99, 1, 5)",
    };
    begin();
    fill();
    keep_file();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char sql[256];
        bool seal = strncmp(rows[i], "key_seals", 9) == 0;
        snprintf(sql, sizeof(sql), "INSERT INTO %s", rows[i]);
        EXPECT(change(sql));
        error = (struct error){0};
        bool verified = key_seals_verify(ledger_path, &error);
        EXPECT(!verified);
        struct key_set *set = load();
        EXPECT(seal || key_set_damage(set)[0] != '\0'); /* a seal of nobody opens nothing */
        key_set_unref(set);
        put_back();
    }
    end();
}

/* --- what opens then ---------------------------------------------------------------------------
 */

struct outcome {
    const char *sql;
    enum key_state one;
    enum key_state two;
    enum key_state ops;
    bool tokens; /* damaged */
    const char *told;
};

static const struct outcome outcomes[] = {
    {"DELETE FROM limits WHERE kind = 2", KEY_DAMAGED, KEY_IN_FORCE, KEY_IN_FORCE, false,
     "team:3 red"},
    {"DELETE FROM limits; DELETE FROM caps", KEY_DAMAGED, KEY_DAMAGED, KEY_IN_FORCE, false,
     "team:3 red, organisation:1 acme, key:1 one, key:2 two"},
    {"UPDATE limits SET model = 'other' WHERE kind = 0 AND scope = 2", KEY_IN_FORCE, KEY_DAMAGED,
     KEY_IN_FORCE, false, "key:2 two"},
    {"UPDATE limits SET requests_per_minute = -1 WHERE kind = 3", KEY_DAMAGED, KEY_IN_FORCE,
     KEY_IN_FORCE, false, "organisation:1 acme"},
    {"UPDATE caps SET amount_nd = amount_nd * 2 WHERE scope = 2 AND kind = 0", KEY_IN_FORCE,
     KEY_DAMAGED, KEY_IN_FORCE, false, "key:2 two"},
    {"UPDATE keys SET role = 1 WHERE id = 2", KEY_IN_FORCE, KEY_DAMAGED, KEY_IN_FORCE, false,
     "key:2 two"},
    {"UPDATE keys SET team = 0 WHERE id = 1", KEY_DAMAGED, KEY_IN_FORCE, KEY_IN_FORCE, false,
     "key:1 one"},
    {"DELETE FROM grants WHERE key = 2", KEY_IN_FORCE, KEY_DAMAGED, KEY_IN_FORCE, false,
     "key:2 two"},
    {"UPDATE keys SET creator = 5 WHERE id = 3", KEY_IN_FORCE, KEY_IN_FORCE, KEY_DAMAGED, false,
     "key:3 ops"},
    /* Who it was can be told, but for those who are gone; then no token is believed. */
    {"DELETE FROM keys WHERE id = 2", KEY_IN_FORCE, KEY_UNKNOWN, KEY_IN_FORCE, true,
     "rows of nobody who is there"},
    {"DELETE FROM scopes WHERE kind = 2; DELETE FROM limits WHERE kind = 2; DELETE FROM caps WHERE"
     " kind = 2; DELETE FROM key_seals WHERE kind = 2",
     KEY_DAMAGED, KEY_IN_FORCE, KEY_IN_FORCE, true, "key:1 one, rows of nobody who is there"},
    {"DELETE FROM revoked_tokens", KEY_IN_FORCE, KEY_IN_FORCE, KEY_IN_FORCE, true,
     "revoked tokens"},
    {"DELETE FROM revoked_tokens; DELETE FROM key_seals WHERE kind = 4", KEY_IN_FORCE, KEY_IN_FORCE,
     KEY_IN_FORCE, true, "rows of nobody who is there, revoked tokens"},
    {"DELETE FROM key_seals WHERE kind = 0 AND scope = 1", KEY_DAMAGED, KEY_IN_FORCE, KEY_IN_FORCE,
     true, "key:1 one, rows of nobody who is there"},
    {"DELETE FROM key_seals", KEY_DAMAGED, KEY_DAMAGED, KEY_DAMAGED, true, NULL},
};

static void what_is_changed_opens_nothing(void)
{
    begin();
    fill();
    keep_file();
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        const struct outcome *wanted = &outcomes[i];
        printf("# %s\n", wanted->sql);
        EXPECT(change(wanted->sql));
        struct key_set *set = load();
        EXPECT_INT(state_of(set, 0), wanted->one);
        EXPECT_INT(state_of(set, 1), wanted->two);
        EXPECT_INT(state_of(set, 2), wanted->ops);
        EXPECT_INT(key_set_tokens_damaged(set), wanted->tokens);
        if (wanted->told != NULL) {
            EXPECT_SLICE(slice_from_cstr(key_set_damage(set)), wanted->told);
        }
        key_set_unref(set);
        put_back();
    }
    end();
}

/* --- and until when ----------------------------------------------------------------------------
 */

static void an_administrator_takes_it_as_it_is(void)
{
    char text[KEY_RESEAL_TEXT_SIZE];
    begin();
    fill();
    EXPECT(change("UPDATE caps SET amount_nd = 7 WHERE kind = 0 AND scope = 2"));
    limit_scope(SCOPE_TEAM, "red", 40 * USD); /* another change does not make it right */
    struct key_set *set = load();
    EXPECT_INT(state_of(set, 1), KEY_DAMAGED);
    key_set_unref(set);
    EXPECT(key_reseal(ledger_path, &tester, text, &error));
    EXPECT_SLICE(slice_from_cstr(text), "key 2");
    EXPECT_INT(ask("SELECT count(*) FROM audit WHERE action = 'key.reseal' AND subject = 'key 2'"),
               1);
    expect_whole();
    EXPECT(key_reseal(ledger_path, &tester, text, &error));
    EXPECT_SLICE(slice_from_cstr(text), "");
    expect_whole();
    end();
}

/* A ledger that had lost a row before there were seals, or was sealed without it. */
static void a_cap_without_limits_is_not_dropped(void)
{
    char text[KEY_RESEAL_TEXT_SIZE];
    begin();
    fill();
    EXPECT(change("DELETE FROM limits WHERE kind = 2"));
    EXPECT(key_reseal(ledger_path, &tester, text, &error));
    expect_found("a cap without limits");
    struct key_set *set = load();
    EXPECT_INT(state_of(set, 0), KEY_DAMAGED);
    EXPECT_INT(state_of(set, 1), KEY_IN_FORCE);
    key_set_unref(set);
    limit_scope(SCOPE_TEAM, "red", 40 * USD);
    expect_whole();
    end();
}

/* --- what the program changes ------------------------------------------------------------------
 */

static void counts_what_is_changed(void)
{
    struct subject subject;
    struct key key;
    bool made;
    const struct subject_order order = {.issuer = SLICE("https://idp.example"),
                                        .subject = SLICE("ann"),
                                        .scopes = {[SCOPE_TEAM] = SLICE("green")}};
    begin();
    fill();
    expect_whole();
    EXPECT(key_block(ledger_path, 2, &tester, &error));
    expect_whole();
    EXPECT(key_acknowledge(ledger_path, SLICE("two"), &tester, &key, &error));
    expect_whole();
    EXPECT(key_revoke(ledger_path, SLICE("one"), &tester, &key, &error));
    expect_whole();
    EXPECT(key_subject_obtain(ledger_path, &order, &tester, &subject, &made, &error) && made);
    expect_whole();
    EXPECT(token_revoke(ledger_path, SLICE("jti-2"), NOW + 2 * 86400, &tester, &error));
    expect_whole();
    EXPECT_INT(ask("SELECT count(*) FROM key_seals WHERE kind = 0"), 4);
    EXPECT_INT(ask("SELECT rows FROM key_seals WHERE kind = 5"),
               ask("SELECT (SELECT count(*) FROM keys) + (SELECT count(*) FROM old_secrets) +"
                   " (SELECT count(*) FROM scopes) + (SELECT count(*) FROM grants) +"
                   " (SELECT count(*) FROM limits) + (SELECT count(*) FROM caps) +"
                   " (SELECT count(*) FROM revoked_tokens)"));
    end();
}

/* As a node of a cluster gets the changes of another one. */
static void counts_what_others_changed(void)
{
    void *bytes = NULL;
    size_t len = 0;
    char first[256];
    char text[SEALS_TEXT_SIZE];
    begin();
    fill();
    sqlite3 *db = database_open(ledger_path, DATABASE_CHANGE, &error);
    CHECK(db != NULL && changeset_of_all(db, &bytes, &len));
    sqlite3_close(db);
    memcpy(first, ledger_path, sizeof(first));
    scratch_file(&scratch, "other.db", ledger_path);
    ledger_close(open_ledger(), 1000);
    db = database_open(ledger_path, DATABASE_CHANGE, &error);
    CHECK(db != NULL);
    EXPECT(changeset_apply(db, slice_of(bytes, len)));
    EXPECT(key_seals_check(db, text));
    EXPECT_SLICE(slice_from_cstr(text), "");
    EXPECT_INT(ask("SELECT rows FROM key_seals WHERE kind = 0 AND scope = 1"), 1 + 1 + 3 + 1 + 2);
    sqlite3_close(db);
    sqlite3_free(bytes);
    end();
}

int main(void)
{
    TEST(finds_every_value, "no value of a row of the keys changes unseen");
    TEST(finds_every_row_that_is_gone, "no row of the keys goes unseen");
    TEST(finds_rows_that_were_put_in, "no row of the keys comes unseen");
    TEST(what_is_changed_opens_nothing, "what is not as it was written opens nothing");
    TEST(an_administrator_takes_it_as_it_is, "an administrator takes it as it is, in the log");
    TEST(a_cap_without_limits_is_not_dropped, "a cap without limits is not dropped without a word");
    TEST(counts_what_is_changed, "what the program changes it counts");
    TEST(counts_what_others_changed, "what other nodes changed is counted here");
    return tap_done();
}
