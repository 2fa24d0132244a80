/* SPDX-License-Identifier: Apache-2.0 */
/* What stands above a key and limits it: scopes, limits, grants, as the set of keys tells them. */
#include "store/key_change.h"
#include "store/ledger_schema.h"

#include "tests/unit/store/ledger_testing.h"

#define NOW 1795219200
#define USD 1000000000LL

static char secret[KEY_TEXT_SIZE];
static struct key made;
static struct error error;

static struct key_set *load(void)
{
    struct key_set *set = key_set_load(ledger_path, &error);
    if (set == NULL) {
        printf("# %s: %s\n", error.code, error.text);
    }
    CHECK(set != NULL);
    return set;
}

static bool create(const char *name, const char *user, const char *team, const char *organisation)
{
    const struct key_order order = {
        .name = slice_from_cstr(name),
        .scopes = {[SCOPE_USER] = slice_from_cstr(user),
                   [SCOPE_TEAM] = slice_from_cstr(team),
                   [SCOPE_ORGANISATION] = slice_from_cstr(organisation)},
    };
    return key_create(ledger_path, &order, &tester, secret, &made, &error);
}

static const char *scope_name(const struct key_set *set, const struct key *key,
                              enum scope_kind kind)
{
    const struct scope *scope = key_set_scope(set, kind, key->scopes[kind]);
    return scope == NULL ? "" : scope->name;
}

static void scopes_of_keys(void)
{
    begin();
    EXPECT(create("one", "ann", "red", "acme"));
    EXPECT(create("two", "bob", "red", "")); /* the team brings its organisation */
    EXPECT(create("three", "ann", "", "acme"));
    EXPECT(create("four", "", "", ""));
    EXPECT(create("five", "cid", "", "other"));
    struct key_set *set = load();
    EXPECT_INT(key_set_scope_count(set), 6);
    const struct key *two = key_set_at(set, 1);
    EXPECT_SLICE(slice_from_cstr(scope_name(set, two, SCOPE_USER)), "bob");
    EXPECT_SLICE(slice_from_cstr(scope_name(set, two, SCOPE_TEAM)), "red");
    EXPECT_SLICE(slice_from_cstr(scope_name(set, two, SCOPE_ORGANISATION)), "acme");
    EXPECT_INT(key_set_at(set, 0)->scopes[SCOPE_TEAM], two->scopes[SCOPE_TEAM]);
    EXPECT_INT(key_set_at(set, 0)->scopes[SCOPE_USER], key_set_at(set, 2)->scopes[SCOPE_USER]);
    EXPECT_INT(key_set_at(set, 3)->scopes[SCOPE_USER], 0);
    EXPECT_INT(key_set_at(set, 3)->scopes[SCOPE_KEY], key_set_at(set, 3)->id);
    const struct scope *acme = key_set_scope_named(set, SCOPE_ORGANISATION, 0, SLICE("acme"));
    EXPECT(acme != NULL && acme->id == two->scopes[SCOPE_ORGANISATION]);
    EXPECT(key_set_scope_named(set, SCOPE_USER, acme->id, SLICE("red")) == NULL);
    EXPECT(key_set_scope_named(set, SCOPE_TEAM, 0, SLICE("red")) == NULL);
    const struct scope *red = key_set_scope_named(set, SCOPE_TEAM, acme->id, SLICE("red"));
    EXPECT(red != NULL && red->id == two->scopes[SCOPE_TEAM]);
    EXPECT_INT(red->organisation, acme->id);
    EXPECT(key_set_scope(set, SCOPE_TEAM, 0) == NULL && key_set_scope(set, SCOPE_TEAM, 99) == NULL);
    key_set_unref(set);
    end();
}

static uint64_t scope_id(const char *sql)
{
    int64_t id = ask(sql);
    return id < 0 ? 0 : (uint64_t)id;
}

static void names_are_of_an_organisation(void)
{
    begin();
    EXPECT(create("one", "ann", "red", "acme"));
    EXPECT(create("two", "ann", "", "other")); /* another ann */
    EXPECT(create("three", "lone", "free", ""));
    EXPECT_INT(ask("SELECT count(*) FROM scopes WHERE kind = 1 AND name = 'ann'"), 2);
    EXPECT(!create("no", "ann", "", "")); /* which one? */
    EXPECT_SLICE(slice_from_cstr(error.code), "scope_ambiguous");
    EXPECT(!create("no", "lone", "red", "")); /* of none, and of acme */
    EXPECT_SLICE(slice_from_cstr(error.code), "scope_conflict");
    EXPECT_INT(ask("SELECT count(*) FROM keys"), 3);
    EXPECT_INT(ask("SELECT count(*) FROM scopes"), 7); /* none was left behind */
    EXPECT(create("four", "ann", "red", "acme"));
    EXPECT_INT(made.scopes[SCOPE_USER],
               scope_id("SELECT id FROM scopes WHERE kind = 1 AND organisation = 1"));
    EXPECT(create("five", "new", "red", "")); /* implied by the team */
    EXPECT_INT(made.scopes[SCOPE_ORGANISATION], 1);
    EXPECT_INT(ask("SELECT organisation FROM scopes WHERE name = 'new'"), 1);
    EXPECT(create("six", "lone", "", "acme")); /* a lone of acme's */
    EXPECT_INT(ask("SELECT count(*) FROM scopes WHERE name = 'lone'"), 2);
    EXPECT(!create("no", "a:b", "", ""));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_scope_name");
    EXPECT(!create("no", "", "a\nb", ""));
    EXPECT(create("yes", "o'brien; DROP TABLE keys --", "%", "_"));
    EXPECT_INT(ask("SELECT count(*) FROM scopes WHERE name IN ('_', '%')"), 2);
    end();
}

static struct scope_limits sample_limits(int64_t amount_nd)
{
    struct scope_limits limits = limits_none();
    limits.requests_per_minute = 60;
    limits.tokens_per_minute = 0;
    limits.max_request_nd = USD / 4;
    limits.pace = true;
    limits.caps[0] = (struct spend_cap){.period = CAP_MONTH, .amount_nd = amount_nd};
    limits.caps[1] = (struct spend_cap){
        .period = CAP_ROLLING, .amount_nd = amount_nd / 2, .window_s = 86400, .soft = true};
    limits.cap_count = 2;
    return limits;
}

static void limits_come_back(void)
{
    struct limit_order limits[3] = {{.limits = sample_limits(10 * USD)},
                                    {.model = SLICE("gpt4"), .limits = sample_limits(USD)},
                                    {.model = SLICE("none"), .limits = limits_none()}};
    const struct key_order order = {.name = SLICE("one"), .limits = limits, .limit_count = 3};
    begin();
    EXPECT(key_create(ledger_path, &order, &tester, secret, &made, &error));
    EXPECT(create("two", "", "", ""));
    EXPECT(create("three", "", "red", ""));
    EXPECT(change_keys("INSERT INTO limits VALUES(2, 1, '', 5, -1, -1, -1, 0)"));
    struct key_set *set = load();
    size_t count = 0;
    const struct scope_rule *rules = key_set_rules(set, &count);
    EXPECT_INT(count, 3); /* no limit is no rule */
    const struct key *one = key_set_find(set, KEY_CLIENT, slice_from_cstr(secret), NOW);
    EXPECT(one != NULL && one == key_set_at(set, 2));
    one = key_set_at(set, 0);
    EXPECT_INT(one->rules[SCOPE_KEY].count, 2);
    EXPECT_INT(one->rules[SCOPE_USER].count, 0);
    const struct scope_rule *whole = &rules[one->rules[SCOPE_KEY].first];
    EXPECT(whole->kind == SCOPE_KEY && whole->scope_id == one->id && whole->model[0] == '\0');
    EXPECT_INT(whole->limits.cap_count, 2);
    EXPECT_INT(whole->limits.caps[0].period, CAP_MONTH);
    EXPECT_INT(whole->limits.caps[0].amount_nd, 10 * USD);
    EXPECT(!whole->limits.caps[0].soft && whole->limits.caps[1].soft);
    EXPECT_INT(whole->limits.caps[1].window_s, 86400);
    EXPECT_INT(whole->limits.requests_per_minute, 60);
    EXPECT_INT(whole->limits.tokens_per_minute, 0);
    EXPECT_INT(whole->limits.parallel, LIMIT_NONE);
    EXPECT_INT(whole->limits.max_request_nd, USD / 4);
    EXPECT(whole->limits.pace);
    EXPECT_SLICE(slice_from_cstr(whole[1].model), "gpt4");
    EXPECT_INT(whole[1].limits.caps[0].amount_nd, USD);
    EXPECT_INT(key_set_at(set, 1)->rules[SCOPE_KEY].count, 0);
    struct rule_range team = key_set_at(set, 2)->rules[SCOPE_TEAM];
    EXPECT_INT(team.count, 1);
    EXPECT_INT(rules[team.first].limits.requests_per_minute, 5);
    EXPECT_INT(rules[team.first].kind, SCOPE_TEAM);
    key_set_unref(set);
    end();
}

static bool refused_limits(struct scope_limits limits)
{
    struct limit_order order = {.limits = limits};
    const struct key_order key = {.name = SLICE("no"), .limits = &order, .limit_count = 1};
    return !key_create(ledger_path, &key, &tester, secret, &made, &error) &&
           strcmp(error.code, "bad_limit") == 0 && secret[0] == '\0';
}

static void bad_limits_are_refused(void)
{
    struct scope_limits limits = limits_none();
    begin();
    limits.parallel = -2;
    EXPECT(refused_limits(limits));
    limits = sample_limits(-1);
    EXPECT(refused_limits(limits));
    limits = sample_limits(INT64_MIN);
    EXPECT(refused_limits(limits));
    limits = sample_limits(USD);
    limits.caps[1].window_s = 59;
    EXPECT(refused_limits(limits));
    limits = sample_limits(USD);
    limits.caps[0].window_s = 1;
    EXPECT(refused_limits(limits));
    limits = sample_limits(USD);
    limits.caps[1] = limits.caps[0];
    EXPECT(refused_limits(limits));
    limits.cap_count = 5;
    EXPECT(refused_limits(limits));
    limits = sample_limits(USD);
    limits.caps[0].period = CAP_PERIODS;
    EXPECT(refused_limits(limits));
    EXPECT(access(ledger_path, F_OK) != 0);
    struct limit_order order = {.limits = sample_limits(0)}; /* 0: nothing fits, and it is fine */
    const struct key_order key = {.name = SLICE("yes"), .limits = &order, .limit_count = 1};
    EXPECT(key_create(ledger_path, &key, &tester, secret, &made, &error));
    end();
}

static void grants_are_kept_apart(void)
{
    static const struct grant grants[] = {{GRANT_MODEL, "gpt-4*"},
                                          {GRANT_ROUTE, "auto"},
                                          {GRANT_MODEL, "haiku"},
                                          {GRANT_ORIGIN, "https://app.example"},
                                          {GRANT_TAG, "billing=7"}};
    const struct key_order order = {
        .name = SLICE("one"), .grants = grants, .grant_count = ARRAY_LEN(grants)};
    struct grant bad = {GRANT_ROUTE, "a\r\nx: y"};
    const struct key_order wrong = {.name = SLICE("no"), .grants = &bad, .grant_count = 1};
    begin();
    EXPECT(create("zero", "", "", ""));
    EXPECT(key_create(ledger_path, &order, &tester, secret, &made, &error));
    EXPECT(create("two", "", "", ""));
    EXPECT(!key_create(ledger_path, &wrong, &tester, secret, &made, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "bad_grant");
    struct key_set *set = load();
    const struct key *zero = key_set_at(set, 0);
    const struct key *one = key_set_at(set, 1);
    EXPECT(key_may_use(set, zero, GRANT_MODEL, SLICE("anything")));
    EXPECT(!key_grants_any(set, zero, GRANT_MODEL));
    EXPECT(key_grants_any(set, one, GRANT_MODEL) && !key_grants_any(set, one, GRANT_TARGET));
    EXPECT(key_may_use(set, one, GRANT_MODEL, SLICE("gpt-4")));
    EXPECT(key_may_use(set, one, GRANT_MODEL, SLICE("gpt-4o")));
    EXPECT(!key_may_use(set, one, GRANT_MODEL, SLICE("gpt-")));
    EXPECT(key_may_use(set, one, GRANT_MODEL, SLICE("haiku")));
    EXPECT(!key_may_use(set, one, GRANT_MODEL, SLICE("haiku2")));
    EXPECT(key_may_use(set, one, GRANT_ROUTE, SLICE("auto")));
    EXPECT(!key_may_use(set, one, GRANT_ROUTE, SLICE("haiku")));
    EXPECT(key_may_use(set, one, GRANT_TARGET, SLICE("any")));
    EXPECT(key_may_use(set, one, GRANT_ORIGIN, SLICE("HTTPS://App.example")));
    EXPECT(!key_may_use(set, one, GRANT_ORIGIN, SLICE("https://app.example.evil")));
    EXPECT(key_may_use(set, key_set_at(set, 2), GRANT_ROUTE, SLICE("x")));
    key_set_unref(set);
    end();
}

static void states_are_told_apart(void)
{
    const struct key_order admin = {.name = SLICE("ops"), .role = KEY_ADMIN};
    const struct key *key = NULL;
    char second[KEY_TEXT_SIZE];
    begin();
    EXPECT(create("one", "", "", ""));
    EXPECT(key_create(ledger_path, &admin, &tester, second, &made, &error));
    EXPECT(change_keys("UPDATE keys SET blocked_s = 5 WHERE id = 1"));
    struct key_set *set = load();
    EXPECT_INT(key_set_check(set, slice_from_cstr(secret), NOW, &key), KEY_BLOCKED);
    EXPECT(key != NULL && key->blocked_s == 5);
    EXPECT(key_set_find(set, KEY_CLIENT, slice_from_cstr(secret), NOW) == NULL);
    EXPECT_INT(key_set_check(set, slice_from_cstr(second), NOW, &key), KEY_IN_FORCE);
    EXPECT(key != NULL && key->role == KEY_ADMIN);
    /* An administrator's key calls no model, and the other way round. */
    EXPECT(key_set_find(set, KEY_CLIENT, slice_from_cstr(second), NOW) == NULL);
    EXPECT(key_set_find(set, KEY_ADMIN, slice_from_cstr(second), NOW) == key);
    second[10] ^= 1;
    EXPECT_INT(key_set_check(set, slice_from_cstr(second), NOW, &key), KEY_UNKNOWN);
    EXPECT(key == NULL);
    key_set_unref(set);
    end();
}

static void an_older_database_is_migrated(void)
{
    begin();
    EXPECT(create("old", "", "", ""));
    EXPECT(change("PRAGMA user_version = 2"));
    EXPECT(key_set_load(ledger_path, &error) == NULL); /* not "no keys" */
    EXPECT_SLICE(slice_from_cstr(error.code), "ledger_old");
    EXPECT(change(UNDO_SCHEMA_3));
    char old[KEY_TEXT_SIZE];
    memcpy(old, secret, sizeof(old));
    EXPECT(create("new", "ann", "", ""));
    struct key_set *set = load();
    EXPECT_INT(key_set_count(set), 2);
    EXPECT(key_set_find(set, KEY_CLIENT, slice_from_cstr(old), NOW) == key_set_at(set, 0));
    EXPECT_INT(key_set_at(set, 0)->role, KEY_CLIENT);
    EXPECT_INT(ask("PRAGMA user_version"), LEDGER_SCHEMA_VERSION);
    key_set_unref(set);
    end();
}

#define MANY 100000

static int64_t look_up_ns(const struct key_set *set, int times)
{
    int64_t start = clock_monotonic(&clock_system);
    for (int i = 0; i < times; i++) {
        EXPECT(key_set_find(set, KEY_CLIENT, slice_from_cstr(secret), NOW) != NULL);
    }
    return (clock_monotonic(&clock_system) - start) / times;
}

/* Each with a cap, a route and a user, out of 1,000 users. */
static void a_hundred_thousand_keys(void)
{
    begin();
    EXPECT(create("first", "u0", "t", "o"));
    struct key_set *few = load();
    EXPECT(change_keys(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)"
        " INSERT INTO keys(name, prefix, digest, created_s, expires_s, revoked_s, user, team,"
        " organisation) SELECT 'key number ' || i, 'sk-sl-abcd', randomblob(32), 1, 0, 0,"
        " 4 + i % 1000, 2, 1 FROM n;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO scopes(kind, name, organisation, created_s) SELECT 1, 'u' || i, 1, 1 FROM n;"
        "INSERT INTO limits SELECT 0, id, '', 60, -1, 4, -1, 0 FROM keys;"
        "INSERT INTO caps SELECT 0, id, '', 3, 0, 5000000000, 0 FROM keys;"
        "INSERT INTO grants SELECT id, 0, 'auto' FROM keys;"));
    int64_t start = clock_monotonic(&clock_system);
    struct key_set *set = load();
    printf("# %zu keys in %zu bytes, read in %lld ms\n", key_set_count(set), key_set_bytes(set),
           (long long)((clock_monotonic(&clock_system) - start) / NS_PER_MS));
    EXPECT_INT(key_set_count(set), MANY);
    EXPECT(key_set_bytes(set) <= (size_t)64 << 20);
    const struct key *last = key_set_at(set, MANY - 1);
    EXPECT_INT(last->rules[SCOPE_KEY].count, 1);
    EXPECT(key_may_use(set, last, GRANT_ROUTE, SLICE("auto")));
    EXPECT(!key_may_use(set, last, GRANT_ROUTE, SLICE("other")));
    int64_t with_few = look_up_ns(few, 20000);
    int64_t with_many = look_up_ns(set, 20000);
    printf("# a look-up takes %lld ns among 1, %lld ns among %d\n", (long long)with_few,
           (long long)with_many, MANY);
    EXPECT(with_many < with_few * 3 + 1000);
    key_set_unref(set);
    key_set_unref(few);
    end();
}

int main(void)
{
    TEST(scopes_of_keys, "keys belong to users, teams and organisations");
    TEST(names_are_of_an_organisation, "users and teams have their names within an organisation");
    TEST(limits_come_back, "limits come back as they were given, by range");
    TEST(bad_limits_are_refused, "limits that make no sense are refused, 0 is not");
    TEST(grants_are_kept_apart, "what a key may use is its own");
    TEST(states_are_told_apart, "unknown, blocked and an administrator's are told apart");
    TEST(an_older_database_is_migrated, "a database of an older version is migrated");
    TEST(a_hundred_thousand_keys, "100,000 keys fit in 64 MB, and look-ups do not grow");
    return tap_done();
}
